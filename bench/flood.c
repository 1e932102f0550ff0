/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many phones in one program: 64-byte UDP packets from COUNT devices in random order, as fast as
 * they go, and the CPU time of it.
 *
 *     flood IFNAME ROUTER_MAC DESTINATION COUNT MILLISECONDS CPU KSOFTIRQD_PID [ANSWERS]
 *
 * ANSWERS: sent at the far end, the answers to those packets: to the devices' own addresses ("own")
 * or to the one that the router translates them to. The flows must be there.
 * Device i sends from 02:be and i in four bytes, and from 10.64.0.0 + 256 + i; each has one flow.
 * The program runs on one CPU alone, and so does everything that a veth pair makes of its packets:
 * its softirqs run inside the send. So this process's CPU time is the path's, from the socket to
 * the far end (what ksoftirqd took over is added). First every device sends one packet, that flows
 * and neighbours are there before it counts. Prints one JSON object. */
#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define BATCH        64
#define SIZE         60 /* and four of frame check sequence, which veth does not have */
#define NETWORK      0x0a400000U
#define FIRST_IP     256
#define PORT         7777
#define DESTINATIONS 128 /* from DESTINATION on; NAT must not run out of ports to one of them */

struct packet {
    struct ether_header eth;
    struct iphdr ip;
    struct udphdr udp;
    char data[SIZE - sizeof(struct ether_header) - sizeof(struct iphdr) - sizeof(struct udphdr)];
} __attribute__((packed));

static struct packet packets[BATCH];
static struct iovec iov[BATCH];
static struct mmsghdr messages[BATCH];
static struct sockaddr_ll to;
static uint32_t destination;
static bool answers;
static uint32_t translated; /* 0: the devices have their own addresses */
static int fd;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static uint16_t checksum(const void *header)
{
    const uint8_t *b = header;
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof(struct iphdr); i += 2)
        sum += (uint32_t)b[i] << 8 | b[i + 1];
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static void prepare(const char *router_mac, const char *to_whom)
{
    struct in_addr dst;
    unsigned m[6];
    if (inet_aton(to_whom, &dst) == 0 ||
        sscanf(router_mac, "%x:%x:%x:%x:%x:%x", &m[0], &m[1], &m[2], &m[3], &m[4], &m[5]) != 6)
        die("address");
    destination = ntohl(dst.s_addr);
    for (int i = 0; i < BATCH; i++) {
        struct packet *p = &packets[i];
        for (int k = 0; k < 6; k++)
            p->eth.ether_dhost[k] = (uint8_t)m[k];
        p->eth.ether_shost[0] = 2;
        p->eth.ether_shost[1] = 0xbe;
        p->eth.ether_type = htons(ETHERTYPE_IP);
        p->ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
        p->ip.tot_len = htons(SIZE - sizeof p->eth);
        p->udp.len = htons(SIZE - sizeof p->eth - sizeof p->ip);
        iov[i] = (struct iovec){p, SIZE};
        messages[i].msg_hdr = (struct msghdr){
            .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &iov[i], .msg_iovlen = 1};
    }
}

static void address(struct packet *p, uint32_t device)
{
    for (int k = 0; k < 4; k++)
        p->eth.ether_shost[2 + k] = (uint8_t)(device >> (24 - 8 * k));
    uint32_t near = htonl(NETWORK + FIRST_IP + device);
    uint32_t far = htonl(destination + device % DESTINATIONS);
    uint16_t port = htons((uint16_t)(1024 + device % 60000)); /* masquerade keeps it */
    p->ip.saddr = answers ? far : near;
    p->ip.daddr = !answers ? far : translated ? translated : near;
    p->udp.source = answers ? htons(PORT) : port;
    p->udp.dest = answers ? port : htons(PORT);
    p->ip.check = 0;
    p->ip.check = checksum(&p->ip);
}

static uint32_t next_random(void) /* xorshift: as good as it must be */
{
    static uint32_t x = 2463534242U;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return x;
}

static void send_batch(unsigned n)
{
    for (unsigned done = 0; done < n;) {
        int r = sendmmsg(fd, messages + done, n - done, 0);
        if (r <= 0)
            die("sendmmsg");
        done += (unsigned)r;
    }
}

static void everybody_once(uint32_t count)
{
    for (uint32_t i = 0; i < count;) {
        unsigned n = 0;
        for (; n < BATCH && i < count; n++, i++)
            address(&packets[n], i);
        send_batch(n);
    }
}

/* Of ksoftirqd of our CPU, seconds so far. */
static double ksoftirqd(int pid)
{
    char path[64];
    unsigned long long ns = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", pid);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%llu", &ns) != 1)
        ns = 0;
    if (f)
        fclose(f);
    return (double)ns / 1e9;
}

int main(int argc, char **argv)
{
    if (argc != 8 && argc != 9) {
        fputs("usage: flood IFNAME ROUTER_MAC DESTINATION COUNT MILLISECONDS CPU KSOFTIRQD_PID "
              "[ANSWERS]\n",
              stderr);
        return 2;
    }
    uint32_t count = (uint32_t)strtoul(argv[4], NULL, 10);
    double lasts = strtod(argv[5], NULL) / 1e3;
    int helper = atoi(argv[7]);
    struct in_addr to_whom = {0};
    answers = argc == 9;
    if (answers && strcmp(argv[8], "own") != 0 && inet_aton(argv[8], &to_whom) == 0)
        die("address");
    translated = to_whom.s_addr;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(atoi(argv[6]), &set);
    if (count == 0 || sched_setaffinity(0, sizeof set, &set) < 0)
        die("cpu");
    int one = 1;
    fd = socket(AF_PACKET, SOCK_RAW, 0);
    to = (struct sockaddr_ll){
        .sll_family = AF_PACKET, .sll_halen = 6, .sll_ifindex = (int)if_nametoindex(argv[1])};
    if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) < 0)
        die("socket");
    prepare(argv[2], argv[3]);
    everybody_once(count);
    uint64_t sent = 0;
    double began = now(CLOCK_MONOTONIC);
    double cpu = now(CLOCK_PROCESS_CPUTIME_ID) + ksoftirqd(helper);
    while (now(CLOCK_MONOTONIC) - began < lasts) {
        for (int i = 0; i < BATCH; i++)
            address(&packets[i], next_random() % count);
        send_batch(BATCH);
        sent += BATCH;
    }
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) + ksoftirqd(helper) - cpu;
    printf("{\"sent\": %llu, \"ns\": %.1f}\n", (unsigned long long)sent, cpu / (double)sent * 1e9);
    return 0;
}

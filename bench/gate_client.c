/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks a gate for many things and takes the time: loggiad's place in `make bench-gate`.
 *
 *     gate_client SOCKET open|cap|close|read|hello FIRST COUNT IN_FLIGHT [SECONDS]
 *
 * cap opens, too, with a cap that nothing here reaches; hello asks nothing of the kernel.
 * Devices are numbered; number i's address is 02:be then i in four bytes. At most IN_FLIGHT
 * requests wait for their answer; with SECONDS the groups of so many are spread over them. Prints
 * one JSON object: answers a second, and how long an answer took (median, 99th percentile,
 * longest); of hello, the gate's longest turn, too. An answer other than OK ends it with status 1.
 */
#include "lib/gate_proto.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define CAP_BPS UINT64_C(1000000000)

static int fd;
static uint64_t rate_Bps = GATE_UNLIMITED;
static uint64_t *sent_ns, *took_ns; /* by seq - 1 */
static struct gate_hello last_hello;

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void ask(uint16_t verb, uint32_t device, uint32_t seq)
{
    struct gate_request r = {.verb = verb, .seq = seq};
    r.entry.mac = (struct mac){{2, 0xbe, (uint8_t)(device >> 24), (uint8_t)(device >> 16),
                                (uint8_t)(device >> 8), (uint8_t)device}};
    if (verb == GATE_HELLO) {
        memset(&r.entry, 0, sizeof r.entry);
        r.hello.version = GATE_PROTO_VERSION;
    } else if (verb == GATE_OPEN) {
        r.entry.timeout_s = 86400;
        r.entry.up_Bps = r.entry.down_Bps = rate_Bps;
        snprintf(r.entry.tag, sizeof r.entry.tag, "s=%08x0bench t=1700000000 e=4000000000 z=bench",
                 device);
    }
    sent_ns[seq - 1] = now_ns();
    if (send(fd, &r, sizeof r, 0) != sizeof r)
        die("send");
}

/* Takes one answer; events are passed over. */
static void take(uint32_t count)
{
    struct gate_reply r;
    do
        if (recv(fd, &r, sizeof r, 0) != sizeof r)
            die("recv");
    while (r.seq == 0);
    if (r.status != GATE_OK || r.seq > count) {
        fprintf(stderr, "verb %u was answered %u (%s)\n", r.verb, r.status, strerror(r.error));
        exit(1);
    }
    took_ns[r.seq - 1] = now_ns() - sent_ns[r.seq - 1];
    if (r.verb == GATE_HELLO)
        last_hello = r.hello;
}

static void meet(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct gate_request hello = {.verb = GATE_HELLO, .seq = 1};
    struct gate_reply r;
    hello.hello.version = GATE_PROTO_VERSION;
    snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof a) < 0)
        die(path);
    if (send(fd, &hello, sizeof hello, 0) < 0 || recv(fd, &r, sizeof r, 0) != sizeof r ||
        r.status != GATE_OK)
        die("hello");
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

/* Sleeps until a part of the seconds is over that is as large as that of the requests. */
static void wait_turn(uint64_t began_ns, double seconds, uint32_t asked, uint32_t count)
{
    uint64_t due = began_ns + (uint64_t)(seconds * 1e9 * asked / count);
    struct timespec t = {(time_t)(due / 1000000000U), (long)(due % 1000000000U)};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

int main(int argc, char **argv)
{
    static const char *const verbs[] = {
        [GATE_OPEN] = "open", [GATE_CLOSE] = "close", [GATE_READ] = "read"};
    uint16_t verb = 0;
    double spread_s = argc == 7 ? strtod(argv[6], NULL) : 0;
    argc -= argc == 7;
    if (argc == 6 && !strcmp(argv[2], "cap")) {
        rate_Bps = CAP_BPS;
        verb = GATE_OPEN;
    }
    if (argc == 6 && !strcmp(argv[2], "hello"))
        verb = GATE_HELLO;
    for (uint16_t v = GATE_OPEN; !verb && argc == 6 && v <= GATE_READ; v++)
        verb = strcmp(argv[2], verbs[v]) ? verb : v;
    uint32_t first = argc == 6 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0;
    uint32_t count = argc == 6 ? (uint32_t)strtoul(argv[4], NULL, 10) : 0;
    uint32_t in_flight = argc == 6 ? (uint32_t)strtoul(argv[5], NULL, 10) : 0;
    if (!verb || !count || !in_flight) {
        fputs("usage: gate_client SOCKET open|cap|close|read|hello FIRST COUNT IN_FLIGHT "
              "[SECONDS]\n",
              stderr);
        return 2;
    }
    sent_ns = calloc(count, sizeof *sent_ns);
    took_ns = calloc(count, sizeof *took_ns);
    if (!sent_ns || !took_ns)
        die("memory");
    meet(argv[1]);
    uint64_t began = now_ns();
    for (uint32_t asked = 0, answered = 0; answered < count; answered++) {
        if (spread_s > 0 && asked == answered)
            wait_turn(began, spread_s, asked, count);
        for (bool begun = asked > answered;
             asked < count && asked - answered < in_flight && !(begun && spread_s > 0); asked++)
            ask(verb, first + asked, asked + 1);
        take(count);
    }
    double seconds = (double)(now_ns() - began) / 1e9;
    qsort(took_ns, count, sizeof *took_ns, by_size);
    printf("{\"per_s\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f",
           count / seconds, (double)took_ns[count / 2] / 1e3,
           (double)took_ns[(uint64_t)count * 99 / 100] / 1e3, (double)took_ns[count - 1] / 1e3);
    if (verb == GATE_HELLO)
        printf(", \"turn_us\": %llu, \"turn_waited_us\": %llu",
               (unsigned long long)last_hello.longest_turn_us,
               (unsigned long long)last_hello.longest_turn_waited_us);
    puts("}");
    free(sent_ns);
    free(took_ns);
    close(fd);
    return 0;
}

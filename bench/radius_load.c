/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many phones at a RADIUS server: the routers' side of `make bench-federation`.
 *
 *     radius_load OPTION=VALUE…
 *
 *     server=ADDRESS:PORT   secret=TEXT
 *     outstanding=N         a closed loop: so many wait for an answer, always (64)
 *     rate=N                or an open one: so many a second, whoever has answered
 *     requests=N            in all
 *     lost_ms=N             without an answer for so long it is lost (1000); nothing is repeated
 *     kind=silent|tap       what a router asks (silent)
 *     devices=NAME:PREFIX:FIRST:STEP:COUNT   up to 8 times; they take turns. One name: one count
 *
 * Device i of a group has the address PREFIX:10, then FIRST + i * STEP in four bytes, as the test
 * city's directories number them; behind COUNT it begins anew. Every request is signed and every
 * answer checked, by the router's own codec. For servers that cannot rewrite an address cheaply the
 * request has it in the directories' spellings too: Connect-Info aa:bb:…, Filter-Id AABB….
 *
 * One JSON object: answers a second; for each group how many were answered, accepted and lost, with
 * which profiles (what Class begins with), and how long it took. */
#include "lib/crypto.h"
#include "lib/mac.h"
#include "portal/radius_codec.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS      16
#define IDS          256
#define MAX_GROUPS   8
#define MAX_PROFILES 8
#define FILTER_ID    11

struct group {
    char name[32];
    unsigned prefix, first, step, count;
    struct group *counts; /* the first of this name, where it is counted */
    unsigned answered, accepted, lost, n_times;
    float *times_ms;
    struct profile {
        char name[32];
        unsigned n;
    } profiles[MAX_PROFILES];
};

struct slot { /* one request on its way; by socket and identifier */
    struct group *group;
    double sent;
    uint8_t authenticator[16];
};

static struct group groups[MAX_GROUPS];
static struct slot slots[SOCKETS * IDS];
static struct pollfd sockets[SOCKETS];
static size_t n_groups;
static struct sockaddr_in server = {.sin_family = AF_INET};
static char secret[128], nonce[16];
static unsigned outstanding = 64, requests = 1000, rate, lost_ms = 1000, waiting, sent, done;
static bool tap;
static uint8_t service = 10; /* Call-Check */

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* --- options ------------------------------------------------------------------------------------
 */

static bool read_group(const char *text)
{
    struct group *g = &groups[n_groups];
    if (n_groups == MAX_GROUPS || sscanf(text, "%31[^:]:%x:%u:%u:%u", g->name, &g->prefix,
                                         &g->first, &g->step, &g->count) != 5)
        return false;
    for (g->counts = groups; strcmp(g->counts->name, g->name) != 0; g->counts++)
        ;
    n_groups++;
    return g->count > 0;
}

static bool read_option(const char *arg)
{
    char address[32], kind[8];
    unsigned port;
    if (strncmp(arg, "devices=", 8) == 0)
        return read_group(arg + 8);
    if (sscanf(arg, "server=%31[^:]:%u", address, &port) == 2) {
        server.sin_port = htons((uint16_t)port);
        return inet_pton(AF_INET, address, &server.sin_addr) == 1;
    }
    if (sscanf(arg, "kind=%7s", kind) == 1) {
        tap = strcmp(kind, "tap") == 0;
        service = tap ? 2 : 10;
        return tap || strcmp(kind, "silent") == 0;
    }
    return sscanf(arg, "secret=%127s", secret) == 1 || sscanf(arg, "rate=%u", &rate) == 1 ||
           sscanf(arg, "requests=%u", &requests) == 1 || sscanf(arg, "lost_ms=%u", &lost_ms) == 1 ||
           (sscanf(arg, "outstanding=%u", &outstanding) == 1 && outstanding > 0 &&
            outstanding < SOCKETS * IDS / 2);
}

static void prepare(void)
{
    crypto_random(nonce, sizeof nonce);
    for (size_t i = 0; i < SOCKETS; i++) {
        int room = 4 << 20;
        sockets[i] =
            (struct pollfd){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0), .events = POLLIN};
        if (sockets[i].fd < 0 ||
            connect(sockets[i].fd, (struct sockaddr *)&server, sizeof server) != 0)
            die("connect");
        if (setsockopt(sockets[i].fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0)
            setsockopt(sockets[i].fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    for (size_t i = 0; i < n_groups; i++)
        if (!(groups[i].times_ms = calloc(requests, sizeof(float))))
            die("calloc");
}

/* --- one request --------------------------------------------------------------------------------
 */

static void write_request(struct radius_packet *p, const struct mac *mac, const struct slot *s,
                          uint8_t id)
{
    char text[MAC_TEXT_LEN], plain[13];
    radius_begin(p, RADIUS_ACCESS_REQUEST, id, s->authenticator);
    radius_add_text(p, RADIUS_USER_NAME, mac_text_radius(mac, text));
    radius_add_password(p, text, secret);
    radius_add_u32(p, RADIUS_SERVICE_TYPE, service);
    radius_add_text(p, RADIUS_CALLING_STATION_ID, text);
    radius_add_text(p, RADIUS_CALLED_STATION_ID, "02-00-00-00-00-01:duomo");
    radius_add_text(p, RADIUS_NAS_IDENTIFIER, "bench");
    radius_add_u32(p, RADIUS_NAS_PORT_TYPE, 19);
    radius_add_text(p, RADIUS_NAS_PORT_ID, "duomo");
    radius_add_text(p, RADIUS_CONNECT_INFO, tap ? "terms=2026-1 lang=it" : mac_text(mac, text));
    snprintf(plain, sizeof plain, "%02X%02X%02X%02X%02X%02X", mac->b[0], mac->b[1], mac->b[2],
             mac->b[3], mac->b[4], mac->b[5]);
    radius_add_text(p, FILTER_ID, plain);
    if (!radius_sign(p, secret))
        die("radius_sign");
}

static void send_one(void)
{
    static struct radius_packet p;
    struct slot *s = &slots[sent % (SOCKETS * IDS)];
    size_t socket = sent % SOCKETS;
    uint8_t id = (uint8_t)(sent / SOCKETS % IDS);
    s = &slots[socket * IDS + id];
    if (s->group) { /* all identifiers are taken: it will not come any more */
        s->group->lost++;
        waiting--;
        done++;
    }
    struct group *g = &groups[sent % n_groups];
    s->group = g->counts;
    unsigned number = g->first + sent / (unsigned)n_groups % g->count * g->step;
    struct mac mac = {{(uint8_t)g->prefix, 0x10, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                       (uint8_t)(number >> 8), (uint8_t)number}};
    memcpy(s->authenticator, nonce, sizeof nonce);
    memcpy(s->authenticator, &sent, sizeof sent);
    write_request(&p, &mac, s, id);
    s->sent = now();
    sent++;
    waiting++;
    if (send(sockets[socket].fd, p.data, p.len, 0) != (ssize_t)p.len)
        die("send");
}

static void count_profile(struct group *g, const uint8_t *data, size_t len)
{
    struct radius_attr_view class;
    if (!radius_find(data, len, 0, RADIUS_CLASS, &class))
        return;
    const uint8_t *colon = memchr(class.value, ':', class.len);
    size_t n = colon ? (size_t)(colon - class.value) : class.len;
    for (size_t i = 0; i < MAX_PROFILES; i++) {
        struct profile *p = &g->profiles[i];
        if (p->n == 0)
            snprintf(p->name, sizeof p->name, "%.*s", (int)n, (const char *)class.value);
        if (strlen(p->name) == n && memcmp(p->name, class.value, n) == 0) {
            p->n++;
            return;
        }
    }
}

static void take_answer(size_t socket)
{
    uint8_t data[RADIUS_MAX_PACKET];
    ssize_t len;
    while ((len = recv(sockets[socket].fd, data, sizeof data, 0)) > 0) {
        struct slot *s = &slots[socket * IDS + (len > 1 ? data[1] : 0)];
        if (!s->group || radius_check_reply(data, (size_t)len, s->authenticator, secret))
            continue; /* given up before, or not an answer to this */
        struct group *g = s->group;
        g->times_ms[g->n_times++] = (float)((now() - s->sent) * 1e3);
        g->answered++;
        g->accepted += data[0] == RADIUS_ACCESS_ACCEPT;
        count_profile(g, data, (size_t)len);
        s->group = NULL;
        waiting--;
        done++;
    }
}

static void give_up(void)
{
    double before = now() - lost_ms / 1e3;
    for (size_t i = 0; i < SOCKETS * IDS; i++)
        if (slots[i].group && slots[i].sent < before) {
            slots[i].group->lost++;
            slots[i].group = NULL;
            waiting--;
            done++;
        }
}

/* --- all of them --------------------------------------------------------------------------------
 */

static void run(void)
{
    double began = now(), looked = began;
    while (done < requests) {
        double at = now();
        unsigned due = rate ? (unsigned)((at - began) * rate) + 1 : UINT32_MAX;
        while (sent < requests && (rate ? sent < due : waiting < outstanding))
            send_one();
        if (poll(sockets, SOCKETS, rate ? 1 : 20) < 0)
            die("poll");
        for (size_t i = 0; i < SOCKETS; i++)
            if (sockets[i].revents)
                take_answer(i);
        if (at - looked > 0.02) {
            give_up();
            looked = at;
        }
    }
}

static int by_size(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static float at_part(const struct group *g, double part)
{
    return g->n_times ? g->times_ms[(unsigned)((g->n_times - 1) * part)] : 0;
}

static void print_group(struct group *g)
{
    const char *between = "";
    qsort(g->times_ms, g->n_times, sizeof *g->times_ms, by_size);
    printf("\"%s\": {\"answered\": %u, \"accepted\": %u, \"lost\": %u, \"p50_ms\": %.3f, "
           "\"p99_ms\": %.3f, \"worst_ms\": %.3f, \"profiles\": {",
           g->name, g->answered, g->accepted, g->lost, (double)at_part(g, 0.5),
           (double)at_part(g, 0.99), (double)at_part(g, 1));
    for (size_t i = 0; i < MAX_PROFILES && g->profiles[i].n; i++, between = ", ")
        printf("%s\"%s\": %u", between, g->profiles[i].name, g->profiles[i].n);
    printf("}}");
}

int main(int argc, char **argv)
{
    unsigned answered = 0;
    for (int i = 1; i < argc; i++)
        if (!read_option(argv[i])) {
            fprintf(stderr, "radius_load: \"%s\" is no option; the source has their list\n",
                    argv[i]);
            return 2;
        }
    if (n_groups == 0 || !server.sin_port || !secret[0]) {
        fprintf(stderr, "radius_load: server, secret and devices are needed\n");
        return 2;
    }
    prepare();
    double began = now();
    run();
    double took = now() - began;
    for (size_t i = 0; i < n_groups; i++)
        answered += groups[i].answered;
    printf("{\"seconds\": %.3f, \"per_s\": %.0f, \"answered\": %u, \"lost\": %u, \"groups\": {",
           took, answered / took, answered, requests - answered);
    for (size_t i = 0; i < n_groups; i++) {
        if (groups[i].counts != &groups[i])
            continue;
        printf("%s", i ? ", " : "");
        print_group(&groups[i]);
    }
    printf("}}\n");
    return 0;
}

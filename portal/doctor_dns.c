/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 1035, as much of it as one question needs: one label after the other, no compression in what
 * is sent, compression skipped in what is read. */
#include "lib/crypto.h"
#include "portal/doctor.h"
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADER = 12, CLASS_IN = 1, TRIES = 2, TRY_MS = 1000 };

static void put16(uint8_t *out, unsigned v)
{
    out[0] = (uint8_t)(v >> 8);
    out[1] = (uint8_t)v;
}

static unsigned get16(const uint8_t *in)
{
    return (unsigned)in[0] << 8 | in[1];
}

size_t dns_query(uint8_t out[static 512], uint16_t id, const char *name, uint16_t type)
{
    static const uint8_t head[HEADER] = {0, 0, 1 /* recursion desired */, 0, 0, 1};
    size_t at = HEADER;

    if (strlen(name) > 253)
        return 0;
    memcpy(out, head, HEADER);
    put16(out, id);
    while (*name) {
        size_t len = strcspn(name, ".");
        if (len == 0 || len > 63)
            return 0;
        out[at++] = (uint8_t)len;
        memcpy(out + at, name, len);
        at += len;
        name += len;
        name += *name == '.';
    }
    out[at++] = 0;
    put16(out + at, type);
    put16(out + at + 2, CLASS_IN);
    return at + 4;
}

/* Behind the name at `at`; 0: it does not end within the packet. */
static size_t skip_name(const uint8_t *data, size_t len, size_t at)
{
    while (at < len) {
        uint8_t n = data[at];
        if (n == 0)
            return at + 1;
        if ((n & 0xc0) == 0xc0)
            return at + 2 <= len ? at + 2 : 0;
        if (n & 0xc0)
            return 0;
        at += 1 + (size_t)n;
    }
    return 0;
}

static bool parse_answers(const uint8_t *data, size_t len, size_t at, uint16_t type,
                          struct dns_answer *out)
{
    size_t wanted = type == DNS_TYPE_A ? 4 : 16;

    for (unsigned i = get16(data + 6); i > 0; i--) {
        at = skip_name(data, len, at);
        if (at == 0 || at + 10 > len)
            return false;
        unsigned is = get16(data + at), size = get16(data + at + 8);
        at += 10;
        if (at + size > len)
            return false;
        if (is == type && size == wanted && out->n < DNS_MAX_ADDRESSES)
            memcpy(&out->addresses[out->n++], data + at, size);
        at += size;
    }
    return true;
}

bool dns_parse(const uint8_t *data, size_t len, uint16_t id, uint16_t type, struct dns_answer *out)
{
    size_t at = HEADER;

    memset(out, 0, sizeof *out);
    if (len < HEADER || get16(data) != id || !(data[2] & 0x80))
        return false;
    out->rcode = data[3] & 0x0f;
    for (unsigned i = get16(data + 4); i > 0; i--) {
        at = skip_name(data, len, at);
        if (at == 0 || at + 4 > len)
            return false;
        at += 4;
    }
    if (type != DNS_TYPE_A && type != DNS_TYPE_AAAA)
        return true; /* that there is an answer is all that is asked for */
    return parse_answers(data, len, at, type, out);
}

static unsigned since_ms(const struct timespec *then)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (unsigned)((now.tv_sec - then->tv_sec) * 1000 + (now.tv_nsec - then->tv_nsec) / 1000000);
}

/* What else comes meanwhile is left aside, until the time is over. */
static bool await(int fd, uint16_t id, uint16_t type, const struct timespec *began,
                  struct dns_answer *out)
{
    uint8_t data[1500];
    struct pollfd p = {.fd = fd, .events = POLLIN};

    for (unsigned gone; (gone = since_ms(began)) < TRY_MS;) {
        if (poll(&p, 1, (int)(TRY_MS - gone)) <= 0)
            return false;
        ssize_t n = recv(fd, data, sizeof data, MSG_DONTWAIT);
        if (n < 0)
            return false; /* the port is closed */
        if (dns_parse(data, (size_t)n, id, type, out)) {
            out->took_ms = since_ms(began);
            return true;
        }
    }
    return false;
}

bool dns_ask(const struct sockaddr *server, const char *name, uint16_t type, struct dns_answer *out)
{
    socklen_t len =
        server->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    int fd = socket(server->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    uint8_t query[512];
    uint16_t id;
    bool answered = false;

    memset(out, 0, sizeof *out);
    crypto_random(&id, sizeof id);
    size_t n = dns_query(query, id, name, type);
    if (n == 0 || fd < 0 || connect(fd, server, len) != 0)
        n = 0;
    for (int i = 0; n > 0 && i < TRIES && !answered; i++) {
        struct timespec began;
        clock_gettime(CLOCK_MONOTONIC, &began);
        if (send(fd, query, n, MSG_NOSIGNAL) == (ssize_t)n)
            answered = await(fd, id, type, &began, out);
    }
    if (fd >= 0)
        close(fd);
    return answered;
}

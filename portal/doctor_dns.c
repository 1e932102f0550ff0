/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One question to one name server, and at most two seconds for its answer. */
#include "lib/crypto.h"
#include "portal/doctor.h"
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRIES = 2, TRY_MS = 1000 };

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

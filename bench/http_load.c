/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For bench/board.py: requests a second of one page, CONNECTIONS at a time, each on a connection of
 * its own as phones ask (new), or on connections that are kept.
 *
 *   http_load IPV4 PORT HOST PATH CONNECTIONS MS new|keep   ->   {"requests": N, "us": T, "bytes":
 * LAST_BODY}
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { MAX = 16, ROOM = 65536 };

static char request[600];
static size_t request_len, last_body;
static struct sockaddr_in to = {.sin_family = AF_INET};

struct connection {
    int fd;
    size_t got;
    char data[ROOM];
};

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static void ask(struct connection *c)
{
    c->got = 0;
    if (write(c->fd, request, request_len) != (ssize_t)request_len)
        fail("write");
}

static void open_one(struct connection *c)
{
    int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof to) != 0)
        fail("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ask(c);
}

/* Without a rest in TIME_WAIT. */
static void drop(struct connection *c)
{
    struct linger now = {1, 0};
    setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(c->fd);
}

/* Whether the whole answer is there. */
static int whole(struct connection *c)
{
    ssize_t n = read(c->fd, c->data + c->got, ROOM - 1 - c->got);
    if (n <= 0)
        fail("read");
    c->got += (size_t)n;
    c->data[c->got] = '\0';
    const char *end = strstr(c->data, "\r\n\r\n"), *length = strcasestr(c->data, "content-length:");
    if (!end || !length)
        return 0;
    size_t body = strtoul(length + 15, NULL, 10), head = (size_t)(end + 4 - c->data);
    if (c->got < head + body)
        return 0;
    if (strncmp(c->data, "HTTP/1.1 200", 12) != 0) {
        fprintf(stderr, "%.200s\n", c->data);
        exit(1);
    }
    last_body = body;
    return 1;
}

int main(int argc, char **argv)
{
    static struct connection all[MAX];
    struct pollfd fds[MAX];
    int n = argc == 8 ? atoi(argv[5]) : 0;
    int keep = n && strcmp(argv[7], "keep") == 0;
    uint64_t requests = 0;
    if (n < 1 || n > MAX)
        return 2;
    request_len = (size_t)snprintf(request, sizeof request,
                                   "GET %s HTTP/1.1\r\nHost: %s\r\nAccept-Language: it\r\n%s\r\n",
                                   argv[4], argv[3], keep ? "" : "Connection: close\r\n");
    to.sin_port = htons((uint16_t)atoi(argv[2]));
    inet_pton(AF_INET, argv[1], &to.sin_addr);
    for (int i = 0; i < n; i++) {
        open_one(&all[i]);
        fds[i] = (struct pollfd){.fd = all[i].fd, .events = POLLIN};
    }
    uint64_t began = now_us(), end = began + (uint64_t)atoi(argv[6]) * 1000;
    while (now_us() < end) {
        if (poll(fds, (nfds_t)n, 5000) <= 0)
            fail("poll");
        for (int i = 0; i < n; i++)
            if (fds[i].revents && whole(&all[i])) {
                requests++;
                if (keep) {
                    ask(&all[i]);
                    continue;
                }
                drop(&all[i]);
                open_one(&all[i]);
                fds[i].fd = all[i].fd;
            }
    }
    printf("{\"requests\": %llu, \"us\": %llu, \"bytes\": %zu}\n", (unsigned long long)requests,
           (unsigned long long)(now_us() - began), last_body);
    return 0;
}

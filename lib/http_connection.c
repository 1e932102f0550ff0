/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: how they come, and how long they may take.
 *
 * When there are as many as may be, or descriptors run out, the listener rests: what waits in the
 * kernel's queue is served in its order, and nothing spins. A connection that idles makes room.
 *
 * libmicrohttpd's timeout starts again with every byte, so that one byte every nine seconds would
 * hold a connection for ever. Here a request has one deadline from its first byte to its last, and
 * an answer has one. Whether a request has begun is asked of the kernel (tcpi_bytes_received),
 * since libmicrohttpd does not tell. Hanging up is shutdown(2): it sees the end of the stream and
 * does the rest. */
#include "lib/http_internal.h"
#include "lib/log.h"
#include "lib/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define ANSWER_FACTOR  3 /* deadline of an answer, in timeouts */
#define MIN_TICK_MS    50
#define MIN_IDLE_MS    500 /* before a connection must give its place away */
#define ACCEPTS_A_TURN 32
#define REST_MS        200 /* after running out of descriptors */

/* --- deadlines -------------------------------------------------------------------------------- */

static void hang_up(struct http_connection *c)
{
    c->phase = HTTP_CLOSING;
    shutdown(c->fd, SHUT_RDWR);
}

void http_connection_enter(struct http_connection *c, enum http_phase phase)
{
    if (c->phase == HTTP_CLOSING)
        return;
    c->phase = phase;
    c->since_ms = loop_now_ms();
    if (phase == HTTP_READING) {
        c->receiving = !c->served; /* it is handed over when something came */
        c->bytes_then = http_received_bytes(c->fd);
    }
    if (phase == HTTP_ANSWERING)
        c->served = true;
}

static void check_deadline(struct http_connection *c, uint64_t now)
{
    struct http_connections *all = c->all;
    uint64_t allowed = all->timeout_ms * (uint64_t)(c->phase == HTTP_ANSWERING ? ANSWER_FACTOR : 1);

    if (c->phase == HTTP_HELD || c->phase == HTTP_CLOSING)
        return;
    if (c->phase == HTTP_READING && !c->receiving && http_received_bytes(c->fd) != c->bytes_then) {
        c->receiving = true;
        c->since_ms = now;
    }
    if (now - c->since_ms < allowed)
        return;
    if (c->phase == HTTP_ANSWERING || (c->phase == HTTP_READING && c->receiving))
        all->stats->timeouts++;
    hang_up(c);
}

/* Hangs up on the one that has been idle longest, if one is; on_tick tries again. */
static void make_room(struct http_connections *all)
{
    struct http_connection *oldest = NULL;
    uint64_t now = loop_now_ms();

    for (struct http_connection *c = all->list; c; c = c->next) {
        bool idle = (c->phase == HTTP_NEW || (c->phase == HTTP_READING && !c->receiving)) &&
                    http_received_bytes(c->fd) == c->bytes_then;
        if (c->phase == HTTP_CLOSING)
            return; /* room is being made */
        if (idle && now - c->since_ms >= MIN_IDLE_MS &&
            (!oldest || c->since_ms <= oldest->since_ms))
            oldest = c;
    }
    if (oldest)
        hang_up(oldest);
}

static void on_tick(void *arg)
{
    struct http_connections *all = arg;
    uint64_t now = loop_now_ms();
    uint32_t wait_ms = all->timeout_ms / 8;

    for (struct http_connection *c = all->list; c; c = c->next)
        check_deadline(c, now);
    if (all->full)
        make_room(all);
    if (all->list)
        loop_timer_start(all->tick, wait_ms < MIN_TICK_MS ? MIN_TICK_MS
                                    : wait_ms > 1000      ? 1000
                                                          : wait_ms);
}

/* --- coming and going ------------------------------------------------------------------------- */

static struct http_connection *add(struct http_connections *all, int fd,
                                   const struct sockaddr *peer)
{
    struct http_connection *c = calloc(1, sizeof *c);
    unsigned same = 0;

    if (!c)
        return NULL;
    http_copy_address(&c->peer, peer);
    for (const struct http_connection *other = all->list; other; other = other->next)
        same += http_same_host(&other->peer, &c->peer);
    if (same >= all->max_per_address) {
        free(c);
        return NULL;
    }
    c->all = all;
    c->fd = fd;
    http_connection_enter(c, HTTP_NEW);
    c->next = all->list;
    if (c->next)
        c->next->prev = c;
    all->list = c;
    all->stats->connections++;
    if (!loop_timer_running(all->tick))
        on_tick(all);
    return c;
}

void http_connection_end(struct http_connection *c)
{
    struct http_connections *all = c->all;

    if (c->prev)
        c->prev->next = c->next;
    else
        all->list = c->next;
    if (c->next)
        c->next->prev = c->prev;
    all->stats->connections--;
    loop_io_free(c->first);
    free(c);
    if (all->listen && all->full && !loop_timer_running(all->rest))
        loop_io_set(all->listen, LOOP_READ);
    all->full = false;
}

/* False while nothing came. */
static bool look(struct http_connection *c)
{
    struct http_connections *all = c->all;
    int fd = c->fd;

    switch (http_first_bytes(fd, all->tls)) {
    case HTTP_FIRST_NOTHING:
        return false;
    case HTTP_FIRST_REQUEST:
        loop_io_free(c->first);
        c->first = NULL;
        http_connection_enter(c, HTTP_READING);
        all->hand_over(all->arg, c);
        break;
    case HTTP_FIRST_GARBAGE:
        all->stats->bad_requests++;
        http_connection_end(c);
        http_refuse(fd);
        break;
    case HTTP_FIRST_GONE:
        http_connection_end(c);
        close(fd);
        break;
    }
    return true;
}

static void on_first_bytes(void *arg, int fd, int events)
{
    (void)fd, (void)events;
    look(arg);
}

static void welcome(struct http_connections *all, int fd, const struct sockaddr *peer)
{
    struct http_connection *c = add(all, fd, peer);

    if (!c) {
        all->stats->refused_connections++;
        close(fd);
        return;
    }
    if (look(c))
        return;
    c->first = loop_io_new(all->loop, fd, LOOP_READ, on_first_bytes, c);
    if (!c->first) {
        all->stats->refused_connections++;
        http_connection_end(c);
        close(fd);
    }
}

/* --- the listener ----------------------------------------------------------------------------- */

static void rest(struct http_connections *all)
{
    static struct log_limit limit = {.interval_ms = 10000, .burst = 1};

    log_limited(&limit, LOG_WARNING, "event=accept-failed error=\"%m\" rest_ms=%d", REST_MS);
    loop_io_set(all->listen, 0);
    loop_timer_start(all->rest, REST_MS);
}

static void on_rested(void *arg)
{
    struct http_connections *all = arg;

    if (!all->full)
        loop_io_set(all->listen, LOOP_READ);
}

static void on_acceptable(void *arg, int fd, int events)
{
    struct http_connections *all = arg;

    (void)events;
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        struct sockaddr_storage peer;
        socklen_t len = sizeof peer;

        if (all->stats->connections >= all->max) {
            if (i > 0)
                return; /* nobody need be waiting: else we are called again */
            all->full = true;
            loop_io_set(all->listen, 0);
            make_room(all);
            return;
        }
        int accepted = accept4(fd, (struct sockaddr *)&peer, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (accepted >= 0) {
            welcome(all, accepted, (struct sockaddr *)&peer);
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            rest(all);
            return;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            return;
        }
    }
}

bool http_connections_open(struct http_connections *all, struct loop *loop,
                           const struct http_config *cfg, char *err, size_t err_len)
{
    all->loop = loop;
    all->max = cfg->max_connections;
    all->max_per_address = cfg->max_per_address;
    all->timeout_ms = 1000 * cfg->timeout_s;
    all->fd = http_listen(cfg, err, err_len);
    if (all->fd < 0)
        return false;
    all->tick = loop_timer_new(loop, on_tick, all);
    all->rest = loop_timer_new(loop, on_rested, all);
    all->listen = loop_io_new(loop, all->fd, LOOP_READ, on_acceptable, all);
    if (all->tick && all->rest && all->listen)
        return true;
    snprintf(err, err_len, "out of memory");
    http_connections_close(all);
    http_connections_free(all);
    return false;
}

void http_connections_close(struct http_connections *all)
{
    loop_io_free(all->listen);
    all->listen = NULL;
    if (all->fd >= 0)
        close(all->fd);
    all->fd = -1;
    for (struct http_connection *c = all->list, *next; c; c = next) {
        int fd = c->fd;
        next = c->next;
        if (c->first) {
            http_connection_end(c);
            close(fd);
        }
    }
}

void http_connections_free(struct http_connections *all)
{
    loop_timer_free(all->rest);
    loop_timer_free(all->tick);
    all->rest = all->tick = NULL;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The socket on which one loggiad speaks.
 *
 * A connection is a guest until its HELLO; then it is the controller, or is told why not and hung
 * up on. Who connects is known from SO_PEERCRED: root or loggiad's user, nobody else. A packet that
 * is not a request ends the connection, for the other end is not what it should be.
 *
 * All that waits is read by one system call, and what a turn answers is sent by one: the other end
 * is woken once, not for each.
 *
 * While a dump is being sent, or waits for adoption, what changes nothing is served all the same,
 * so that nobody's page waits for it. The first request that would change something, and all behind
 * it, wait: order is kept, and devices are not moved about under the dump.
 *
 * Backpressure: requests are read only while every reply could be sent, and a dump is written as
 * fast as the other end reads. Events that a slow controller leaves lying are dropped past a bound:
 * the kernel's state is the truth, and a DUMP tells it. */
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"
#include "netfilter/verbs.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_GUESTS 8
#define QUEUE_MAX  8192 /* replies and events that wait for the controller: 3 MB at most */
#define EVENTS_MAX 4096 /* of them events */
#define SEND_ROOM  (1024 * 1024)
#define SEND_BATCH 64   /* replies a system call */
#define DUMP_STEP  1024 /* devices of a dump between two looks at what was asked */

struct conn {
    struct controller *k;
    int fd;
    struct loop_io *io;
};

/* Where a turn's requests come to; one byte more each, to tell what is too long. */
struct inbox {
    char bytes[GATE_BATCH][sizeof(struct gate_request) + 1];
    struct iovec iov[GATE_BATCH];
    struct mmsghdr packets[GATE_BATCH];
};

struct controller {
    struct gate *g;
    int listen_fd;
    unsigned uid;
    struct loop_io *listen_io;
    struct conn guests[MAX_GUESTS];
    struct conn peer; /* the controller; fd -1: none */
    struct gate_reply *queue;
    size_t head, waiting; /* a ring of QUEUE_MAX */
    bool gathering;       /* replies wait for the turn's end */
    uint64_t left_out;
    struct inbox in;
    struct gate_request pending[GATE_BATCH];
    size_t n_pending, next_pending;
    bool dump_waits, dumping; /* for adoption; is being sent */
    uint32_t dump_seq;
    size_t dump_at;
};

static void on_peer(void *arg, int fd, int events);

/* --- connections
 * ------------------------------------------------------------------------------------- */

static void hang_up(struct conn *c)
{
    loop_io_free(c->io);
    if (c->fd >= 0)
        close(c->fd);
    c->io = NULL;
    c->fd = -1;
}

static void lose_peer(struct controller *k, const char *why)
{
    if (k->peer.fd < 0)
        return;
    hang_up(&k->peer);
    log_msg(LOG_NOTICE, "event=controller-gone reason=\"%s\" left_out=%llu", why,
            (unsigned long long)k->left_out);
    k->head = k->waiting = k->n_pending = k->next_pending = 0;
    k->left_out = 0;
    k->dump_waits = k->dumping = false;
}

/* Whether the controller has hung up although we have not been told yet: one that was killed and
 * started again may be here before its own end is. */
static bool peer_alive(const struct controller *k)
{
    struct pollfd p = {.fd = k->peer.fd, .events = POLLIN};
    return k->peer.fd >= 0 && !(poll(&p, 1, 0) > 0 && p.revents & (POLLHUP | POLLERR));
}

static int welcome(struct controller *k, const struct gate_request *req)
{
    if (req->hello.version != GATE_PROTO_VERSION)
        return GATE_VERSION;
    if (peer_alive(k))
        return GATE_BUSY;
    lose_peer(k, "hung up");
    return GATE_OK;
}

static struct gate_reply hello_reply(struct gate *g, const struct gate_request *req, int status)
{
    struct gate_reply r = {.verb = req->verb, .seq = req->seq, .status = (uint16_t)status};
    r.hello.version = GATE_PROTO_VERSION;
    r.hello.open_devices = (uint32_t)clients_count(g->clients);
    r.hello.max_devices = clients_max(g->clients);
    r.hello.features = g->features | (g->shape ? GATE_F_SHAPED : 0U) |
                       (shaping_uploads(g) ? GATE_F_SHAPED_UP : 0U) |
                       (shaping_complete(g) ? GATE_F_SHAPED_ALL : 0U);
    r.hello.unqueued = shaping_without(g);
    r.hello.pid = (uint32_t)getpid();
    r.hello.started_ms = g->started_ms;
    ruleset_totals(g->rs, &r.hello.transactions, &r.hello.transactions_failed);
    struct loop_turns turns;
    loop_turns(g->loop, &turns);
    r.hello.turns = turns.n;
    r.hello.slow_turns = turns.slow;
    r.hello.longest_turn_us = turns.longest_us;
    r.hello.longest_turn_waited_us = turns.waited_us;
    return r;
}

static void on_guest(void *arg, int fd, int events)
{
    static struct log_limit limit = {.interval_ms = 10000, .burst = 5};
    struct conn *c = arg;
    struct controller *k = c->k;
    struct gate_request req;
    char buf[sizeof req + 1];
    (void)events;
    ssize_t n = recv(fd, buf, sizeof buf, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || verbs_decode(buf, (size_t)n, &req) != GATE_OK || req.verb != GATE_HELLO) {
        if (n > 0)
            log_limited(&limit, LOG_WARNING, "event=bad-packet from=guest bytes=%zd", n);
        hang_up(c);
        return;
    }
    int status = welcome(k, &req);
    struct gate_reply r = hello_reply(k->g, &req, status);
    if (status != GATE_OK) {
        log_limited(&limit, LOG_WARNING, "event=controller-refused reason=%s",
                    status == GATE_BUSY ? "busy" : "version");
        send(fd, &r, sizeof r, MSG_DONTWAIT | MSG_NOSIGNAL);
        hang_up(c);
        return;
    }
    loop_io_free(c->io);
    c->io = NULL;
    c->fd = -1;
    k->peer.fd = fd;
    k->peer.io = loop_io_new(k->g->loop, fd, LOOP_READ, on_peer, k);
    log_msg(LOG_NOTICE, "event=controller-connected");
    controller_reply(k, &r);
}

static void admit(struct controller *k, int fd)
{
    struct ucred cred;
    socklen_t len = sizeof cred;
    int room = SEND_ROOM;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0 ||
        (cred.uid != 0 && cred.uid != k->uid)) {
        static struct log_limit limit = {.interval_ms = 10000, .burst = 5};
        log_limited(&limit, LOG_WARNING, "event=controller-refused reason=uid uid=%u", cred.uid);
        close(fd);
        return;
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    for (int i = 0; i < MAX_GUESTS; i++) {
        struct conn *c = &k->guests[i];
        if (c->fd >= 0)
            continue;
        *c = (struct conn){k, fd, loop_io_new(k->g->loop, fd, LOOP_READ, on_guest, c)};
        if (!c->io)
            hang_up(c);
        return;
    }
    close(fd);
}

static void on_connect(void *arg, int listen_fd, int events)
{
    struct controller *k = arg;
    int fd;
    (void)events;
    while ((fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
        admit(k, fd);
}

/* --- sending
 * ------------------------------------------------------------------------------------------ */

static bool send_now(struct controller *k, const struct gate_reply *r)
{
    ssize_t n;
    do
        n = send(k->peer.fd, r, sizeof *r, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof *r; /* a peer that is gone is noticed when it is read from */
}

static bool enqueue(struct controller *k, const struct gate_reply *r, size_t max)
{
    if (k->waiting >= max)
        return false;
    k->queue[(k->head + k->waiting++) % QUEUE_MAX] = *r;
    if (!k->gathering)
        loop_io_set(k->peer.io, LOOP_WRITE);
    return true;
}

void controller_reply(struct controller *k, const struct gate_reply *r)
{
    if (!k || k->peer.fd < 0)
        return;
    if ((k->gathering || k->waiting > 0 || !send_now(k, r)) && !enqueue(k, r, QUEUE_MAX))
        lose_peer(k, "does not read");
}

void controller_event(struct controller *k, const struct gate_reply *r)
{
    if (!k || k->peer.fd < 0)
        return;
    if ((k->waiting > 0 || !send_now(k, r)) && !enqueue(k, r, EVENTS_MAX))
        k->left_out++;
}

bool controller_dumping(const struct controller *k)
{
    return k && k->dumping;
}

static bool flush_queue(struct controller *k)
{
    struct iovec iov[SEND_BATCH];
    struct mmsghdr packets[SEND_BATCH];
    if (k->waiting == 1 && send_now(k, &k->queue[k->head]))
        k->waiting = 0;
    while (k->waiting > 0) {
        size_t n = k->waiting < SEND_BATCH ? k->waiting : SEND_BATCH;
        for (size_t i = 0; i < n; i++) {
            iov[i] =
                (struct iovec){&k->queue[(k->head + i) % QUEUE_MAX], sizeof(struct gate_reply)};
            packets[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
        }
        int sent = sendmmsg(k->peer.fd, packets, (unsigned)n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false; /* a peer that is gone is noticed when it is read from */
        k->head = (k->head + (size_t)sent) % QUEUE_MAX;
        k->waiting -= (size_t)sent;
    }
    k->head = 0; /* the ring's beginning stays in the caches, and its rest is never touched */
    return true;
}

static void dump_on(struct controller *k)
{
    struct gate_reply r = {.verb = GATE_DUMP, .seq = k->dump_seq, .status = GATE_MORE};
    const struct client *c;
    for (int i = 0; i < DUMP_STEP && (c = clients_at(k->g->clients, k->dump_at)); i++) {
        if (k->waiting >= SEND_BATCH && !flush_queue(k))
            return; /* goes on when the other end has read */
        work_entry(c, &r.entry);
        r.entry.in_all = (uint32_t)clients_count(k->g->clients);
        controller_reply(k, &r);
        k->dump_at++;
    }
    if (k->peer.fd < 0 || clients_at(k->g->clients, k->dump_at))
        return;
    k->dumping = false;
    struct gate_request asked = {.verb = GATE_DUMP, .seq = k->dump_seq};
    r = hello_reply(k->g, &asked, GATE_OK);
    controller_reply(k, &r);
}

/* --- requests
 * ------------------------------------------------------------------------------------------ */

static bool must_wait(const struct controller *k, const struct gate_request *req)
{
    bool busy = adoption_holds(k->g) || k->dump_waits || k->dumping;
    return busy && (req->verb == GATE_OPEN || req->verb == GATE_CLOSE);
}

static void begin_dump(struct controller *k)
{
    k->dump_waits = false;
    k->dumping = true;
    k->dump_at = 0;
}

/* Up to the first that must wait. */
static void serve_pending(struct controller *k)
{
    while (k->peer.fd >= 0 && k->next_pending < k->n_pending) {
        const struct gate_request *next = &k->pending[k->next_pending];
        size_t n = 0, left = k->n_pending - k->next_pending;
        while (n < left && next[n].verb != GATE_DUMP && !must_wait(k, &next[n]))
            n++;
        k->next_pending += n;
        if (n > 0) {
            work_requests(k->g, next, n);
        } else if (next->verb == GATE_DUMP && !k->dump_waits && !k->dumping) {
            k->dump_seq = next->seq;
            k->dump_waits = true;
            k->next_pending++;
            if (!adoption_holds(k->g))
                begin_dump(k);
        } else {
            return;
        }
    }
}

/* False: the connection is over. */
static bool take_request(struct controller *k, const char *packet, size_t len)
{
    struct gate_request *req = &k->pending[k->n_pending];
    int status = len > 0 ? verbs_decode(packet, len, req) : -1;
    if (status == GATE_INVALID) {
        struct gate_reply r = {.verb = req->verb, .seq = req->seq, .status = GATE_INVALID};
        controller_reply(k, &r);
    } else if (status == GATE_OK && req->verb == GATE_HELLO) {
        struct gate_reply r = hello_reply(k->g, req, GATE_OK);
        controller_reply(k, &r);
    } else if (status == GATE_OK) {
        k->n_pending++;
    } else if (len == 0) {
        lose_peer(k, "hung up");
    } else {
        log_msg(LOG_WARNING, "event=bad-packet from=controller bytes=%zu", len);
        lose_peer(k, "sent what is no request");
    }
    return k->peer.fd >= 0;
}

/* Reads all that waits, up to a batch, or the first alone, which costs less: how much it was. */
static size_t read_requests(struct controller *k, bool one)
{
    ssize_t n;
    k->n_pending = k->next_pending = 0;
    do
        n = one ? recv(k->peer.fd, k->in.bytes[0], sizeof k->in.bytes[0], MSG_DONTWAIT)
                : recvmmsg(k->peer.fd, k->in.packets, GATE_BATCH, MSG_DONTWAIT, NULL);
    while (n < 0 && errno == EINTR);
    if (one && n >= 0) {
        k->in.packets[0].msg_len = (unsigned)n;
        n = 1;
    }
    if (n < 0 && errno != EAGAIN)
        lose_peer(k, "hung up");
    for (ssize_t i = 0; i < n; i++)
        if (!take_request(k, k->in.bytes[i], k->in.packets[i].msg_len))
            return 0;
    return n > 0 ? (size_t)n : 0;
}

/* What is asked while answers go out is read at once: on one processor the other end runs as soon
 * as it is told, and has often asked again when send(2) returns. A batch in all: others wait. From
 * one who asks one thing at a time that is read without a look for what is behind it, three times
 * in four: mostly there is nothing. */
static void serve_new(struct controller *k)
{
    size_t served = 0, n = 0;
    do {
        if (k->peer.fd < 0 || k->waiting > 0 || k->next_pending < k->n_pending)
            return;
        n = read_requests(k, n == 1 && served % 4 != 0);
        serve_pending(k);
        served += n;
    } while (n > 0 && served < GATE_BATCH && flush_queue(k));
}

/* A dump goes on when there is room; a request that must wait is not woken for. */
static int wanted_events(struct controller *k)
{
    bool sent = flush_queue(k), blocked = k->next_pending < k->n_pending;
    if (k->dumping || !sent)
        return sent && !blocked ? LOOP_READ | LOOP_WRITE : LOOP_WRITE;
    return blocked && adoption_holds(k->g) ? 0 : LOOP_READ;
}

static void on_peer(void *arg, int fd, int events)
{
    struct controller *k = arg;
    (void)fd, (void)events;
    if (!flush_queue(k)) {
        if (!peer_alive(k))
            lose_peer(k, "hung up");
        return;
    }
    k->gathering = true;
    serve_pending(k);
    serve_new(k);
    if (k->peer.fd >= 0 && k->dumping) {
        dump_on(k);
        serve_pending(k); /* what waited for its end */
    }
    k->gathering = false;
    if (k->peer.fd >= 0)
        loop_io_set(k->peer.io, wanted_events(k));
}

void controller_list_again(struct controller *k)
{
    if (k)
        lose_peer(k, "devices were found after the list");
}

void controller_adopted(struct controller *k)
{
    if (!k || k->peer.fd < 0)
        return;
    if (k->dump_waits)
        begin_dump(k);
    loop_io_set(k->peer.io, LOOP_READ | LOOP_WRITE); /* on_peer sees to the rest */
}

/* --- life
 * -----------------------------------------------------------------------------------------------
 */

struct controller *controller_new(struct gate *g, int listen_fd, unsigned uid)
{
    struct controller *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->g = g;
    k->listen_fd = listen_fd;
    k->uid = uid;
    k->peer.fd = -1;
    for (int i = 0; i < MAX_GUESTS; i++)
        k->guests[i].fd = -1;
    for (int i = 0; i < GATE_BATCH; i++) {
        k->in.iov[i] = (struct iovec){k->in.bytes[i], sizeof k->in.bytes[i]};
        k->in.packets[i].msg_hdr = (struct msghdr){.msg_iov = &k->in.iov[i], .msg_iovlen = 1};
    }
    k->queue = calloc(QUEUE_MAX, sizeof *k->queue);
    k->listen_io = loop_io_new(g->loop, listen_fd, LOOP_READ, on_connect, k);
    if (!k->queue || !k->listen_io) {
        controller_free(k);
        return NULL;
    }
    return k;
}

void controller_free(struct controller *k)
{
    if (!k)
        return;
    for (int i = 0; i < MAX_GUESTS; i++)
        hang_up(&k->guests[i]);
    hang_up(&k->peer);
    loop_io_free(k->listen_io);
    free(k->queue);
    free(k);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One list of calls in the order asked. A call leaves it with its answer, its deadline, or when it
 * is cancelled. On a connection: HELLO, DUMP, then the whole list is sent from its head, and what
 * comes later as it comes; a lost connection just moves "not yet sent" back to the head. Questions
 * that somebody waits for and that change nothing do not wait for the dump's end: with a hundred
 * thousand devices it takes the kernel a second. The gate serves one controller: while it has not
 * yet noticed that our predecessor died it says BUSY, so BUSY is final only after a second.
 *
 * The gate answers in the order asked. So of the readings that sessions ask for, tens of thousands
 * at once after a restart, PATIENT_MAX are under way and the others are held: somebody's page or
 * join is never behind more than those. */
#include "portal/gate_client.h"
#include "lib/log.h"
#include "lib/loop.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

enum {
    RETRY_SOON_MS = 20, /* for the first second after a loss */
    RETRY_MS = 250,
    SOON_MS = 1000,
    BUSY_PATIENCE_MS = 1000,
    ANSWER_MS = 5000,   /* to HELLO and each part of DUMP but the first */
    ADOPTS_MS = 60000,  /* to that: a gate that was just started looks for them all */
    MAX_WAITING = 4096, /* calls with a deadline: those that strangers cause */
    PATIENT_MAX = 32,   /* readings without a deadline: a millisecond of the gate's time */
    READ_BATCH = 32,    /* a turn: each may begin or go on with a session, some 30 us */
    SEND_ROOM = 4 << 20 /* some thousand requests; the kernel may give less */
};

struct gate_call {
    struct gate_client *g;
    struct gate_request request;
    gate_reply_fn fn;
    void *arg;
    struct loop_timer *timer;
    bool sent;
    bool patient, held; /* a reading without a deadline; that waits for its turn */
    bool early;         /* need not wait for the dump */
    struct gate_call *prev, *next;
    UT_hash_handle hh; /* by request.seq; not while it is held: a table of all would have to grow */
};

enum phase { AWAY, HELLO_SENT, LISTING, READY, REFUSED };

struct gate_client {
    struct loop *loop;
    const char *path;
    const struct gate_client_handler *on;
    void *arg;
    int fd;
    enum phase phase;
    struct loop_io *io;
    struct loop_timer *retry, *answer;
    uint64_t away_since_ms;
    uint64_t busy_since_ms;
    uint32_t next_seq, greeting_seq;
    struct gate_hello hello;
    struct gate_call *calls, *by_seq, *next_to_send;
    struct gate_call *held; /* only while PATIENT_MAX are among calls */
    size_t n_calls, n_deadlines, n_patient;
    uint64_t losses;
    int last_errno; /* of connect; logged when it changes */
};

static void on_io(void *arg, int fd, int events);
static void connect_now(void *arg);

static uint32_t take_seq(struct gate_client *g)
{
    if (++g->next_seq == 0)
        g->next_seq = 1;
    return g->next_seq;
}

static void disconnect(struct gate_client *g)
{
    loop_io_free(g->io);
    g->io = NULL;
    if (g->fd >= 0)
        close(g->fd);
    g->fd = -1;
    loop_timer_stop(g->answer);
}

static void lose(struct gate_client *g, const char *why)
{
    enum phase was = g->phase;
    struct gate_call *c;

    disconnect(g);
    g->phase = AWAY;
    DL_FOREACH (g->calls, c) {
        c->sent = false;
    }
    g->next_to_send = g->calls;
    if (was == READY || was == LISTING) {
        g->losses++;
        g->away_since_ms = loop_now_ms();
        log_msg(LOG_WARNING, "event=gate_lost why=\"%s\" waiting=%zu", why, g->n_calls);
        if (g->on->lost)
            g->on->lost(g->arg);
    }
    uint64_t away_ms = loop_now_ms() - g->away_since_ms;
    loop_timer_start(g->retry, away_ms < SOON_MS ? RETRY_SOON_MS : RETRY_MS);
}

static bool send_packet(struct gate_client *g, const struct gate_request *r)
{
    ssize_t n = send(g->fd, r, sizeof *r, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n == (ssize_t)sizeof *r;
}

/* Sends what was not sent yet, until the socket is full. */
static void flush(struct gate_client *g)
{
    if (g->phase != READY)
        return;
    for (; g->next_to_send; g->next_to_send = g->next_to_send->next) {
        if (g->next_to_send->sent)
            continue;
        if (send_packet(g, &g->next_to_send->request)) {
            g->next_to_send->sent = true;
            continue;
        }
        if (errno != EAGAIN && errno != EWOULDBLOCK && errno != ENOBUFS && errno != EINTR) {
            lose(g, strerror(errno));
            return;
        }
        loop_io_set(g->io, LOOP_READ | LOOP_WRITE);
        return;
    }
    loop_io_set(g->io, LOOP_READ);
}

/* What finds the socket full goes with the others. */
static void send_early(struct gate_client *g, struct gate_call *c)
{
    if (g->phase == LISTING && c->early && !c->sent)
        c->sent = send_packet(g, &c->request);
}

static void greet(struct gate_client *g, enum gate_verb verb, enum phase phase)
{
    struct gate_request r = {.verb = (uint16_t)verb, .seq = take_seq(g)};
    if (verb == GATE_HELLO)
        r.hello.version = GATE_PROTO_VERSION;
    g->greeting_seq = r.seq;
    g->phase = phase;
    loop_timer_start(g->answer, verb == GATE_DUMP ? ADOPTS_MS : ANSWER_MS);
    if (!send_packet(g, &r))
        lose(g, strerror(errno));
}

static int dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = -1;

    if (strlen(path) >= sizeof a.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(a.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int room = SEND_ROOM;
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        int e = errno;
        close(fd);
        errno = e;
        fd = -1;
    }
    return fd;
}

static void connect_now(void *arg)
{
    struct gate_client *g = arg;
    uint64_t away_ms = loop_now_ms() - g->away_since_ms;

    g->fd = dial(g->path);
    if (g->fd < 0) {
        if (errno != g->last_errno)
            log_msg(LOG_WARNING, "event=gate_away path=%s why=\"%s\"", g->path, strerror(errno));
        g->last_errno = errno;
        loop_timer_start(g->retry, away_ms < SOON_MS ? RETRY_SOON_MS : RETRY_MS);
        return;
    }
    g->last_errno = 0;
    g->io = loop_io_new(g->loop, g->fd, LOOP_READ, on_io, g);
    if (g->io)
        greet(g, GATE_HELLO, HELLO_SENT);
    else
        lose(g, "out of memory");
}

static void answer_is_late(void *arg)
{
    lose(arg, "no answer to the greeting");
}

static void refused(struct gate_client *g, enum gate_status why)
{
    if (why == GATE_BUSY) {
        if (!g->busy_since_ms)
            g->busy_since_ms = loop_now_ms();
        if (loop_now_ms() - g->busy_since_ms < BUSY_PATIENCE_MS) {
            disconnect(g);
            g->phase = AWAY;
            loop_timer_start(g->retry, RETRY_SOON_MS * 2);
            return;
        }
    }
    disconnect(g);
    g->phase = REFUSED;
    g->on->refused(g->arg, why);
}

static void on_hello(struct gate_client *g, const struct gate_reply *r)
{
    if (r->status != GATE_OK) {
        refused(g, (enum gate_status)r->status);
        return;
    }
    g->busy_since_ms = 0;
    g->hello = r->hello;
    if (g->on->hello)
        g->on->hello(g->arg, &g->hello);
    greet(g, GATE_DUMP, LISTING);
    struct gate_call *c;
    DL_FOREACH (g->calls, c) {
        send_early(g, c);
    }
}

static void on_listing(struct gate_client *g, const struct gate_reply *r)
{
    if (r->status == GATE_MORE) {
        loop_timer_start(g->answer, ANSWER_MS);
        g->on->device(g->arg, &r->entry);
        return;
    }
    if (r->status != GATE_OK) {
        log_msg(LOG_ERR, "event=gate_dump_failed status=%u errno=%d", r->status, r->error);
        lose(g, "the dump failed");
        return;
    }
    loop_timer_stop(g->answer);
    if (r->hello.version == GATE_PROTO_VERSION)
        g->hello = r->hello; /* it may have adopted some since its own */
    g->phase = READY;
    g->next_to_send = g->calls;
    g->on->listed(g->arg, &g->hello);
    flush(g);
}

static void put_in_line(struct gate_client *g, struct gate_call *c)
{
    HASH_ADD(hh, g->by_seq, request.seq, sizeof c->request.seq, c);
    DL_APPEND(g->calls, c);
    g->n_patient += c->patient;
    send_early(g, c);
    if (g->next_to_send)
        return;
    g->next_to_send = c;
    if (g->phase == READY) /* a turn's calls leave together: one netlink transaction */
        loop_io_set(g->io, LOOP_READ | LOOP_WRITE);
}

static void leave_line(struct gate_client *g, struct gate_call *c)
{
    struct gate_call *next = g->held;

    if (c->held) {
        DL_DELETE(g->held, c);
        return;
    }
    if (g->next_to_send == c)
        g->next_to_send = c->next;
    HASH_DEL(g->by_seq, c);
    DL_DELETE(g->calls, c);
    g->n_patient -= c->patient;
    if (!c->patient || !next)
        return;
    DL_DELETE(g->held, next);
    next->held = false;
    put_in_line(g, next);
}

static void drop_call(struct gate_call *c)
{
    struct gate_client *g = c->g;
    leave_line(g, c);
    g->n_calls--;
    if (c->timer)
        g->n_deadlines--;
    loop_timer_free(c->timer);
    free(c);
}

static void finish(struct gate_call *c, const struct gate_reply *reply)
{
    gate_reply_fn fn = c->fn;
    void *arg = c->arg;
    drop_call(c);
    fn(arg, reply);
}

static void on_packet(struct gate_client *g, const struct gate_reply *r)
{
    struct gate_call *c = NULL;

    if (r->seq == 0) {
        /* Between HELLO and the end of the list events would meet half a table. */
        if (g->phase == READY)
            g->on->event(g->arg, r);
        return;
    }
    if (r->seq == g->greeting_seq) {
        if (g->phase == HELLO_SENT)
            on_hello(g, r);
        else if (g->phase == LISTING)
            on_listing(g, r);
        return;
    }
    HASH_FIND(hh, g->by_seq, &r->seq, sizeof r->seq, c);
    if (!c || !c->sent || c->request.verb != r->verb)
        return;
    if (r->verb == GATE_HELLO && r->status == GATE_OK)
        g->hello = r->hello;
    if (r->status == GATE_MORE)
        c->fn(c->arg, r);
    else
        finish(c, r);
}

static void on_io(void *arg, int fd, int events)
{
    struct gate_client *g = arg;
    struct gate_reply r;

    if (events & LOOP_WRITE)
        flush(g);
    /* Whoever is called may lose or free nothing but the connection, so fd is looked at each time.
     */
    for (int i = 0; i < READ_BATCH && g->fd == fd && fd >= 0; i++) {
        ssize_t n = recv(fd, &r, sizeof r, MSG_DONTWAIT | MSG_TRUNC);
        if (n == (ssize_t)sizeof r) {
            on_packet(g, &r);
        } else if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
            return;
        } else {
            const char *why = n == 0  ? "hung up"
                              : n < 0 ? strerror(errno)
                                      : "a packet of another size";
            lose(g, why);
        }
    }
}

struct gate_client *gate_client_new(struct loop *loop, const char *path,
                                    const struct gate_client_handler *handler, void *arg)
{
    struct gate_client *g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    g->loop = loop;
    g->path = path;
    g->on = handler;
    g->arg = arg;
    g->fd = -1;
    g->away_since_ms = loop_now_ms();
    g->retry = loop_timer_new(loop, connect_now, g);
    g->answer = loop_timer_new(loop, answer_is_late, g);
    if (!g->retry || !g->answer) {
        gate_client_free(g);
        return NULL;
    }
    loop_timer_start(g->retry, 0);
    return g;
}

void gate_client_free(struct gate_client *g)
{
    if (!g)
        return;
    while (g->calls)
        drop_call(g->calls);
    if (g->fd >= 0)
        disconnect(g);
    loop_timer_free(g->retry);
    loop_timer_free(g->answer);
    free(g);
}

bool gate_client_lists(const struct gate_client *g)
{
    return g->phase == LISTING;
}

bool gate_client_ready(const struct gate_client *g)
{
    return g->phase == READY;
}

const struct gate_hello *gate_client_hello(const struct gate_client *g)
{
    return &g->hello;
}

size_t gate_client_waiting(const struct gate_client *g)
{
    return g->n_calls;
}

uint64_t gate_client_losses(const struct gate_client *g)
{
    return g->losses;
}

static void deadline_passed(void *arg)
{
    finish(arg, NULL);
}

struct gate_call *gate_client_call(struct gate_client *g, const struct gate_request *request,
                                   uint64_t deadline_ms, gate_reply_fn fn, void *arg)
{
    struct gate_call *c = NULL;

    if (deadline_ms && g->n_deadlines >= MAX_WAITING)
        return NULL;
    c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->timer = deadline_ms ? loop_timer_new(g->loop, deadline_passed, c) : NULL;
    if (deadline_ms && !c->timer) {
        free(c);
        return NULL;
    }
    c->g = g;
    c->request = *request;
    c->request.seq = take_seq(g);
    c->fn = fn;
    c->arg = arg;
    g->n_calls++;
    if (c->timer) {
        g->n_deadlines++;
        loop_timer_start(c->timer, deadline_ms);
    }
    c->patient = request->verb == GATE_READ && !deadline_ms;
    c->early = deadline_ms && request->verb != GATE_OPEN && request->verb != GATE_CLOSE;
    c->held = c->patient && g->n_patient >= PATIENT_MAX;
    if (c->held)
        DL_APPEND(g->held, c);
    else
        put_in_line(g, c);
    return c;
}

void gate_call_cancel(struct gate_call *call)
{
    drop_call(call);
}

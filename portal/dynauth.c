/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The listener for Disconnect-Request and CoA-Request (RFC 5176).
 *
 * Anybody can send a datagram, so what is not from a configured server's address, or not signed
 * with its secret (Message-Authenticator included), is dropped without a word, counted, and logged
 * at a bounded rate. So is what carries a time of more than five minutes ago.
 *
 * A request is done once. The last SEEN_MAX of them are remembered by their authenticator, which is
 * a digest of all that they ask: a retransmission gets the answer of the first one, or none while
 * that is still being done; a replay, from whatever port, does nothing. The answer leaves when the
 * gate has done it: an ACK means that the kernel lets no packet of the session through any more, or
 * holds its new rate. */
#include "portal/dynauth.h"
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/portal.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>
#include <utlist.h>

enum {
    SEEN_MAX = 4096,
    JOBS_MAX = 256,
    GATE_MS = 3000, /* a gate that takes longer: NAK, and it is done as soon as the gate is back */
    READ_BATCH = 64
};

struct seen_key {
    uint8_t authenticator[16];
    uint8_t id, server;
};

struct seen {
    struct seen_key key;
    bool answered;
    enum dynauth_cause cause;
    UT_hash_handle hh; /* in order of arrival */
};

struct peer { /* where a request came from, and to which of our addresses */
    struct sockaddr_in6 from;
    struct in6_pktinfo to;
    bool has_to;
};

struct job { /* a request that the gate is working on */
    struct dynauth *a;
    struct device *d;
    struct waiter waiter;
    struct loop_timer *timer;
    struct peer peer;
    struct seen_key key;
    bool disconnect;
    char session_id[TAG_ID_LEN];
    struct job *prev, *next;
    size_t len;
    uint8_t request[];
};

struct dynauth {
    struct portal *p;
    int fd;
    struct loop_io *io;
    struct in6_addr servers[CONFIG_MAX_SERVERS]; /* IPv4 ones mapped */
    struct seen *seen;
    struct job *jobs;
    size_t n_jobs;
    struct dynauth_stats stats;
    struct log_limit limit;
};

/* --- answering -----------------------------------------------------------------------------------
 */

static const char *address_text(const struct sockaddr_in6 *a, char buf[static INET6_ADDRSTRLEN])
{
    if (IN6_IS_ADDR_V4MAPPED(&a->sin6_addr))
        inet_ntop(AF_INET, a->sin6_addr.s6_addr + 12, buf, INET6_ADDRSTRLEN);
    else
        inet_ntop(AF_INET6, &a->sin6_addr, buf, INET6_ADDRSTRLEN);
    return buf;
}

/* From the very address that was asked: servers know a router by it. */
static void send_from(struct dynauth *a, const struct peer *peer, const struct radius_packet *p)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(struct in6_pktinfo))];
    } control = {.room = {0}};
    struct iovec data = {(void *)(uintptr_t)p->data, p->len};
    struct sockaddr_in6 to = peer->from;
    struct msghdr m = {
        .msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &data, .msg_iovlen = 1};

    if (peer->has_to) {
        m.msg_control = &control;
        m.msg_controllen = sizeof control;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = IPPROTO_IPV6;
        c->cmsg_type = IPV6_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof peer->to);
        memcpy(CMSG_DATA(c), &peer->to, sizeof peer->to);
    }
    sendmsg(a->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL); /* lost: the server asks again */
}

static void send_answer(struct dynauth *a, const struct peer *peer, const struct seen_key *key,
                        const uint8_t *request, size_t len, enum dynauth_cause cause)
{
    struct radius_packet p;
    if (dynauth_answer(&p, request, len, cause, a->p->boot->radius.servers[key->server].secret))
        send_from(a, peer, &p);
}

static struct seen *seen_find(struct dynauth *a, const struct seen_key *key)
{
    struct seen *s = NULL;
    HASH_FIND(hh, a->seen, key, sizeof *key, s);
    return s;
}

static void answer(struct dynauth *a, const struct peer *peer, const struct seen_key *key,
                   const uint8_t *request, size_t len, enum dynauth_cause cause)
{
    struct seen *s = seen_find(a, key);
    char from[INET6_ADDRSTRLEN];

    if (s) {
        s->answered = true;
        s->cause = cause;
    }
    cause == DYNAUTH_FINE ? a->stats.acks++ : a->stats.naks++;
    log_msg(cause == DYNAUTH_FINE ? LOG_INFO : LOG_NOTICE,
            "event=centre_asked what=%s server=%s from=%s answer=%s error_cause=%d",
            request[0] == RADIUS_DISCONNECT_REQUEST ? "disconnect" : "change",
            a->p->boot->radius.servers[key->server].name, address_text(&peer->from, from),
            cause == DYNAUTH_FINE ? "ack" : "nak", cause);
    send_answer(a, peer, key, request, len, cause);
}

/* --- doing ---------------------------------------------------------------------------------------
 */

static void job_free(struct job *j)
{
    struct dynauth *a = j->a;
    device_unwait(&j->waiter);
    loop_timer_free(j->timer);
    j->d->refs--;
    devices_touch(a->p->devices, j->d);
    DL_DELETE(a->jobs, j);
    a->n_jobs--;
    free(j);
}

static void job_end(struct job *j, enum dynauth_cause cause)
{
    answer(j->a, &j->peer, &j->key, j->request, j->len, cause);
    job_free(j);
}

static void on_settled(void *arg)
{
    struct job *j = arg;
    const struct session *s = &j->d->session;
    bool same = strcmp(s->id, j->session_id) == 0;

    if (same && (s->state == SESSION_OPENING || s->state == SESSION_CLOSING ||
                 (j->disconnect && s->state == SESSION_OPEN))) {
        device_wait(j->d, &j->waiter, on_settled, j); /* somebody else's news */
        return;
    }
    if (j->disconnect)
        job_end(j, DYNAUTH_FINE);
    else
        job_end(j, same && s->state == SESSION_OPEN ? DYNAUTH_FINE : DYNAUTH_RESOURCES);
}

static void gate_is_late(void *arg)
{
    struct job *j = arg;
    job_end(j, j->disconnect ? DYNAUTH_NOT_REMOVABLE : DYNAUTH_RESOURCES);
}

static struct job *job_new(struct dynauth *a, struct device *d, size_t len)
{
    struct job *j = a->n_jobs < JOBS_MAX ? calloc(1, sizeof *j + len) : NULL;
    if (!j)
        return NULL;
    j->timer = loop_timer_new(a->p->loop, gate_is_late, j);
    if (!j->timer) {
        free(j);
        return NULL;
    }
    j->a = a;
    j->d = d;
    j->len = len;
    d->refs++;
    DL_APPEND(a->jobs, j);
    a->n_jobs++;
    return j;
}

static struct device *find(struct portal *p, const struct dynauth_request *r)
{
    if (r->has_mac)
        return devices_find(p->devices, &r->mac);
    for (struct device *d = devices_first(p->devices); d; d = devices_next(d))
        if (strcmp(d->session.id, r->session_id) == 0)
            return d;
    return NULL;
}

/* The session that is meant, if it can be ended or changed; else NULL. */
static struct device *find_session(struct portal *p, const struct dynauth_request *r)
{
    struct device *d = find(p, r);
    const struct session *s = d ? &d->session : NULL;

    if (!s || (r->session_id[0] && strcmp(s->id, r->session_id) != 0))
        return NULL;
    uint8_t cui_len;
    const uint8_t *cui = session_cui(s, &cui_len);
    if (r->cui_len && cui_len && (r->cui_len != cui_len || memcmp(r->cui, cui, cui_len) != 0))
        return NULL;
    bool there = session_is_open(s);
    if (r->disconnect)
        there = there || s->state == SESSION_OPENING || s->state == SESSION_CLOSING;
    return there ? d : NULL;
}

/* Only an address of this machine can be bound to. */
static bool address_is_ours(const struct dynauth_request *r)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6};
    struct sockaddr_in a4 = {.sin_family = AF_INET};
    bool four = r->nas_ip_len == 4;
    int fd = socket(four ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int bound = -1;

    if (fd < 0)
        return false;
    if (four) {
        memcpy(&a4.sin_addr, r->nas_ip, 4);
        bound = a4.sin_addr.s_addr ? bind(fd, (struct sockaddr *)&a4, sizeof a4) : -1;
    } else {
        memcpy(&a.sin6_addr, r->nas_ip, 16);
        bound =
            IN6_IS_ADDR_UNSPECIFIED(&a.sin6_addr) ? -1 : bind(fd, (struct sockaddr *)&a, sizeof a);
    }
    close(fd);
    return bound == 0;
}

static enum dynauth_cause begin(struct dynauth *a, const struct peer *peer,
                                const struct seen_key *key, const struct dynauth_request *r,
                                const uint8_t *data, size_t len)
{
    struct device *d = find_session(a->p, r);
    struct job *j = d ? job_new(a, d, len) : NULL;

    if (!j)
        return d ? DYNAUTH_RESOURCES : DYNAUTH_NOT_FOUND;
    j->peer = *peer;
    j->key = *key;
    j->disconnect = r->disconnect;
    memcpy(j->session_id, d->session.id, sizeof j->session_id);
    memcpy(j->request, data, len);
    log_msg(LOG_NOTICE, "event=%s device=%s session=%s by=%s",
            r->disconnect ? "disconnect_asked" : "change_asked", d->pseudonym, d->session.id,
            a->p->boot->radius.servers[key->server].name);
    device_wait(d, &j->waiter, on_settled, j);
    loop_timer_start(j->timer, GATE_MS);
    if (r->disconnect)
        sessions_end(d, ACCT_CAUSE_ADMIN_RESET); /* j may be gone after this */
    else
        sessions_change(d, &r->change);
    return DYNAUTH_FINE;
}

/* --- taking requests -----------------------------------------------------------------------------
 */

static struct seen *remember(struct dynauth *a, const struct seen_key *key)
{
    struct seen *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    if (HASH_COUNT(a->seen) >= SEEN_MAX) {
        struct seen *oldest = a->seen;
        HASH_DEL(a->seen, oldest);
        free(oldest);
    }
    s->key = *key;
    HASH_ADD(hh, a->seen, key, sizeof s->key, s);
    return s;
}

/* The server's number, or -1 with the best reason why not. */
static int authenticate(struct dynauth *a, const struct peer *peer, const uint8_t *data, size_t len)
{
    const struct conf *conf = a->p->boot;
    enum radius_fault fault = RADIUS_FAULTS;
    char from[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < conf->radius.n_servers; i++) {
        if (memcmp(&a->servers[i], &peer->from.sin6_addr, sizeof a->servers[i]) != 0)
            continue;
        fault = radius_check_request(data, len, conf->radius.servers[i].secret);
        if (fault == RADIUS_FINE)
            return (int)i;
    }
    if (fault == RADIUS_FAULTS)
        a->stats.strangers++;
    else
        a->stats.dropped[fault]++;
    log_limited(&a->limit, LOG_WARNING, "event=centre_request_dropped from=%s why=%s",
                address_text(&peer->from, from),
                fault == RADIUS_FAULTS ? "not-a-server" : radius_fault_name(fault));
    return -1;
}

static bool is_stale(struct dynauth *a, const struct peer *peer, const struct dynauth_request *r)
{
    int64_t away_s = r->has_time ? (int64_t)time(NULL) - r->time_s : 0;
    char from[INET6_ADDRSTRLEN];

    if (!texts_clock_sane() || (away_s <= DYNAUTH_WINDOW_S && away_s >= -DYNAUTH_WINDOW_S))
        return false;
    a->stats.stale++;
    log_limited(&a->limit, LOG_WARNING,
                "event=centre_request_dropped from=%s why=stale away_s=%lld",
                address_text(&peer->from, from), (long long)away_s);
    return true;
}

static void on_request(struct dynauth *a, const struct peer *peer, const uint8_t *data, size_t got)
{
    int server = authenticate(a, peer, data, got);
    struct dynauth_request r;
    struct seen_key key;

    if (server < 0)
        return;
    size_t len = (size_t)data[2] << 8 | data[3]; /* what is behind it is padding */
    memset(&key, 0, sizeof key);
    memcpy(key.authenticator, data + 4, sizeof key.authenticator);
    key.id = data[1];
    key.server = (uint8_t)server;
    const struct seen *s = seen_find(a, &key);
    if (s) {
        a->stats.repeated++;
        if (s->answered)
            send_answer(a, peer, &key, data, len, s->cause);
        return;
    }
    enum dynauth_cause cause = dynauth_read(data, len, a->p->boot->nas_identifier, &r);
    if (is_stale(a, peer, &r))
        return;
    if (!remember(a, &key)) /* out of memory: what cannot be done once is not done */
        return;
    r.disconnect ? a->stats.disconnects++ : a->stats.changes++;
    if (cause == DYNAUTH_FINE && r.nas_ip_len && !address_is_ours(&r))
        cause = DYNAUTH_NAS_MISMATCH;
    if (cause == DYNAUTH_FINE)
        cause = begin(a, peer, &key, &r, data, len);
    if (cause != DYNAUTH_FINE)
        answer(a, peer, &key, data, len, cause);
}

static void on_readable(void *arg, int fd, int events)
{
    struct dynauth *a = arg;
    uint8_t data[RADIUS_MAX_PACKET];
    (void)events;

    for (int i = 0; i < READ_BATCH; i++) {
        union {
            struct cmsghdr head;
            char room[256];
        } control;
        struct peer peer = {.has_to = false};
        struct iovec iov = {data, sizeof data};
        struct msghdr m = {.msg_name = &peer.from,
                           .msg_namelen = sizeof peer.from,
                           .msg_iov = &iov,
                           .msg_iovlen = 1,
                           .msg_control = &control,
                           .msg_controllen = sizeof control};
        ssize_t n = recvmsg(fd, &m, MSG_DONTWAIT);
        if (n < 0)
            return;
        for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
            if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO)
                continue;
            memcpy(&peer.to, CMSG_DATA(c), sizeof peer.to);
            peer.has_to = true;
        }
        on_request(a, &peer, data, (size_t)n);
    }
}

/* --- life ----------------------------------------------------------------------------------------
 */

/* One socket for both families. Where the kernel has no IPv6 there is nothing to map IPv4 into; a
 * router without it is not one of ours. */
static int listen_on(uint16_t port)
{
    struct sockaddr_in6 a = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    int off = 0, on = 1;
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off) == 0 &&
        setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) == 0 &&
        bind(fd, (struct sockaddr *)&a, sizeof a) == 0)
        return fd;
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
    return -1;
}

static void read_servers(struct dynauth *a)
{
    const struct conf *conf = a->p->boot;
    for (size_t i = 0; i < conf->radius.n_servers; i++) {
        struct in6_addr *out = &a->servers[i];
        if (inet_pton(AF_INET, conf->radius.servers[i].address, out->s6_addr + 12) == 1)
            out->s6_addr[10] = out->s6_addr[11] = 0xff;
        else if (inet_pton(AF_INET6, conf->radius.servers[i].address, out) != 1)
            *out = in6addr_any; /* a scope behind it: no packet comes from there */
    }
}

struct dynauth *dynauth_new(struct portal *p, char *err, size_t err_len)
{
    struct dynauth *a = calloc(1, sizeof *a);
    uint16_t port = p->boot->radius.disconnect_port;

    if (!a) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    a->p = p;
    a->limit = (struct log_limit){.interval_ms = 60000, .burst = 5};
    read_servers(a);
    a->fd = listen_on(port);
    if (a->fd >= 0)
        a->io = loop_io_new(p->loop, a->fd, LOOP_READ, on_readable, a);
    if (a->io)
        return a;
    snprintf(err, err_len, "UDP port %u (radius.disconnect_port): %s", port, strerror(errno));
    dynauth_free(a);
    return NULL;
}

void dynauth_free(struct dynauth *a)
{
    struct seen *s, *tmp;

    if (!a)
        return;
    while (a->jobs)
        job_free(a->jobs);
    HASH_ITER (hh, a->seen, s, tmp) {
        HASH_DEL(a->seen, s);
        free(s);
    }
    loop_io_free(a->io);
    if (a->fd >= 0)
        close(a->fd);
    free(a);
}

void dynauth_stats(const struct dynauth *a, struct dynauth_stats *out)
{
    if (a)
        *out = a->stats;
    else
        memset(out, 0, sizeof *out);
}

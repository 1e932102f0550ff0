/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets and identifiers. A RADIUS packet is known by (source port, identifier), so one socket
 * carries at most 256 questions. A square full of devices after a blackout needs more, and gets
 * another socket, up to RADIUS_SOCKETS. An identifier is not given out again while its leg is open,
 * and they are given out in turn, so that a reply that comes too late does not meet a younger
 * question (if it does, its authenticator is wrong).
 *
 * Sockets are connected: the kernel then drops datagrams from anybody else, and tells of "port
 * unreachable" (ECONNREFUSED). They are opened when needed, never at start: a router's uplink often
 * comes up after its daemons. And they are retired when the network refuses to send, because a
 * connected socket keeps the source address that the router had when it was opened. */
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/loop.h"
#include "portal/radius_internal.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utlist.h>

enum {
    IDS = 256,
    READS_A_TURN = 64, /* then the loop has its turn again */
    RECEIVE_BUFFER = 1 << 20
};

static void close_socket(struct radius_socket *s)
{
    DL_DELETE(s->lane->sockets, s);
    loop_io_free(s->io);
    close(s->fd);
    free(s);
}

static void close_if_done(struct radius_socket *s)
{
    if (s->retired && s->used == 0 && !s->reading)
        close_socket(s);
}

/* --- receiving ---------------------------------------------------------------------------------
 */

static void drop(struct radius_lane *lane, enum radius_fault fault)
{
    lane->dropped[fault]++;
    log_limited(&lane->client->drop_limit, LOG_WARNING,
                "event=radius-reply-dropped server=%s fault=%s", lane->server->name,
                radius_fault_name(fault));
}

static bool code_fits(const struct radius_leg *leg, uint8_t code)
{
    if (leg->lane->purpose == RADIUS_FOR_ACCOUNTING)
        return code == RADIUS_ACCOUNTING_RESPONSE;
    return code == RADIUS_ACCESS_ACCEPT || code == RADIUS_ACCESS_REJECT ||
           code == RADIUS_ACCESS_CHALLENGE;
}

/* A probe's answer says one bit, "I live"; FreeRADIUS before 3.2.5 sends it without
 * Message-Authenticator even where the real answers have one. That is enough from a server that has
 * shown that it can do better, else it would come back to life only to be ignored. */
static bool probe_is_answered(const struct radius_leg *leg, enum radius_fault fault)
{
    return fault == RADIUS_FINE || (fault == RADIUS_NO_MESSAGE_AUTHENTICATOR && leg->lane->proven);
}

static void received(struct radius_socket *s, const uint8_t *data, size_t len)
{
    struct radius_lane *lane = s->lane;
    enum radius_fault fault = radius_check_form(data, len);

    if (fault != RADIUS_FINE) {
        drop(lane, fault);
        return;
    }
    struct radius_leg *leg = s->slot[data[1]];
    if (leg == NULL || !code_fits(leg, data[0])) {
        drop(lane, RADIUS_UNEXPECTED);
        return;
    }
    fault = radius_check_reply(data, len, leg->authenticator, lane->server->secret);
    if (leg->exchange == NULL && probe_is_answered(leg, fault)) {
        radius_lane_answered(lane, leg);
    } else if (fault != RADIUS_FINE) {
        drop(lane, fault);
    } else {
        radius_lane_answered(lane, leg);
        radius_exchange_reply(leg, data, len);
    }
}

static void readable(void *arg, int fd, int events)
{
    struct radius_socket *s = arg;
    uint8_t data[RADIUS_MAX_PACKET];

    (void)events;
    s->reading = true;
    for (int i = 0; i < READS_A_TURN; i++) {
        ssize_t len = recv(fd, data, sizeof data, MSG_DONTWAIT);
        if (len >= 0) {
            received(s, data, (size_t)len);
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK)
            radius_lane_refused(s->lane, errno);
        break;
    }
    s->reading = false;
    close_if_done(s);
}

/* --- opening -----------------------------------------------------------------------------------
 */

static struct radius_socket *open_socket(struct radius_lane *lane)
{
    int size = RECEIVE_BUFFER;
    struct radius_socket *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    s->lane = lane;
    s->fd = socket(lane->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0)
        goto fail;
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* as much as the system allows */
    if (connect(s->fd, (const struct sockaddr *)&lane->address, lane->address_len) != 0)
        goto fail;
    s->io = loop_io_new(lane->client->loop, s->fd, LOOP_READ, readable, s);
    if (s->io == NULL)
        goto fail;
    crypto_random(&s->next_id, sizeof s->next_id);
    DL_APPEND(lane->sockets, s);
    return s;
fail:
    radius_lane_refused(lane, errno);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
    return NULL;
}

/* A socket with a free identifier; NULL with *full if there is none and there may be no more. */
static struct radius_socket *roomy_socket(struct radius_lane *lane, bool *full)
{
    struct radius_socket *s;
    unsigned n = 0;

    *full = false;
    DL_FOREACH (lane->sockets, s) {
        if (s->retired)
            continue;
        if (s->used < IDS)
            return s;
        n++;
    }
    *full = n >= RADIUS_SOCKETS;
    return *full ? NULL : open_socket(lane);
}

static bool build(struct radius_packet *p, const struct radius_lane *lane, uint8_t id,
                  const uint8_t authenticator[static 16], const struct radius_content *what)
{
    const char *secret = lane->server->secret;

    radius_begin_from(p, what->begun, what->len, id, authenticator);
    if (what->password != NULL)
        radius_add_password(p, what->password, secret);
    if (p->data[0] == RADIUS_ACCOUNTING_REQUEST) {
        int64_t delay_ms = (int64_t)loop_now_ms() - what->since_ms;
        radius_add_u32(p, RADIUS_ACCT_DELAY_TIME, delay_ms > 0 ? (uint32_t)(delay_ms / 1000) : 0);
    }
    return radius_sign(p, secret);
}

enum radius_leg_status radius_leg_open(struct radius_lane *lane, const struct radius_content *what,
                                       struct radius_leg **out)
{
    struct radius_packet p;
    uint8_t authenticator[16];
    bool full;
    struct radius_socket *s = roomy_socket(lane, &full);

    *out = NULL;
    if (s == NULL)
        return full ? RADIUS_LEG_NO_ID : RADIUS_LEG_UNREACHABLE;
    while (s->slot[s->next_id] != NULL)
        s->next_id++;
    crypto_random(authenticator, sizeof authenticator);
    struct radius_leg *leg = NULL;
    if (build(&p, lane, s->next_id, authenticator, what))
        leg = calloc(1, sizeof *leg + p.len);
    if (leg == NULL)
        return RADIUS_LEG_UNREACHABLE;
    leg->lane = lane;
    leg->socket = s;
    leg->id = s->next_id++;
    leg->len = p.len;
    memcpy(leg->packet, p.data, p.len);
    memcpy(leg->authenticator, p.data + 4, sizeof leg->authenticator);
    s->slot[leg->id] = leg;
    s->used++;
    *out = leg;
    return RADIUS_LEG_OPEN;
}

/* ECONNREFUSED here speaks of an earlier datagram of the socket, and this one was not sent; the
 * server is as unreachable as it was then. No room in a buffer is a lost packet like any other. */
bool radius_leg_send(struct radius_leg *leg)
{
    if (leg->sent_us == 0)
        leg->sent_us = loop_now_us();
    ssize_t n = send(leg->socket->fd, leg->packet, leg->len, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n >= 0 || errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == EINTR)
        return true;
    int error = errno;
    if (error != ECONNREFUSED)
        leg->socket->broken = leg->socket->retired = true;
    radius_lane_refused(leg->lane, error);
    return false;
}

void radius_leg_close(struct radius_leg *leg)
{
    if (leg == NULL)
        return;
    struct radius_socket *s = leg->socket;
    s->slot[leg->id] = NULL;
    s->used--;
    crypto_wipe(leg->packet, leg->len);
    free(leg);
    close_if_done(s);
}

void radius_sockets_retire(struct radius_lane *lane)
{
    struct radius_socket *s, *tmp;

    DL_FOREACH_SAFE (lane->sockets, s, tmp) {
        s->retired = true;
        close_if_done(s);
    }
}

void radius_sockets_free(struct radius_lane *lane)
{
    struct radius_socket *s, *tmp;

    DL_FOREACH_SAFE (lane->sockets, s, tmp)
        close_socket(s);
}

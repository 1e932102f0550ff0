/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which server is asked. They are a list: the first one that lives gets the questions, the others
 * are there for when it does not. (Balance is the centre's matter; a router that keeps to one
 * server keeps that server's caches warm.) Access and accounting of a server are judged apart: they
 * are two ports, and often two processes.
 *
 * A server is dead when a whole share of a question's time went by and nothing at all came from it
 * in that time, or when the network says that nobody listens. Then no citizen waits for it any
 * more: Status-Server (RFC 5997) asks how it is, soon at first, then every six seconds; the first
 * valid answer, to a probe or to a question still on its way, brings it back. A server that does
 * not know Status-Server gets one real question every DEAD_TIME_MS. When all are dead they are
 * asked all the same: the list is all there is.
 *
 * A server that answers probes but no questions would come back every second, and cost somebody a
 * wait each time; so the pause before the first probe doubles until a question is answered. */
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/radius_internal.h"
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

enum {
    DEAD_TIME_MS = 30000,
    BACKOFF_MS = 1000,
    BACKOFF_PROBING_MS = 6000, /* RFC 5997 section 4.2: not more often in the long run */
    BACKOFF_MAX_MS = 30000,
    ANSWERS_A_STEP = 32 /* the window grows by one: a server's socket holds some 270 datagrams */
};

static const char *purpose_name(enum radius_purpose p)
{
    return p == RADIUS_FOR_ACCESS ? "access" : "accounting";
}

/* --- health ------------------------------------------------------------------------------------
 */

static uint64_t jittered(uint32_t ms)
{
    uint16_t dice;

    crypto_random(&dice, sizeof dice);
    return ms - ms / 10 + (uint64_t)ms / 5 * dice / UINT16_MAX;
}

static void died(struct radius_lane *lane, const char *why)
{
    if (!lane->alive)
        return;
    lane->alive = false;
    lane->again_ms = loop_now_ms() + DEAD_TIME_MS;
    log_msg(LOG_WARNING, "event=radius-server-down server=%s for=%s why=\"%s\"", lane->server->name,
            purpose_name(lane->purpose), why);
    radius_sockets_retire(lane);
    loop_timer_start(lane->probe_timer, jittered(lane->backoff_ms));
    if (lane->backoff_ms < BACKOFF_MAX_MS)
        lane->backoff_ms *= 2;
}

static void revived(struct radius_lane *lane)
{
    if (lane->alive)
        return;
    lane->alive = true;
    log_msg(LOG_NOTICE, "event=radius-server-up server=%s for=%s", lane->server->name,
            purpose_name(lane->purpose));
    loop_timer_stop(lane->probe_timer);
    if (lane->purpose == RADIUS_FOR_ACCOUNTING && lane->client->revived != NULL)
        lane->client->revived(lane->client->revived_arg);
    if (lane->purpose == RADIUS_FOR_ACCESS && lane->client->access_back != NULL)
        lane->client->access_back(lane->client->access_back_arg);
}

void radius_lane_end_probe(struct radius_lane *lane)
{
    radius_leg_close(lane->probe);
    lane->probe = NULL;
}

void radius_lane_answered(struct radius_lane *lane, const struct radius_leg *leg)
{
    lane->answered_us = loop_now_us();
    lane->last_rtt_us = (uint32_t)(lane->answered_us - leg->sent_us);
    if (leg->exchange == NULL) {
        radius_lane_end_probe(lane);
    } else {
        lane->proven = true;
        lane->backoff_ms = BACKOFF_MS;
        if (++lane->answers % ANSWERS_A_STEP == 0 && lane->window < RADIUS_WINDOW_MAX)
            lane->window++;
    }
    revived(lane);
}

void radius_lane_silent(struct radius_lane *lane, uint64_t since_us)
{
    lane->timeouts++;
    if (lane->answered_us < since_us)
        died(lane, "no answer");
}

/* Told at once, acted upon when the callbacks that found it out are done: they may be in the middle
 * of the very legs that must move on. */
void radius_lane_refused(struct radius_lane *lane, int error)
{
    died(lane, strerror(error));
    loop_timer_start(lane->refused_timer, 0);
}

static void move_on(void *arg)
{
    struct radius_lane *lane = arg;
    struct radius_leg *waiting[256];
    struct radius_socket *s;

    if (lane->alive) /* an answer came in between */
        return;
    for (;;) {
        size_t n = 0;
        DL_FOREACH (lane->sockets, s) {
            for (size_t id = 0; id < 256 && n < 256; id++)
                if (s->slot[id] != NULL && radius_exchange_waits_for(s->slot[id]))
                    waiting[n++] = s->slot[id];
        }
        for (size_t i = 0; i < n; i++)
            radius_exchange_refused(waiting[i]);
        if (n == 0)
            break;
    }
}

/* A loss makes the window smaller, once a second at most: it is one loss that many questions see.
 */
void radius_lane_lossy(struct radius_lane *lane)
{
    uint64_t now = loop_now_ms();

    lane->retransmissions++;
    if (now < lane->window_cut_ms + 1000)
        return;
    lane->window_cut_ms = now;
    lane->window = lane->window / 2 > RADIUS_WINDOW_MIN ? lane->window / 2 : RADIUS_WINDOW_MIN;
}

/* --- probes ------------------------------------------------------------------------------------
 */

void radius_lane_probe(struct radius_lane *lane)
{
    static const uint8_t nobody[16];
    struct radius_packet p;

    radius_lane_end_probe(lane);
    radius_begin(&p, RADIUS_STATUS_SERVER, 0, nobody);
    if (lane->client->conf->nas_identifier != NULL)
        radius_add_text(&p, RADIUS_NAS_IDENTIFIER, lane->client->conf->nas_identifier);
    struct radius_content what = {.begun = p.data, .len = p.len};
    if (radius_leg_open(lane, &what, &lane->probe) == RADIUS_LEG_OPEN)
        radius_leg_send(lane->probe);
}

static void probe(void *arg)
{
    struct radius_lane *lane = arg;

    radius_lane_end_probe(lane);
    radius_sockets_retire(lane); /* the router's own address may have changed */
    radius_lane_probe(lane);
    loop_timer_start(lane->probe_timer, jittered(lane->backoff_ms));
    if (lane->backoff_ms < BACKOFF_PROBING_MS / 2)
        lane->backoff_ms *= 2;
    else if (lane->backoff_ms < BACKOFF_PROBING_MS)
        lane->backoff_ms = BACKOFF_PROBING_MS;
}

/* --- choice ------------------------------------------------------------------------------------
 */

static bool eligible(const struct radius_lane *lane, uint64_t now)
{
    return lane->alive || now >= lane->again_ms;
}

struct radius_lane *radius_lane_choose(const struct radius_client *c, enum radius_purpose purpose,
                                       uint32_t tried, unsigned *alternatives)
{
    struct radius_lane *found = NULL, *dead = NULL;
    unsigned living = 0, all = 0;
    uint64_t now = loop_now_ms();

    for (size_t i = 0; i < c->n_servers; i++) {
        struct radius_lane *lane = &c->lanes[purpose][i];
        if (tried & (uint32_t)1 << i)
            continue;
        all++;
        if (dead == NULL)
            dead = lane;
        if (!eligible(lane, now))
            continue;
        living++;
        if (found == NULL)
            found = lane;
    }
    *alternatives = found != NULL ? living - 1 : all > 0 ? all - 1 : 0;
    return found != NULL ? found : dead;
}

void radius_lane_used(struct radius_lane *lane)
{
    lane->requests++;
    if (!lane->alive)
        lane->again_ms = loop_now_ms() + DEAD_TIME_MS;
}

/* --- life ---------------------------------------------------------------------------------------
 */

static bool resolve(struct radius_lane *lane, uint16_t port)
{
    struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                             .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    char service[8];

    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(lane->server->address, service, &hints, &found) != 0)
        return false;
    memcpy(&lane->address, found->ai_addr, found->ai_addrlen);
    lane->address_len = found->ai_addrlen;
    freeaddrinfo(found);
    return true;
}

static bool lane_init(struct radius_client *c, struct radius_lane *lane,
                      const struct conf_radius_server *server, enum radius_purpose purpose)
{
    lane->client = c;
    lane->server = server;
    lane->purpose = purpose;
    lane->alive = true; /* until shown otherwise */
    lane->window = RADIUS_WINDOW;
    lane->backoff_ms = BACKOFF_MS;
    lane->probe_timer = loop_timer_new(c->loop, probe, lane);
    lane->refused_timer = loop_timer_new(c->loop, move_on, lane);
    return lane->probe_timer != NULL && lane->refused_timer != NULL &&
           resolve(lane, purpose == RADIUS_FOR_ACCESS ? server->auth_port : server->acct_port);
}

bool radius_lanes_new(struct radius_client *c, char *err, size_t err_len)
{
    c->n_servers = c->conf->radius.n_servers;
    if (c->n_servers == 0 || c->n_servers > CONFIG_MAX_SERVERS) {
        snprintf(err, err_len, "no RADIUS server is configured");
        c->n_servers = 0;
        return false;
    }
    for (int p = 0; p < RADIUS_PURPOSES; p++) {
        c->lanes[p] = calloc(c->n_servers, sizeof *c->lanes[p]);
        if (c->lanes[p] == NULL) {
            snprintf(err, err_len, "out of memory");
            return false;
        }
        for (size_t i = 0; i < c->n_servers; i++) {
            const struct conf_radius_server *server = &c->conf->radius.servers[i];
            if (server->secret != NULL && server->secret[0] != '\0' &&
                lane_init(c, &c->lanes[p][i], server, (enum radius_purpose)p))
                continue;
            snprintf(err, err_len, "server %s: no secret, or its address %s is not a literal",
                     server->name, server->address);
            return false;
        }
    }
    return true;
}

void radius_lanes_free(struct radius_client *c)
{
    for (int p = 0; p < RADIUS_PURPOSES; p++) {
        for (size_t i = 0; c->lanes[p] != NULL && i < c->n_servers; i++) {
            struct radius_lane *lane = &c->lanes[p][i];
            radius_lane_end_probe(lane);
            radius_sockets_free(lane);
            loop_timer_free(lane->probe_timer);
            loop_timer_free(lane->refused_timer);
        }
        free(c->lanes[p]);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A check-up: a Status-Server to every lane that has none on its way, then a look every 50 ms at
 * which have answered since. Answers go their usual way (radius_socket.c); nothing else is sent,
 * and the lanes' own probing of dead servers goes on beside it. */
#include "portal/radius_checkup.h"
#include "lib/config.h"
#include "lib/loop.h"
#include "portal/radius_internal.h"
#include <stdlib.h>

enum { LOOK_MS = 50, PATIENCE_MS = 2000 };

struct radius_checkup {
    struct loop *loop;
    struct radius_client *client;
    struct loop_timer *timer;
    uint64_t began_us;
    uint64_t unsigned_before[RADIUS_PURPOSES][CONFIG_MAX_SERVERS];
    radius_checkup_fn fn;
    void *arg;
};

static bool unsigned_answer(const struct radius_checkup *k, int purpose, size_t i)
{
    const struct radius_lane *lane = &k->client->lanes[purpose][i];
    return lane->answered_us < k->began_us &&
           lane->dropped[RADIUS_NO_MESSAGE_AUTHENTICATOR] > k->unsigned_before[purpose][i];
}

static bool all_answered(const struct radius_checkup *k)
{
    for (int p = 0; p < RADIUS_PURPOSES; p++)
        for (size_t i = 0; i < k->client->n_servers; i++)
            if (k->client->lanes[p][i].answered_us < k->began_us && !unsigned_answer(k, p, i))
                return false;
    return true;
}

static void describe(const struct radius_checkup *k, const struct radius_lane *lane,
                     struct radius_health *h)
{
    uint64_t now = loop_now_us();
    bool accounting = lane->purpose == RADIUS_FOR_ACCOUNTING;

    *h = (struct radius_health){
        .server = lane->server->name,
        .address = lane->server->address,
        .port = accounting ? lane->server->acct_port : lane->server->auth_port,
        .accounting = accounting,
        .answered = lane->answered_us >= k->began_us,
        .alive = lane->alive,
        .rtt_us = lane->last_rtt_us,
        .last_answer_s = lane->answered_us ? (int64_t)((now - lane->answered_us) / 1000000) : -1,
        .requests = lane->requests,
        .forged = lane->dropped[RADIUS_BAD_AUTHENTICATOR] +
                  lane->dropped[RADIUS_BAD_MESSAGE_AUTHENTICATOR],
    };
}

static void look(void *arg)
{
    struct radius_checkup *k = arg;
    struct radius_health health[RADIUS_PURPOSES * CONFIG_MAX_SERVERS];
    size_t n = 0;

    if (!all_answered(k) && loop_now_us() < k->began_us + 1000 * (uint64_t)PATIENCE_MS) {
        loop_timer_start(k->timer, LOOK_MS);
        return;
    }
    for (int p = 0; p < RADIUS_PURPOSES; p++)
        for (size_t i = 0; i < k->client->n_servers; i++, n++) {
            describe(k, &k->client->lanes[p][i], &health[n]);
            health[n].unsigned_answer = unsigned_answer(k, p, i);
        }
    radius_checkup_fn fn = k->fn;
    void *fn_arg = k->arg;
    radius_checkup_cancel(k);
    fn(fn_arg, health, n);
}

struct radius_checkup *radius_checkup_new(struct loop *loop, struct radius_client *c,
                                          radius_checkup_fn fn, void *arg)
{
    struct radius_checkup *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    *k = (struct radius_checkup){
        .loop = loop, .client = c, .began_us = loop_now_us(), .fn = fn, .arg = arg};
    k->timer = loop_timer_new(loop, look, k);
    if (!k->timer) {
        free(k);
        return NULL;
    }
    for (int p = 0; p < RADIUS_PURPOSES; p++)
        for (size_t i = 0; i < c->n_servers; i++) {
            struct radius_lane *lane = &c->lanes[p][i];
            k->unsigned_before[p][i] = lane->dropped[RADIUS_NO_MESSAGE_AUTHENTICATOR];
            if (!lane->probe)
                radius_lane_probe(lane);
        }
    loop_timer_start(k->timer, LOOK_MS);
    return k;
}

void radius_checkup_cancel(struct radius_checkup *k)
{
    if (!k)
        return;
    for (int p = 0; p < RADIUS_PURPOSES; p++)
        for (size_t i = 0; i < k->client->n_servers; i++)
            if (k->client->lanes[p][i].alive) /* of the dead ones it is the lane's own */
                radius_lane_end_probe(&k->client->lanes[p][i]);
    loop_timer_free(k->timer);
    free(k);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RADIUS client as the portal sees it: a question in, one answer out, later, whatever happens.
 * How a question travels is told in radius_exchange.c, which server gets it in radius_servers.c,
 * sockets and identifiers in radius_socket.c; what is asked and what an answer means in
 * radius_request.c and radius_grant.c. Nothing here blocks, and nothing here knows what a session
 * is. */
#include "portal/radius_client.h"
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/loop.h"
#include "portal/radius_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct radius_question {
    struct radius_exchange *exchange;
    radius_answer_fn fn;
    void *arg;
};

struct radius_client *radius_client_new(struct loop *loop, const struct conf *conf, char *err,
                                        size_t err_len)
{
    struct radius_client *c = calloc(1, sizeof *c);

    if (c == NULL) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    c->loop = loop;
    c->conf = conf;
    c->drop_limit = (struct log_limit){.interval_ms = 60000, .burst = 5};
    if (!radius_lanes_new(c, err, err_len)) {
        radius_client_free(c);
        return NULL;
    }
    return c;
}

static void forget_question(void *arg)
{
    free(arg);
}

void radius_client_free(struct radius_client *c)
{
    if (c == NULL)
        return;
    radius_exchanges_free(c, forget_question);
    radius_lanes_free(c);
    free(c);
}

void radius_client_on_revival(struct radius_client *c, void (*fn)(void *arg), void *arg)
{
    c->revived = fn;
    c->revived_arg = arg;
}

void radius_client_on_access(struct radius_client *c, void (*fn)(void *arg), void *arg)
{
    c->access_back = fn;
    c->access_back_arg = arg;
}

bool radius_client_may_answer(const struct radius_client *c)
{
    bool may = false;
    for (size_t i = 0; i < c->n_servers; i++)
        may = may || c->lanes[RADIUS_FOR_ACCESS][i].alive;
    return may;
}

/* A Challenge counts as a Reject (RFC 2865 section 4.4, for a NAS that has no way to answer one);
 * its text is a prompt, not a reason. */
static void answered(void *arg, const uint8_t *reply, size_t len, uint32_t took_us)
{
    struct radius_question *q = arg;
    struct radius_grant grant = {.result = RADIUS_NO_ANSWER};

    if (reply != NULL) {
        radius_grant_read(reply, len, &grant);
        grant.result = reply[0] == RADIUS_ACCESS_ACCEPT ? RADIUS_ACCEPTED : RADIUS_REJECTED;
        if (reply[0] == RADIUS_ACCESS_CHALLENGE)
            grant.reason[0] = '\0';
    }
    grant.took_us = took_us;
    radius_answer_fn fn = q->fn;
    void *fn_arg = q->arg;
    free(q);
    fn(fn_arg, &grant);
}

struct radius_question *radius_ask(struct radius_client *c, const struct radius_ask *ask,
                                   radius_answer_fn fn, void *arg)
{
    struct radius_packet p;
    char mac[MAC_TEXT_LEN];
    const char *password;

    if (!radius_request_begin(&p, c->conf, ask, mac, &password))
        return NULL;
    struct radius_question *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    q->fn = fn;
    q->arg = arg;
    struct radius_content what = {.begun = p.data, .len = p.len, .password = password};
    q->exchange = radius_exchange_new(c, RADIUS_FOR_ACCESS, &what, answered, q);
    if (q->exchange == NULL) {
        free(q);
        return NULL;
    }
    return q;
}

void radius_cancel(struct radius_question *q)
{
    if (q == NULL)
        return;
    radius_exchange_free(q->exchange);
    free(q);
}

size_t radius_client_stats(const struct radius_client *c, struct radius_server_stats *out,
                           size_t max)
{
    size_t n = !c ? 0 : c->n_servers < max ? c->n_servers : max;

    for (size_t i = 0; i < n; i++) {
        const struct radius_lane *access = &c->lanes[RADIUS_FOR_ACCESS][i];
        const struct radius_lane *acct = &c->lanes[RADIUS_FOR_ACCOUNTING][i];
        out[i] = (struct radius_server_stats){
            .name = access->server->name,
            .alive = access->alive,
            .requests = access->requests,
            .retransmissions = access->retransmissions + acct->retransmissions,
            .accepts = access->accepts,
            .rejects = access->rejects,
            .timeouts = access->timeouts + acct->timeouts,
            .last_rtt_us = access->last_rtt_us,
            .acct_alive = acct->alive,
            .acct_requests = acct->requests,
            .acct_responses = acct->responses,
        };
        for (int f = 0; f < RADIUS_FAULTS; f++)
            out[i].dropped[f] = access->dropped[f] + acct->dropped[f];
    }
    return n;
}

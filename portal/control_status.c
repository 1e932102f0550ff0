/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl status: what loggiad does, and what it depends on. */
#include "config.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "portal/control_internal.h"
#include "portal/dynauth.h"
#include "portal/gate_client.h"
#include <time.h>
#include <unistd.h>

static json_t *gate_status(const struct portal *p)
{
    const struct gate_hello *h = gate_client_hello(p->gate);
    json_t *o = json_pack(
        "{s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "connected", gate_client_ready(p->gate),
        "pid", (int)h->pid, "max_devices", (json_int_t)h->max_devices, "waiting",
        (json_int_t)gate_client_waiting(p->gate), "losses", (json_int_t)gate_client_losses(p->gate),
        "rebuilt", (json_int_t)p->counts.rebuilt, "adopted", (json_int_t)p->counts.adopted,
        "reopened", (json_int_t)p->counts.reopened, "claims", (json_int_t)p->counts.claims);
    json_object_update_new(o, control_rates(p));
    return o;
}

static json_t *radius_status(const struct portal *p)
{
    struct radius_server_stats s[CONFIG_MAX_SERVERS];
    size_t n = radius_client_stats(p->radius, s, CONFIG_MAX_SERVERS);
    json_t *servers = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *dropped = json_object();
        for (int f = RADIUS_FINE + 1; f < RADIUS_FAULTS; f++)
            json_object_set_new(dropped, radius_fault_name((enum radius_fault)f),
                                json_integer((json_int_t)s[i].dropped[f]));
        json_array_append_new(
            servers,
            json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name", s[i].name, "alive",
                      s[i].alive, "requests", (json_int_t)s[i].requests, "retransmissions",
                      (json_int_t)s[i].retransmissions, "accepts", (json_int_t)s[i].accepts,
                      "rejects", (json_int_t)s[i].rejects, "timeouts", (json_int_t)s[i].timeouts,
                      "last_rtt_us", (json_int_t)s[i].last_rtt_us, "dropped", dropped));
    }
    return servers;
}

static json_t *accounting_status(const struct portal *p)
{
    struct accounting_stats a;
    accounting_stats(p->accounting, &a);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "sent", (json_int_t)a.sent,
                     "acknowledged", (json_int_t)a.acknowledged, "waiting", (json_int_t)a.waiting,
                     "dropped", (json_int_t)a.dropped, "disk_bytes", (json_int_t)a.disk_bytes,
                     "disk_failing", a.disk_failing, "oldest_s",
                     (json_int_t)(a.oldest_at ? time(NULL) - a.oldest_at : 0));
}

static json_t *web_status(const struct portal *p)
{
    struct http_stats h;
    http_server_stats(p->http, &h);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:I}", "requests",
                     (json_int_t)h.requests, "bad_requests", (json_int_t)h.bad_requests,
                     "too_large", (json_int_t)h.too_large, "timeouts", (json_int_t)h.timeouts,
                     "refused_connections", (json_int_t)h.refused_connections, "connections",
                     (int)h.connections, "redirects", (json_int_t)p->counts.redirects, "pages",
                     (json_int_t)p->counts.pages, "bad_tokens", (json_int_t)p->counts.bad_tokens);
}

static json_t *sessions_status(const struct portal *p)
{
    const struct devices_census *n = devices_census(p->devices);
    return json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "open",
        (json_int_t)n->open, "known", (json_int_t)devices_count(p->devices), "left",
        (json_int_t)n->left, "denied", (json_int_t)n->denied, "joins_silent",
        (json_int_t)p->counts.joins_silent, "joins_tap", (json_int_t)p->counts.joins_tap, "rejects",
        (json_int_t)p->counts.rejects, "no_answers", (json_int_t)p->counts.no_answers, "asking",
        (json_int_t)p->n_asking, "queued", (json_int_t)p->n_queued, "forgetting",
        (json_int_t)p->n_forgetting, "provisional", (json_int_t)p->counts.provisional, "confirmed",
        (json_int_t)p->counts.confirmed, "unconfirmed", (json_int_t)p->counts.unconfirmed);
}

/* RFC 5176 */
static json_t *centre_requests(const struct portal *p)
{
    struct dynauth_stats s;
    json_int_t dropped = 0;
    dynauth_stats(p->dynauth, &s);
    for (int f = RADIUS_FINE + 1; f < RADIUS_FAULTS; f++)
        dropped += (json_int_t)s.dropped[f];
    return json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "listening",
                     p->dynauth != NULL, "disconnects", (json_int_t)s.disconnects, "changes",
                     (json_int_t)s.changes, "acks", (json_int_t)s.acks, "naks", (json_int_t)s.naks,
                     "repeated", (json_int_t)s.repeated, "strangers", (json_int_t)s.strangers,
                     "dropped", dropped, "stale", (json_int_t)s.stale);
}

static json_t *not_kept(const struct portal *p)
{
    const char *what[PORTAL_KEEPS];
    json_t *names = json_array();
    size_t n = portal_not_kept(p, what);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(names, json_string(what[i]));
    return names;
}

static json_t *turns(const struct loop_turns *t)
{
    return json_pack("{s:I, s:I, s:I, s:I}", "turns", (json_int_t)t->n, "slow", (json_int_t)t->slow,
                     "longest_us", (json_int_t)t->longest_us, "waited_us",
                     (json_int_t)t->waited_us);
}

static json_t *loops(const struct portal *p)
{
    const struct gate_hello *h = gate_client_hello(p->gate);
    const struct loop_turns gate = {.n = h->turns,
                                    .slow = h->slow_turns,
                                    .longest_us = h->longest_turn_us,
                                    .waited_us = h->longest_turn_waited_us};
    struct loop_turns own;
    loop_turns(p->loop, &own);
    return json_pack("{s:o, s:o}", "loggiad", turns(&own), "loggia-gate", turns(&gate));
}

static void tell_status(struct talk *t)
{
    const struct portal *p = t->c->p;
    unsigned skipped = 0;
    size_t notices = texts_notice_count(p->texts, &skipped);
    control_reply(
        t,
        json_pack(
            "{s:b, s:s, s:i, s:I, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:{s:I, "
            "s:I}, s:b, s:I, s:o, s:o, s:o, s:o}",
            "ok", 1, "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s",
            (json_int_t)((loop_now_ms() - p->started_ms) / 1000), "network", p->live->network,
            "portal_name", p->live->portal_name, "table", p->boot->table, "key_kept", p->key_kept,
            "clock_sane", texts_clock_sane(), "sessions", sessions_status(p), "gate",
            gate_status(p), "radius", radius_status(p), "accounting", accounting_status(p), "web",
            web_status(p), "notices", "read", (json_int_t)notices, "skipped", (json_int_t)skipped,
            "embedded", p->embedded != NULL, "passes",
            (json_int_t)(p->embedded ? embedded_passes(p->embedded) : 0), "not_kept", not_kept(p),
            "centre_requests", centre_requests(p), "board", control_board(p), "loops", loops(p)));
}

void control_on_status(struct talk *t, const json_t *request)
{
    (void)request;
    control_greet(t, tell_status);
}

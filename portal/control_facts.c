/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loggiactl doctor needs of the daemons: with what they run, how the RADIUS servers are just
 * now, and which other tables' chains stand in the way (the gate's answer, passed on). */
#include "config.h"
#include "lib/config.h"
#include "lib/loop.h"
#include "portal/control_internal.h"
#include "portal/gate_client.h"
#include "portal/radius_checkup.h"
#include <string.h>
#include <unistd.h>

enum { FOREIGN_MS = 3000, GREETING_MS = 1000 };

static json_t *waiting_options(const struct portal *p)
{
    const char *names[PORTAL_MAX_WAITING];
    json_t *rows = json_array();
    size_t n = portal_waiting_options(p->boot, p->live, names);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, json_string(names[i]));
    return rows;
}

static json_t *not_kept(const struct portal *p)
{
    const char *names[PORTAL_KEEPS];
    json_t *rows = json_array();
    size_t n = portal_not_kept(p, names);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, json_string(names[i]));
    return rows;
}

/* --- the gate ----------------------------------------------------------------------------------
 */

static void abandon_greeting(struct talk *t)
{
    gate_call_cancel(t->call);
    t->call = NULL;
}

static void on_greeted(void *arg, const struct gate_reply *r)
{
    struct talk *t = arg;
    (void)r; /* the client keeps it */
    t->call = NULL;
    t->abandon = NULL;
    t->greeted(t);
}

void control_greet(struct talk *t, void (*then)(struct talk *t))
{
    struct gate_request r = {.verb = GATE_HELLO, .hello.version = GATE_PROTO_VERSION};
    struct gate_client *g = t->c->p->gate;
    t->greeted = then;
    t->call = gate_client_ready(g) ? gate_client_call(g, &r, GREETING_MS, on_greeted, t) : NULL;
    if (t->call)
        t->abandon = abandon_greeting;
    else
        then(t);
}

json_t *control_rates(const struct portal *p)
{
    const struct gate_hello *h = gate_client_hello(p->gate);
    return json_pack("{s:b, s:b, s:b, s:I}", "shaped", (h->features & GATE_F_SHAPED) != 0,
                     "shaped_up", (h->features & GATE_F_SHAPED_UP) != 0, "shaped_all",
                     (h->features & GATE_F_SHAPED_ALL) != 0, "unqueued", (json_int_t)h->unqueued);
}

static json_t *gate_facts(const struct portal *p)
{
    const struct gate_hello *h = gate_client_hello(p->gate);
    json_t *o =
        json_pack("{s:b, s:b, s:b, s:b, s:b, s:I, s:I}", "connected", gate_client_ready(p->gate),
                  "masked_mark", (h->features & GATE_F_MASKED_MARK) != 0, "timeout_update",
                  (h->features & GATE_F_TIMEOUT_UPDATE) != 0, "flowtable",
                  (h->features & GATE_F_FLOWTABLE) != 0, "offload",
                  (h->features & GATE_F_OFFLOAD) != 0, "max_devices", (json_int_t)h->max_devices,
                  "losses", (json_int_t)gate_client_losses(p->gate));
    json_object_update_new(o, control_rates(p));
    return o;
}

static void tell_facts(struct talk *t)
{
    const struct portal *p = t->c->p;
    unsigned skipped = 0;
    size_t notices = texts_notice_count(p->texts, &skipped);
    struct accounting_stats a = {0};

    if (p->accounting)
        accounting_stats(p->accounting, &a);
    control_reply(
        t, json_pack("{s:b, s:s, s:i, s:s, s:s, s:o, s:o, s:o, s:{s:I, s:I, s:s}, s:I, s:o}", "ok",
                     1, "version", PACKAGE_VERSION, "pid", (int)getpid(), "config_file",
                     p->conf_path, "config_digest", p->conf_digest, "needs_restart",
                     waiting_options(p), "not_kept", not_kept(p), "gate", gate_facts(p), "notices",
                     "read", (json_int_t)notices, "skipped", (json_int_t)skipped, "directory",
                     p->live->notices_directory ? p->live->notices_directory : "",
                     "accounting_dropped", (json_int_t)a.dropped, "board", control_board(p)));
}

void control_on_facts(struct talk *t, const json_t *request)
{
    (void)request;
    control_greet(t, tell_facts);
}

/* --- radius ------------------------------------------------------------------------------------
 */

static void abandon_checkup(struct talk *t)
{
    radius_checkup_cancel(t->checkup);
    t->checkup = NULL;
}

static void on_checkup(void *arg, const struct radius_health *health, size_t n)
{
    struct talk *t = arg;
    json_t *rows = json_array();

    t->checkup = NULL;
    t->abandon = NULL;
    for (size_t i = 0; i < n; i++) {
        const struct radius_health *h = &health[i];
        json_array_append_new(
            rows, json_pack("{s:s, s:s, s:i, s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I}", "server",
                            h->server, "address", h->address, "port", (int)h->port, "for",
                            h->accounting ? "accounting" : "access", "answered", h->answered,
                            "unsigned", h->unsigned_answer, "alive", h->alive, "rtt_us",
                            (json_int_t)h->rtt_us, "last_answer_s", (json_int_t)h->last_answer_s,
                            "requests", (json_int_t)h->requests, "forged", (json_int_t)h->forged));
    }
    control_reply(t, json_pack("{s:b, s:o}", "ok", 1, "servers", rows));
}

void control_on_radius(struct talk *t, const json_t *request)
{
    struct portal *p = t->c->p;
    (void)request;
    if (!p->radius) { /* embedded: no server is asked */
        control_reply(t, json_pack("{s:b, s:[]}", "ok", 1, "servers"));
        return;
    }
    t->checkup = radius_checkup_new(p->loop, p->radius, on_checkup, t);
    if (t->checkup)
        t->abandon = abandon_checkup;
    else
        control_refuse(t, "out of memory");
}

/* --- foreign -----------------------------------------------------------------------------------
 */

static void abandon_foreign(struct talk *t)
{
    if (t->call)
        gate_call_cancel(t->call);
    t->call = NULL;
    json_decref(t->rows);
    t->rows = NULL;
}

static void add_chain(json_t *rows, const struct gate_chain *c)
{
    static const char *const fates[] = {"pass", "drop", "unsure"};
    char table[sizeof c->table + 1] = "", chain[sizeof c->chain + 1] = "";
    memcpy(table, c->table, sizeof c->table);
    memcpy(chain, c->chain, sizeof c->chain);
    json_array_append_new(
        rows, json_pack("{s:s, s:s, s:s, s:s, s:i, s:b, s:s, s:s}", "family",
                        c->family == GATE_FAMILY_INET  ? "inet"
                        : c->family == GATE_FAMILY_TC  ? "tc"
                        : c->family == GATE_FAMILY_IP  ? "ip"
                        : c->family == GATE_FAMILY_IP6 ? "ip6"
                                                       : "bridge",
                        "table", table, "chain", chain, "hook",
                        c->hook == GATE_HOOK_INPUT       ? "input"
                        : c->hook == GATE_HOOK_FORWARD   ? "forward"
                        : c->hook == GATE_HOOK_FLOWTABLE ? "flowtable"
                                                         : "prerouting",
                        "priority", (int)c->priority, "policy_drop", c->policy_drop != 0, "up",
                        fates[c->up <= GATE_FATE_UNSURE ? c->up : GATE_FATE_UNSURE], "down",
                        fates[c->down <= GATE_FATE_UNSURE ? c->down : GATE_FATE_UNSURE]));
}

static void on_foreign(void *arg, const struct gate_reply *r)
{
    struct talk *t = arg;

    if (r && r->status == GATE_MORE) {
        if (r->chain.index == 0) /* asked again: the connection was lost in between */
            json_array_clear(t->rows);
        add_chain(t->rows, &r->chain);
        return;
    }
    t->call = NULL;
    if (r && r->status == GATE_OK) {
        json_t *rows = t->rows;
        t->rows = NULL;
        t->abandon = NULL;
        control_reply(t, json_pack("{s:b, s:o}", "ok", 1, "chains", rows));
        return;
    }
    t->abandon = NULL;
    json_decref(t->rows);
    t->rows = NULL;
    control_refuse(t, r ? "the kernel does not list its chains" : "the gate does not answer");
}

void control_on_foreign(struct talk *t, const json_t *request)
{
    struct gate_request r = {.verb = GATE_FOREIGN};
    (void)request;
    t->rows = json_array();
    t->call = gate_client_call(t->c->p->gate, &r, FOREIGN_MS, on_foreign, t);
    t->abandon = abandon_foreign;
    if (!t->call) {
        t->abandon = NULL;
        abandon_foreign(t);
        control_refuse(t, "out of memory");
    }
}

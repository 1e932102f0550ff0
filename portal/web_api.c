/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /api: what the device that asks would see, for api.c to say. */
#include "lib/config.h"
#include "lib/loop.h"
#include "portal/api.h"
#include "portal/gate_client.h"
#include "portal/web.h"

enum { COUNTERS_MS = 300 };

static void say(struct visit *v, const struct gate_counters *now)
{
    const struct session *s = &v->d->session;
    struct api_state state = {.portal_name = v->p->live->portal_name,
                              .captive = !session_is_open(s)};
    uint64_t used = s->seen.up_bytes + s->seen.down_bytes;

    if (now)
        used = s->base.up_bytes + s->base.down_bytes + now->up_bytes + now->down_bytes;
    if (!state.captive) {
        state.seconds = session_remaining_s(s, loop_now_ms());
        state.has_seconds = s->profile.session_s != 0;
        state.has_bytes = s->profile.quota_bytes != 0;
        state.bytes = used < s->profile.quota_bytes ? s->profile.quota_bytes - used : 0;
    }
    visit_json(v, api_json(&state));
}

static void on_counters(void *arg, const struct gate_reply *reply)
{
    struct visit *v = arg;
    v->call = NULL;
    say(v, reply && reply->status == GATE_OK ? &reply->entry.counters : NULL);
}

static void settled(struct visit *v, bool in_time)
{
    struct gate_request r = {.verb = GATE_READ, .entry = {.mac = v->d->mac}};
    (void)in_time;
    if (session_is_open(&v->d->session) && v->d->session.profile.quota_bytes)
        v->call = gate_client_call(v->p->gate, &r, COUNTERS_MS, on_counters, v);
    if (!v->call)
        say(v, NULL);
}

/* Phones ask as soon as they have their address: often before the city has said whether it knows
 * them. Who is about to be let in silently is not told "captive" meanwhile. */
void show_api(struct visit *v)
{
    sessions_appeared(v->d, true);
    visit_settle(v, PORTAL_HOLD_MS, settled);
}

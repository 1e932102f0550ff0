/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages that are read: what each shows of its device. */
#include "lib/loop.h"
#include "portal/gate_client.h"
#include "portal/web.h"

enum { COUNTERS_MS = 300 /* the page is worth more than fresh counters */ };

void show_splash(struct visit *v, unsigned status, enum page_error note)
{
    struct page_view view = {.kind = PAGE_SPLASH, .error = note};
    visit_page(v, status, &view);
}

void show_denied(struct visit *v)
{
    struct page_view view = {.kind = PAGE_DENIED, .reason = session_reason(&v->d->session)};
    visit_page(v, 403, &view);
}

static void online(struct visit *v, const struct gate_counters *now)
{
    const struct session *s = &v->d->session;
    struct page_view view = {.kind = PAGE_ONLINE,
                             .remaining_s = session_remaining_s(s, loop_now_ms()),
                             .down_Bps = s->profile.down_Bps,
                             .up_Bps = s->profile.up_Bps,
                             .used_bytes = s->seen.up_bytes + s->seen.down_bytes,
                             .quota_bytes = s->profile.quota_bytes};
    if (now)
        view.used_bytes = s->base.up_bytes + s->base.down_bytes + now->up_bytes + now->down_bytes;
    visit_page(v, 200, &view);
}

static void on_counters(void *arg, const struct gate_reply *reply)
{
    struct visit *v = arg;
    v->call = NULL;
    online(v, reply && reply->status == GATE_OK ? &reply->entry.counters : NULL);
}

static void home_settled(struct visit *v, bool in_time)
{
    struct gate_request r = {.verb = GATE_READ, .entry = {.mac = v->d->mac}};
    (void)in_time;
    if (!session_is_open(&v->d->session)) {
        if (v->d->session.outcome == SESSION_DENIED)
            show_denied(v);
        else
            show_splash(v, 200, PAGE_E_NONE);
        return;
    }
    v->call = gate_client_call(v->p->gate, &r, COUNTERS_MS, on_counters, v);
    if (!v->call)
        online(v, NULL);
}

void show_home(struct visit *v)
{
    sessions_appeared(v->d, true);
    visit_settle(v, v->d->session.state == SESSION_ASKING ? PORTAL_HOLD_MS : PORTAL_WAIT_MS,
                 home_settled);
}

void show_left(struct visit *v)
{
    struct page_view view = {.kind = PAGE_LEFT, .path = "/left"};
    if (session_is_open(&v->d->session))
        visit_see_other(v, "/");
    else
        visit_page(v, 200, &view);
}

void show_forgotten(struct visit *v)
{
    struct page_view view = {.kind = PAGE_FORGOTTEN, .path = "/forgotten"};
    if (session_is_open(&v->d->session))
        visit_see_other(v, "/");
    else
        visit_page(v, 200, &view);
}

void show_news(struct visit *v)
{
    struct page_view view = {.kind = PAGE_NEWS, .path = "/news"};
    visit_page(v, 200, &view);
}

void show_terms(struct visit *v)
{
    const struct conf_zone *zone =
        v->d && v->d->zone ? config_zone_named(v->p->live, v->d->zone->name) : NULL;
    struct page_view view = {
        .kind = PAGE_TERMS, .path = "/terms", .terms = texts_terms(v->p->texts, zone, v->lang)};
    visit_page(v, 200, &view);
}

void show_privacy(struct visit *v)
{
    struct page_view view = {.kind = PAGE_PRIVACY, .path = "/privacy"};
    visit_page(v, 200, &view);
}

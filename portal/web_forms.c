/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The buttons: join, leave, forget. Each is a plain POST with a token, each may come twice (pop-ups
 * post twice, people press twice) and the second gets the answer of the first. Success is a 303. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/web.h"

enum { TAPS_A_MINUTE = 12, MINUTE_MS = 60000, GATE_SLACK_MS = 3000 };

static bool too_many_taps(struct device *d)
{
    uint64_t now = loop_now_ms();
    if (now - d->taps_since_ms > MINUTE_MS) {
        d->taps_since_ms = now;
        d->taps = 0;
    }
    return ++d->taps > TAPS_A_MINUTE;
}

uint64_t form_centre_wait_ms(const struct visit *v)
{
    return v->p->boot->radius.timeout_ms + GATE_SLACK_MS;
}

void form_joined(struct visit *v, bool in_time)
{
    const struct session *s = &v->d->session;
    if (session_is_open(s)) {
        visit_see_other(v, "/");
        return;
    }
    if (!in_time) {
        visit_error(v, 503, s->state == SESSION_JOINING ? PAGE_E_CENTRE_DOWN : PAGE_E_GATE_DOWN);
        return;
    }
    switch (s->outcome) {
    case SESSION_DENIED:
        show_denied(v);
        break;
    case SESSION_REFUSED:
        visit_error(v, 403, PAGE_E_REFUSED);
        break;
    case SESSION_CENTRE_DOWN:
        visit_error(v, 503, PAGE_E_CENTRE_DOWN);
        break;
    case SESSION_GATE_FULL:
        visit_error(v, 503, PAGE_E_FULL);
        break;
    case SESSION_GATE_FAILED:
        visit_error(v, 503, PAGE_E_GATE_DOWN);
        break;
    case SESSION_UNKNOWN: /* another request of the same device left meanwhile */
        visit_see_other(v, "/");
        break;
    }
}

void form_join(struct visit *v)
{
    if (!visit_token_good(v)) {
        if (session_is_open(&v->d->session))
            visit_see_other(v, "/");
        else
            show_splash(v, 403, PAGE_E_TOKEN);
        return;
    }
    if (too_many_taps(v->d)) {
        log_msg(LOG_DEBUG, "event=too_many_taps device=%s", v->d->pseudonym);
        visit_error(v, 429, PAGE_E_BAD_REQUEST);
        return;
    }
    sessions_tap(v->d, v->lang);
    visit_settle(v, form_centre_wait_ms(v), form_joined);
}

static void left(struct visit *v, bool in_time)
{
    if (in_time)
        visit_see_other(v, "/left");
    else
        visit_error(v, 503, PAGE_E_GATE_DOWN);
}

void form_leave(struct visit *v)
{
    if (!visit_token_good(v)) {
        visit_error(v, 403, PAGE_E_TOKEN);
        return;
    }
    sessions_end(v->d, ACCT_CAUSE_USER_REQUEST);
    visit_settle(v, PORTAL_WAIT_MS, left);
}

static void forgotten(struct visit *v, bool in_time)
{
    if (in_time && forget_state(v->d) == FORGET_NONE)
        visit_see_other(v, "/forgotten");
    else
        visit_error(v, 503,
                    session_is_settling(&v->d->session) ? PAGE_E_GATE_DOWN : PAGE_E_CENTRE_DOWN);
}

void form_forget(struct visit *v)
{
    if (!visit_token_good(v)) {
        visit_error(v, 403, PAGE_E_TOKEN);
        return;
    }
    sessions_end(v->d, ACCT_CAUSE_USER_REQUEST);
    if (forget_begin(v->d))
        visit_settle(v, form_centre_wait_ms(v), forgotten);
    else
        visit_error(v, 503, PAGE_E_CENTRE_DOWN);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* POST /login: the last password. Whoever has an old account types it one last time, over TLS; the
 * centre asks the right directory and binds the device, and from then on the device is enough.
 *
 * The password is in the request's own memory, which is wiped (lib/http.c), and in the RADIUS
 * question until its answer comes, wiped too; it is in no log and in no other structure. Guessing
 * is bounded for a device and, since addresses cost nothing, for all of them together. */
#include "lib/config.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/utf8.h"
#include "portal/secure.h"
#include "portal/web.h"
#include <stdio.h>
#include <string.h>

enum {
    MAX_FIELD = 128, /* bytes of user name and of password (RFC 2865 section 5.2) */
    WRONG_OF_ONE = 5,
    WRONG_OF_ALL = 100,
    WINDOW_MS = 600000 /* in which so many may be wrong */
};

/* What RADIUS can carry and a person can have typed. */
static bool field_fine(const char *text)
{
    size_t len = text ? strnlen(text, MAX_FIELD + 1) : 0;
    if (len == 0 || len > MAX_FIELD)
        return false;
    for (const char *p = text; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            return false;
    return utf8_valid(text, len);
}

static void answered(struct visit *v, bool in_time)
{
    const struct session *s = &v->d->session;
    if (in_time && !session_is_open(s) && s->outcome == SESSION_REFUSED)
        show_splash(v, 403, PAGE_E_LOGIN);
    else
        form_joined(v, in_time);
}

/* One try of this device, and of all. */
static bool may_try(struct visit *v)
{
    uint64_t now = loop_now_ms();
    if (!limit_take(&v->d->wrong_logins, now, WRONG_OF_ONE, WINDOW_MS))
        return false;
    if (limit_take(&v->p->wrong_logins, now, WRONG_OF_ALL, WINDOW_MS))
        return true;
    limit_give_back(&v->d->wrong_logins);
    return false;
}

static void settled(struct visit *v, bool in_time)
{
    if (!in_time || session_is_open(&v->d->session)) {
        form_joined(v, in_time);
        return;
    }
    if (!may_try(v)) {
        v->p->counts.limited_logins++;
        log_msg(LOG_DEBUG, "event=login_limited device=%s", v->d->pseudonym);
        visit_error(v, 429, PAGE_E_TRIES);
        return;
    }
    sessions_login(v->d, v->lang, http_form(v->req, "user"), http_form(v->req, "password"));
    visit_settle(v, form_centre_wait_ms(v), answered);
}

/* Over plain HTTP the password has been heard already; at least it leads to nothing here. */
static void to_secure(struct visit *v)
{
    char base[VISIT_URL_LEN], url[VISIT_URL_LEN + 32];
    snprintf(url, sizeof url, "%s/?lang=%.16s", visit_portal_url(v, base), v->lang);
    visit_redirect(v, 303, url);
}

void form_login(struct visit *v)
{
    if (!v->p->live->last_password || !secure_ready(v->p->secure))
        visit_error(v, 404, PAGE_E_NOT_FOUND);
    else if (!visit_is_secure(v))
        to_secure(v);
    else if (!visit_token_good(v))
        show_splash(v, 403, PAGE_E_TOKEN);
    else if (!field_fine(http_form(v->req, "user")) || !field_fine(http_form(v->req, "password")))
        show_splash(v, 403, PAGE_E_LOGIN);
    else if (v->d->session.state == SESSION_JOINING && v->d->login)
        visit_settle(v, form_centre_wait_ms(v), answered); /* the same form, sent twice */
    else
        visit_settle(v, form_centre_wait_ms(v), settled);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sign-ins and the tokens of forms. The cookie is 24 random bytes and a MAC over them: what we did
 * not make never reaches the database, and a visitor cannot bring a session of their own choice
 * (every sign-in makes a new one). The database has only a hash of it. A form's token is a MAC over
 * the session, so that no other site can send our forms; what browsers say of a request's origin
 * (Origin, Sec-Fetch-Site) must agree where it is said. */
#include "lib/crypto.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANDOM_LEN = 24, MAC_LEN = 16, RAW_LEN = RANDOM_LEN + MAC_LEN, SEEN_EVERY_S = 60 };

static void mac(const struct visit *v, const char *what, const void *data, size_t len,
                uint8_t out[static SHA256_LEN])
{
    const struct crypto_slice parts[] = {{what, strlen(what) + 1}, {data, len}};

    crypto_hmac_sha256(v->b->key, sizeof v->b->key, parts, 2, out);
}

static void token_of(const struct visit *v, const char *what, const char *cookie,
                     char out[static 32])
{
    uint8_t digest[SHA256_LEN];

    mac(v, what, cookie, strlen(cookie), digest);
    crypto_base64url(digest, MAC_LEN, out);
}

/* "__Host-" binds a cookie to this very host and to TLS (RFC 6265bis, section 4.1.3.2). */
static const char *cookie_name(const struct visit *v, const char *name, char out[static 48])
{
    bool secure = strncmp(v->b->conf->url, "https:", 6) == 0;

    snprintf(out, 48, "%s%s", secure ? "__Host-" : "", name);
    return out;
}

static bool cookie_get(struct visit *v, const char *name, char out[static WEB_SESSION_LEN])
{
    const char *header = http_header(v->req, "Cookie");
    char full[48];
    size_t len;

    cookie_name(v, name, full);
    len = strlen(full);
    for (const char *p = header; p && *p;) {
        p += strspn(p, " ;");
        size_t pair = strcspn(p, ";");
        if (pair > len && pair - len - 1 < WEB_SESSION_LEN && strncmp(p, full, len) == 0 &&
            p[len] == '=') {
            snprintf(out, WEB_SESSION_LEN, "%.*s", (int)(pair - len - 1), p + len + 1);
            return true;
        }
        p += pair;
    }
    return false;
}

static void cookie_set(struct visit *v, int slot, const char *name, const char *value,
                       const char *more)
{
    char full[48];
    bool secure = strncmp(v->b->conf->url, "https:", 6) == 0;

    snprintf(v->set_cookie[slot], sizeof v->set_cookie[slot],
             "%s=%s; Path=/; HttpOnly; SameSite=Lax%s%s", cookie_name(v, name, full), value,
             secure ? "; Secure" : "", more);
}

static void cookie_make(const struct visit *v, const char *what, char out[static WEB_SESSION_LEN])
{
    uint8_t raw[RAW_LEN], digest[SHA256_LEN];

    crypto_random(raw, RANDOM_LEN);
    mac(v, what, raw, RANDOM_LEN, digest);
    memcpy(raw + RANDOM_LEN, digest, MAC_LEN);
    crypto_base64url(raw, sizeof raw, out);
}

static bool cookie_ours(const struct visit *v, const char *what, const char *value)
{
    uint8_t raw[RAW_LEN], digest[SHA256_LEN];

    if (crypto_base64url_decode(value, strlen(value), raw, sizeof raw) != RAW_LEN)
        return false;
    mac(v, what, raw, RANDOM_LEN, digest);
    return crypto_equal(raw + RANDOM_LEN, digest, MAC_LEN);
}

static void stored_key(const struct visit *v, const char *cookie,
                       uint8_t out[static STORE_SESSION_KEY])
{
    mac(v, "stored", cookie, strlen(cookie), out);
}

/* --- sessions
 * ---------------------------------------------------------------------------------------------- */
struct reading {
    struct visit *v;
    int64_t seen, ends, checked;
    bool there;
};

static void note(void *arg, const struct store_session *s)
{
    struct reading *r = arg;
    struct who *w = &r->v->who;

    w->administration = board_conf_administration(r->v->b->conf, s->administration);
    snprintf(w->administration_id, sizeof w->administration_id, "%s", s->administration);
    snprintf(w->name, sizeof w->name, "%s", s->name);
    snprintf(w->shown, sizeof w->shown, "%s", s->shown);
    snprintf(w->roles, sizeof w->roles, "%s", s->publishers);
    w->role = s->role;
    r->seen = s->seen;
    r->ends = s->ends;
    r->checked = s->checked;
    r->there = true;
}

bool session_read(struct visit *v)
{
    struct reading r = {.v = v};
    uint8_t key[STORE_SESSION_KEY];
    char cookie[WEB_SESSION_LEN];

    if (!cookie_get(v, "loggia-board", cookie) || !cookie_ours(v, "session", cookie))
        return false;
    stored_key(v, cookie, key);
    store_session_get(v->b->store, key, note, &r);
    if (!r.there)
        return false;
    if (!v->who.administration || r.ends <= v->now ||
        v->now - r.seen > (int64_t)v->b->conf->idle_s ||
        v->now - r.checked > (int64_t)v->b->conf->recheck_keep_s) {
        store_session_delete(v->b->store, key);
        return false;
    }
    if (v->now - r.seen >= SEEN_EVERY_S || v->now - r.seen > (int64_t)v->b->conf->idle_s / 2)
        store_session_seen(v->b->store, key, v->now);
    memcpy(v->session, cookie, sizeof v->session);
    v->known = true;
    return true;
}

bool session_begin(struct visit *v, const struct board_administration *a,
                   const struct signin_answer *answer)
{
    struct store_session s = {.administration = a->id,
                              .name = answer->name,
                              .shown = answer->shown,
                              .login = answer->login,
                              .checked = v->now,
                              .role = answer->role,
                              .publishers = answer->roles,
                              .made = v->now,
                              .seen = v->now,
                              .ends = v->now + v->b->conf->session_s};
    char old[WEB_SESSION_LEN];
    uint8_t key[STORE_SESSION_KEY];

    if (cookie_get(v, "loggia-board", old) && cookie_ours(v, "session", old)) {
        stored_key(v, old, key);
        store_session_delete(v->b->store, key);
    }
    cookie_make(v, "session", v->session);
    stored_key(v, v->session, s.key);
    if (!store_session_put(v->b->store, &s))
        return false;
    cookie_set(v, 0, "loggia-board", v->session, "");
    cookie_set(v, 1, "loggia-signin", "", "; Max-Age=0");
    v->who.administration = a;
    snprintf(v->who.administration_id, sizeof v->who.administration_id, "%s", a->id);
    snprintf(v->who.name, sizeof v->who.name, "%s", answer->name);
    snprintf(v->who.shown, sizeof v->who.shown, "%s", answer->shown);
    snprintf(v->who.roles, sizeof v->who.roles, "%s", answer->roles);
    v->who.role = answer->role;
    v->known = true;
    return true;
}

void session_end(struct visit *v)
{
    uint8_t key[STORE_SESSION_KEY];

    stored_key(v, v->session, key);
    store_session_delete(v->b->store, key);
    cookie_set(v, 0, "loggia-board", "", "; Max-Age=0");
    v->known = false;
}

/* --- forms
 * ---------------------------------------------------------------------------------------------------
 */
static bool same_token(const char *expected, const char *sent)
{
    return strlen(sent) == strlen(expected) && crypto_equal(expected, sent, strlen(expected));
}

/* What the browser says of where the form was, if it says it. */
static bool from_here(struct visit *v)
{
    const char *origin = http_header(v->req, "Origin"),
               *site = http_header(v->req, "Sec-Fetch-Site");

    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return false;
    return !origin || strcmp(origin, v->b->conf->url) == 0;
}

void session_token(const struct visit *v, char out[static 32])
{
    token_of(v, "form", v->session, out);
}

bool session_checks_post(struct visit *v)
{
    char expected[32];

    session_token(v, expected);
    return same_token(expected, visit_field(v, "token")) && from_here(v);
}

void session_signin_token(struct visit *v, char out[static 32])
{
    char cookie[WEB_SESSION_LEN];

    if (!cookie_get(v, "loggia-signin", cookie) || !cookie_ours(v, "signin", cookie)) {
        cookie_make(v, "signin", cookie);
        cookie_set(v, 1, "loggia-signin", cookie, "");
    }
    token_of(v, "signin-form", cookie, out);
}

bool session_checks_signin(struct visit *v)
{
    char cookie[WEB_SESSION_LEN], expected[32];

    if (!cookie_get(v, "loggia-signin", cookie) || !cookie_ours(v, "signin", cookie))
        return false;
    token_of(v, "signin-form", cookie, expected);
    return same_token(expected, visit_field(v, "token")) && from_here(v);
}

const char *session_language(struct visit *v, const char *chosen)
{
    static char kept[WEB_SESSION_LEN];

    if (chosen)
        cookie_set(v, 2, "loggia-lang", chosen, "; Max-Age=31536000");
    else if (!cookie_get(v, "loggia-lang", kept))
        return NULL;
    return chosen ? chosen : kept;
}

/* --- rights
 * ----------------------------------------------------------------------------------------------------
 */
int who_role(const struct who *w, const char *publisher)
{
    char wanted[48];
    int best = -1;

    for (int i = 0; i < 2; i++) {
        snprintf(wanted, sizeof wanted, ",%.32s:", i ? "*" : publisher);
        for (const char *at = strstr(w->roles, wanted); at; at = strstr(at + 1, wanted)) {
            int role = at[strlen(wanted)] - '0';
            if (role > best && role <= BOARD_ADMIN)
                best = role;
        }
    }
    return board_conf_publisher(w->administration, publisher) ? best : -1;
}

bool who_may_write(const struct who *w, const char *publisher)
{
    return who_role(w, publisher) >= BOARD_WRITER;
}

const char *who_publishers(const struct who *w)
{
    static char out[BOARD_MAX_PUBLISHERS * 40 + 2];
    const struct board_administration *a = w->administration;
    size_t at = 1, n = 0;

    out[0] = ',';
    for (size_t i = 0; i < a->n_publishers; i++)
        if (who_role(w, a->publishers[i].id) >= 0 && at < sizeof out - 40) {
            at += (size_t)snprintf(out + at, 40, "%.38s,", a->publishers[i].id);
            n++;
        }
    out[at] = '\0';
    return n == a->n_publishers ? NULL : out;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Serving the published directory from memory and disk, as any web server would, and more than
 * that: a router that says "Prefer: wait=240" (RFC 7240) and has what is current gets its answer
 * when there is something new, or when its time is over. How many may wait is bounded; whoever
 * comes behind that is answered at once, and polls.
 *
 * A held request costs a connection and a small struct. When there is news they are answered some
 * at a time, so that 2,000 routers do not stop an editor's page. */
#include "lib/counts.h"
#include "lib/crypto.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "noticeboard/conf.h"
#include "noticeboard/publish_internal.h"
#include "noticeboard/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <utlist.h>

enum {
    WAIT_MAX_S = 300,
    BATCH = 200, /* answers a turn */
    NEWS_MAX = 2 << 20
};

struct waiting {
    struct publish *p;
    struct http_request *req;
    uint64_t until_ms;
    bool woken;
    struct waiting *prev, *next;
};

/* --- who asks ----------------------------------------------------------------------------------
 */

/* The name that a router of ours tells ("loggiad NAME"), else its address: what the proxy that we
 * trust says, else the peer's. Anybody can make one up: it is counted, and nothing else depends on
 * it. */
static void asker(const struct publish *p, struct http_request *req, char out[static 64])
{
    const char *agent = http_header(req, "User-Agent");
    if (agent && strncmp(agent, "loggiad ", 8) == 0 && agent[8]) {
        snprintf(out, 64, "%.60s", agent + 8);
        return;
    }
    http_client(req, p->conf->trusted_proxy, out);
}

/* "wait=N" in Prefer, at most WAIT_MAX_S; 0: it is not asked for. */
static unsigned wanted_wait_s(struct http_request *req)
{
    const char *prefer = http_header(req, "Prefer");
    for (const char *at = prefer; at && *at; at += strspn(at, ", ;\t")) {
        size_t n = strcspn(at, ",; \t");
        if (n > 5 && n <= 10 && strncasecmp(at, "wait=", 5) == 0) {
            unsigned long s = strtoul(at + 5, NULL, 10);
            return s > WAIT_MAX_S ? WAIT_MAX_S : (unsigned)s;
        }
        at += n;
    }
    return 0;
}

static bool matches(struct http_request *req, const char *etag)
{
    const char *known = http_header(req, "If-None-Match");
    return known && *etag && (strstr(known, etag) || strcmp(known, "*") == 0);
}

/* --- answers ------------------------------------------------------------------------------------
 */

struct document {
    const char *type, *etag, *cache;
    char *data; /* taken if it is another's */
    size_t len;
    bool take;
};

static void reply(struct http_request *req, const struct document *d, bool waited)
{
    struct http_field fields[5];
    size_t n = 0;
    bool same = matches(req, d->etag);
    fields[n++] = (struct http_field){"ETag", d->etag};
    if (!same || d->cache[0] == 'p') /* every byte of a 304 is paid for by each router, all day */
        fields[n++] = (struct http_field){"Cache-Control", d->cache};
    if (waited)
        fields[n++] = (struct http_field){"Preference-Applied", "wait"};
    if (!same)
        fields[n++] = (struct http_field){"X-Content-Type-Options", "nosniff"};
    fields[n] = (struct http_field){NULL, NULL};
    struct http_answer a = {.status = same ? 304 : 200,
                            .content_type = same ? NULL : d->type,
                            .body = same ? NULL : d->data,
                            .len = same ? 0 : d->len,
                            .take = d->take && !same,
                            .fields = fields};
    http_reply(req, &a);
    if (d->take && same)
        free(d->data);
}

static void reply_status(struct http_request *req, unsigned status, const char *text)
{
    http_reply(req, &(struct http_answer){.status = status,
                                          .content_type = "text/plain; charset=utf-8",
                                          .body = (char *)text,
                                          .len = strlen(text)});
}

static void reply_current(struct publish *p, struct http_request *req, bool waited)
{
    struct document d = {.type = "text/plain; charset=utf-8",
                         .etag = p->etag,
                         .cache = "no-cache",
                         .data = p->pointer,
                         .len = p->pointer_len};
    reply(req, &d, waited);
}

/* --- those who wait -----------------------------------------------------------------------------
 */

static void leave(struct waiting *w)
{
    DL_DELETE(w->p->waiting, w);
    w->p->n_waiting--;
    free(w);
}

static void gone(void *user)
{
    leave(user);
}

static void look_at(struct publish *p, uint64_t due_ms)
{
    uint64_t now = loop_now_ms();
    p->wait_due_ms = due_ms;
    loop_timer_start(p->wait_timer, due_ms > now ? due_ms - now : 0);
}

/* Answers whose time is over, or for whom there is news; and comes again for the next. */
static void on_wait(void *arg)
{
    struct publish *p = arg;
    struct waiting *w, *tmp;
    uint64_t now = loop_now_ms(), next = UINT64_MAX;
    unsigned answered = 0;
    DL_FOREACH_SAFE (p->waiting, w, tmp) {
        if (!w->woken && w->until_ms > now) {
            next = w->until_ms < next ? w->until_ms : next;
            continue;
        }
        if (answered++ == BATCH) {
            next = now;
            break;
        }
        struct http_request *req = w->req;
        leave(w);
        reply_current(p, req, true);
    }
    if (next != UINT64_MAX)
        look_at(p, next);
}

void waiting_wake(struct publish *p)
{
    struct waiting *w;
    DL_FOREACH (p->waiting, w)
        w->woken = true;
    if (p->waiting)
        look_at(p, 0);
}

/* False: no more may wait. */
static bool hold(struct publish *p, struct http_request *req, unsigned wait_s)
{
    struct waiting *w = NULL;
    if (!p->wait_timer)
        p->wait_timer = loop_timer_new(p->loop, on_wait, p);
    if (p->n_waiting < PUBLISH_MAX_WAITING && p->wait_timer)
        w = calloc(1, sizeof *w);
    if (!w)
        return false;
    *w = (struct waiting){.p = p, .req = req, .until_ms = loop_now_ms() + (uint64_t)wait_s * 1000};
    DL_APPEND(p->waiting, w);
    p->n_waiting++;
    http_set_user(req, w, gone);
    if (!loop_timer_running(p->wait_timer) || w->until_ms < p->wait_due_ms)
        look_at(p, w->until_ms);
    return true;
}

/* The server answers nobody any more (it called gone for each), or never began to. */
void waiting_free(struct publish *p)
{
    while (p->waiting) {
        struct http_request *req = p->waiting->req;
        leave(p->waiting);
        reply_status(req, 503, "ending\n");
    }
    loop_timer_free(p->wait_timer);
}

/* --- the files -----------------------------------------------------------------------------------
 */

static void serve_current(struct publish *p, struct http_request *req)
{
    char who[64];
    unsigned wait_s = wanted_wait_s(req);
    bool same = matches(req, p->etag);
    asker(p, req, who);
    seen_note(p->seen, who, same ? p->current.serial : 0, (int64_t)time(NULL));
    if (same && wait_s > 0 && hold(p, req, wait_s))
        return;
    reply_current(p, req, wait_s > 0 && p->n_waiting < PUBLISH_MAX_WAITING);
}

static void serve_bundle(struct publish *p, struct http_request *req, const char *name)
{
    char etag[24], who[64];
    struct document d = {.type = "application/octet-stream",
                         .etag = etag,
                         .cache = "public, max-age=86400, immutable"};
    if (strcmp(name, p->bundle_name) == 0) {
        d.data = p->bundle;
        d.len = p->bundle_len;
        asker(p, req, who);
        seen_note(p->seen, who, p->current.serial, (int64_t)time(NULL));
    } else {
        d.data = out_read(p->dir, name, BUNDLE_MAX_BYTES, &d.len);
        d.take = true;
    }
    snprintf(etag, sizeof etag, "\"%.16s\"", name);
    if (d.data)
        reply(req, &d, false);
    else
        reply_status(req, 404, "no such bundle\n");
}

/* What feed readers ask for; name has no slash. */
static void serve_news(struct publish *p, struct http_request *req, const char *name)
{
    static const char *const types[][2] = {{".rss", "application/rss+xml; charset=utf-8"},
                                           {".json", "application/feed+json; charset=utf-8"},
                                           {".cap", "application/cap+xml; charset=utf-8"}};
    char path[160], etag[20];
    uint8_t sum[SIGN_KEY_LEN];
    const char *dot = strrchr(name, '.');
    struct document d = {.etag = etag, .cache = "public, max-age=60", .take = true};
    snprintf(path, sizeof path, "news/%.120s", name);
    for (size_t i = 0; dot && i < sizeof types / sizeof *types; i++)
        if (strcmp(dot, types[i][0]) == 0)
            d.type = types[i][1];
    if (d.type && name[0] != '.')
        d.data = out_read(p->dir, path, NEWS_MAX, &d.len);
    if (!d.data) {
        reply_status(req, 404, "no such feed\n");
        return;
    }
    sign_sha256(d.data, d.len, sum);
    etag[0] = '"';
    crypto_hex(sum, 6, etag + 1);
    strcat(etag, "\"");
    reply(req, &d, false);
}

/* --- counts
 * --------------------------------------------------------------------------------------- */

struct report {
    struct store_count rows[COUNTS_MAX_LINES];
    struct count_row kept[COUNTS_MAX_LINES];
    size_t n;
};

static void add_row(void *arg, const struct count_row *row)
{
    struct report *r = arg;
    if (r->n == COUNTS_MAX_LINES || (row->kind != BUNDLE_NOTICE && row->kind != BUNDLE_SERVICE))
        return;
    struct count_row *k = &r->kept[r->n];
    *k = *row;
    r->rows[r->n++] =
        (struct store_count){.kind = row->kind == BUNDLE_SERVICE ? STORE_SERVICE : STORE_NOTICE,
                             .notice = k->id,
                             .zone = k->zone,
                             .lang = k->lang,
                             .hour = k->hour_s,
                             .displays = k->displays,
                             .taps = k->taps};
}

/* Either the board's secret itself, or the token that was made of it for this one router. */
static bool may_count(const struct publish *p, struct http_request *req, const char *router)
{
    const char *given = http_header(req, "Authorization"), *secret = p->conf->token;
    char own[PUBLISH_TOKEN_LEN];
    if (!given || !secret || strncasecmp(given, "Bearer ", 7) != 0)
        return false;
    given += 7;
    publish_token(secret, router, own);
    bool as_router = strlen(given) == strlen(own) && crypto_equal(given, own, strlen(own));
    bool as_all = strlen(given) == strlen(secret) && crypto_equal(given, secret, strlen(secret));
    crypto_wipe(own, sizeof own);
    return as_router || as_all;
}

void publish_token(const char *secret, const char *router, char out[static PUBLISH_TOKEN_LEN])
{
    static const char purpose[] = "loggia-router:";
    struct crypto_slice parts[] = {{purpose, sizeof purpose - 1}, {router, strlen(router)}};
    uint8_t sum[SHA256_LEN];
    crypto_hmac_sha256(secret, strlen(secret), parts, 2, sum);
    crypto_base64url(sum, sizeof sum, out);
    crypto_wipe(sum, sizeof sum);
}

static void take_counts(struct publish *p, struct http_request *req)
{
    char router[COUNTS_ROUTER_LEN], batch[COUNTS_BATCH_LEN], err[256];
    char id[COUNTS_ROUTER_LEN + COUNTS_BATCH_LEN + 1];
    size_t len;
    const char *body = http_body(req, &len);
    struct report *r = calloc(1, sizeof *r);
    if (!r) {
        reply_status(req, 503, "no memory\n");
        return;
    }
    bool fine = body && counts_read(body, len, router, batch, add_row, r, err, sizeof err);
    if (!fine) {
        log_limited(&p->limit, LOG_WARNING, "event=counts_refused why=\"%s\"",
                    body ? err : "nothing in it");
        reply_status(req, 400, body ? err : "found nothing, expected counts\n");
    } else if (!may_count(p, req, router)) {
        log_limited(&p->limit, LOG_WARNING, "event=counts_refused router=%s why=\"wrong token\"",
                    router);
        reply_status(req, 403, "wrong token\n");
    } else {
        snprintf(id, sizeof id, "%s:%s", router, batch);
        fine = store_counts_add(p->store, id, r->rows, r->n, (int64_t)time(NULL));
        if (!fine)
            log_limited(&p->limit, LOG_ERR, "event=counts_lost router=%s why=\"%s\"", router,
                        store_error(p->store));
        reply_status(req, fine ? 204 : 503, "");
    }
    free(r);
}

bool publish_handle(struct publish *p, struct http_request *req)
{
    const char *path = http_path(req), *method = http_method(req);
    if (strncmp(path, PUBLISH_PATH, strlen(PUBLISH_PATH)) != 0)
        return false;
    path += strlen(PUBLISH_PATH);
    bool get = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    if (!p) {
        reply_status(req, 503, "not ready\n");
    } else if (strcmp(path, "counts") == 0) {
        if (strcmp(method, "POST") == 0)
            take_counts(p, req);
        else
            reply_status(req, 405, "POST alone\n");
    } else if (!get) {
        reply_status(req, 405, "GET alone\n");
    } else if (strcmp(path, "current") == 0 && p->pointer) {
        serve_current(p, req);
    } else if (out_is_bundle(path)) {
        serve_bundle(p, req, path);
    } else if (strncmp(path, "news/", 5) == 0 && !strchr(path + 5, '/')) {
        serve_news(p, req, path + 5);
    } else {
        reply_status(req, 404, "nothing of that name is published\n");
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When is published. A change starts a short timer, and what changes until it fires is one edition.
 * Nothing is written that says the same as before: only the signature is made anew, long before it
 * ends, so that a board that runs is believed and a replay of it is not.
 *
 * The order is what keeps a router safe: a new serial is in the database before anything has it;
 * the bundle is on the disk before `current` names it; memory changes last, and only then is
 * anybody who waits told. Whatever fails, what was published stays, the editors are told why, and
 * it is tried again. */
#include "lib/loop.h"
#include "noticeboard/conf.h"
#include "noticeboard/publish_internal.h"
#include "noticeboard/store.h"
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    TOGETHER_MS = 100,   /* changes within it are one edition */
    AGAIN_MS = 5000,     /* after a failure */
    LOOK_S = 60 * 60,    /* at the latest */
    SIGN_S = 6 * 60 * 60 /* a signature is renewed at the latest after so long */
};

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* --- keys --------------------------------------------------------------------------------------
 */

static bool read_keys(struct publish *p, const struct board_conf *c, char *err, size_t err_len)
{
    struct sign_key keys[CURRENT_MAX_KEYS];
    size_t n = 0;
    bool fine = true;
    for (; fine && n < c->n_keys && n < CURRENT_MAX_KEYS; n++) {
        fine = sign_key_read(c->keys[n], &keys[n], err, err_len);
        if (fine && !keys[n].has_seed) {
            snprintf(err, err_len, "%s: found a public key, expected the private one", c->keys[n]);
            fine = false;
        }
    }
    if (fine) {
        memcpy(p->keys, keys, n * sizeof *keys);
        p->n_keys = n;
    }
    for (size_t i = 0; i < n; i++)
        sign_key_wipe(&keys[i]);
    return fine;
}

static bool same_keys(const struct publish *p)
{
    size_t n = 0; /* every key of ours has signed what is published, and no other */
    for (const char *at = p->pointer; (at = strstr(at, "\nsignature: ")); n++) {
        at += strlen("\nsignature: ");
        if (n >= p->n_keys || strncmp(at, p->keys[n].id, strlen(p->keys[n].id)) != 0)
            return false;
    }
    return n == p->n_keys;
}

/* --- what is published ------------------------------------------------------------------------ */

/* The new state is on the disk: it is the board's own now. Takes pointer and, where it is another
 * one, bundle. */
static void adopt(struct publish *p, const struct current *c, char *pointer, size_t pointer_len,
                  char *bundle, size_t bundle_len)
{
    uint8_t sum[SIGN_KEY_LEN];
    char hex[13];
    free(p->pointer);
    p->pointer = pointer;
    p->pointer_len = pointer_len;
    p->current = *c;
    sign_sha256(pointer, pointer_len, sum);
    for (int i = 0; i < 6; i++)
        snprintf(hex + 2 * i, 3, "%02x", sum[i]);
    snprintf(p->etag, sizeof p->etag, "\"%s\"", hex);
    if (bundle) {
        free(p->bundle);
        p->bundle = bundle;
        p->bundle_len = bundle_len;
        current_bundle_name(c, p->bundle_name);
    }
}

/* Signs c and replaces `current`. */
static bool sign_and_write(struct publish *p, const struct current *c, char *bundle,
                           size_t bundle_len, char *err, size_t err_len)
{
    struct buf b;
    size_t len;
    buf_init(&b, CURRENT_MAX_BYTES);
    if (!current_write(&b, c, p->keys, p->n_keys)) {
        buf_free(&b);
        snprintf(err, err_len, "it cannot be signed");
        return false;
    }
    char *pointer = buf_take(&b, &len);
    if (!pointer || !out_write(p->dir, "current", pointer, len, true, err, err_len)) {
        free(pointer);
        return false;
    }
    adopt(p, c, pointer, len, bundle, bundle_len);
    return true;
}

static bool sign_anew(struct publish *p, int64_t now, char *err, size_t err_len)
{
    struct current c = p->current;
    c.created_s =
        now > c.created_s ? now : c.created_s; /* a clock that was set back is no reason */
    c.expires_s = c.created_s + p->conf->bundle_life_s;
    return sign_and_write(p, &c, NULL, 0, err, err_len);
}

static bool write_edition(struct publish *p, struct edition *e, int64_t now, char *err,
                          size_t err_len)
{
    char old[CURRENT_NAME_LEN], name[CURRENT_NAME_LEN];
    int64_t serial = store_next_serial(p->store);
    struct buf b;
    size_t len;
    if (serial <= 0) {
        snprintf(err, err_len, "%s", store_error(p->store));
        return false;
    }
    if ((uint64_t)serial <= p->current.serial) /* a database from an old copy, a clock set back */
        serial = (int64_t)p->current.serial + 1;
    e->bundle.serial = (uint64_t)serial;
    e->bundle.created_s = now > p->current.created_s ? now : p->current.created_s;
    e->bundle.expires_s = e->bundle.created_s + p->conf->bundle_life_s;
    buf_init(&b, BUNDLE_MAX_BYTES);
    if (!bundle_write(&b, &e->bundle, err, err_len)) {
        buf_free(&b);
        return false;
    }
    char *text = buf_take(&b, &len);
    struct current c = {.serial = e->bundle.serial,
                        .length = len,
                        .created_s = e->bundle.created_s,
                        .expires_s = e->bundle.expires_s};
    sign_sha256(text, len, c.sha256);
    current_bundle_name(&c, name);
    memcpy(old, p->bundle_name, sizeof old);
    if (!out_write(p->dir, name, text, len, true, err, err_len) ||
        !sign_and_write(p, &c, text, len, err, err_len)) {
        free(text);
        return false;
    }
    out_retire(p->dir, old);
    edition_sum(&e->bundle, p->sum);
    p->n_notices = e->notices.n;
    p->n_services = e->n_services;
    p->published_s = now;
    log_msg(LOG_NOTICE,
            "event=published serial=%" PRIu64 " notices=%zu services=%zu bytes=%zu waiting=%u",
            c.serial, e->notices.n, e->n_services, len, p->n_waiting);
    return true;
}

static uint32_t renewal_s(const struct publish *p)
{
    uint32_t quarter = p->conf->bundle_life_s / 4;
    return quarter < SIGN_S ? quarter : SIGN_S;
}

/* The next look: something ends or begins, or the signature gets old. */
static void plan(struct publish *p, int64_t now)
{
    int64_t next = store_next_moment(p->store, now), renew = p->current.created_s + renewal_s(p);
    int64_t wait = LOOK_S;
    if (next > now && next - now < wait)
        wait = next - now;
    if (p->current.serial && renew - now < wait)
        wait = renew - now;
    loop_timer_start(p->later, wait > 1 ? (uint64_t)wait * 1000 : 1000);
}

/* Somebody may have put another directory in its place, or cleared it: then all is written again.
 */
static bool look_at_directory(struct publish *p, char *err, size_t err_len)
{
    struct stat ours, there;
    if (fstat(p->dir, &ours) != 0 || stat(p->conf->out_directory, &there) != 0 ||
        ours.st_ino != there.st_ino || ours.st_dev != there.st_dev) {
        int dir = out_open(p->conf->out_directory, err, err_len);
        if (dir < 0)
            return false;
        close(p->dir);
        p->dir = dir;
    }
    if (p->pointer && (faccessat(p->dir, "current", F_OK, 0) != 0 ||
                       faccessat(p->dir, p->bundle_name, F_OK, 0) != 0))
        memset(p->sum, 0, sizeof p->sum);
    return true;
}

static bool publish_now(struct publish *p, int64_t now, char *err, size_t err_len)
{
    struct edition e;
    uint8_t sum[SIGN_KEY_LEN];
    if (p->n_keys == 0) {
        snprintf(err, err_len, "no key is configured: keys = { … } in board.conf");
        return false;
    }
    if (!look_at_directory(p, err, err_len) ||
        !edition_build(&e, p->store, p->conf, now, err, err_len))
        return false;
    edition_sum(&e.bundle, sum);
    bool fine = true, news = !p->current.serial || memcmp(sum, p->sum, sizeof sum) != 0;
    if (news)
        fine = write_edition(p, &e, now, err, err_len);
    else if (p->current.created_s + renewal_s(p) <= now || !same_keys(p))
        fine = sign_anew(p, now, err, err_len);
    if (fine) {
        p->n_notices = e.notices.n;
        p->n_services = e.n_services;
        p->news = news_start(p->news, p->loop, p->dir, p->conf, &e, now);
        out_tidy(p->dir, p->bundle_name, now, p->conf->keep_s);
    }
    edition_free(&e);
    return fine;
}

static void work(void *arg)
{
    struct publish *p = arg;
    char err[256] = "", etag[ETAG_LEN];
    int64_t now = now_s();
    memcpy(etag, p->etag, sizeof etag);
    if (publish_now(p, now, err, sizeof err)) {
        p->pending = false;
        p->error[0] = '\0';
        plan(p, now);
    } else {
        if (strcmp(err, p->error) != 0)
            log_msg(LOG_ERR, "event=not_published why=\"%s\" then=\"what was published stays\"",
                    err);
        memcpy(p->error, err, sizeof p->error);
        loop_timer_start(p->later, AGAIN_MS);
    }
    if (strcmp(etag, p->etag) != 0)
        waiting_wake(p);
}

void publish_changed(void *arg)
{
    struct publish *p = arg;
    p->pending = true;
    if (!loop_timer_running(p->soon)) /* the first change of a moment decides when */
        loop_timer_start(p->soon, TOGETHER_MS);
}

/* --- begin and end ---------------------------------------------------------------------------- */

/* What an earlier process published, if it is whole and ours. */
static void resume(struct publish *p)
{
    char err[256];
    struct current c;
    size_t pointer_len, len = 0;
    uint8_t sum[SIGN_KEY_LEN];
    char *pointer = out_read(p->dir, "current", CURRENT_MAX_BYTES, &pointer_len), *text = NULL;
    struct bundle *b = NULL;
    if (pointer && current_read(pointer, pointer_len, p->keys, p->n_keys, &c, NULL, err,
                                sizeof err) == CURRENT_GOOD) {
        char name[CURRENT_NAME_LEN];
        p->current = c; /* its serial is taken, whatever became of its bundle */
        current_bundle_name(&c, name);
        text = out_read(p->dir, name, BUNDLE_MAX_BYTES, &len);
    }
    if (text) {
        sign_sha256(text, len, sum);
        if (len == c.length && memcmp(sum, c.sha256, sizeof sum) == 0)
            b = bundle_read(text, len, err, sizeof err);
    }
    if (b) {
        edition_sum(b, p->sum);
        adopt(p, &c, pointer, pointer_len, text, len);
        log_msg(LOG_INFO, "event=resumed serial=%" PRIu64, c.serial);
        pointer = text = NULL;
    }
    bundle_free(b);
    free(pointer);
    free(text);
}

struct publish *publish_new(struct loop *loop, struct store *store, const struct board_conf *conf,
                            char *err, size_t err_len)
{
    struct publish *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    *p = (struct publish){.loop = loop,
                          .store = store,
                          .conf = conf,
                          .dir = -1,
                          .limit = {.interval_ms = 60000, .burst = 5}};
    p->soon = loop_timer_new(loop, work, p);
    p->later = loop_timer_new(loop, work, p);
    p->seen = seen_new();
    if (!p->soon || !p->later || !p->seen)
        snprintf(err, err_len, "out of memory");
    else if (read_keys(p, conf, err, err_len) &&
             (p->dir = out_open(conf->out_directory, err, err_len)) >= 0) {
        resume(p);
        store_on_published(store, publish_changed, p);
        p->pending = true;
        work(p);
        return p;
    }
    publish_free(p);
    return NULL;
}

void publish_reload(struct publish *p, const struct board_conf *conf)
{
    char err[256];
    if (!p)
        return;
    news_free(p->news); /* it has the old one's names */
    p->news = NULL;
    p->conf = conf;
    if (!read_keys(p, conf, err, sizeof err))
        log_msg(LOG_ERR, "event=keys_refused why=\"%s\" then=\"the ones before stay\"", err);
    publish_changed(p);
}

void publish_free(struct publish *p)
{
    if (!p)
        return;
    store_on_published(p->store, NULL, NULL);
    waiting_free(p);
    news_free(p->news);
    loop_timer_free(p->soon);
    loop_timer_free(p->later);
    seen_free(p->seen);
    if (p->dir >= 0)
        close(p->dir);
    for (size_t i = 0; i < CURRENT_MAX_KEYS; i++)
        sign_key_wipe(&p->keys[i]);
    free(p->pointer);
    free(p->bundle);
    free(p);
}

void publish_status(const struct publish *p, struct publish_status *out)
{
    *out = (struct publish_status){0};
    if (!p)
        return;
    out->pending = p->pending;
    memcpy(out->error, p->error, sizeof out->error);
    out->serial = p->current.serial;
    out->published_s = p->published_s;
    out->signed_s = p->current.created_s;
    out->expires_s = p->current.expires_s;
    out->notices = p->n_notices;
    out->services = p->n_services;
    out->waiting = p->n_waiting;
    seen_count(p->seen, p->current.serial, now_s(), &out->routers, &out->current);
}

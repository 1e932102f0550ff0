/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this router asks its noticeboard, and what comes of the answer. When it asks: board_pace.c.
 *
 * One question is under way at a time: `current`, and if it names another bundle than ours, the
 * bundle. Where the board waits with its answer until there is news (Preference-Applied: wait) an
 * emergency is here in seconds and a quiet day costs a few hundred questions. What we have stays,
 * whatever happens, and each notice ends when it says itself. */
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/fetch.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/board_internal.h"
#include "portal/portal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    HELD_MS = 1000,  /* a question that is not answered so soon is being held */
    WAIT_S = 240,    /* a long poll's */
    FETCH_MS = 30000 /* anything else */
};

static void ask_bundle(void *arg);

void board_later(struct board *b, uint64_t ms)
{
    b->stats.state = BOARD_PAUSING;
    loop_timer_start(b->timer, ms);
}

int64_t board_now(const struct board *b, bool *sane)
{
    return board_clock_now(b ? &b->clock : NULL, time(NULL), loop_now_ms(), sane);
}

/* --- what went wrong ---------------------------------------------------------------------------
 */

/* The first of a row is worth a line, and then one an hour. */
static void failed(struct board *b, const char *what, const char *why, uint32_t retry_after_s)
{
    b->stats.failures++;
    snprintf(b->stats.last_error, sizeof b->stats.last_error, "%s: %s", what, why);
    if (b->pace.failures == 0)
        log_msg(LOG_WARNING, "event=board_failed what=%s why=\"%s\" shown_serial=%" PRIu64, what,
                why, b->stats.serial);
    board_later(b, board_pace_failed(&b->pace, retry_after_s));
}

/* What was signed or served is not to be believed. */
static void refused(struct board *b, const char *what, const char *why)
{
    b->stats.refused++;
    if (!b->told_refused)
        log_msg(LOG_ERR, "event=board_refused what=%s why=\"%s\" shown_serial=%" PRIu64, what, why,
                b->stats.serial);
    b->told_refused = true;
    failed(b, what, why, 0);
}

/* The board answered, and what it said was in order. */
static void heard(struct board *b)
{
    if (b->pace.failures)
        log_msg(LOG_NOTICE, "event=board_back after_failures=%u", b->pace.failures);
    b->pace.failures = 0;
    b->told_refused = false;
    b->stats.last_error[0] = '\0';
    b->stats.heard_ms = loop_now_ms();
    b->stats.from_disk = false;
}

static void next_question(struct board *b)
{
    board_later(b, board_pace_next(&b->pace, loop_now_ms(), b->have.etag != NULL));
}

void board_looked(struct board *b)
{
    uint64_t in_ms;
    if (b && board_pace_looked(&b->pace, loop_now_ms(), &in_ms))
        board_later(b, in_ms);
}

/* --- a new edition -----------------------------------------------------------------------------
 */

static void learn_bounds(struct board *b, const struct current *c)
{
    b->clock.created_s = c->created_s;
    b->clock.expires_s = c->expires_s;
    b->clock.since_ms = loop_now_ms();
    b->stats.serial = c->serial;
    b->stats.created_s = c->created_s;
    b->stats.expires_s = c->expires_s;
}

void board_show(struct board *b, struct board_edition *e)
{
    struct board_edition *old = b->edition;
    b->edition = e;
    learn_bounds(b, &e->current);
    b->stats.notices = e->notices.n;
    b->stats.services = e->n_services;
    b->stats.skipped = e->skipped;
    memcpy(b->stats.name, e->name, sizeof b->stats.name);
    texts_board_changed(b->p->texts);
    board_edition_free(old);
}

void board_forget_validator(struct board_validator *v)
{
    free(v->etag);
    free(v->since);
    *v = (struct board_validator){0};
}

static void note_validator(struct board_validator *v, const struct fetch_answer *a)
{
    board_forget_validator(v);
    if (a->etag)
        v->etag = strdup(a->etag);
    else if (a->last_modified && a->modified_strong)
        v->since = strdup(a->last_modified);
}

static void take_validator(struct board *b)
{
    board_forget_validator(&b->have);
    b->have = b->candidates;
    b->candidates = (struct board_validator){0};
}

static void keep(struct board *b, char *data, size_t len)
{
    board_keep_save(b->keep, &b->candidate, b->pointer, b->pointer_len, data, len);
    b->pointer = NULL;
}

static void on_loaded(void *arg, struct board_edition *e, char *data, size_t len, const char *why)
{
    struct board *b = arg;
    char reason[200];
    snprintf(reason, sizeof reason, "%s", why ? why : "");
    if (b->stats.longest_step_us < board_load_longest_us(b->load))
        b->stats.longest_step_us = board_load_longest_us(b->load);
    board_load_free(b->load);
    b->load = NULL;
    if (!e) {
        refused(b, "bundle", reason);
        return;
    }
    heard(b);
    take_validator(b);
    board_show(b, e);
    b->stats.fresh++;
    log_msg(LOG_NOTICE,
            "event=board_shown serial=%" PRIu64 " notices=%zu services=%zu skipped=%zu bytes=%zu "
            "key=%s longest_step_us=%" PRIu64,
            b->stats.serial, e->notices.n, e->n_services, e->skipped, len, b->stats.key_id,
            b->stats.longest_step_us);
    keep(b, data, len);
    next_question(b);
}

static void load(struct board *b, const char *body, size_t len)
{
    char *data = malloc(len ? len : 1);
    if (data)
        memcpy(data, body, len);
    b->load = data ? board_load_new(b->loop, &b->candidate, data, len, on_loaded, b) : NULL;
    if (b->load)
        b->stats.state = BOARD_LOADING;
    else
        failed(b, "bundle", "out of memory", 0);
}

/* --- answers -----------------------------------------------------------------------------------
 */

static void add_bytes(struct board *b, const struct fetch_answer *a)
{
    b->stats.bytes_sent += a->sent;
    b->stats.bytes_received += a->received;
}

/* Says why where there is no answer to go on with. */
static bool answered(struct board *b, const char *what, const struct fetch_answer *a)
{
    char why[64];
    add_bytes(b, a);
    if (a->status == 200 ||
        (a->status == 304 && (b->have.etag || b->have.since) && strcmp(what, "current") == 0))
        return true;
    if (a->status)
        snprintf(why, sizeof why, "it answers HTTP %u", a->status);
    failed(b, what, a->status ? why : a->err, a->retry_after_s);
    return false;
}

static void on_bundle(void *arg, const struct fetch_answer *a)
{
    struct board *b = arg;
    b->call = NULL;
    if (!answered(b, "bundle", a))
        return;
    if (a->len != b->candidate.length)
        refused(b, "bundle",
                "its length is not the one that was signed: it is cut short, or "
                "another file");
    else
        load(b, a->body, a->len);
}

static void ask_bundle(void *arg)
{
    struct board *b = arg;
    char name[CURRENT_NAME_LEN], url[512];
    current_bundle_name(&b->candidate, name);
    snprintf(url, sizeof url, "%s%s", b->url, name);
    b->stats.state = BOARD_ASKING;
    b->call = fetch_start(b->fetcher,
                          &(struct fetch_request){.url = url,
                                                  .max_bytes = (size_t)b->candidate.length,
                                                  .timeout_ms = FETCH_MS},
                          on_bundle, b);
    if (!b->call)
        failed(b, "bundle", "out of memory", 0);
}

/* The candidate's bundle is the one that is shown. */
static bool is_shown(const struct board *b)
{
    return b->edition &&
           memcmp(b->edition->current.sha256, b->candidate.sha256, sizeof b->candidate.sha256) == 0;
}

static void take_pointer(struct board *b, const struct fetch_answer *a)
{
    free(b->pointer);
    b->pointer = malloc(a->len);
    b->pointer_len = a->len;
    if (b->pointer)
        memcpy(b->pointer, a->body, a->len);
    note_validator(&b->candidates, a);
    if (!b->pointer) {
        failed(b, "current", "out of memory", 0);
    } else if (is_shown(b)) { /* signed anew */
        heard(b);
        take_validator(b);
        b->edition->current = b->candidate;
        learn_bounds(b, &b->candidate);
        keep(b, NULL, 0);
        next_question(b);
    } else if (b->candidate.length > BUNDLE_MAX_BYTES) {
        refused(b, "bundle", "it is longer than a bundle may be");
    } else {
        ask_bundle(b);
    }
}

static const char *fault_word(enum current_fault fault)
{
    return fault == CURRENT_UNKNOWN_KEY ? "unknown-key"
           : fault == CURRENT_MALFORMED ? "malformed"
                                        : "bad-signature";
}

/* The best idea of now there is for judging: the answer's own Date, else our clock if it is sane.
 */
static int64_t reference(const struct board *b, const struct fetch_answer *a)
{
    bool sane;
    int64_t now_s = board_now(b, &sane);
    return a->date_s ? a->date_s : sane ? now_s : 0;
}

static void judge(struct board *b, const struct fetch_answer *a)
{
    static const struct current none;
    char why[256] = "", key_id[SIGN_ID_LEN] = "";
    struct current c;
    enum current_fault fault =
        current_read(a->body, a->len, b->keys, b->n_keys, &c, key_id, why, sizeof why);
    if (fault != CURRENT_GOOD) {
        refused(b, fault_word(fault), why);
        return;
    }
    switch (board_judge(&c, b->edition ? &b->edition->current : &none, reference(b, a), why,
                        sizeof why)) {
    case BOARD_REFUSE:
        refused(b, "current", why);
        return;
    case BOARD_SAME:
        heard(b);
        note_validator(&b->have, a);
        next_question(b);
        return;
    case BOARD_TAKE:
        memcpy(b->stats.key_id, key_id, sizeof key_id);
        b->candidate = c;
        take_pointer(b, a);
    }
}

static void on_current(void *arg, const struct fetch_answer *a)
{
    struct board *b = arg;
    b->call = NULL;
    if (!answered(b, "current", a))
        return;
    b->pace.waited = b->pace.long_poll && a->waited;
    if (a->status == 304) {
        heard(b);
        next_question(b);
    } else {
        judge(b, a);
    }
    if (a->date_s && !b->pace.failures) {
        b->clock.heard_s = a->date_s;
        b->clock.heard_ms = loop_now_ms();
        b->clock.heard_tls = a->tls;
    }
}

void board_ask(void *arg)
{
    struct board *b = arg;
    char url[512];
    bool terse = board_pace_terse(&b->pace);
    struct fetch_request r = {.url = url,
                              .etag = b->have.etag,
                              .last_modified = b->have.since,
                              .nameless = terse,
                              .max_bytes = CURRENT_MAX_BYTES,
                              .timeout_ms = FETCH_MS + (b->pace.long_poll ? WAIT_S * 1000 : 0),
                              .wait_s = b->pace.long_poll && b->have.etag && !terse ? WAIT_S : 0};
    snprintf(url, sizeof url, "%scurrent", b->url);
    board_pace_asked(&b->pace, loop_now_ms(), r.wait_s != 0);
    b->stats.asked++;
    b->stats.state = r.wait_s ? BOARD_WAITING : BOARD_ASKING;
    b->call = fetch_start(b->fetcher, &r, on_current, b);
    if (!b->call)
        failed(b, "current", "out of memory", 0);
}

void board_count(struct board *b, enum bundle_kind kind, const char *id, const char *zone,
                 const char *lang, unsigned displays, unsigned taps)
{
    bool sane;
    if (b && b->token)
        board_report_add(b->report, board_now(b, &sane), kind, id, zone, lang, displays, taps);
}

/* --- what is asked of it -----------------------------------------------------------------------
 */

const struct board_edition *board_edition(const struct board *b)
{
    return b ? b->edition : NULL;
}

void board_stats(const struct board *b, struct board_stats *out)
{
    *out = b->stats;
    if (out->state == BOARD_WAITING &&
        !(b->call && fetch_begun(b->call) && loop_now_ms() - b->pace.asked_ms >= HELD_MS))
        out->state = BOARD_ASKING;
    out->keeping_fails = board_keep_failing(b->keep);
    board_report_stats(b->report, out);
}

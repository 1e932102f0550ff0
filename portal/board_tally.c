/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums of what was shown and tapped: the hour, the notice, the zone, the language of the page, two
 * numbers. There is no device in it from the first line on, so that none can get out. Closed every
 * now and then into a text with a random name of its own; texts wait until the board has taken
 * them, a day's worth of them at most. */
#include "lib/buf.h"
#include "lib/counts.h"
#include "lib/crypto.h"
#include "portal/board.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { HOUR_S = 3600, MAX_WAITING = 24 };

struct key {
    int64_t hour_s;
    enum bundle_kind kind;
    char id[BUNDLE_ID_LEN], zone[COUNTS_ZONE_LEN], lang[COUNTS_LANG_LEN];
};

struct sum {
    struct key key;
    uint32_t displays, taps;
    UT_hash_handle hh;
};

struct waiting {
    char *text;
    size_t len;
    uint64_t sums;
    struct waiting *prev, *next;
};

struct board_tally {
    struct sum *sums;
    char batch[COUNTS_BATCH_LEN]; /* the name of what is counted now; "" before the first */
    struct waiting *texts;
    unsigned n_texts;
    uint64_t lost;
};

struct board_tally *board_tally_new(void)
{
    return calloc(1, sizeof(struct board_tally));
}

static void drop_first(struct board_tally *t)
{
    struct waiting *w = t->texts;
    DL_DELETE(t->texts, w);
    t->n_texts--;
    free(w->text);
    free(w);
}

static void clear(struct board_tally *t)
{
    struct sum *s, *next;
    HASH_ITER (hh, t->sums, s, next) {
        HASH_DEL(t->sums, s);
        free(s);
    }
}

void board_tally_free(struct board_tally *t)
{
    if (!t)
        return;
    clear(t);
    while (t->texts)
        drop_first(t);
    free(t);
}

void board_tally_add(struct board_tally *t, int64_t now_s, enum bundle_kind kind, const char *id,
                     const char *zone, const char *lang, unsigned displays, unsigned taps)
{
    struct key key;
    struct sum *s;
    memset(&key, 0, sizeof key); /* its padding is hashed too */
    key.hour_s = now_s - now_s % HOUR_S;
    key.kind = kind;
    snprintf(key.id, sizeof key.id, "%s", id);
    snprintf(key.zone, sizeof key.zone, "%s", zone);
    snprintf(key.lang, sizeof key.lang, "%s", lang);
    HASH_FIND(hh, t->sums, &key, sizeof key, s);
    if (!s) {
        s = HASH_COUNT(t->sums) < COUNTS_MAX_LINES ? calloc(1, sizeof *s) : NULL;
        if (!s) {
            t->lost++;
            return;
        }
        memcpy(&s->key, &key, sizeof key);
        HASH_ADD(hh, t->sums, key, sizeof s->key, s);
    }
    s->displays += displays;
    s->taps += taps;
}

/* What is counted now, as the text that will be sent. */
static void write_sums(struct board_tally *t, const char *router, struct buf *b)
{
    uint8_t name[(COUNTS_BATCH_LEN - 1) / 2];
    if (!*t->batch) {
        crypto_random(name, sizeof name);
        crypto_hex(name, sizeof name, t->batch);
    }
    counts_write_head(b, router, t->batch);
    for (const struct sum *s = t->sums; s; s = s->hh.next) {
        struct count_row row = {
            .hour_s = s->key.hour_s, .kind = s->key.kind, .displays = s->displays, .taps = s->taps};
        memcpy(row.id, s->key.id, sizeof row.id);
        memcpy(row.zone, s->key.zone, sizeof row.zone);
        memcpy(row.lang, s->key.lang, sizeof row.lang);
        counts_write_row(b, &row);
    }
}

static void append(struct board_tally *t, struct waiting *w)
{
    DL_APPEND(t->texts, w);
    if (++t->n_texts > MAX_WAITING) {
        t->lost += t->texts->sums;
        drop_first(t);
    }
}

bool board_tally_close(struct board_tally *t, const char *router)
{
    struct waiting *w = t->sums ? calloc(1, sizeof *w) : NULL;
    struct buf b;
    if (!w)
        return t->texts != NULL;
    buf_init(&b, COUNTS_MAX_BYTES);
    write_sums(t, router, &b);
    w->sums = HASH_COUNT(t->sums);
    w->text = buf_take(&b, &w->len);
    clear(t);
    t->batch[0] = '\0';
    if (!w->text) {
        t->lost += w->sums;
        free(w);
        return t->texts != NULL;
    }
    append(t, w);
    return true;
}

void board_tally_write(struct board_tally *t, const char *router, struct buf *b)
{
    struct buf now;
    size_t all;
    const struct waiting *w;
    buf_init(&now, COUNTS_MAX_BYTES);
    if (t->sums)
        write_sums(t, router, &now);
    all = now.failed ? 0 : now.len;
    DL_FOREACH (t->texts, w)
        all += w->len;
    DL_FOREACH (t->texts, w) {
        if (all <= b->max)
            buf_add(b, w->text, w->len);
        else
            all -= w->len;
    }
    if (now.len && !now.failed)
        buf_add(b, now.data, now.len);
    buf_free(&now);
}

static void count_one(void *arg, const struct count_row *row)
{
    struct waiting *w = arg;
    (void)row;
    w->sums++;
}

bool board_tally_read(struct board_tally *t, const char *data, size_t len, char *err,
                      size_t err_len)
{
    static const char between[] = "\nloggia-counts "; /* where the next one begins */
    while (len) {
        char router[COUNTS_ROUTER_LEN], batch[COUNTS_BATCH_LEN];
        const char *next = memmem(data, len, between, sizeof between - 1);
        size_t n = next ? (size_t)(next - data) + 1 : len;
        struct waiting *w = calloc(1, sizeof *w);
        if (w)
            w->text = malloc(n);
        if (!w || !w->text) {
            snprintf(err, err_len, "out of memory");
            free(w);
            return false;
        }
        memcpy(w->text, data, n);
        w->len = n;
        if (!counts_read(w->text, n, router, batch, count_one, w, err, err_len)) {
            free(w->text);
            free(w);
            return false;
        }
        append(t, w);
        data += n;
        len -= n;
    }
    return true;
}

const char *board_tally_text(const struct board_tally *t, size_t *len)
{
    *len = t->texts ? t->texts->len : 0;
    return t->texts ? t->texts->text : NULL;
}

void board_tally_sent(struct board_tally *t)
{
    if (t->texts)
        drop_first(t);
}

uint64_t board_tally_lost(const struct board_tally *t)
{
    return t->lost;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of passes, and how it is written down: a head that names the key, then one line a pass,
 * the longest given first:
 *
 *     loggia-passes 1 3f9c2b10
 *     8d0c5a…(32 digits) 1801440000 ok 1c2ab9f0
 *     77a1e0…(32 digits) 0 paused 99bd0a31
 *
 * The second word is the Unix time at which the pass runs out, 0 if the clock was wrong when it was
 * given. The last word is a part of a keyed hash of what is before it, so that a line that worn
 * flash or a torn write has changed is told from a whole one, and costs one citizen one tap.
 *
 * Time: a pass is never taken away because a clock is wrong. While the clock is not sane none runs
 * out and new ones get no date; once it is, they get their whole life from then on. A date further
 * away than a pass lives (the clock was wrong into the future) counts as one life from now. */
#include "portal/passes.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

enum { SUM_LEN = 8, MAX_LINE = 80, HEAD_LEN = 32 };

struct pass {
    struct pass_id id;
    bool paused;
    int64_t ends_s; /* 0: no date yet */
    struct pass *prev, *next;
    UT_hash_handle hh;
};

struct passes {
    struct pass *by_id, *oldest; /* the list in the order in which they were given */
    size_t max;
    uint32_t life_s;
    const uint8_t *key;
    size_t key_len;
};

struct passes *passes_new(size_t max, uint32_t life_s, const uint8_t *key, size_t key_len)
{
    struct passes *t = calloc(1, sizeof *t);
    if (t)
        *t = (struct passes){.max = max, .life_s = life_s, .key = key, .key_len = key_len};
    return t;
}

static void drop(struct passes *t, struct pass *p)
{
    HASH_DEL(t->by_id, p);
    DL_DELETE(t->oldest, p);
    free(p);
}

void passes_free(struct passes *t)
{
    if (!t)
        return;
    while (t->oldest)
        drop(t, t->oldest);
    free(t);
}

void passes_set_life(struct passes *t, uint32_t life_s)
{
    t->life_s = life_s;
}

size_t passes_count(const struct passes *t)
{
    return HASH_COUNT(t->by_id);
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_id(const char *text, struct pass_id *out)
{
    for (size_t i = 0; i < sizeof out->b; i++) {
        int high = hex_digit(text[2 * i]), low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);
        if (low < 0)
            return false;
        out->b[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static struct pass *find(const struct passes *t, const struct mac *mac, struct pass_id *id)
{
    char text[DEVICE_HASH_LEN];
    struct pass *p = NULL;
    crypto_device_hash(t->key, t->key_len, mac, text);
    read_id(text, id);
    HASH_FIND(hh, t->by_id, id, sizeof *id, p);
    return p;
}

static bool has_ended(const struct pass *p, struct passes_clock now)
{
    return now.sane && p->ends_s && now.now_s >= p->ends_s;
}

/* The newest of the table. NULL if memory is out. */
static struct pass *add(struct passes *t, const struct pass_id *id)
{
    struct pass *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    while (t->oldest && passes_count(t) >= t->max)
        drop(t, t->oldest);
    p->id = *id;
    HASH_ADD(hh, t->by_id, id, sizeof p->id, p);
    DL_APPEND(t->oldest, p);
    return p;
}

enum pass_found passes_find(struct passes *t, const struct mac *mac, struct passes_clock now)
{
    struct pass_id id;
    const struct pass *p = find(t, mac, &id);
    if (!p || has_ended(p, now))
        return PASS_NONE;
    return p->paused ? PASS_PAUSED : PASS_GOOD;
}

bool passes_tap(struct passes *t, const struct mac *mac, struct passes_clock now)
{
    struct pass_id id;
    struct pass *p = find(t, mac, &id);
    if (p) {
        DL_DELETE(t->oldest, p);
        DL_APPEND(t->oldest, p);
    } else {
        p = add(t, &id);
    }
    if (!p)
        return false;
    p->paused = false;
    p->ends_s = now.sane ? now.now_s + t->life_s : 0;
    return true;
}

bool passes_pause(struct passes *t, const struct mac *mac)
{
    struct pass_id id;
    struct pass *p = find(t, mac, &id);
    if (!p || p->paused)
        return false;
    p->paused = true;
    return true;
}

bool passes_forget(struct passes *t, const struct mac *mac)
{
    struct pass_id id;
    struct pass *p = find(t, mac, &id);
    if (p)
        drop(t, p);
    return p != NULL;
}

bool passes_settle(struct passes *t, struct passes_clock now)
{
    struct pass *p, *tmp;
    bool changed = false;

    if (!now.sane)
        return false;
    DL_FOREACH_SAFE (t->oldest, p, tmp) {
        if (has_ended(p, now)) {
            drop(t, p);
            changed = true;
        } else if (!p->ends_s || p->ends_s > now.now_s + t->life_s) {
            p->ends_s = now.now_s + t->life_s;
            changed = true;
        }
    }
    return changed;
}

/* --- text ---------------------------------------------------------------------------------------
 */

static void sum(const struct passes *t, const char *line, size_t len, char out[static SUM_LEN + 1])
{
    uint8_t hash[SHA256_LEN];
    struct crypto_slice parts[] = {{"loggia-pass:", 12}, {line, len}};
    crypto_hmac_sha256(t->key, t->key_len, parts, 2, hash);
    crypto_hex(hash, SUM_LEN / 2, out);
}

static void head(const struct passes *t, char out[static HEAD_LEN])
{
    char of_key[SUM_LEN + 1];
    sum(t, "key", 3, of_key);
    snprintf(out, HEAD_LEN, "loggia-passes 1 %s", of_key);
}

size_t passes_write_max(const struct passes *t)
{
    return HEAD_LEN + 1 + passes_count(t) * MAX_LINE;
}

void passes_write(const struct passes *t, struct buf *out)
{
    char line[MAX_LINE], hex[DEVICE_HASH_LEN], check[SUM_LEN + 1];
    const struct pass *p;

    head(t, line);
    buf_fmt(out, "%s\n", line);
    DL_FOREACH (t->oldest, p) {
        crypto_hex(p->id.b, sizeof p->id.b, hex);
        int n = snprintf(line, sizeof line, "%s %" PRId64 " %s", hex, p->ends_s,
                         p->paused ? "paused" : "ok");
        sum(t, line, (size_t)n, check);
        buf_fmt(out, "%s %s\n", line, check);
    }
}

/* A number of at most 12 digits at *at, and the blank behind it. */
static bool read_number(const char **at, const char *end, int64_t *out)
{
    const char *first = *at;
    int64_t v = 0;
    while (*at < end && **at >= '0' && **at <= '9' && *at - first < 12)
        v = v * 10 + (*(*at)++ - '0');
    if (*at == first || *at == end || **at != ' ')
        return false;
    ++*at;
    *out = v;
    return true;
}

/* NULL: fine. */
static const char *read_line(struct passes *t, const char *line, size_t len)
{
    const char *at = line + DEVICE_HASH_LEN, *end = line + len - SUM_LEN - 1;
    char check[SUM_LEN + 1];
    struct pass_id id;
    struct pass *p = NULL;
    int64_t ends_s;

    if (len <= DEVICE_HASH_LEN + SUM_LEN + 1 || len >= MAX_LINE || *end != ' ')
        return "not a pass";
    sum(t, line, (size_t)(end - line), check);
    if (memcmp(end + 1, check, SUM_LEN) != 0)
        return "damaged";
    if (!read_id(line, &id) || line[DEVICE_HASH_LEN - 1] != ' ' || !read_number(&at, end, &ends_s))
        return "not a pass";
    size_t word = (size_t)(end - at);
    bool paused = word == 6 && memcmp(at, "paused", 6) == 0;
    if (!paused && (word != 2 || memcmp(at, "ok", 2) != 0))
        return "not a pass";
    HASH_FIND(hh, t->by_id, &id, sizeof id, p);
    if (p)
        return "told twice";
    p = add(t, &id);
    if (!p)
        return "out of memory";
    p->ends_s = ends_s;
    p->paused = paused;
    return NULL;
}

bool passes_read(struct passes *t, const char *text, size_t len,
                 void (*report)(void *arg, size_t line, const char *why), void *arg)
{
    char first[HEAD_LEN];
    const char *end = text + len, *nl = memchr(text, '\n', len);
    size_t number = 1;

    head(t, first);
    if (!nl || (size_t)(nl - text) != strlen(first) || memcmp(text, first, strlen(first)) != 0)
        return false;
    for (const char *line = nl + 1; line < end; line = nl + 1) {
        number++;
        nl = memchr(line, '\n', (size_t)(end - line));
        const char *why = nl ? read_line(t, line, (size_t)(nl - line)) : "torn";
        if (why)
            report(arg, number, why);
        if (!nl)
            break;
    }
    return true;
}

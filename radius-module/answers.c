/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Version 1: a byte 1, then records, each of them
 *
 *   length (2 bytes, of all behind it)   kind   at (8)   authority, length-prefixed
 *   sum (8), if KIND_PERSON
 *   if KIND_FOUND: identity (16)   link (16), if KIND_LINK   profile, reason: length-prefixed
 *                  has (1)   one number (8) for each bit of it
 *                  from (8)   until (8), if KIND_DATES
 *
 * Numbers have the high byte first. A record that cannot be read costs itself alone. */
#include "radius-module/answers.h"
#include "lib/crypto.h"

#include <string.h>

#define VERSION     1
#define KIND_FOUND  1
#define KIND_DENIED 2
#define KIND_LINK   4
#define KIND_PERSON 8
#define KIND_DATES  16

void answers_sum(const char *dn, uint8_t sum[ANSWERS_SUM_LEN])
{
    uint8_t full[SHA256_LEN];
    const struct crypto_slice part = {dn, strlen(dn)};
    crypto_hmac_sha256("loggia-person", 13, &part, 1, full);
    memcpy(sum, full, ANSWERS_SUM_LEN);
}

/* --- writing ------------------------------------------------------------------------------------
 */

struct writer {
    uint8_t *out;
    size_t at, room;
    bool full;
};

static void put(struct writer *w, const void *data, size_t len)
{
    if (w->room - w->at < len) {
        w->full = true;
        return;
    }
    memcpy(w->out + w->at, data, len);
    w->at += len;
}

static void put_number(struct writer *w, uint64_t n, unsigned bytes)
{
    uint8_t b[8];
    for (unsigned i = 0; i < bytes; i++)
        b[i] = (uint8_t)(n >> 8 * (bytes - 1 - i));
    put(w, b, bytes);
}

static void put_text(struct writer *w, const char *text)
{
    put_number(w, strlen(text), 1); /* names and reasons are at most 32 long */
    put(w, text, strlen(text));
}

static void put_entitlement(struct writer *w, const struct fed_conf *c, const struct entitlement *e)
{
    put(w, e->identity, sizeof e->identity);
    if (e->has_link)
        put(w, e->link, sizeof e->link);
    put_text(w, e->profile >= 0 ? c->profiles[e->profile].name : "");
    put_text(w, e->reason);
    put_number(w, e->has, 1);
    for (int l = 0; l < LIMITS; l++)
        if (e->has & 1U << l)
            put_number(w, e->own[l], 8);
    if (e->from_s || e->until_s) {
        put_number(w, e->from_s, 8);
        put_number(w, e->until_s, 8);
    }
}

/* Whole or not at all. */
static void put_answer(struct writer *w, const struct fed_conf *c, const struct stored_answer *a)
{
    const struct entitlement *e = &a->answer.entitlement;
    bool found = a->answer.state == ANSWER_FOUND;
    size_t begin = w->at, len;
    put_number(w, 0, 2);
    put_number(w,
               (found ? KIND_FOUND : 0) | (found && e->denied ? KIND_DENIED : 0) |
                   (found && e->has_link ? KIND_LINK : 0) | (a->person ? KIND_PERSON : 0) |
                   (found && (e->from_s || e->until_s) ? KIND_DATES : 0),
               1);
    put_number(w, a->at_s, 8);
    put_text(w, c->authorities[a->authority].name);
    if (a->person)
        put(w, a->sum, sizeof a->sum);
    if (found)
        put_entitlement(w, c, e);
    len = w->at - begin - 2;
    if (w->full) {
        w->at = begin;
        w->full = false;
        return;
    }
    w->out[begin] = (uint8_t)(len >> 8);
    w->out[begin + 1] = (uint8_t)len;
}

size_t answers_write(const struct fed_conf *c, const struct stored_answer *a, size_t n,
                     uint8_t out[ANSWERS_MAX])
{
    struct writer w = {.out = out, .room = ANSWERS_MAX};
    put_number(&w, VERSION, 1);
    for (int denials = 1; denials >= 0; denials--) /* first of all */
        for (size_t i = 0; i < n; i++)
            if ((a[i].answer.state == ANSWER_FOUND && a[i].answer.entitlement.denied) == denials)
                put_answer(&w, c, &a[i]);
    return w.at > 1 ? w.at : 0;
}

/* --- reading ------------------------------------------------------------------------------------
 */

struct reader {
    const uint8_t *in;
    size_t left;
    bool broken;
};

static const uint8_t *get(struct reader *r, size_t len)
{
    const uint8_t *at = r->in;
    if (r->broken || r->left < len) {
        r->broken = true;
        return NULL;
    }
    r->in += len;
    r->left -= len;
    return at;
}

static uint64_t get_number(struct reader *r, unsigned bytes)
{
    const uint8_t *b = get(r, bytes);
    uint64_t n = 0;
    for (unsigned i = 0; b && i < bytes; i++)
        n = n << 8 | b[i];
    return n;
}

static void get_bytes(struct reader *r, void *out, size_t len)
{
    const uint8_t *b = get(r, len);
    if (b)
        memcpy(out, b, len);
}

static void get_text(struct reader *r, char *out, size_t room)
{
    size_t len = (size_t)get_number(r, 1);
    const uint8_t *b = get(r, len);
    if (!b || len >= room || memchr(b, 0, len)) {
        r->broken = true;
        return;
    }
    memcpy(out, b, len);
    out[len] = 0;
}

static int profile_called(const struct fed_conf *c, const char *name)
{
    for (size_t i = 0; name[0] && i < c->n_profiles; i++)
        if (strcmp(c->profiles[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void get_entitlement(struct reader *r, const struct fed_conf *c, unsigned kind,
                            struct entitlement *e)
{
    char profile[PROFILE_NAME_LEN] = "";
    e->denied = kind & KIND_DENIED;
    e->has_link = kind & KIND_LINK;
    get_bytes(r, e->identity, sizeof e->identity);
    if (e->has_link)
        get_bytes(r, e->link, sizeof e->link);
    get_text(r, profile, sizeof profile);
    get_text(r, e->reason, sizeof e->reason);
    e->profile = profile_called(c, profile);
    e->has = (unsigned)get_number(r, 1) & ((1U << LIMITS) - 1);
    for (int l = 0; l < LIMITS; l++)
        if (e->has & 1U << l)
            e->own[l] = get_number(r, 8);
    if (kind & KIND_DATES) {
        e->from_s = get_number(r, 8);
        e->until_s = get_number(r, 8);
    }
}

static bool get_answer(struct reader *r, const struct fed_conf *c, struct stored_answer *a)
{
    char name[PROFILE_NAME_LEN] = "";
    unsigned kind = (unsigned)get_number(r, 1);
    memset(a, 0, sizeof *a);
    a->at_s = get_number(r, 8);
    get_text(r, name, sizeof name);
    a->person = kind & KIND_PERSON;
    if (a->person)
        get_bytes(r, a->sum, sizeof a->sum);
    a->answer.state = kind & KIND_FOUND ? ANSWER_FOUND : ANSWER_NOT_FOUND;
    if (kind & KIND_FOUND)
        get_entitlement(r, c, kind, &a->answer.entitlement);
    for (a->authority = 0; a->authority < c->n_authorities; a->authority++)
        if (strcmp(c->authorities[a->authority].name, name) == 0)
            break;
    return !r->broken && a->authority < c->n_authorities;
}

size_t answers_read(const struct fed_conf *c, const uint8_t *in, size_t len,
                    struct stored_answer out[ANSWERS_MOST])
{
    struct reader r = {.in = in, .left = len};
    size_t n = 0;
    if (get_number(&r, 1) != VERSION)
        return 0;
    while (r.left && !r.broken && n < ANSWERS_MOST) {
        size_t own = (size_t)get_number(&r, 2);
        const uint8_t *begin = get(&r, own);
        struct reader one = {.in = begin, .left = own};
        if (begin && get_answer(&one, c, &out[n]))
            n++;
    }
    return n;
}

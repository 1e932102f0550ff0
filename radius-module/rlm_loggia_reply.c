/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decision as attributes: standard ones (RFC 2865, 2866, 2869, 4372), WISPr's and ChilliSpot's;
 * nothing home-made goes on the wire. Class and Chargeable-User-Identity are pseudonyms: the former
 * the same everywhere, for the city's accounting, the latter another for every operator. */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <string.h>

#define VENDOR_WISPR      14122
#define VENDOR_CHILLISPOT 14559

static const struct {
    unsigned attribute, vendor;
} numbers[REPLIES] = {
    [REPLY_AUTHENTICATOR] = {PW_MESSAGE_AUTHENTICATOR, 0},
    [REPLY_SESSION] = {PW_SESSION_TIMEOUT, 0},
    [REPLY_IDLE] = {PW_IDLE_TIMEOUT, 0},
    [REPLY_INTERIM] = {PW_ACCT_INTERIM_INTERVAL, 0},
    [REPLY_UP] = {7, VENDOR_WISPR},
    [REPLY_DOWN] = {8, VENDOR_WISPR},
    [REPLY_OCTETS] = {3, VENDOR_CHILLISPOT},
    [REPLY_GIGAWORDS] = {23, VENDOR_CHILLISPOT},
    [REPLY_CLASS] = {PW_CLASS, 0},
    [REPLY_CUI] = {PW_CHARGEABLE_USER_IDENTITY, 0},
    [REPLY_AUTH_TYPE] = {PW_AUTH_TYPE, 0},
};

bool rlm_loggia_reply_prepare(rlm_loggia_t *inst)
{
    const struct fed_conf *c = &inst->settings->fed;
    for (int i = 0; i < REPLIES; i++)
        inst->replies[i] = dict_attrbyvalue(numbers[i].attribute, numbers[i].vendor);
    inst->keyed = crypto_keyed_new(c->key, c->key_len);
    return inst->keyed != NULL;
}

/* --- attributes ---------------------------------------------------------------------------------
 */

/* A list's end, so that nobody looks for it again and again. */
struct tail {
    TALLOC_CTX *ctx;
    VALUE_PAIR **end;
};

static struct tail tail_of(TALLOC_CTX *ctx, VALUE_PAIR **list)
{
    while (*list)
        list = &(*list)->next;
    return (struct tail){ctx, list};
}

/* The server's own function ends it when there is no memory; so does this. */
static VALUE_PAIR *append(rlm_loggia_t *inst, struct tail *t, enum rlm_reply which)
{
    VALUE_PAIR *vp = inst->replies[which] ? fr_pair_afrom_da(t->ctx, inst->replies[which]) : NULL;
    if (!vp) {
        vp = radius_pair_create(t->ctx, t->end, numbers[which].attribute, numbers[which].vendor);
    } else {
        vp->op = T_OP_EQ;
        *t->end = vp;
    }
    t->end = &vp->next;
    return vp;
}

/* A limit of 0 is said, too: there is none. A router that is told nothing goes by its own profile
 * of a visitor. */
static void reply_limit(rlm_loggia_t *inst, struct tail *t, enum rlm_reply which, uint64_t n)
{
    VALUE_PAIR *vp = append(inst, t, which);
    vp->vp_integer = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    vp->op = T_OP_SET;
}

/* Where 0 means nothing: no session lasts no time. */
static void reply_number(rlm_loggia_t *inst, struct tail *t, enum rlm_reply which, uint64_t n)
{
    if (n > 0)
        reply_limit(inst, t, which, n);
}

static void reply_quota(rlm_loggia_t *inst, struct tail *t, uint64_t bytes)
{
    append(inst, t, REPLY_OCTETS)->vp_integer = (uint32_t)bytes;
    reply_number(inst, t, REPLY_GIGAWORDS, bytes >> 32);
}

void rlm_loggia_sign(rlm_loggia_t *inst, REQUEST *request)
{
    static const uint8_t room[16]; /* the server writes the signature there */
    VALUE_PAIR *first = request->reply->vps;
    if (first && fr_pair_find_by_num(first, PW_MESSAGE_AUTHENTICATOR, 0, TAG_ANY))
        return;
    request->reply->vps = NULL;
    struct tail t = tail_of(request->reply, &request->reply->vps);
    VALUE_PAIR *vp = append(inst, &t, REPLY_AUTHENTICATOR);
    fr_pair_value_memcpy(vp, room, sizeof room);
    vp->next = first;
}

/* --- who it is ----------------------------------------------------------------------------------
 */

#define PSEUDONYM 8 /* bytes */

static void pseudonym(const rlm_loggia_t *inst, const struct crypto_slice *what,
                      const struct crypto_slice *for_whom, const struct crypto_slice *of,
                      char out[2 * PSEUDONYM + 1])
{
    uint8_t full[SHA256_LEN];
    const struct crypto_slice parts[] = {*what, *for_whom, {":", 1}, *of};
    crypto_keyed_sha256(inst->keyed, parts, sizeof parts / sizeof *parts, full);
    crypto_hex(full, PSEUDONYM, out);
}

/* The default is read without the server's expansion, which costs more than all the rest of a
 * remembered device's answer. */
static size_t operator_of(rlm_loggia_t *inst, REQUEST *request, const struct rlm_loggia_said *said,
                          char out[static 254])
{
    const VALUE_PAIR *vp = said->operator_name;
    if (strcmp(inst->settings->operator_name, SETTINGS_OPERATOR) != 0) {
        rlm_loggia_expand(inst, request, QUERY_OPERATOR, out, 254);
        return strlen(out);
    }
    if (!vp || vp->vp_length == 0)
        vp = said->nas;
    return vp ? strlcpy(out, vp->vp_strvalue, 254) : 0;
}

static void add_limits(rlm_loggia_t *inst, struct tail *t, const uint64_t limits[LIMITS])
{
    reply_number(inst, t, REPLY_SESSION, limits[LIMIT_SESSION]);
    reply_limit(inst, t, REPLY_IDLE, limits[LIMIT_IDLE]);
    reply_number(inst, t, REPLY_INTERIM, limits[LIMIT_INTERIM]);
    reply_limit(inst, t, REPLY_UP, limits[LIMIT_UP]);
    reply_limit(inst, t, REPLY_DOWN, limits[LIMIT_DOWN]);
    reply_quota(inst, t, limits[LIMIT_QUOTA]);
}

void rlm_loggia_limits(rlm_loggia_t *inst, TALLOC_CTX *ctx, VALUE_PAIR **list,
                       const uint64_t limits[LIMITS])
{
    struct tail t = tail_of(ctx, list);
    add_limits(inst, &t, limits);
}

void rlm_loggia_accept(rlm_loggia_t *inst, REQUEST *request, const struct rlm_loggia_said *said,
                       const struct decision *d, const struct mac *mac,
                       const uint8_t identity[ENTITLEMENT_HASH_LEN])
{
    static const struct crypto_slice class = {"loggia-class:", 13}, cui = {"loggia-cui:", 11};
    const char *profile = inst->settings->fed.profiles[d->profile].name;
    const struct crypto_slice of = {identity ? (const void *)identity : mac,
                                    identity ? ENTITLEMENT_HASH_LEN : sizeof *mac};
    char text[PROFILE_NAME_LEN + 1 + 2 * PSEUDONYM + 1], operator_name[254] = "";
    struct tail t = tail_of(request->reply, &request->reply->vps);

    add_limits(inst, &t, d->limits);

    size_t len = strnlen(profile, PROFILE_NAME_LEN);
    memcpy(text, profile, len);
    text[len++] = ':';
    pseudonym(inst, &class, &(struct crypto_slice){"", 0}, &of, text + len);
    fr_pair_value_memcpy(append(inst, &t, REPLY_CLASS), (uint8_t *)text, len + 2 * PSEUDONYM);

    const struct crypto_slice whose = {operator_name,
                                       operator_of(inst, request, said, operator_name)};
    pseudonym(inst, &cui, &whose, &of, text);
    fr_pair_value_memcpy(append(inst, &t, REPLY_CUI), (uint8_t *)text, 2 * PSEUDONYM);

    t = tail_of(request, &request->config);
    append(inst, &t, REPLY_AUTH_TYPE)->vp_integer = PW_AUTH_TYPE_ACCEPT;
}

/* The server's own delay, so that no worker waits for it. Without it the server would take its
 * reject_delay, so 0 is said too. */
void rlm_loggia_reject(REQUEST *request, uint64_t at_ms)
{
    uint64_t now = clock_ms();
    VALUE_PAIR *vp = radius_pair_create(request->reply, &request->reply->vps,
                                        PW_FREERADIUS_RESPONSE_DELAY_USEC, 0);
    vp->vp_integer = now < at_ms ? (uint32_t)(at_ms - now) * 1000 : 0;
}

/* --- for the log --------------------------------------------------------------------------------
 */

struct line {
    char text[254];
    size_t len;
};

static void add(struct line *l, const char *text)
{
    size_t len = strlen(text), room = sizeof l->text - 1 - l->len;
    len = len < room ? len : room;
    memcpy(l->text + l->len, text, len);
    l->len += len;
}

static void add_names(const struct fed_conf *c, const char *what, uint32_t mask, struct line *l)
{
    for (size_t i = 0; mask; i++, mask >>= 1) {
        if (!(mask & 1))
            continue;
        add(l, what);
        add(l, c->authorities[i].name);
        what = ",";
    }
}

/* In front of what an earlier call said, so that it is found first. */
static void note(REQUEST *request, DICT_ATTR const *attribute, const char *text, size_t len)
{
    VALUE_PAIR *vp = fr_pair_afrom_da(request, attribute);
    if (!vp)
        return;
    fr_pair_value_bstrncpy(vp, text, len);
    vp->op = T_OP_EQ;
    vp->next = request->config;
    request->config = vp;
}

/* &control:Loggia-Decision, for the log: "accept profile=staff from=comune unknown=provincia
 * degraded"; and &control:Loggia-Degraded, where it is. */
void rlm_loggia_note(rlm_loggia_t *inst, REQUEST *request, const struct decision *d)
{
    static const char *const verdicts[] = {"accept", "splash", "deny"};
    const struct fed_conf *c = &inst->settings->fed;
    struct line l;
    l.len = 0;
    add(&l, verdicts[d->verdict]);
    if (d->verdict == VERDICT_ACCEPT) {
        add(&l, " profile=");
        add(&l, c->profiles[d->profile].name);
    } else if (d->verdict == VERDICT_DENY) {
        add(&l, " reason=");
        add(&l, d->reason);
    }
    add_names(c, " from=", d->known, &l);
    add_names(c, " unknown=", d->unknown, &l);
    add_names(c, " stale=", d->stale, &l);
    if (d->degraded) {
        add(&l, " degraded");
        note(request, inst->attributes[ATTRIBUTE_DEGRADED], "yes", 3);
    }
    note(request, inst->attributes[ATTRIBUTE_DECISION], l.text, l.len);
    status_count(&inst->counts, d);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A decision as attributes: standard ones (RFC 2865, 2866, 2869, 4372), WISPr's and ChilliSpot's;
 * nothing home-made goes on the wire. Class and Chargeable-User-Identity are pseudonyms: the former
 * the same everywhere, for the city's accounting, the latter another for every operator. */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <stdio.h>
#include <string.h>

#define VENDOR_WISPR      14122
#define VENDOR_CHILLISPOT 14559
#define WISPR_UP          7
#define WISPR_DOWN        8
#define CHILLI_OCTETS     3
#define CHILLI_GIGAWORDS  23

/* A limit of 0 is said, too: there is none. A router that is told nothing goes by its own profile
 * of a visitor. */
static void reply_limit(REQUEST *request, unsigned attribute, unsigned vendor, uint64_t n)
{
    VALUE_PAIR *vp = radius_pair_create(request->reply, &request->reply->vps, attribute, vendor);
    vp->vp_integer = n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
    vp->op = T_OP_SET;
}

/* Where 0 means nothing: no session lasts no time. */
static void reply_number(REQUEST *request, unsigned attribute, unsigned vendor, uint64_t n)
{
    if (n > 0)
        reply_limit(request, attribute, vendor, n);
}

static void reply_octets(REQUEST *request, unsigned attribute, const char *text)
{
    VALUE_PAIR *vp = radius_pair_create(request->reply, &request->reply->vps, attribute, 0);
    fr_pair_value_memcpy(vp, (uint8_t const *)text, strlen(text));
}

static void reply_quota(REQUEST *request, uint64_t bytes)
{
    VALUE_PAIR *vp =
        radius_pair_create(request->reply, &request->reply->vps, CHILLI_OCTETS, VENDOR_CHILLISPOT);
    vp->vp_integer = (uint32_t)bytes;
    reply_number(request, CHILLI_GIGAWORDS, VENDOR_CHILLISPOT, bytes >> 32);
}

static void pseudonym(const struct fed_conf *c, const char *what, const char *for_whom,
                      const void *of, size_t len, char out[2 * 8 + 1])
{
    uint8_t full[SHA256_LEN];
    const struct crypto_slice parts[] = {
        {what, strlen(what)}, {for_whom, strlen(for_whom)}, {":", 1}, {of, len}};
    crypto_hmac_sha256(c->key, c->key_len, parts, sizeof parts / sizeof *parts, full);
    crypto_hex(full, 8, out);
}

/* The default is read without the server's expansion, which costs more than all the rest of a
 * remembered device's answer. */
static void operator_of(rlm_loggia_t *inst, REQUEST *request, char *out, size_t room)
{
    VALUE_PAIR *vp;
    if (strcmp(inst->settings->operator_name, SETTINGS_OPERATOR) != 0) {
        rlm_loggia_expand(inst, request, QUERY_OPERATOR, out, room);
        return;
    }
    vp = fr_pair_find_by_num(request->packet->vps, PW_OPERATOR_NAME, 0, TAG_ANY);
    if (!vp || vp->vp_length == 0)
        vp = fr_pair_find_by_num(request->packet->vps, PW_NAS_IDENTIFIER, 0, TAG_ANY);
    strlcpy(out, vp ? vp->vp_strvalue : "", room);
}

void rlm_loggia_accept(rlm_loggia_t *inst, REQUEST *request, const struct decision *d,
                       const struct mac *mac, const uint8_t identity[ENTITLEMENT_HASH_LEN])
{
    const struct fed_conf *c = &inst->settings->fed;
    char who[17], text[PROFILE_NAME_LEN + 24], operator_name[254];
    const void *of = d->home >= 0 ? (const void *)identity : mac;
    size_t len = d->home >= 0 ? ENTITLEMENT_HASH_LEN : sizeof *mac;

    reply_number(request, PW_SESSION_TIMEOUT, 0, d->limits[LIMIT_SESSION]);
    reply_limit(request, PW_IDLE_TIMEOUT, 0, d->limits[LIMIT_IDLE]);
    reply_number(request, PW_ACCT_INTERIM_INTERVAL, 0, d->limits[LIMIT_INTERIM]);
    reply_limit(request, WISPR_UP, VENDOR_WISPR, d->limits[LIMIT_UP]);
    reply_limit(request, WISPR_DOWN, VENDOR_WISPR, d->limits[LIMIT_DOWN]);
    reply_quota(request, d->limits[LIMIT_QUOTA]);

    pseudonym(c, "loggia-class:", "", of, len, who);
    snprintf(text, sizeof text, "%s:%s", c->profiles[d->profile].name, who);
    reply_octets(request, PW_CLASS, text);
    operator_of(inst, request, operator_name, sizeof operator_name);
    pseudonym(c, "loggia-cui:", operator_name, of, len, who);
    reply_octets(request, PW_CHARGEABLE_USER_IDENTITY, who);

    radius_pair_create(request, &request->config, PW_AUTH_TYPE, 0)->vp_integer =
        PW_AUTH_TYPE_ACCEPT;
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

static size_t add_names(const struct fed_conf *c, const char *what, uint32_t mask, char *out,
                        size_t at, size_t room)
{
    const char *between = what;
    for (size_t i = 0; i < c->n_authorities && at < room; i++) {
        if (!(mask & UINT32_C(1) << i))
            continue;
        at += (size_t)snprintf(out + at, room - at, "%s%s", between, c->authorities[i].name);
        between = ",";
    }
    return at < room ? at : room;
}

/* &control:Loggia-Decision, for the log: "accept profile=staff from=comune unknown=provincia
 * degraded". */
void rlm_loggia_note(rlm_loggia_t *inst, REQUEST *request, const struct decision *d)
{
    static const char *const verdicts[] = {"accept", "splash", "deny"};
    const struct fed_conf *c = &inst->settings->fed;
    char text[254];
    size_t at = (size_t)snprintf(text, sizeof text, "%s", verdicts[d->verdict]);
    if (d->verdict == VERDICT_ACCEPT)
        at += (size_t)snprintf(text + at, sizeof text - at, " profile=%s",
                               c->profiles[d->profile].name);
    if (d->verdict == VERDICT_DENY)
        at += (size_t)snprintf(text + at, sizeof text - at, " reason=%s", d->reason);
    at = add_names(c, " from=", d->known, text, at, sizeof text);
    at = add_names(c, " unknown=", d->unknown, text, at, sizeof text);
    at = add_names(c, " stale=", d->stale, text, at, sizeof text);
    if (d->degraded && at < sizeof text)
        snprintf(text + at, sizeof text - at, " degraded");
    rlm_loggia_control(request, inst->attributes[ATTRIBUTE_DECISION], text);
    status_count(&inst->counts, d);
}

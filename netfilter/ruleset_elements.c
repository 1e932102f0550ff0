/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices as set elements: three of them make a device open.
 *
 *   ids   MAC -> number   what marks the device's flows; its comment is loggiad's tag, and the
 *                         rates stand beside it: who adopts the table knows all by one dump
 *   up    MAC -> number   limit, then counter: looked up for every packet from the device
 *   down  number          the same for every packet of its flows to it
 *
 * The counter stands behind the limit, and an expression that does not match ends the lookup
 * without a match: so what is over the rate is neither accepted nor counted.
 *
 * The kernel's token bucket holds one second of rate plus the burst, at the least (nft_limit.c:
 * tokens_max = unit * (rate + burst) / rate), and its arithmetic is in nanoseconds times bytes:
 * rate plus burst has to stay below 1.8e10 for 64 bits: from RULESET_NO_CAP_BPS on there is no cap.
 * Who has none has no limit: a lock, a look at the clock and some division a packet less, and a
 * third less to make when it joins. (Kernels since 5.11 let an element of a set that declares no
 * expressions have its own.) */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#define UDATA_RATES  16    /* behind libnftnl's own types of element data; nft(8) passes it over */
#define BUCKET_LEAST 65536 /* one super-packet of GRO must pass at any rate */

struct nftnl_set *elem_set(const struct ruleset *rs, const char *name)
{
    struct nftnl_set *s = nftnl_set_alloc();
    if (s) {
        nftnl_set_set_str(s, NFTNL_SET_TABLE, rs->cfg.table);
        nftnl_set_set_str(s, NFTNL_SET_NAME, name);
    }
    return s;
}

/* Sends what s holds and frees it. e NULL: all elements. */
static void elem_send(struct batch *b, uint16_t type, uint16_t flags, struct nftnl_set *s,
                      struct nftnl_set_elem *e)
{
    struct nlmsghdr *nlh = s ? batch_msg(b, type, flags) : NULL;
    if (!nlh) {
        b->oom = true;
        if (e)
            nftnl_set_elem_free(e);
        if (s)
            nftnl_set_free(s);
        return;
    }
    if (e)
        nftnl_set_elem_add(s, e); /* s owns it now */
    nftnl_set_elems_nlmsg_build_payload(nlh, s);
    batch_end_msg(b, nlh);
    nftnl_set_free(s);
}

static bool add_limit(struct nftnl_set_elem *e, uint64_t rate)
{
    struct nftnl_expr *limit = nftnl_expr_alloc("limit");
    if (!limit)
        return false;
    uint64_t burst = rate / 10; /* the bucket: this, and a second of rate */
    if (burst + rate < BUCKET_LEAST)
        burst = BUCKET_LEAST - rate;
    nftnl_expr_set_u64(limit, NFTNL_EXPR_LIMIT_RATE, rate);
    nftnl_expr_set_u64(limit, NFTNL_EXPR_LIMIT_UNIT, 1);
    nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_BURST, (uint32_t)burst);
    nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
    nftnl_expr_set_u32(limit, NFTNL_EXPR_LIMIT_FLAGS, 0);
    nftnl_set_elem_add_expr(e, limit);
    return true;
}

static bool add_counter(struct nftnl_set_elem *e, uint64_t bytes, uint64_t packets)
{
    struct nftnl_expr *counter = nftnl_expr_alloc("counter");
    if (!counter)
        return false;
    nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, bytes);
    nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, packets);
    nftnl_set_elem_add_expr(e, counter);
    return true;
}

static void open_id(struct batch *b, const struct ruleset_device *d)
{
    struct nftnl_set *s = elem_set(b->rs, SET_IDS);
    struct nftnl_set_elem *e = nftnl_set_elem_alloc();
    struct nftnl_udata_buf *ud = nftnl_udata_buf_alloc(256);
    if (!s || !e || !ud) {
        b->oom = true;
        if (s)
            nftnl_set_free(s);
        if (e)
            nftnl_set_elem_free(e);
        goto out;
    }
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, d->mac.b, sizeof d->mac.b);
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, &d->number, sizeof d->number);
    nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, d->timeout_ms);
    const uint64_t rates[] = {d->up_Bps, d->down_Bps};
    if (d->tag && *d->tag)
        nftnl_udata_put_strz(ud, NFTNL_UDATA_SET_ELEM_COMMENT, d->tag);
    nftnl_udata_put(ud, UDATA_RATES, sizeof rates, rates);
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(ud),
                       nftnl_udata_buf_len(ud));
    elem_send(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, s, e);
out:
    if (ud)
        nftnl_udata_buf_free(ud);
}

struct direction {
    const char *set;
    const void *key;
    uint32_t key_len;
    uint64_t rate_Bps, bytes, packets;
};

/* with_number: the set is a map to the device's number. */
static void open_direction(struct batch *b, const struct ruleset_device *d,
                           const struct direction *w, bool with_number)
{
    struct nftnl_set *s = elem_set(b->rs, w->set);
    struct nftnl_set_elem *e = nftnl_set_elem_alloc();
    bool capped = w->rate_Bps != GATE_UNLIMITED && w->rate_Bps < RULESET_NO_CAP_BPS;
    if (!s || !e || (capped && !add_limit(e, w->rate_Bps)) ||
        !add_counter(e, w->bytes, w->packets)) {
        b->oom = true;
        if (s)
            nftnl_set_free(s);
        if (e)
            nftnl_set_elem_free(e);
        return;
    }
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, w->key, w->key_len);
    if (with_number)
        nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, &d->number, sizeof d->number);
    nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, d->timeout_ms);
    elem_send(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, s, e);
}

void batch_open(struct batch *b, const struct ruleset_device *d)
{
    const struct gate_counters *c = &d->counters;
    struct direction up = {SET_UP,    d->mac.b,    sizeof d->mac.b,
                           d->up_Bps, c->up_bytes, c->up_packets};
    struct direction down = {SET_DOWN,    &d->number,    sizeof d->number,
                             d->down_Bps, c->down_bytes, c->down_packets};
    open_id(b, d);
    open_direction(b, d, &up, true);
    open_direction(b, d, &down, false);
}

static void del_element(struct batch *b, const char *set, const void *key, uint32_t key_len,
                        uint16_t flags)
{
    struct nftnl_set *s = elem_set(b->rs, set);
    struct nftnl_set_elem *e = nftnl_set_elem_alloc();
    if (!s || !e) {
        b->oom = true;
        if (s)
            nftnl_set_free(s);
        if (e)
            nftnl_set_elem_free(e);
        return;
    }
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, key_len);
    elem_send(b, NFT_MSG_DELSETELEM, flags, s, e);
}

void batch_close_one(struct batch *b, enum ruleset_element which, const struct mac *mac,
                     uint32_t number)
{
    if (which == RULESET_ID)
        del_element(b, SET_IDS, mac->b, sizeof mac->b, 0);
    else if (which == RULESET_UP)
        del_element(b, SET_UP, mac->b, sizeof mac->b, NLM_F_ECHO);
    else
        del_element(b, SET_DOWN, &number, sizeof number, NLM_F_ECHO);
}

void batch_close(struct batch *b, const struct mac *mac, uint32_t number)
{
    batch_close_one(b, RULESET_ID, mac, number);
    batch_close_one(b, RULESET_UP, mac, number);
    batch_close_one(b, RULESET_DOWN, mac, number);
}

void batch_reserve(struct batch *b, uint32_t old, uint32_t end)
{
    struct nftnl_set *s = elem_set(b->rs, SET_NUMBERS);
    struct nftnl_set_elem *e = nftnl_set_elem_alloc();
    if (old && old != end)
        del_element(b, SET_NUMBERS, &old, sizeof old, 0);
    if (!e) {
        b->oom = true;
        if (s)
            nftnl_set_free(s);
        return;
    }
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, &end, sizeof end);
    elem_send(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, s, e);
}

/* --- reading an element back --------------------------------------------------------------------
 */

static int on_expr(struct nftnl_expr *x, void *arg)
{
    struct element *e = arg;
    const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
    if (!strcmp(name, "counter")) {
        e->bytes = nftnl_expr_get_u64(x, NFTNL_EXPR_CTR_BYTES);
        e->packets = nftnl_expr_get_u64(x, NFTNL_EXPR_CTR_PACKETS);
    } else if (!strcmp(name, "limit")) {
        e->rate_Bps = nftnl_expr_get_u64(x, NFTNL_EXPR_LIMIT_RATE);
        if (e->rate_Bps >= RULESET_NO_CAP_BPS)
            e->rate_Bps = GATE_UNLIMITED;
    }
    return 0;
}

static int on_udata(const struct nftnl_udata *attr, void *arg)
{
    struct element *e = arg;
    if (nftnl_udata_type(attr) == NFTNL_UDATA_SET_ELEM_COMMENT) {
        size_t len = nftnl_udata_len(attr);
        if (len > sizeof e->tag - 1)
            len = sizeof e->tag - 1;
        memcpy(e->tag, nftnl_udata_get(attr), len);
    } else if (nftnl_udata_type(attr) == UDATA_RATES &&
               nftnl_udata_len(attr) == 2 * sizeof(uint64_t)) {
        const char *rates = nftnl_udata_get(attr);
        memcpy(&e->up_Bps, rates, sizeof e->up_Bps);
        memcpy(&e->down_Bps, rates + sizeof e->up_Bps, sizeof e->down_Bps);
        e->rated = true;
    }
    return 0;
}

struct parsing {
    element_fn fn;
    void *arg;
    const char *set;
};

static int on_elem(struct nftnl_set_elem *x, void *arg)
{
    struct parsing *p = arg;
    struct element e = {.key_len = 0};
    uint32_t len = 0;
    const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
    if (!key || len > sizeof e.key)
        return 0;
    memcpy(e.key, key, len);
    e.key_len = len;
    strncpy(e.set, p->set, sizeof e.set - 1);
    const void *data = nftnl_set_elem_get(x, NFTNL_SET_ELEM_DATA, &len);
    if (data && len == sizeof e.number)
        memcpy(&e.number, data, sizeof e.number);
    if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
        e.expires_ms = nftnl_set_elem_get_u64(x, NFTNL_SET_ELEM_EXPIRATION);
    const void *ud = nftnl_set_elem_get(x, NFTNL_SET_ELEM_USERDATA, &len);
    if (ud)
        nftnl_udata_parse(ud, len, on_udata, &e);
    nftnl_set_elem_expr_foreach(x, on_expr, &e);
    p->fn(p->arg, &e);
    return 0;
}

int element_parse(const struct nlmsghdr *nlh, element_fn fn, void *arg)
{
    struct nftnl_set *s = nftnl_set_alloc();
    if (!s)
        return -1;
    int r = nftnl_set_elems_nlmsg_parse(nlh, s);
    if (r >= 0) {
        const char *name = nftnl_set_get_str(s, NFTNL_SET_NAME);
        struct parsing p = {.fn = fn, .arg = arg, .set = name ? name : ""};
        nftnl_set_elem_foreach(s, on_elem, &p);
    }
    nftnl_set_free(s);
    return r;
}

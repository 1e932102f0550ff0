/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices as set elements: three of them make a device open.
 *
 *   ids   MAC -> number   what marks the device's flows; its comment is loggiad's tag, and the
 *                         rates stand beside it: who adopts the table knows all by one dump
 *   up    MAC . number    limit, then counter: looked up for every packet of its flows from it
 *   down  number          the same for every packet of its flows to it
 *
 * A device that may use the short cut (ruleset_offload.c) has three more, each a counter: fast_up,
 * fast_left and, in the table of family netdev, fast_down; and a bit of its number says so.
 *
 * The counter stands behind the limit, and an expression that does not match ends the lookup
 * without a match: so what is over the rate is neither accepted nor counted.
 *
 * The kernel's token bucket holds one second of rate plus the burst, at the least (nft_limit.c:
 * tokens_max = unit * (rate + burst) / rate), and its arithmetic is in nanoseconds times bytes:
 * rate plus burst has to stay below 1.8e10 for 64 bits: from RULESET_NO_CAP_BPS on there is no cap.
 * Who has none has no limit: a lock, a look at the clock and some division a packet less, and a
 * third less to make when it joins. (Kernels since 5.11 let an element of a set that declares no
 * expressions have its own.)
 *
 * Elements of one set go in one message, written as they come: libnftnl's objects cost six
 * allocations an element, and a message for each costs the kernel a search for table and set. Both
 * together are a third of a join (make bench-gate). */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_attr.h"
#include "netfilter/ruleset_internal.h"

#include <endian.h>
#include <libmnl/libmnl.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX     32768 /* of a message, then another is begun: a list has at most 65535 bytes */
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

/* --- writing ----------------------------------------------------------------------------------
 */

static char *end_of(const struct nlmsghdr *nlh)
{
    return (char *)nlh + MNL_ALIGN(nlh->nlmsg_len);
}

static void ends_at(struct nlmsghdr *nlh, const char *at)
{
    nlh->nlmsg_len = (uint32_t)(at - (char *)nlh);
}

struct nlattr *elem_list(struct nlmsghdr *nlh, const struct ruleset *rs, const char *set)
{
    char *at = end_of(nlh);
    at = put_string(at, NFTA_SET_ELEM_LIST_TABLE, rs->cfg.table);
    at = put_string(at, NFTA_SET_ELEM_LIST_SET, set);
    struct nlattr *list = (struct nlattr *)at;
    at = put_nest(at);
    put_nest_end((char *)list, NFTA_SET_ELEM_LIST_ELEMENTS, at);
    ends_at(nlh, at);
    return list;
}

static char *put_value(char *nest, uint16_t type, const void *value, size_t len)
{
    char *at = put_bytes(put_nest(nest), NFTA_DATA_VALUE, value, len);
    put_nest_end(nest, type, at);
    return at;
}

void elem_put_key(struct nlmsghdr *nlh, const void *key, size_t len)
{
    char *elem = end_of(nlh), *at = put_value(put_nest(elem), NFTA_SET_ELEM_KEY, key, len);
    put_nest_end(elem, NFTA_LIST_ELEM, at);
    ends_at(nlh, at);
}

size_t element_key(const struct ruleset *rs, enum ruleset_element which, const struct mac *mac,
                   uint32_t number, uint8_t key[static UP_KEY_LEN])
{
    if (which == RULESET_DOWN) {
        memcpy(key, &number, sizeof number);
        return sizeof number;
    }
    memcpy(key, mac->b, sizeof mac->b);
    if (which != RULESET_UP || rs->up_by_mac)
        return sizeof mac->b;
    memset(key + sizeof mac->b, 0, UP_KEY_LEN - sizeof number - sizeof mac->b);
    memcpy(key + UP_KEY_LEN - sizeof number, &number, sizeof number);
    return UP_KEY_LEN;
}

/* The message under construction; the batch may move when it grows, so that all is offsets. */
struct list {
    struct batch *b;
    const char *set;
    uint16_t type, flags;
    size_t nest; /* in the message; 0: no message is open */
};

static struct nlmsghdr *list_message(const struct list *l)
{
    return (struct nlmsghdr *)(l->b->buf + l->b->used);
}

static void list_end(struct list *l)
{
    if (l->nest && !l->b->oom) {
        struct nlmsghdr *nlh = list_message(l);
        mnl_attr_nest_end(nlh, (struct nlattr *)((char *)nlh + l->nest));
        batch_end_msg(l->b, nlh);
    }
    l->nest = 0;
}

/* A message in which there is room for one more element, or NULL: the batch is then lost. */
static struct nlmsghdr *list_next(struct list *l)
{
    if (l->nest && list_message(l)->nlmsg_len > LIST_MAX)
        list_end(l);
    if (!l->nest) {
        struct nlmsghdr *nlh = batch_msg(l->b, l->type, l->flags);
        if (!nlh)
            return NULL;
        l->nest = (size_t)((char *)elem_list(nlh, l->b->rs, l->set) - (char *)nlh);
    }
    return batch_room(l->b, list_message(l)->nlmsg_len) ? list_message(l) : NULL;
}

static char *put_limit(char *expr, uint16_t type, uint64_t rate)
{
    uint64_t burst = rate / 10; /* the bucket: this, and a second of rate */
    if (burst + rate < BUCKET_LEAST)
        burst = BUCKET_LEAST - rate;
    char *data = put_string(put_nest(expr), NFTA_EXPR_NAME, "limit"), *at = put_nest(data);
    at = put_be64(at, NFTA_LIMIT_RATE, rate);
    at = put_be64(at, NFTA_LIMIT_UNIT, 1);
    at = put_be32(at, NFTA_LIMIT_BURST, (uint32_t)burst);
    at = put_be32(at, NFTA_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
    put_nest_end(data, NFTA_EXPR_DATA, at);
    put_nest_end(expr, type, at);
    return at;
}

static char *put_counter(char *expr, uint16_t type, uint64_t bytes, uint64_t packets)
{
    char *data = put_string(put_nest(expr), NFTA_EXPR_NAME, "counter"), *at = put_nest(data);
    at = put_be64(at, NFTA_COUNTER_BYTES, bytes);
    at = put_be64(at, NFTA_COUNTER_PACKETS, packets);
    put_nest_end(data, NFTA_EXPR_DATA, at);
    put_nest_end(expr, type, at);
    return at;
}

/* As the kernel has it. */
static uint32_t marked(uint32_t number, bool fast)
{
    return fast ? number | RULESET_FAST : number;
}

/* The kernel's userdata as libnftnl lays it out: type, length, value. What has no room is left out:
 * a tag may be long. */
struct udata {
    size_t len;
    char bytes[NFT_USERDATA_MAXLEN];
};

static void put_udata(struct udata *ud, uint8_t type, const void *value, size_t len)
{
    if (len > UINT8_MAX || ud->len + 2 + len > sizeof ud->bytes)
        return;
    ud->bytes[ud->len] = (char)type;
    ud->bytes[ud->len + 1] = (char)len;
    memcpy(ud->bytes + ud->len + 2, value, len);
    ud->len += 2 + len;
}

static void put_id(struct list *l, const struct ruleset_device *d, bool seed)
{
    struct nlmsghdr *nlh = list_next(l);
    struct udata ud;
    const uint64_t rates[] = {d->up_Bps, d->down_Bps};
    const uint64_t queue[] = {d->queue.down_bytes, d->queue.down_packets};
    if (!nlh)
        return;
    ud.len = 0;
    if (d->tag && *d->tag)
        put_udata(&ud, NFTNL_UDATA_SET_ELEM_COMMENT, d->tag, strlen(d->tag) + 1);
    put_udata(&ud, UDATA_RATES, rates, sizeof rates);
    if (d->shaped)
        put_udata(&ud, UDATA_QUEUE, queue, sizeof queue);
    if (seed)
        put_udata(&ud, UDATA_SEED, &d->counters, sizeof d->counters);
    uint32_t number = marked(d->number, d->fast);
    char *elem = end_of(nlh), *at = put_nest(elem);
    at = put_value(at, NFTA_SET_ELEM_KEY, d->mac.b, sizeof d->mac.b);
    at = put_value(at, NFTA_SET_ELEM_DATA, &number, sizeof number);
    at = put_be64(at, NFTA_SET_ELEM_TIMEOUT, d->timeout_ms);
    at = put_bytes(at, NFTA_SET_ELEM_USERDATA, ud.bytes, ud.len);
    put_nest_end(elem, NFTA_LIST_ELEM, at);
    ends_at(nlh, at);
}

static void put_direction(struct list *l, const struct ruleset_device *d, bool up)
{
    const struct gate_counters *c = &d->counters;
    uint64_t rate = up ? d->up_Bps : d->down_Bps;
    bool queued = up ? d->up_shaped : d->shaped; /* the limit is for when the queue fails */
    uint64_t bytes = up ? c->up_bytes : c->down_bytes;
    uint64_t packets = up ? c->up_packets : c->down_packets;
    uint32_t number = marked(d->number, d->fast);
    uint8_t key[UP_KEY_LEN];
    size_t len = element_key(l->b->rs, up ? RULESET_UP : RULESET_DOWN, &d->mac, number, key);
    struct nlmsghdr *nlh = list_next(l);
    if (!nlh)
        return;
    char *elem = end_of(nlh), *at = put_value(put_nest(elem), NFTA_SET_ELEM_KEY, key, len);
    at = put_be64(at, NFTA_SET_ELEM_TIMEOUT, d->timeout_ms);
    if (rate == GATE_UNLIMITED || rate >= RULESET_NO_CAP_BPS) {
        at = put_counter(at, NFTA_SET_ELEM_EXPR, bytes, packets);
    } else {
        char *both = at;
        at = put_limit(put_nest(both), NFTA_LIST_ELEM, rate + (queued ? rate / 4 : 0));
        at = put_counter(at, NFTA_LIST_ELEM, bytes, packets);
        put_nest_end(both, NFTA_SET_ELEM_EXPRESSIONS, at);
    }
    put_nest_end(elem, NFTA_LIST_ELEM, at);
    ends_at(nlh, at);
}

static void put_fast(struct list *l, const struct ruleset_device *d)
{
    struct nlmsghdr *nlh = list_next(l);
    if (!nlh)
        return;
    char *elem = end_of(nlh);
    char *at = put_value(put_nest(elem), NFTA_SET_ELEM_KEY, d->mac.b, sizeof d->mac.b);
    at = put_be64(at, NFTA_SET_ELEM_TIMEOUT, d->timeout_ms);
    at = put_counter(at, NFTA_SET_ELEM_EXPR, 0, 0);
    put_nest_end(elem, NFTA_LIST_ELEM, at);
    ends_at(nlh, at);
}

static const char *const names[RULESET_ELEMENTS] = {
    [RULESET_ID] = SET_IDS,
    [RULESET_UP] = SET_UP,
    [RULESET_DOWN] = SET_DOWN,
    [RULESET_FAST_UP] = SET_FAST_UP,
    [RULESET_FAST_LEFT] = SET_FAST_LEFT,
    [RULESET_FAST_DOWN] = SET_FAST_DOWN,
};

const char *element_set(enum ruleset_element which)
{
    return names[which];
}

static bool is_fast(enum ruleset_element which)
{
    return which >= RULESET_FAST_UP;
}

static uint8_t family_of(enum ruleset_element which)
{
    return which == RULESET_FAST_DOWN ? NFPROTO_NETDEV : NFPROTO_INET;
}

static void open_from(struct batch *b, const struct ruleset_device *d, size_t n, int first)
{
    for (int k = first; k < RULESET_ELEMENTS; k++) {
        struct list l = {b, names[k], NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, 0};
        b->family = family_of(k);
        for (size_t i = 0; i < n; i++) {
            if (k == RULESET_ID)
                put_id(&l, &d[i], false);
            else if (!is_fast(k))
                put_direction(&l, &d[i], k == RULESET_UP);
            else if (d[i].fast)
                put_fast(&l, &d[i]);
        }
        list_end(&l);
    }
    b->family = NFPROTO_INET;
}

void batch_open(struct batch *b, const struct ruleset_device *d, size_t n)
{
    open_from(b, d, n, RULESET_ID);
}

static void put_uncounted(struct list *l, const struct ruleset_device *d)
{
    struct nlmsghdr *nlh = list_next(l);
    if (!nlh)
        return;
    uint32_t number = marked(d->number, d->fast);
    char *elem = end_of(nlh);
    char *at = put_value(put_nest(elem), NFTA_SET_ELEM_KEY, &number, sizeof number);
    at = put_be64(at, NFTA_SET_ELEM_TIMEOUT, d->timeout_ms);
    put_nest_end(elem, NFTA_LIST_ELEM, at);
    ends_at(nlh, at);
}

void batch_open_uncounted(struct batch *b, const struct ruleset_device *d, size_t n)
{
    struct list ids = {b, SET_IDS, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, 0};
    struct list numbers = {b, SET_UNCOUNTED, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, 0};
    for (size_t i = 0; i < n; i++)
        put_id(&ids, &d[i], true);
    list_end(&ids);
    for (size_t i = 0; i < n; i++)
        put_uncounted(&numbers, &d[i]);
    list_end(&numbers);
}

static void put_number(struct list *l, uint32_t number, bool fast)
{
    struct nlmsghdr *nlh = list_next(l);
    uint32_t key = marked(number, fast);
    if (nlh)
        elem_put_key(nlh, &key, sizeof key);
}

void batch_no_longer_uncounted(struct batch *b, uint32_t number, bool fast)
{
    struct list l = {b, SET_UNCOUNTED, NFT_MSG_DELSETELEM, 0, 0};
    put_number(&l, number, fast);
    list_end(&l);
}

void batch_count(struct batch *b, const struct ruleset_device *d, size_t n, bool uncounted)
{
    struct list l = {b, SET_UNCOUNTED, NFT_MSG_DELSETELEM, 0, 0};
    for (size_t i = 0; i < n && uncounted; i++)
        put_number(&l, d[i].number, d[i].fast);
    list_end(&l);
    open_from(b, d, n, RULESET_ID + 1);
}

void batch_close_one(struct batch *b, enum ruleset_element which, const struct ruleset_key *keys,
                     size_t n)
{
    if (n == 0)
        return;
    uint16_t flags = which == RULESET_ID ? 0 : NLM_F_ECHO;
    struct list l = {b, names[which], NFT_MSG_DELSETELEM, flags, 0};
    b->family = family_of(which);
    for (size_t i = 0; i < n; i++) {
        uint8_t key[UP_KEY_LEN];
        uint32_t number = marked(keys[i].number, keys[i].fast);
        size_t len = element_key(b->rs, which, &keys[i].mac, number, key);
        struct nlmsghdr *nlh = !is_fast(which) || keys[i].fast ? list_next(&l) : NULL;
        if (nlh)
            elem_put_key(nlh, key, len);
    }
    list_end(&l);
    b->family = NFPROTO_INET;
}

void batch_close(struct batch *b, const struct ruleset_key *keys, size_t n)
{
    for (int k = 0; k < RULESET_ELEMENTS; k++)
        batch_close_one(b, k, keys, n);
}

static void on_garden(void *arg, const struct element *e)
{
    struct list *l = arg;
    struct nlmsghdr *nlh = list_next(l);
    if (nlh)
        elem_put_key(nlh, e->key, e->key_len);
}

void batch_keep_garden(struct batch *b)
{
    static const char *const gardens[] = {SET_GARDEN4, SET_GARDEN6};
    static const uint32_t lengths[] = {4, 16};
    for (int i = 0; i < 2; i++) {
        struct list l = {b, gardens[i], NFT_MSG_NEWSETELEM, NLM_F_CREATE, 0};
        element_dump(b->rs, gardens[i], lengths[i], on_garden, &l);
        list_end(&l);
    }
}

static void reserve(struct batch *b, uint16_t type, uint16_t flags, const uint32_t *end)
{
    struct list l = {b, SET_NUMBERS, type, flags, 0};
    struct nlmsghdr *nlh = list_next(&l);
    if (nlh)
        elem_put_key(nlh, end, sizeof *end);
    list_end(&l);
}

void batch_reserve(struct batch *b, uint32_t old, uint32_t end)
{
    if (old && old != end)
        reserve(b, NFT_MSG_DELSETELEM, 0, &old);
    reserve(b, NFT_MSG_NEWSETELEM, NLM_F_CREATE, &end);
}

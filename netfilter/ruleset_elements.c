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
 * Elements of one set go in one message, written with libmnl as they come: libnftnl's objects cost
 * six allocations an element, and a message for each costs the kernel a search for table and set.
 * Both together are a third of a join (make bench-gate). */
#include "netfilter/ruleset.h"
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

#define UDATA_QUEUE  17    /* there alone where the device has queues */
#define UDATA_SEED   18    /* and this where it came back uncounted */
#define UDATA_RATES  16    /* behind libnftnl's own types of element data; nft(8) passes it over */
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

struct nlattr *elem_list(struct nlmsghdr *nlh, const struct ruleset *rs, const char *set)
{
    mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, rs->cfg.table);
    mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, set);
    return mnl_attr_nest_start(nlh, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_value(struct nlmsghdr *nlh, uint16_t type, const void *value, size_t len)
{
    struct nlattr *nest = mnl_attr_nest_start(nlh, type);
    mnl_attr_put(nlh, NFTA_DATA_VALUE, len, value);
    mnl_attr_nest_end(nlh, nest);
}

void elem_put_key(struct nlmsghdr *nlh, const void *key, size_t len)
{
    struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    put_value(nlh, NFTA_SET_ELEM_KEY, key, len);
    mnl_attr_nest_end(nlh, nest);
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

static void put_limit(struct nlmsghdr *nlh, uint16_t type, uint64_t rate)
{
    uint64_t burst = rate / 10; /* the bucket: this, and a second of rate */
    if (burst + rate < BUCKET_LEAST)
        burst = BUCKET_LEAST - rate;
    struct nlattr *expr = mnl_attr_nest_start(nlh, type);
    mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "limit");
    struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
    mnl_attr_put_u64(nlh, NFTA_LIMIT_RATE, htobe64(rate));
    mnl_attr_put_u64(nlh, NFTA_LIMIT_UNIT, htobe64(1));
    mnl_attr_put_u32(nlh, NFTA_LIMIT_BURST, htobe32((uint32_t)burst));
    mnl_attr_put_u32(nlh, NFTA_LIMIT_TYPE, htobe32(NFT_LIMIT_PKT_BYTES));
    mnl_attr_nest_end(nlh, data);
    mnl_attr_nest_end(nlh, expr);
}

static void put_counter(struct nlmsghdr *nlh, uint16_t type, uint64_t bytes, uint64_t packets)
{
    struct nlattr *expr = mnl_attr_nest_start(nlh, type);
    mnl_attr_put_strz(nlh, NFTA_EXPR_NAME, "counter");
    struct nlattr *data = mnl_attr_nest_start(nlh, NFTA_EXPR_DATA);
    mnl_attr_put_u64(nlh, NFTA_COUNTER_BYTES, htobe64(bytes));
    mnl_attr_put_u64(nlh, NFTA_COUNTER_PACKETS, htobe64(packets));
    mnl_attr_nest_end(nlh, data);
    mnl_attr_nest_end(nlh, expr);
}

/* As the kernel has it. */
static uint32_t marked(uint32_t number, bool fast)
{
    return fast ? number | RULESET_FAST : number;
}

static void put_id(struct list *l, const struct ruleset_device *d, bool seed)
{
    struct nlmsghdr *nlh = list_next(l);
    struct nftnl_udata_buf *ud = nftnl_udata_buf_alloc(256);
    const uint64_t rates[] = {d->up_Bps, d->down_Bps};
    if (!nlh || !ud) {
        l->b->oom = true;
        if (ud)
            nftnl_udata_buf_free(ud);
        return;
    }
    if (d->tag && *d->tag)
        nftnl_udata_put_strz(ud, NFTNL_UDATA_SET_ELEM_COMMENT, d->tag);
    nftnl_udata_put(ud, UDATA_RATES, sizeof rates, rates);
    const uint64_t queue[] = {d->queue.down_bytes, d->queue.down_packets};
    if (d->shaped)
        nftnl_udata_put(ud, UDATA_QUEUE, sizeof queue, queue);
    if (seed) /* where there is room: a tag may be long */
        nftnl_udata_put(ud, UDATA_SEED, sizeof d->counters, &d->counters);
    struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    put_value(nlh, NFTA_SET_ELEM_KEY, d->mac.b, sizeof d->mac.b);
    uint32_t number = marked(d->number, d->fast);
    put_value(nlh, NFTA_SET_ELEM_DATA, &number, sizeof number);
    mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(d->timeout_ms));
    mnl_attr_put(nlh, NFTA_SET_ELEM_USERDATA, nftnl_udata_buf_len(ud), nftnl_udata_buf_data(ud));
    mnl_attr_nest_end(nlh, elem);
    nftnl_udata_buf_free(ud);
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
    struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    put_value(nlh, NFTA_SET_ELEM_KEY, key, len);
    mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(d->timeout_ms));
    if (rate == GATE_UNLIMITED || rate >= RULESET_NO_CAP_BPS) {
        put_counter(nlh, NFTA_SET_ELEM_EXPR, bytes, packets);
    } else {
        struct nlattr *both = mnl_attr_nest_start(nlh, NFTA_SET_ELEM_EXPRESSIONS);
        put_limit(nlh, NFTA_LIST_ELEM, rate + (queued ? rate / 4 : 0));
        put_counter(nlh, NFTA_LIST_ELEM, bytes, packets);
        mnl_attr_nest_end(nlh, both);
    }
    mnl_attr_nest_end(nlh, elem);
}

static void put_fast(struct list *l, const struct ruleset_device *d)
{
    struct nlmsghdr *nlh = list_next(l);
    if (!nlh)
        return;
    struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    put_value(nlh, NFTA_SET_ELEM_KEY, d->mac.b, sizeof d->mac.b);
    mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(d->timeout_ms));
    put_counter(nlh, NFTA_SET_ELEM_EXPR, 0, 0);
    mnl_attr_nest_end(nlh, elem);
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
    struct nlattr *elem = mnl_attr_nest_start(nlh, NFTA_LIST_ELEM);
    put_value(nlh, NFTA_SET_ELEM_KEY, &number, sizeof number);
    mnl_attr_put_u64(nlh, NFTA_SET_ELEM_TIMEOUT, htobe64(d->timeout_ms));
    mnl_attr_nest_end(nlh, elem);
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

/* --- reading an element back --------------------------------------------------------------------
 */

static uint64_t number64(const struct nlattr *a)
{
    return mnl_attr_get_payload_len(a) == sizeof(uint64_t) ? be64toh(mnl_attr_get_u64(a)) : 0;
}

static bool is_named(const struct nlattr *a, const char *name)
{
    size_t len = strlen(name) + 1;
    return mnl_attr_get_payload_len(a) >= len && !memcmp(mnl_attr_get_payload(a), name, len);
}

static void take_counter(struct element *e, const struct nlattr *data)
{
    const struct nlattr *a;
    mnl_attr_for_each_nested(a, data)
    {
        if (mnl_attr_get_type(a) == NFTA_COUNTER_BYTES)
            e->bytes = number64(a);
        else if (mnl_attr_get_type(a) == NFTA_COUNTER_PACKETS)
            e->packets = number64(a);
    }
}

static void take_limit(struct element *e, const struct nlattr *data)
{
    const struct nlattr *a;
    mnl_attr_for_each_nested(a, data)
    {
        if (mnl_attr_get_type(a) == NFTA_LIMIT_RATE)
            e->rate_Bps = number64(a);
    }
    if (e->rate_Bps >= RULESET_NO_CAP_BPS)
        e->rate_Bps = GATE_UNLIMITED;
}

static void take_expression(struct element *e, const struct nlattr *expr)
{
    const struct nlattr *a, *name = NULL, *data = NULL;
    mnl_attr_for_each_nested(a, expr)
    {
        if (mnl_attr_get_type(a) == NFTA_EXPR_NAME)
            name = a;
        else if (mnl_attr_get_type(a) == NFTA_EXPR_DATA)
            data = a;
    }
    if (name && data && is_named(name, "counter"))
        take_counter(e, data);
    else if (name && data && is_named(name, "limit"))
        take_limit(e, data);
}

static int on_udata(const struct nftnl_udata *attr, void *arg)
{
    struct element *e = arg;
    if (nftnl_udata_type(attr) == NFTNL_UDATA_SET_ELEM_COMMENT) {
        size_t len = nftnl_udata_len(attr);
        if (len > sizeof e->tag - 1)
            len = sizeof e->tag - 1;
        memcpy(e->tag, nftnl_udata_get(attr), len);
        e->tag[len] = '\0';
    } else if (nftnl_udata_type(attr) == UDATA_RATES &&
               nftnl_udata_len(attr) == 2 * sizeof(uint64_t)) {
        const char *rates = nftnl_udata_get(attr);
        memcpy(&e->up_Bps, rates, sizeof e->up_Bps);
        memcpy(&e->down_Bps, rates + sizeof e->up_Bps, sizeof e->down_Bps);
        e->rated = true;
    } else if (nftnl_udata_type(attr) == UDATA_QUEUE &&
               nftnl_udata_len(attr) == 2 * sizeof(uint64_t)) {
        const char *queue = nftnl_udata_get(attr);
        memcpy(&e->queue.down_bytes, queue, sizeof e->queue.down_bytes);
        memcpy(&e->queue.down_packets, queue + sizeof(uint64_t), sizeof e->queue.down_packets);
        e->shaped = true;
    } else if (nftnl_udata_type(attr) == UDATA_SEED && nftnl_udata_len(attr) == sizeof e->seed) {
        memcpy(&e->seed, nftnl_udata_get(attr), sizeof e->seed);
    }
    return 0;
}

/* The value's length; 0 if there is none or it has no room. */
static uint32_t take_value(const struct nlattr *nest, void *out, size_t room)
{
    const struct nlattr *a;
    mnl_attr_for_each_nested(a, nest)
    {
        uint32_t len = mnl_attr_get_payload_len(a);
        if (mnl_attr_get_type(a) != NFTA_DATA_VALUE || len > room)
            continue;
        memcpy(out, mnl_attr_get_payload(a), len);
        return len;
    }
    return 0;
}

static void take_attribute(struct element *e, const struct nlattr *a)
{
    const struct nlattr *expr;
    switch (mnl_attr_get_type(a)) {
    case NFTA_SET_ELEM_KEY:
        e->key_len = take_value(a, e->key, sizeof e->key);
        break;
    case NFTA_SET_ELEM_DATA:
        take_value(a, &e->number, sizeof e->number);
        break;
    case NFTA_SET_ELEM_EXPIRATION:
        e->expires_ms = number64(a);
        break;
    case NFTA_SET_ELEM_USERDATA:
        nftnl_udata_parse(mnl_attr_get_payload(a), mnl_attr_get_payload_len(a), on_udata, e);
        break;
    case NFTA_SET_ELEM_EXPR:
        take_expression(e, a);
        break;
    case NFTA_SET_ELEM_EXPRESSIONS:
        mnl_attr_for_each_nested(expr, a) take_expression(e, expr);
        break;
    default:
        break;
    }
}

static const char *set_name(const struct nlattr *a)
{
    return mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(a) : "";
}

void element_parse(const struct nlmsghdr *nlh, element_fn fn, void *arg)
{
    const struct nlattr *a, *elem, *list = NULL;
    const char *set = "";
    mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_SET)
            set = set_name(a);
        else if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS)
            list = a;
    }
    if (!list)
        return;
    mnl_attr_for_each_nested(elem, list)
    {
        struct element e = {.set = set};
        mnl_attr_for_each_nested(a, elem) take_attribute(&e, a);
        if (e.key_len > 0)
            fn(arg, &e);
    }
}

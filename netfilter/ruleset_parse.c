/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Set elements as the kernel tells of them: in answers, in dumps, and in the notification of a
 * delete. Walked by ruleset_attr.h, which says
 * why. */
#include "netfilter/ruleset_attr.h"
#include "netfilter/ruleset_internal.h"

#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables.h>

static uint64_t number64(const struct nlattr *a)
{
    uint64_t v = 0;
    if (attr_len(a) == sizeof v)
        memcpy(&v, attr_value(a), sizeof v);
    return be64toh(v);
}

static bool is_named(const struct nlattr *a, const char *name, size_t len)
{
    return attr_len(a) >= len && !memcmp(attr_value(a), name, len);
}

static void take_counter(struct element *e, const struct nlattr *data)
{
    const struct nlattr *a;
    for (struct attrs in = attrs_in(data); (a = attrs_next(&in));) {
        if (attr_type(a) == NFTA_COUNTER_BYTES)
            e->bytes = number64(a);
        else if (attr_type(a) == NFTA_COUNTER_PACKETS)
            e->packets = number64(a);
    }
}

static void take_limit(struct element *e, const struct nlattr *data)
{
    const struct nlattr *a;
    for (struct attrs in = attrs_in(data); (a = attrs_next(&in));)
        if (attr_type(a) == NFTA_LIMIT_RATE)
            e->rate_Bps = number64(a);
    if (e->rate_Bps >= RULESET_NO_CAP_BPS)
        e->rate_Bps = GATE_UNLIMITED;
}

static void take_expression(struct element *e, const struct nlattr *expr)
{
    const struct nlattr *a, *name = NULL, *data = NULL;
    for (struct attrs in = attrs_in(expr); (a = attrs_next(&in));) {
        if (attr_type(a) == NFTA_EXPR_NAME)
            name = a;
        else if (attr_type(a) == NFTA_EXPR_DATA)
            data = a;
    }
    if (name && data && is_named(name, "counter", sizeof "counter"))
        take_counter(e, data);
    else if (name && data && is_named(name, "limit", sizeof "limit"))
        take_limit(e, data);
}

static void take_udatum(struct element *e, uint8_t type, const char *value, size_t len)
{
    if (type == NFTNL_UDATA_SET_ELEM_COMMENT) {
        len = len < sizeof e->tag - 1 ? len : sizeof e->tag - 1;
        memcpy(e->tag, value, len);
        e->tag[len] = '\0';
    } else if (type == UDATA_RATES && len == 2 * sizeof(uint64_t)) {
        memcpy(&e->up_Bps, value, sizeof e->up_Bps);
        memcpy(&e->down_Bps, value + sizeof e->up_Bps, sizeof e->down_Bps);
        e->rated = true;
    } else if (type == UDATA_QUEUE && len == 2 * sizeof(uint64_t)) {
        memcpy(&e->queue.down_bytes, value, sizeof e->queue.down_bytes);
        memcpy(&e->queue.down_packets, value + sizeof(uint64_t), sizeof e->queue.down_packets);
        e->shaped = true;
    } else if (type == UDATA_SEED && len == sizeof e->seed) {
        memcpy(&e->seed, value, sizeof e->seed);
    }
}

/* Type, length, value (nftnl_udata_parse of libnftnl 1.2.4 reads beyond one that is cut short). */
static void take_udata(struct element *e, const struct nlattr *a)
{
    const uint8_t *at = attr_value(a);
    for (size_t left = attr_len(a); left >= 2 && left - 2 >= at[1];) {
        size_t step = 2 + (size_t)at[1];
        take_udatum(e, at[0], (const char *)at + 2, at[1]);
        at += step;
        left -= step;
    }
}

/* The value's length; 0 if there is none or it has no room. */
static uint32_t take_value(const struct nlattr *nest, void *out, size_t room)
{
    const struct nlattr *a;
    for (struct attrs in = attrs_in(nest); (a = attrs_next(&in));) {
        uint32_t len = attr_len(a);
        if (attr_type(a) != NFTA_DATA_VALUE || len > room)
            continue;
        memcpy(out, attr_value(a), len);
        return len;
    }
    return 0;
}

static void take_expressions(struct element *e, const struct nlattr *list)
{
    const struct nlattr *expr;
    for (struct attrs in = attrs_in(list); (expr = attrs_next(&in));)
        take_expression(e, expr);
}

static void take_attribute(struct element *e, const struct nlattr *a)
{
    switch (attr_type(a)) {
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
        take_udata(e, a);
        break;
    case NFTA_SET_ELEM_EXPR:
        take_expression(e, a);
        break;
    case NFTA_SET_ELEM_EXPRESSIONS:
        take_expressions(e, a);
        break;
    default:
        break;
    }
}

static const char *set_name(const struct nlattr *a)
{
    const char *name = attr_value(a);
    return attr_len(a) > 0 && name[attr_len(a) - 1] == '\0' ? name : "";
}

static void take_element(const struct nlattr *elem, const char *set, element_fn fn, void *arg)
{
    const struct nlattr *a;
    struct element e;
    memset(&e, 0, offsetof(struct element, tag)); /* which is long, and mostly not there */
    e.tag[0] = '\0';
    e.set = set;
    for (struct attrs in = attrs_in(elem); (a = attrs_next(&in));)
        take_attribute(&e, a);
    if (e.key_len > 0)
        fn(arg, &e);
}

void element_parse(const struct nlmsghdr *nlh, element_fn fn, void *arg)
{
    const struct nlattr *a, *list = NULL;
    const char *set = "";
    for (struct attrs in = attrs_of(nlh); (a = attrs_next(&in));) {
        if (attr_type(a) == NFTA_SET_ELEM_LIST_SET)
            set = set_name(a);
        else if (attr_type(a) == NFTA_SET_ELEM_LIST_ELEMENTS)
            list = a;
    }
    if (!list)
        return;
    for (struct attrs in = attrs_in(list); (a = attrs_next(&in));)
        take_element(a, set, fn, arg);
}

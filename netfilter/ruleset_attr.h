/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Netlink attributes (netlink(7), struct nlattr), written and walked inline, for set elements
 * alone. libmnl's functions are a call into a shared library for each of the sixty attributes of a
 * device, and find the message's end in memory anew each time: most of what joins and readings cost
 * outside the kernel were those calls (make bench-gate has both). libmnl does all else. */
#ifndef LOGGIA_NETFILTER_RULESET_ATTR_H
#define LOGGIA_NETFILTER_RULESET_ATTR_H

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* --- writing: each function writes at `at`, where the caller has seen to the room, and returns
 * where the next attribute goes. Padding is zero. */

/* Bytes of an attribute with so long a value. */
#define PUT_ROOM(len) (NLA_HDRLEN + NLA_ALIGN(len))

/* The header of an nf_tables message in a batch, or of a question; the attributes follow. */
static inline struct nlmsghdr *put_message(char *at, uint16_t type, uint16_t flags, uint8_t family,
                                           uint32_t seq)
{
    struct nlmsghdr *nlh = (struct nlmsghdr *)at;
    *nlh = (struct nlmsghdr){.nlmsg_len = NLMSG_LENGTH(sizeof(struct nfgenmsg)),
                             .nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type),
                             .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags),
                             .nlmsg_seq = seq};
    *(struct nfgenmsg *)NLMSG_DATA(nlh) =
        (struct nfgenmsg){.nfgen_family = family, .version = NFNETLINK_V0};
    return nlh;
}

/* What begins (NFNL_MSG_BATCH_BEGIN) or ends a transaction. */
static inline struct nlmsghdr *put_batch(char *at, uint16_t type, uint32_t seq)
{
    struct nlmsghdr *nlh = put_message(at, 0, 0, AF_UNSPEC, seq);
    nlh->nlmsg_type = type;
    ((struct nfgenmsg *)NLMSG_DATA(nlh))->res_id = htons(NFNL_SUBSYS_NFTABLES);
    return nlh;
}

static inline void put_head(char *at, uint16_t type, size_t len)
{
    const struct nlattr head = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type};
    memcpy(at, &head, sizeof head);
}

static inline char *put_bytes(char *at, uint16_t type, const void *value, size_t len)
{
    const uint32_t zero = 0;
    put_head(at, type, len);
    if (len % NLA_ALIGNTO) /* the value lies over it */
        memcpy(at + PUT_ROOM(len) - NLA_ALIGNTO, &zero, sizeof zero);
    memcpy(at + NLA_HDRLEN, value, len);
    return at + PUT_ROOM(len);
}

/* With its NUL. */
static inline char *put_string(char *at, uint16_t type, const char *s)
{
    return put_bytes(at, type, s, strlen(s) + 1);
}

static inline char *put_be32(char *at, uint16_t type, uint32_t v)
{
    v = htobe32(v);
    return put_bytes(at, type, &v, sizeof v);
}

static inline char *put_be64(char *at, uint16_t type, uint64_t v)
{
    v = htobe64(v);
    return put_bytes(at, type, &v, sizeof v);
}

/* What is written between the two is inside; nest is where put_nest was called. */
static inline char *put_nest(char *nest)
{
    return nest + NLA_HDRLEN;
}

static inline void put_nest_end(char *nest, uint16_t type, const char *at)
{
    put_head(nest, type | NLA_F_NESTED, (size_t)(at - nest) - NLA_HDRLEN);
}

/* --- walking: what does not fit into what is around it ends the walk
 * ------------------------------
 */

struct attrs {
    const char *at;
    size_t left;
};

static inline uint16_t attr_type(const struct nlattr *a)
{
    return a->nla_type & NLA_TYPE_MASK;
}

static inline size_t attr_len(const struct nlattr *a)
{
    return a->nla_len - (size_t)NLA_HDRLEN;
}

static inline const void *attr_value(const struct nlattr *a)
{
    return (const char *)a + NLA_HDRLEN;
}

static inline struct attrs attrs_in(const struct nlattr *nest)
{
    return (struct attrs){attr_value(nest), attr_len(nest)};
}

/* Of an nf_tables message, all of which is there. */
static inline struct attrs attrs_of(const struct nlmsghdr *nlh)
{
    const size_t head = NLMSG_LENGTH(sizeof(struct nfgenmsg));
    size_t len = nlh->nlmsg_len;
    return (struct attrs){(const char *)nlh + head, len > head ? len - head : 0};
}

static inline const struct nlattr *attrs_next(struct attrs *in)
{
    const struct nlattr *a = (const struct nlattr *)in->at;
    if (in->left < NLA_HDRLEN || a->nla_len < NLA_HDRLEN || a->nla_len > in->left)
        return NULL;
    size_t step = NLA_ALIGN(a->nla_len);
    step = step < in->left ? step : in->left; /* the last one may lack its padding */
    in->at += step;
    in->left -= step;
    return a;
}

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The vocabulary of the rules, in libnftnl's expressions. */
#include "netfilter/ruleset_words.h"
#include "netfilter/ruleset_internal.h"

#include <stdio.h> /* before libnftnl: its headers name FILE */

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>

#define BESIDE_DEVICE NFT_REG32_02 /* what stands behind the six bytes in register 1 */
#define SNAPLEN       64 /* enough for the addresses, and for the target of an IPv6 advertisement */

/* --- what rules are written in ------------------------------------------------------------------
 */

struct rule word_begin(struct batch *b, const char *chain)
{
    struct rule w = {.b = b, .r = nftnl_rule_alloc()};
    if (!w.r) {
        b->oom = true;
        return w;
    }
    nftnl_rule_set_str(w.r, NFTNL_RULE_TABLE, b->rs->cfg.table);
    nftnl_rule_set_str(w.r, NFTNL_RULE_CHAIN, chain);
    nftnl_rule_set_u32(w.r, NFTNL_RULE_FAMILY, b->family);
    return w;
}

void word_end(struct rule *w)
{
    uint16_t flags = w->first ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_APPEND;
    struct nlmsghdr *nlh = w->r && !w->b->oom ? batch_msg(w->b, NFT_MSG_NEWRULE, flags) : NULL;
    if (nlh) {
        nftnl_rule_nlmsg_build_payload(nlh, w->r);
        batch_end_msg(w->b, nlh);
    }
    if (w->r)
        nftnl_rule_free(w->r);
}

/* A new expression of the rule, or NULL (the batch is then lost). */
struct nftnl_expr *word_expr(struct rule *w, const char *name)
{
    struct nftnl_expr *e = w->r && !w->b->oom ? nftnl_expr_alloc(name) : NULL;
    if (e)
        nftnl_rule_add_expr(w->r, e);
    else
        w->b->oom = true;
    return e;
}

void word_cmp(struct rule *w, uint32_t op, const void *data, uint32_t len)
{
    struct nftnl_expr *e = word_expr(w, "cmp");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
    nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

void word_load_meta(struct rule *w, uint32_t key)
{
    struct nftnl_expr *e = word_expr(w, "meta");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, NFT_REG_1);
}

void word_load_payload(struct rule *w, uint32_t base, uint32_t offset, uint32_t len)
{
    struct nftnl_expr *e = word_expr(w, "payload");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
}

void word_load_ct(struct rule *w, uint32_t key)
{
    struct nftnl_expr *e = word_expr(w, "ct");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, NFT_REG_1);
}

void word_lookup(struct rule *w, const char *set, bool invert)
{
    struct nftnl_expr *e = word_expr(w, "lookup");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set);
    if (invert)
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

void word_if_lan(struct rule *w, uint32_t key) /* NFT_META_IIFNAME or NFT_META_OIFNAME */
{
    const struct ruleset_config *cfg = &w->b->rs->cfg;
    word_load_meta(w, key);
    if (cfg->n_lan == 1) /* a comparison costs less than a lookup */
        word_cmp(w, NFT_CMP_EQ, cfg->lan[0], RULESET_IFNAME_LEN);
    else
        word_lookup(w, SET_LAN, false);
}

void word_if_lan_index(struct rule *w, uint32_t key, bool is) /* NFT_META_IIF or NFT_META_OIF */
{
    const struct ruleset_config *cfg = &w->b->rs->cfg;
    word_load_meta(w, key);
    if (cfg->n_lan_index == 1)
        word_cmp(w, is ? NFT_CMP_EQ : NFT_CMP_NEQ, cfg->lan_index, sizeof *cfg->lan_index);
    else
        word_lookup(w, SET_INDICES, !is);
}

/* ether saddr, into register 1 */
void word_load_device(struct rule *w)
{
    uint16_t ether = ARPHRD_ETHER;
    word_load_meta(w, NFT_META_IIFTYPE);
    word_cmp(w, NFT_CMP_EQ, &ether, sizeof ether);
    word_load_payload(w, NFT_PAYLOAD_LL_HEADER, 6, 6);
}

void word_if_device(struct rule *w, const char *set, bool invert)
{
    word_load_device(w);
    word_lookup(w, set, invert);
}

/* Register 1: (register 1 & mask) ^ flip */
static void bitwise(struct rule *w, uint32_t mask, uint32_t flip)
{
    struct nftnl_expr *e = word_expr(w, "bitwise");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof mask);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &flip, sizeof flip);
}

void word_if_ct_bit(struct rule *w, uint32_t bit, bool set)
{
    uint32_t none = 0;
    word_load_ct(w, NFT_CT_MARK);
    bitwise(w, bit, 0);
    word_cmp(w, set ? NFT_CMP_NEQ : NFT_CMP_EQ, &none, sizeof none);
}

void word_if_ct_bits(struct rule *w, uint32_t mask, uint32_t value)
{
    word_load_ct(w, NFT_CT_MARK);
    bitwise(w, mask, 0);
    word_cmp(w, NFT_CMP_EQ, &value, sizeof value);
}

void word_keep_ct_bits(struct rule *w, uint32_t mask)
{
    word_load_ct(w, NFT_CT_MARK);
    bitwise(w, mask, 0);
    word_set_ct_mark(w, NFT_REG_1);
}

void word_if_mark(struct rule *w, uint32_t bit, bool set)
{
    uint32_t none = 0;
    word_load_meta(w, NFT_META_MARK);
    bitwise(w, bit, 0);
    word_cmp(w, set ? NFT_CMP_NEQ : NFT_CMP_EQ, &none, sizeof none);
}

void word_set_ct_mark_of_device(struct rule *w, uint32_t bit)
{
    word_load_payload(w, NFT_PAYLOAD_LL_HEADER, 8, sizeof bit);
    bitwise(w, ~bit, bit);
    word_set_ct_mark(w, NFT_REG_1);
}

/* meta priority set ct mark & mask | handle: the class of the queue that it waits in */
void word_set_class(struct rule *w, uint32_t mask, uint32_t handle)
{
    word_load_ct(w, NFT_CT_MARK);
    struct nftnl_expr *e = word_expr(w, "bitwise");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, sizeof mask);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, &mask, sizeof mask);
        nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, &handle, sizeof handle);
    }
    e = word_expr(w, "meta");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_PRIORITY);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
    }
}

/* meta mark set meta mark & ~bit | value */
static void set_mark(struct rule *w, uint32_t bit, uint32_t value)
{
    word_load_meta(w, NFT_META_MARK);
    bitwise(w, ~bit, value);
    struct nftnl_expr *e = word_expr(w, "meta");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
        nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
    }
}

void word_set_bit(struct rule *w, uint32_t bit)
{
    set_mark(w, bit, bit);
}

void word_clear_bit(struct rule *w, uint32_t bit)
{
    set_mark(w, bit, 0);
}

void word_set_ct_mark(struct rule *w, uint32_t reg)
{
    struct nftnl_expr *e = word_expr(w, "ct");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_SREG, reg);
}

void word_if_open(struct rule *w)
{
    word_load_device(w);
    struct nftnl_expr *e = word_expr(w, "lookup");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
    nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, SET_IDS);
}

void word_load_flow(struct rule *w)
{
    word_load_payload(w, NFT_PAYLOAD_LL_HEADER, 6, 6);
    struct nftnl_expr *e = word_expr(w, "ct");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, BESIDE_DEVICE);
}

void word_own_flow(struct rule *w)
{
    word_if_open(w);
    word_set_ct_mark(w, NFT_REG_1);
}

static void set_whole_mark(struct rule *w)
{
    struct nftnl_expr *e = word_expr(w, "meta");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

void word_load_no_flow(struct rule *w)
{
    uint32_t mask = NF_CT_STATE_INVALID_BIT | NF_CT_STATE_UNTRACKED_BIT, zero = 0;
    word_load_ct(w, NFT_CT_STATE);
    bitwise(w, mask, 0);
    word_cmp(w, NFT_CMP_NEQ, &zero, sizeof zero);
    word_if_open(w);
    set_whole_mark(w);
    word_load_device(w);
    struct nftnl_expr *e = word_expr(w, "meta");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, BESIDE_DEVICE);
}

void word_end_no_flow(struct rule *w)
{
    uint32_t none = 0;
    struct nftnl_expr *e = word_expr(w, "immediate");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
        nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &none, sizeof none);
    }
    set_whole_mark(w);
    word_verdict(w, NF_ACCEPT, NULL);
}

void word_if_l4(struct rule *w, uint8_t protocol)
{
    word_load_meta(w, NFT_META_L4PROTO);
    word_cmp(w, NFT_CMP_EQ, &protocol, sizeof protocol);
}

void word_if_port(struct rule *w, uint8_t protocol, uint16_t port)
{
    uint16_t be = htons(port);
    word_if_l4(w, protocol);
    word_load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2);
    word_cmp(w, NFT_CMP_EQ, &be, sizeof be);
}

void word_if_icmp(struct rule *w, uint8_t protocol, uint8_t type)
{
    word_if_l4(w, protocol);
    word_load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    word_cmp(w, NFT_CMP_EQ, &type, sizeof type);
}

/* The destination (from the LAN) or the source (to it) is in the walled garden. */
void word_if_garden(struct rule *w, uint8_t nfproto, bool to_lan)
{
    word_load_meta(w, NFT_META_NFPROTO);
    word_cmp(w, NFT_CMP_EQ, &nfproto, sizeof nfproto);
    bool v4 = nfproto == NFPROTO_IPV4;
    uint32_t len = v4 ? 4 : 16, offset = v4 ? 12 : 8;
    word_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, to_lan ? offset : offset + len, len);
    word_lookup(w, v4 ? SET_GARDEN4 : SET_GARDEN6, false);
}

void word_if_source(struct rule *w, uint8_t family, const uint8_t ip[static 16], unsigned prefix)
{
    uint32_t len = family == 4 ? 4 : 16;
    uint8_t mask[16] = {0}, zero[16] = {0};
    if (prefix == 0)
        return;
    for (unsigned i = 0; i < prefix; i++)
        mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
    word_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, family == 4 ? 12 : 8, len);
    struct nftnl_expr *e = word_expr(w, "bitwise");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, mask, len);
    nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
    word_cmp(w, NFT_CMP_EQ, ip, len);
}

void word_if_replying(struct rule *w) /* ct state established,related */
{
    uint32_t mask = NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED), zero = 0;
    word_load_ct(w, NFT_CT_STATE);
    bitwise(w, mask, 0);
    word_cmp(w, NFT_CMP_NEQ, &zero, sizeof zero);
}

static void limit_values(struct nftnl_expr *e, enum limit_of of, uint64_t rate, uint32_t burst)
{
    nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, rate);
    nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, burst);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE,
                       of == LIMIT_BYTES ? NFT_LIMIT_PKT_BYTES : NFT_LIMIT_PKTS);
    if (of == LIMIT_PACKETS_OVER)
        nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, NFT_LIMIT_F_INV);
}

void word_if_below(struct rule *w, uint64_t rate, uint32_t burst)
{
    struct nftnl_expr *e = word_expr(w, "limit");
    if (e)
        limit_values(e, LIMIT_PACKETS, rate, burst);
}

struct nftnl_expr *word_limit(struct batch *b, enum limit_of of, uint64_t rate, uint32_t burst)
{
    struct nftnl_expr *e = nftnl_expr_alloc("limit");
    if (e)
        limit_values(e, of, rate, burst);
    else
        b->oom = true;
    return e;
}

void word_remember(struct rule *w, const char *set, uint32_t op, uint64_t timeout_ms,
                   struct nftnl_expr *limit, struct nftnl_expr *other)
{
    struct nftnl_expr *e = word_expr(w, "dynset"), *limits[] = {limit, other};
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_OP, op);
        nftnl_expr_set_u64(e, NFTNL_EXPR_DYNSET_TIMEOUT, timeout_ms);
        nftnl_expr_set_str(e, NFTNL_EXPR_DYNSET_SET_NAME, set);
        if (limit && other) /* more than one has an attribute of its own */
            nftnl_expr_set_u32(e, NFTNL_EXPR_DYNSET_FLAGS, NFT_DYNSET_F_EXPR);
    }
    for (int i = 0; i < 2; i++) {
        if (limits[i] && e)
            nftnl_expr_add_expr(e, NFTNL_EXPR_DYNSET_EXPRESSIONS, limits[i]);
        else if (limits[i])
            nftnl_expr_free(limits[i]);
    }
}

void word_verdict(struct rule *w, int code, const char *chain)
{
    struct nftnl_expr *e = word_expr(w, "immediate");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
        if (chain)
            nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
    }
    word_end(w);
}

void word_log(struct rule *w, const char *prefix)
{
    struct nftnl_expr *e = word_expr(w, "log");
    if (!e)
        return;
    nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, w->b->rs->cfg.nflog_group);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, SNAPLEN);
    nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_QTHRESHOLD, 1);
    if (prefix)
        nftnl_expr_set_str(e, NFTNL_EXPR_LOG_PREFIX, prefix);
}

void word_redirect(struct rule *w, uint16_t port)
{
    uint16_t be = htons(port);
    struct nftnl_expr *e = word_expr(w, "immediate");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
        nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &be, sizeof be);
    }
    e = word_expr(w, "redir");
    if (e)
        nftnl_expr_set_u32(e, NFTNL_EXPR_REDIR_REG_PROTO_MIN, NFT_REG_1);
    word_end(w);
}

void word_reject(struct rule *w, bool tcp)
{
    struct nftnl_expr *e = word_expr(w, "reject");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_REJECT_TYPE,
                           tcp ? NFT_REJECT_TCP_RST : NFT_REJECT_ICMPX_UNREACH);
        nftnl_expr_set_u8(e, NFTNL_EXPR_REJECT_CODE, tcp ? 0 : NFT_REJECT_ICMPX_PORT_UNREACH);
    }
    word_end(w);
}

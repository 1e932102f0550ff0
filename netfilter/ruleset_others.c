/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other tables' chains in the way of citizens' packets. Our accept ends our own chain only: a
 * packet still passes every other base chain of its hook, and one drop there is the end of it. That
 * cannot be overridden, so it is found out and said.
 *
 * Each base chain at prerouting, input or forward is walked as a packet would walk it of which only
 * the interfaces and conntrack's state are known: from a LAN interface towards the default route
 * (up, a new flow) and back (down, an established one). A rule matches, does not match, or might,
 * where it looks at anything else; what a rule that might match lets through makes the answer
 * "unsure", what it drops is its own affair. Nothing is changed here. */
#include "netfilter/ruleset_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    MAX_CHAINS = 1024, /* of all tables; what lies beyond is not looked at */
    MAX_RULES = 8192,
    RECV_BYTES = 65536,
    TRIES = 3,      /* of a listing that a change interrupts */
    MAX_DEPTH = 16, /* the kernel's own bound of jumps */
    REGISTERS = 64, /* bytes */
    STATE_ESTABLISHED = 1 << 1,
    STATE_NEW = 1 << 3 /* NF_CT_STATE_BIT */
};

struct listing {
    struct nftnl_chain *chains[MAX_CHAINS];
    struct nftnl_rule *rules[MAX_RULES];
    size_t n_chains, n_rules;
    bool cut; /* there are more */
    const char *ours;
};

struct packet {
    char iif[IFNAMSIZ], oif[IFNAMSIZ]; /* NUL-padded; "": not known */
    uint32_t state;
    bool unsure; /* a rule that might match would let it through */
};

/* --- listing
 * --------------------------------------------------------------------------------------- */

static int on_chain(const struct nlmsghdr *nlh, void *arg)
{
    struct listing *l = arg;
    struct nftnl_chain *c = l->n_chains < MAX_CHAINS ? nftnl_chain_alloc() : NULL;
    if (!c) {
        l->cut = true;
        return MNL_CB_OK;
    }
    l->chains[l->n_chains++] = c;
    return nftnl_chain_nlmsg_parse(nlh, c) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *nlh, void *arg)
{
    struct listing *l = arg;
    struct nftnl_rule *r = l->n_rules < MAX_RULES ? nftnl_rule_alloc() : NULL;
    if (!r) {
        l->cut = true;
        return MNL_CB_OK;
    }
    l->rules[l->n_rules++] = r;
    return nftnl_rule_nlmsg_parse(nlh, r) < 0 ? MNL_CB_ERROR : MNL_CB_OK;
}

int ruleset_list(struct mnl_socket *nl, uint16_t type, ruleset_message_fn fn, void *arg)
{
    static char buf[RECV_BYTES] __attribute__((aligned(8)));
    uint32_t seq = (uint32_t)time(NULL) + type;
    const struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(buf, type, NFPROTO_UNSPEC, NLM_F_DUMP, seq);
    ssize_t n;
    int r = MNL_CB_OK;

    do
        n = mnl_socket_sendto(nl, nlh, nlh->nlmsg_len);
    while (n < 0 && errno == EINTR);

    while (n >= 0 && r > MNL_CB_STOP) {
        n = mnl_socket_recvfrom(nl, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n > 0)
            r = mnl_cb_run(buf, (size_t)n, seq, mnl_socket_get_portid(nl), fn, arg);
    }
    return n < 0 || r < 0 ? -errno : 0;
}

static int list(struct listing *l)
{
    struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
    int r = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
    if (r == 0)
        r = ruleset_list(nl, NFT_MSG_GETCHAIN, on_chain, l);
    if (r == 0)
        r = ruleset_list(nl, NFT_MSG_GETRULE, on_rule, l);
    if (nl)
        mnl_socket_close(nl);
    return r;
}

static void listing_clear(struct listing *l)
{
    for (size_t i = 0; i < l->n_chains; i++)
        nftnl_chain_free(l->chains[i]);
    for (size_t i = 0; i < l->n_rules; i++)
        nftnl_rule_free(l->rules[i]);
    l->n_chains = l->n_rules = 0;
    l->cut = false;
}

/* --- a rule, with what is known of the packet
 * -------------------------------------------------------- */

enum match { MATCH_YES, MATCH_NO, MATCH_MAYBE };

struct registers {
    uint8_t bytes[REGISTERS];
    bool known[REGISTERS];
};

/* -1: not a data register. */
static long offset_of(uint32_t reg)
{
    if (reg >= NFT_REG_1 && reg <= NFT_REG_4)
        return (long)(reg - NFT_REG_1) * 16;
    if (reg >= NFT_REG32_00 && reg <= NFT_REG32_15)
        return (long)(reg - NFT_REG32_00) * 4;
    return -1;
}

static void load(struct registers *r, uint32_t reg, const void *data, size_t len)
{
    long at = offset_of(reg);
    if (at < 0 || (size_t)at + len > REGISTERS)
        return;
    memset(r->known + at, data != NULL, len);
    if (data)
        memcpy(r->bytes + at, data, len);
}

/* The known bytes of a register, or NULL. */
static uint8_t *value(struct registers *r, uint32_t reg, size_t len)
{
    long at = offset_of(reg);
    if (at < 0 || len == 0 || (size_t)at + len > REGISTERS)
        return NULL;
    for (size_t i = 0; i < len; i++)
        if (!r->known[(size_t)at + i])
            return NULL;
    return r->bytes + at;
}

static void do_meta(struct registers *r, const struct nftnl_expr *e, const struct packet *p)
{
    uint32_t reg = nftnl_expr_get_u32(e, NFTNL_EXPR_META_DREG);
    uint32_t key = nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY);
    bool in = key == NFT_META_IIFNAME || key == NFT_META_IIF;
    const char *name = in ? p->iif : p->oif;

    if (!nftnl_expr_is_set(e, NFTNL_EXPR_META_DREG))
        return; /* it sets something */
    if ((key == NFT_META_IIFNAME || key == NFT_META_OIFNAME) && name[0]) {
        load(r, reg, name, IFNAMSIZ);
    } else if ((key == NFT_META_IIF || key == NFT_META_OIF) && name[0]) {
        uint32_t index = if_nametoindex(name);
        load(r, reg, index ? &index : NULL, sizeof index);
    } else {
        load(r, reg, NULL, 16);
    }
}

static void do_ct(struct registers *r, const struct nftnl_expr *e, const struct packet *p)
{
    if (!nftnl_expr_is_set(e, NFTNL_EXPR_CT_DREG))
        return;
    bool state = nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE;
    load(r, nftnl_expr_get_u32(e, NFTNL_EXPR_CT_DREG), state ? &p->state : NULL, sizeof p->state);
}

static void do_bitwise(struct registers *r, const struct nftnl_expr *e)
{
    uint32_t len = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_LEN), m = 0, x = 0;
    uint32_t to = nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_DREG);
    const uint8_t *from = value(r, nftnl_expr_get_u32(e, NFTNL_EXPR_BITWISE_SREG), len);
    const uint8_t *mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &m);
    const uint8_t * xor = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_XOR, &x);
    uint8_t out[16];

    if (!from || !mask || !xor || len > sizeof out || m != len || x != len) {
        load(r, to, NULL, 16);
        return;
    }
    for (uint32_t i = 0; i < len; i++)
        out[i] = (from[i] & mask[i]) ^ xor[i];
    load(r, to, out, len);
}

static enum match do_cmp(struct registers *r, const struct nftnl_expr *e)
{
    uint32_t len = 0, op = nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP);
    const void *data = nftnl_expr_get(e, NFTNL_EXPR_CMP_DATA, &len);
    const uint8_t *known = value(r, nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_SREG), len);

    if (!data || !known || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ))
        return MATCH_MAYBE;
    return (memcmp(known, data, len) == 0) == (op == NFT_CMP_EQ) ? MATCH_YES : MATCH_NO;
}

struct outcome {
    enum match match;
    bool has_verdict;
    int verdict;
    const char *chain; /* of a jump */
};

/* Conditions turn a match into a no or a maybe; the verdict is what would come of it. */
static void do_expr(struct outcome *o, struct registers *r, const struct nftnl_expr *e,
                    const struct packet *p)
{
    const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
    enum match m = MATCH_YES;

    if (!strcmp(name, "meta")) {
        do_meta(r, e, p);
    } else if (!strcmp(name, "ct")) {
        do_ct(r, e, p);
    } else if (!strcmp(name, "bitwise")) {
        do_bitwise(r, e);
    } else if (!strcmp(name, "cmp")) {
        m = do_cmp(r, e);
    } else if (!strcmp(name, "immediate")) {
        if (nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT) {
            o->has_verdict = true;
            o->verdict = (int)nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT);
            o->chain = nftnl_expr_get_str(e, NFTNL_EXPR_IMM_CHAIN);
        }
    } else if (!strcmp(name, "reject") ||
               (!strcmp(name, "target") &&
                !strncmp(nftnl_expr_get_str(e, NFTNL_EXPR_TG_NAME), "REJECT", 6))) {
        o->has_verdict = true;
        o->verdict = NF_DROP;
    } else if (!strcmp(name, "lookup") && nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
               nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT) {
        o->has_verdict = true; /* a verdict map: may let it through */
        o->verdict = NF_ACCEPT;
        m = MATCH_MAYBE;
    } else if (strcmp(name, "counter") && strcmp(name, "log") && strcmp(name, "target")) {
        m = MATCH_MAYBE;
    }
    if (m == MATCH_NO || (m == MATCH_MAYBE && o->match == MATCH_YES))
        o->match = m;
}

static struct outcome apply(const struct nftnl_rule *rule, const struct packet *p)
{
    struct outcome o = {.match = MATCH_YES};
    struct registers r = {.bytes = {0}};
    struct nftnl_expr_iter *it = nftnl_expr_iter_create(rule);

    if (!it)
        return (struct outcome){.match = MATCH_MAYBE};
    for (struct nftnl_expr *e; o.match != MATCH_NO && (e = nftnl_expr_iter_next(it));)
        do_expr(&o, &r, e, p);
    nftnl_expr_iter_destroy(it);
    return o;
}

/* --- a chain
 * --------------------------------------------------------------------------------------- */

enum walk { WALK_PASS, WALK_DROP, WALK_ON };

static bool of_chain(const struct nftnl_rule *r, uint32_t family, const char *table,
                     const char *chain)
{
    return nftnl_rule_get_u32(r, NFTNL_RULE_FAMILY) == family &&
           !strcmp(nftnl_rule_get_str(r, NFTNL_RULE_TABLE), table) &&
           !strcmp(nftnl_rule_get_str(r, NFTNL_RULE_CHAIN), chain);
}

static enum walk walk(const struct listing *l, uint32_t family, const char *table,
                      const char *chain, struct packet *p, int depth)
{
    for (size_t i = 0; i < l->n_rules; i++) {
        if (!of_chain(l->rules[i], family, table, chain))
            continue;
        struct outcome o = apply(l->rules[i], p);
        if (o.match == MATCH_NO || !o.has_verdict)
            continue;
        bool jumps = o.verdict == NFT_JUMP || o.verdict == NFT_GOTO;
        if (o.match == MATCH_MAYBE) {
            p->unsure |= o.verdict == NF_ACCEPT || jumps;
            continue;
        }
        if (o.verdict == NF_DROP)
            return WALK_DROP;
        if (o.verdict == NFT_RETURN)
            return WALK_ON;
        if (!jumps || !o.chain)
            return WALK_PASS; /* accept, queue: somebody else's affair */
        if (depth == MAX_DEPTH)
            continue;
        enum walk w = walk(l, family, table, o.chain, p, depth + 1);
        if (w != WALK_ON || o.verdict == NFT_GOTO)
            return w;
    }
    return WALK_ON;
}

static uint16_t fate(const struct listing *l, const struct nftnl_chain *c, struct packet *p)
{
    uint32_t family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
    enum walk w = walk(l, family, nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE),
                       nftnl_chain_get_str(c, NFTNL_CHAIN_NAME), p, 0);
    if (w == WALK_ON)
        w = nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP ? WALK_DROP : WALK_PASS;
    if (w == WALK_PASS)
        return GATE_FATE_PASS;
    return p->unsure || l->cut ? GATE_FATE_UNSURE : GATE_FATE_DROP;
}

static uint16_t worse(uint16_t a, uint16_t b)
{
    if (a == GATE_FATE_DROP || b == GATE_FATE_DROP)
        return GATE_FATE_DROP;
    return a == GATE_FATE_UNSURE || b == GATE_FATE_UNSURE ? GATE_FATE_UNSURE : GATE_FATE_PASS;
}

/* The interface of the default route; "" if there is none. */
static void find_uplink(char out[static IFNAMSIZ])
{
    char line[256], name[IFNAMSIZ];
    unsigned long destination, mask;
    FILE *f = fopen("/proc/net/route", "re");

    memset(out, 0, IFNAMSIZ);
    while (f && !out[0] && fgets(line, sizeof line, f))
        if (sscanf(line, "%15s %lx %*x %*x %*d %*d %*d %lx", name, &destination, &mask) == 3 &&
            destination == 0 && mask == 0)
            memcpy(out, name, strlen(name));
    if (f)
        fclose(f);
}

static void judge(const struct ruleset *rs, const struct listing *l, const struct nftnl_chain *c,
                  struct gate_chain *out)
{
    char wan[IFNAMSIZ];

    find_uplink(wan);
    for (size_t i = 0; i < rs->cfg.n_lan; i++) {
        struct packet up = {.state = STATE_NEW}, down = {.state = STATE_ESTABLISHED};
        memcpy(up.iif, rs->cfg.lan[i], IFNAMSIZ);
        memcpy(down.oif, rs->cfg.lan[i], IFNAMSIZ);
        memcpy(up.oif, wan, IFNAMSIZ);
        memcpy(down.iif, wan, IFNAMSIZ);
        if (out->hook != GATE_HOOK_FORWARD)
            memset(up.oif, 0, IFNAMSIZ);
        out->up = worse(out->up, fate(l, c, &up));
        if (out->hook == GATE_HOOK_FORWARD)
            out->down = worse(out->down, fate(l, c, &down));
    }
}

static void name_put(char out[static 64], const char *name)
{
    memcpy(out, name, strnlen(name, 64)); /* out is zeroed */
}

static bool in_the_way(const struct listing *l, const struct nftnl_chain *c, struct gate_chain *out)
{
    uint32_t family = nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
    const char *table = nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE);

    if (!nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) ||
        (family != NFPROTO_INET && family != NFPROTO_IPV4 && family != NFPROTO_IPV6) ||
        (family == NFPROTO_INET && !strcmp(table, l->ours)))
        return false;
    switch (nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM)) {
    case NF_INET_PRE_ROUTING:
        out->hook = GATE_HOOK_PREROUTING;
        break;
    case NF_INET_LOCAL_IN:
        out->hook = GATE_HOOK_INPUT;
        break;
    case NF_INET_FORWARD:
        out->hook = GATE_HOOK_FORWARD;
        break;
    default:
        return false;
    }
    out->family = (uint16_t)family;
    out->priority = nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO);
    out->policy_drop = nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP;
    name_put(out->table, table);
    name_put(out->chain, nftnl_chain_get_str(c, NFTNL_CHAIN_NAME));
    return true;
}

int ruleset_others(struct ruleset *rs, ruleset_chain_fn fn, void *arg)
{
    struct listing *l = calloc(1, sizeof *l);
    uint32_t index = 0;
    if (!l)
        return -ENOMEM;
    l->ours = rs->cfg.table;
    int r = -EINTR;
    for (int i = 0; i < TRIES && r == -EINTR; i++) {
        listing_clear(l);
        r = list(l);
    }
    for (size_t i = 0; r == 0 && i < l->n_chains && index < RULESET_MAX_OTHERS; i++) {
        struct gate_chain out = {.index = index};
        if (!in_the_way(l, l->chains[i], &out))
            continue;
        judge(rs, l, l->chains[i], &out);
        fn(arg, &out);
        index++;
    }
    listing_clear(l);
    free(l);
    return r;
}

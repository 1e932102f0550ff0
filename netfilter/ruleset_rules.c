/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains and the rules. The number of rules does not depend on the number of devices:
 * a packet costs one lookup whoever else is there.
 *
 * What an open device sends to be forwarded meets one hook and one lookup: `ether saddr . ct mark
 * @up` knows the packet for one of a flow that is its device's, holds it to its rate and counts it.
 * (That the number comes with the flow, which is at hand, and not from the element, saves a third
 * of the lookup where there are many devices: what an element says lies in another line of memory
 * than its key.) Everything else that a packet can be comes behind that rule, so that none of it
 * costs the open devices anything. There is no hook at prerouting (measured: a quarter of what the
 * gate cost) but with the guard, which has to say who is open before the packet is routed.
 *
 * That rule and its like for the other way know the LAN's interfaces by their numbers, which costs
 * half of what their names cost. They only ever accept, and only what is known already; so while a
 * number is not the right one (an interface was made anew a moment ago) all that they miss meets
 * the rules that go by names, and nothing is open that would not be.
 *
 * The next rule is for flows that are not known for their device's: new ones, and such as are older
 * than the table or begun before a rejoin. It marks them with the number that @ids has, and lan_own
 * looks again; so each belongs to its device from its next packet on. So does what has no flow (ct
 * state invalid, untracked), each packet for itself. A device that is not open has its flows' marks
 * taken away, which keeps "mark 0" = "nobody's" in to_lan.
 *
 * With the short cut (ruleset_offload.c) that leads on to lan_fast, where flows of devices without
 * a rate are put into the flowtable.
 *
 * "Is it open?" alone is asked of @ids, never of @up: a lookup there takes from the rate and
 * counts.
 *
 * Nothing from or to the LAN that no rule names is accepted. Traffic that does not touch the LAN is
 * not ours: the policies are accept. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"
#include "netfilter/ruleset_words.h"
#include "netfilter/shape.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define ADDRESS_LOCAL    2    /* RTN_LOCAL: an address of the router */
#define SEEN_TIMEOUT_MS  2000 /* a device that is not open is announced at most this often */
#define SEEN_PER_SECOND  5000 /* all of them together: bounds what invented addresses can cause */
#define DNS_TIMEOUT_MS   60000
#define ECHO_PER_SECOND  200
#define FLOWS_TIMEOUT_MS 60000

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
static const uint8_t transports[] = {IPPROTO_UDP, IPPROTO_TCP};
static const uint16_t refused[] = {443, 853}; /* with an answer, so that nobody waits */

/* --- the rules ---------------------------------------------------------------------------------
 */

/* Of what a device that is not open sends, the guard lets that be routed which rules_from_lan
 * accepts or refuses with an answer. The rest it drops before they see it. */
static void rules_guard(struct batch *b)
{
    for (int i = 0; i < 2; i++) {
        struct rule w = word_begin(b, "lan_prerouting");
        word_if_garden(&w, families[i], false);
        word_set_bit(&w, RULESET_GUARD_MARK);
        word_end(&w);
    }
    for (int p = 0; p < 2; p++) {
        for (int t = 0; t < 2; t++) {
            struct rule w = word_begin(b, "lan_prerouting");
            word_if_port(&w, transports[t], refused[p]);
            word_set_bit(&w, RULESET_GUARD_MARK);
            word_end(&w);
        }
    }
}

/* Goes on behind it. */
static void rule_stranger(struct batch *b, const char *chain)
{
    struct rule w = word_begin(b, chain);
    word_verdict(&w, NFT_JUMP, "lan_stranger");
}

/* With the guard alone: what comes from an open device, and what of the others' has a chance, is
 * marked before it is routed. */
static void rules_prerouting(struct batch *b)
{
    struct rule w = word_begin(b, "prerouting");
    word_if_lan(&w, NFT_META_IIFNAME);
    word_verdict(&w, NFT_GOTO, "lan_prerouting");
    w = word_begin(b, "prerouting"); /* from elsewhere: the table is here, and `forward` judges */
    word_set_bit(&w, RULESET_GUARD_MARK);
    word_end(&w);

    w = word_begin(b, "lan_prerouting");
    word_if_open(&w);
    word_set_bit(&w, RULESET_GUARD_MARK);
    word_verdict(&w, NF_ACCEPT, NULL);
    rule_stranger(b, "lan_prerouting");
    rules_guard(b);
}

/* Whose device is not open: its flow is nobody's, and that it is here is news. */
static void rules_stranger(struct batch *b)
{
    uint32_t nobody = 0;
    struct rule w = word_begin(b, "lan_stranger");
    struct nftnl_expr *e = fast_active(b->rs) ? NULL : word_expr(&w, "immediate");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
        nftnl_expr_set(e, NFTNL_EXPR_IMM_DATA, &nobody, sizeof nobody);
        word_set_ct_mark(&w, NFT_REG_1);
    } else { /* but that it was a fast one's: it may be in the flowtable still */
        word_keep_ct_bits(&w, RULESET_FAST);
    }
    word_end(&w);

    w = word_begin(b, "lan_stranger");
    word_if_device(&w, SET_SEEN, true);
    word_if_below(&w, SEEN_PER_SECOND, SEEN_PER_SECOND);
    word_remember(&w, SET_SEEN, NFT_DYNSET_OP_ADD, SEEN_TIMEOUT_MS, NULL, NULL);
    word_log(&w, NULL);
    word_end(&w);
}

/* The router's own port leads to the portal's, for all. Other hosts' 443 is never touched. */
static void rule_own_port(struct batch *b, uint16_t port, uint16_t portal_port)
{
    uint32_t local = ADDRESS_LOCAL;
    struct rule w = word_begin(b, "lan_nat");
    word_if_port(&w, IPPROTO_TCP, port);
    struct nftnl_expr *e = word_expr(&w, "fib");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
        nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
    }
    word_cmp(&w, NFT_CMP_EQ, &local, sizeof local);
    word_redirect(&w, portal_port);
}

/* Where it gets: the portal's ports for all; DNS and any port 80 for who is not open. */
static void rules_nat(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct rule w = word_begin(b, "nat_prerouting");
    word_if_lan(&w, NFT_META_IIFNAME);
    word_verdict(&w, NFT_GOTO, "lan_nat");

    /* This chain sees the first packet of each conversation, and no other. */
    w = word_begin(b, "lan_nat");
    word_load_device(&w);
    word_remember(&w, SET_FLOWS, NFT_DYNSET_OP_UPDATE, FLOWS_TIMEOUT_MS,
                  word_limit(b, LIMIT_PACKETS_OVER, cfg->flow_rate, cfg->flow_burst), NULL);
    word_verdict(&w, NF_DROP, NULL);

    rule_own_port(b, 80, cfg->http_port);
    if (cfg->https_port)
        rule_own_port(b, 443, cfg->https_port);
    w = word_begin(b, "lan_nat");
    word_verdict(&w, NFT_JUMP, "lan_link");

    w = word_begin(b, "lan_nat");
    word_if_open(&w);
    word_verdict(&w, NF_ACCEPT, NULL);
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "lan_nat");
        word_if_port(&w, transports[i], 53);
        word_redirect(&w, 53);
    }
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "lan_nat");
        word_if_garden(&w, families[i], false);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    w = word_begin(b, "lan_nat");
    word_if_port(&w, IPPROTO_TCP, 80);
    word_redirect(&w, cfg->http_port);
}

/* DNS of who is not open: a few packets and bytes a second, TCP included, and whether the flow is
 * established or not: a tunnel through it must not be worth the while. What comes back is what a
 * tunnel is for, and is bounded by itself (rules_output): a question of 60 bytes has answers of
 * thousands. There the device's address is not yet known, so its flow is marked with it here. */
static void rules_dns(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct rule w;
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "lan_input");
        word_if_port(&w, transports[i], 53);
        word_verdict(&w, NFT_GOTO, "lan_dns");
    }
    w = word_begin(b, "lan_dns");
    word_load_device(&w);
    word_remember(&w, SET_DNS, NFT_DYNSET_OP_UPDATE, DNS_TIMEOUT_MS,
                  word_limit(b, LIMIT_PACKETS, cfg->dns_rate, cfg->dns_burst),
                  word_limit(b, LIMIT_BYTES, cfg->dns_bytes, cfg->dns_bytes_burst));
    word_set_ct_mark_of_device(&w, STRANGER_MARK);
    word_verdict(&w, NF_ACCEPT, NULL);

    w = word_begin(b, "lan_dns");
    word_verdict(&w, NF_DROP, NULL);
}

/* What the router itself sends to the LAN: nothing is held back but DNS to who is not open. */
static void rules_output(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct rule w = word_begin(b, "output");
    word_if_lan(&w, NFT_META_OIFNAME);
    word_if_ct_bit(&w, STRANGER_MARK, true);
    word_verdict(&w, NFT_GOTO, "lan_answers");

    w = word_begin(b, "lan_answers");
    word_load_ct(&w, NFT_CT_MARK);
    word_remember(&w, SET_ANSWERS, NFT_DYNSET_OP_UPDATE, DNS_TIMEOUT_MS,
                  word_limit(b, LIMIT_BYTES, cfg->dns_bytes, cfg->dns_bytes_burst), NULL);
    word_verdict(&w, NF_ACCEPT, NULL);

    w = word_begin(b, "lan_answers");
    word_verdict(&w, NF_DROP, NULL);
}

static void rules_icmp(struct batch *b)
{
    static const uint8_t v6[] = {MLD_LISTENER_QUERY,
                                 MLD_LISTENER_REPORT,
                                 MLD_LISTENER_REDUCTION,
                                 ND_ROUTER_SOLICIT,
                                 ND_NEIGHBOR_SOLICIT,
                                 ND_NEIGHBOR_ADVERT,
                                 143 /* MLDv2, RFC 3810 section 5.2 */};
    rules_claims(b);
    for (size_t i = 0; i < sizeof v6; i++) {
        struct rule w = word_begin(b, "lan_router");
        word_if_icmp(&w, IPPROTO_ICMPV6, v6[i]);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    struct rule w = word_begin(b, "lan_router");
    word_if_icmp(&w, IPPROTO_ICMP, ICMP_ECHO);
    word_if_below(&w, ECHO_PER_SECOND, ECHO_PER_SECOND);
    word_verdict(&w, NF_ACCEPT, NULL);
    w = word_begin(b, "lan_router");
    word_if_icmp(&w, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
    word_if_below(&w, ECHO_PER_SECOND, ECHO_PER_SECOND);
    word_verdict(&w, NF_ACCEPT, NULL);
}

/* What the router itself is for to a device of the LAN, open or not; DNS of who is not went to
 * lan_dns. */
static void rules_router(struct batch *b)
{
    static const struct ruleset_port first[] = {
        {IPPROTO_UDP, 53}, {IPPROTO_UDP, 67}, {IPPROTO_UDP, 547}, {IPPROTO_TCP, 53}};
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct rule w = word_begin(b, "lan_router");
    word_if_replying(&w);
    word_verdict(&w, NF_ACCEPT, NULL);
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        w = word_begin(b, "lan_router");
        word_if_port(&w, first[i].protocol, first[i].port);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    rules_icmp(b);
    w = word_begin(b, "lan_router");
    word_if_port(&w, IPPROTO_TCP, cfg->http_port);
    word_verdict(&w, NF_ACCEPT, NULL);
    if (cfg->https_port) {
        w = word_begin(b, "lan_router");
        word_if_port(&w, IPPROTO_TCP, cfg->https_port);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    for (size_t i = 0; i < cfg->n_ports; i++) {
        w = word_begin(b, "lan_router");
        word_if_port(&w, cfg->ports[i].protocol, cfg->ports[i].port);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "lan_router");
        word_if_port(&w, IPPROTO_TCP, refused[i]);
        word_reject(&w, true);
    }
    w = word_begin(b, "lan_router");
    word_verdict(&w, NF_DROP, NULL);
}

/* Who is open asks it for names without a bound. */
static void rules_input(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct rule w = word_begin(b, "input");
    word_if_lan(&w, NFT_META_IIFNAME);
    word_verdict(&w, NFT_GOTO, "lan_input");
    w = word_begin(b, "lan_input");
    word_if_open(&w);
    word_set_ct_mark(&w, NFT_REG_1); /* or its DNS would go on being held as a stranger's */
    word_verdict(&w, NFT_GOTO, "lan_router");
    if (!cfg->guard)
        rule_stranger(b, "lan_input");
    rules_dns(b);
    w = word_begin(b, "lan_input");
    word_verdict(&w, NFT_GOTO, "lan_router");
    rules_router(b);
}

/* HTTPS is refused at once, never intercepted; so are QUIC and DNS over TLS: phones then fall back.
 */
static void rules_refused(struct batch *b)
{
    for (int p = 0; p < 2; p++) {
        for (int t = 0; t < 2; t++) {
            struct rule w = word_begin(b, "from_lan");
            word_if_port(&w, transports[t], refused[p]);
            word_reject(&w, transports[t] == IPPROTO_TCP);
        }
    }
}

/* Goes on if the flow is known for its device's. */
static void if_from_device(struct rule *w)
{
    word_load_flow(w);
    word_lookup(w, SET_UP, false);
    if (fast_active(w->b->rs))
        word_verdict(w, NFT_GOTO, "lan_fast");
    else
        word_verdict(w, NF_ACCEPT, NULL);
}

/* Of an open device, and the flow is marked now. */
static void rules_own(struct batch *b)
{
    struct rule w = word_begin(b, "lan_own");
    if_from_device(&w);
    w = word_begin(b, "lan_own");
    word_load_no_flow(&w);
    word_lookup(&w, SET_UP, false);
    word_end_no_flow(&w);
    w = word_begin(b, "lan_own"); /* over its rate */
    word_verdict(&w, NF_DROP, NULL);
}

static void rules_from_lan(struct batch *b)
{
    struct rule w = word_begin(b, "from_lan");
    word_if_lan(&w, NFT_META_OIFNAME); /* devices do not see one another through us */
    word_verdict(&w, NF_DROP, NULL);
    rules_fast_from_lan(b);
    if (b->rs->returning != RETURNED) {
        w = word_begin(b, "from_lan");
        word_own_flow(&w);
        word_load_ct(&w, NFT_CT_MARK); /* what is there already; but nft(8) reads no rule without */
        word_lookup(&w, SET_UNCOUNTED, false);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    w = word_begin(b, "from_lan");
    word_own_flow(&w);
    word_verdict(&w, NFT_GOTO, "lan_own");
    if (b->rs->returning == RETURN_MISSING) {
        w = word_begin(b, "from_lan");
        word_verdict(&w, NF_DROP, NULL);
    }
    if (!b->rs->cfg.guard)
        rule_stranger(b, "from_lan");
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "from_lan");
        word_if_garden(&w, families[i], false);
        word_remember(&w, i == 0 ? SET_GARDEN4 : SET_GARDEN6, NFT_DYNSET_OP_UPDATE,
                      GARDEN_TIMEOUT_MS, NULL, NULL); /* what is in use stays */
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    rules_refused(b);
    w = word_begin(b, "from_lan");
    word_verdict(&w, NF_DROP, NULL);
}

static void if_to_device(struct rule *w, const char *set)
{
    word_load_ct(w, NFT_CT_MARK);
    word_lookup(w, set, false);
    if (w->b->rs->cfg.shaped)
        word_set_class(w, SHAPE_NUMBERS, SHAPE_HANDLE);
    word_verdict(w, NF_ACCEPT, NULL);
}

static void rule_to_device(struct batch *b, const char *set)
{
    struct rule w = word_begin(b, "to_lan");
    if_to_device(&w, set);
}

static void rules_to_lan(struct batch *b)
{
    uint32_t nobody = 0;
    struct rule w;
    rule_to_device(b, SET_DOWN);
    if (b->rs->returning != RETURNED)
        rule_to_device(b, SET_UNCOUNTED);
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "to_lan");
        /* An open device's flow that is over its rate is not let in here. */
        if (fast_active(b->rs)) {
            word_if_ct_bits(&w, ~RULESET_FAST, nobody);
        } else {
            word_load_ct(&w, NFT_CT_MARK);
            word_cmp(&w, NFT_CMP_EQ, &nobody, sizeof nobody);
        }
        word_if_replying(&w);
        word_if_garden(&w, families[i], true);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    rules_fast_to_lan(b);
    w = word_begin(b, "to_lan");
    word_verdict(&w, NF_DROP, NULL);
}

/* What nearly all packets are, by the interfaces' numbers. */
static void rules_known(struct batch *b)
{
    if (b->rs->cfg.n_lan_index == 0)
        return;
    struct rule w = word_begin(b, "forward");
    word_if_lan_index(&w, NFT_META_IIF, true);
    word_if_lan_index(&w, NFT_META_OIF, false);
    if_from_device(&w);
    w = word_begin(b, "forward");
    word_if_lan_index(&w, NFT_META_OIF, true);
    word_if_lan_index(&w, NFT_META_IIF, false);
    if_to_device(&w, SET_DOWN);
}

static void rules_forward(struct batch *b)
{
    rules_known(b);
    struct rule w = word_begin(b, "forward");
    word_if_lan(&w, NFT_META_IIFNAME);
    word_verdict(&w, NFT_GOTO, "from_lan");
    w = word_begin(b, "forward");
    word_if_lan(&w, NFT_META_OIFNAME);
    word_verdict(&w, NFT_GOTO, "to_lan");
    rules_from_lan(b);
    rules_own(b);
    rules_to_lan(b);
}

/* --- chains -------------------------------------------------------------------------------------
 */

static const struct chain_def chains[] = {
    {"lan_stranger", NULL, 0, 0},
    {"lan_prerouting", NULL, 0, 0},
    {"lan_nat", NULL, 0, 0},
    {"lan_link", NULL, 0, 0},
    {"lan_behind", NULL, 0, 0},
    {"lan_input", NULL, 0, 0},
    {"lan_claims", NULL, 0, 0},
    {"lan_dns", NULL, 0, 0},
    {"lan_answers", NULL, 0, 0},
    {"lan_router", NULL, 0, 0},
    {"from_lan", NULL, 0, 0},
    {"lan_own", NULL, 0, 0},
    {"to_lan", NULL, 0, 0},
    {"lan_fast", NULL, 0, 0},
    {"fast_lan_back", NULL, 0, 0},
    {"prerouting", "filter", NF_INET_PRE_ROUTING, -199}, /* conntrack is at -200 */
    {"nat_prerouting", "nat", NF_INET_PRE_ROUTING, -100},
    {"input", "filter", NF_INET_LOCAL_IN, 0},
    {"output", "filter", NF_INET_LOCAL_OUT, 0},
    {"forward", "filter", NF_INET_FORWARD, 0},
};

void batch_chain(struct batch *b, const struct chain_def *d)
{
    struct nftnl_chain *c = nftnl_chain_alloc();
    struct nlmsghdr *nlh = c ? batch_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE) : NULL;
    if (!nlh) {
        b->oom = true;
        if (c)
            nftnl_chain_free(c);
        return;
    }
    nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, b->rs->cfg.table);
    nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, d->name);
    if (d->type) {
        nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, d->type);
        nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, d->hook);
        nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, d->priority);
        nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
    }
    nftnl_chain_nlmsg_build_payload(nlh, c);
    batch_end_msg(b, nlh);
    nftnl_chain_free(c);
}

static void flush_chain(struct batch *b, const char *name)
{
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELRULE, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, b->rs->cfg.table);
    mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, name);
    batch_end_msg(b, nlh);
}

void batch_any_chain(struct batch *b, const char *name)
{
    const struct chain_def any = {name, NULL, 0, 0};
    batch_chain(b, &any);
}

void batch_delete_chain(struct batch *b, const char *name)
{
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELCHAIN, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, b->rs->cfg.table);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
    batch_end_msg(b, nlh);
}

void batch_chains(struct batch *b)
{
    size_t n = sizeof chains / sizeof *chains;
    for (size_t i = 0; i < n; i++)
        batch_chain(b, &chains[i]);
    for (size_t i = 0; i < n; i++)
        flush_chain(b, chains[i].name);
    fast_hooks(b);
    rules_stranger(b);
    if (b->rs->cfg.guard)
        rules_prerouting(b);
    else /* made above, or there before: only so can it be deleted in any case */
        batch_delete_chain(b, "prerouting"); /* even an empty one costs every packet a hook */
    rules_nat(b);
    rules_link(b);
    rules_input(b);
    rules_output(b);
    rules_forward(b);
    rules_fast(b);
}

void batch_empty_chain(struct batch *b, const char *name)
{
    batch_any_chain(b, name);
    flush_chain(b, name);
}

void batch_unhook(struct batch *b)
{
    fast_unhook(b);
    for (size_t i = sizeof chains / sizeof *chains; i-- > 0;) {
        if (!chains[i].type)
            continue;
        batch_any_chain(b, chains[i].name); /* as in batch_chains; whatever its hook is */
        batch_delete_chain(b, chains[i].name);
    }
}

void batch_shut(struct batch *b)
{
    static const uint32_t ways[] = {NFT_META_IIFNAME, NFT_META_OIFNAME};
    batch_table(b);
    batch_lan(b);
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++)
        if (chains[i].type && chains[i].hook == NF_INET_FORWARD)
            batch_chain(b, &chains[i]);
    for (int i = 0; i < 2; i++) {
        struct rule w = word_begin(b, "forward");
        w.first = true; /* part of the table may be there, rules that lead nowhere now */
        word_if_lan(&w, ways[i]);
        word_verdict(&w, NF_DROP, NULL);
    }
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules for what the router itself is for to the devices of the LAN: whom its ports are open
 * to, DNS, and where the conversations of who is not open are led to. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"
#include "netfilter/ruleset_words.h"

#include <stdio.h> /* before libnftnl: its headers name FILE */

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#define ADDRESS_LOCAL    2 /* RTN_LOCAL: an address of the router */
#define DNS_TIMEOUT_MS   60000
#define ECHO_PER_SECOND  200
#define FLOWS_TIMEOUT_MS 60000

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
static const uint8_t transports[] = {IPPROTO_UDP, IPPROTO_TCP};

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
void rules_nat(struct batch *b)
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
void rules_output(struct batch *b)
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
        word_if_port(&w, IPPROTO_TCP, rules_refused_ports[i]);
        word_reject(&w, true);
    }
    w = word_begin(b, "lan_router");
    word_verdict(&w, NF_DROP, NULL);
}

/* Who is open asks it for names without a bound. */
void rules_input(struct batch *b)
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

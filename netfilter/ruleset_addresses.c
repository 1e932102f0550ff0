/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What addresses say about who sends: two rules that need to know the LAN's (neigh_lan.c).
 *
 * On the link. A device that sends from a network which is not on the LAN's link is behind another
 * router, and the Ethernet address on its packets is that router's. Opening it would open whoever
 * is behind, so such a device has no session, even if that router itself has one: it meets the
 * portal, which says so, and no more. Asked of the first packet of a conversation alone, in the nat
 * chain: what goes on costs nothing. While no network of a family is known nobody is asked for it.
 *
 * Claims. Whoever says "I am 10.80.0.1" (ARP) or "I am fe80::1" (ND) about an address of this
 * router's wants others' traffic. The kernel does not believe it, but phones may, so it is told of
 * (NFLOG, prefix RULESET_CLAIM_PREFIX), and between the ports of a LAN bridge of this router it is
 * dropped. For that there are two small tables beside ours, "arp" and "bridge" of the same name:
 * neither sees a packet that this router forwards. A kernel without such tables does without. */
#include "lib/log.h"
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"
#include "netfilter/ruleset_words.h"

#include <errno.h>
#include <netinet/in.h> /* before what linux/if_ether.h brings */

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define NF_ARP_IN_HOOK     0 /* linux/netfilter_arp.h */
#define NF_BR_FORWARD_HOOK 2 /* linux/netfilter_bridge.h */
#define NF_BR_FILTER_PRIO  (-200)
#define NEIGHBOUR_ADVERT   136 /* RFC 4861 section 4.4 */
#define ADVERT_TARGET      8   /* offset in it */
#define ARP_SENDER_IP      14  /* RFC 826, Ethernet and IPv4 */
#define CLAIMS_PER_SECOND  1
#define CLAIMS_AT_ONCE     5

/* --- on the link ----------------------------------------------------------------------------- */

static const uint8_t families[] = {4, 6};

static uint8_t nfproto(uint8_t family)
{
    return family == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

static void if_family(struct rule *w, uint8_t family)
{
    uint8_t proto = nfproto(family);
    word_load_meta(w, NFT_META_NFPROTO);
    word_cmp(w, NFT_CMP_EQ, &proto, sizeof proto);
}

static void rule_from_network(struct batch *b, const struct ruleset_network *n)
{
    struct rule w = word_begin(b, "lan_link");
    if_family(&w, n->family);
    word_if_source(&w, n->family, n->ip, n->prefix);
    word_verdict(&w, NFT_RETURN, NULL);
}

void rules_link(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    static const uint8_t nowhere[16];
    for (size_t i = 0; i < cfg->n_networks; i++)
        rule_from_network(b, &cfg->networks[i]);
    for (int f = 0; f < 2; f++) {
        bool known = false;
        for (size_t i = 0; i < cfg->n_networks; i++)
            known |= cfg->networks[i].family == families[f];
        struct ruleset_network none = {.family = families[f]}; /* DHCP begins without an address */
        none.prefix = !known ? 0 : families[f] == 4 ? 32 : 128;
        memcpy(none.ip, nowhere, sizeof none.ip);
        rule_from_network(b, &none);
    }
    struct rule w = word_begin(b, "lan_link");
    word_verdict(&w, NFT_GOTO, "lan_behind");

    static const uint8_t transports[] = {IPPROTO_UDP, IPPROTO_TCP};
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "lan_behind");
        word_if_port(&w, transports[i], 53);
        word_redirect(&w, 53);
    }
    w = word_begin(b, "lan_behind");
    word_if_port(&w, IPPROTO_TCP, 80);
    word_redirect(&w, cfg->http_port);
    w = word_begin(b, "lan_behind");
    word_verdict(&w, NF_DROP, NULL);
}

/* --- claims ---------------------------------------------------------------------------------- */

static void if_claims(struct rule *w, const struct ruleset_network *own, bool type_too)
{
    if (own->family == 4) {
        word_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, ARP_SENDER_IP, 4);
        word_cmp(w, NFT_CMP_EQ, own->ip, 4);
        return;
    }
    if (type_too)
        word_if_icmp(w, IPPROTO_ICMPV6, NEIGHBOUR_ADVERT);
    word_load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, ADVERT_TARGET, 16);
    word_cmp(w, NFT_CMP_EQ, own->ip, 16);
}

static void tell(struct rule *w)
{
    word_if_below(w, CLAIMS_PER_SECOND, CLAIMS_AT_ONCE);
    word_log(w, RULESET_CLAIM_PREFIX);
    word_end(w);
}

/* In table inet, of advertisements that reach the router. */
void rules_claims(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct rule w = word_begin(b, "lan_router");
    word_if_icmp(&w, IPPROTO_ICMPV6, NEIGHBOUR_ADVERT);
    word_verdict(&w, NFT_JUMP, "lan_claims");
    for (size_t i = 0; i < cfg->n_own; i++) {
        if (cfg->own[i].family != 6)
            continue;
        w = word_begin(b, "lan_claims");
        if_claims(&w, &cfg->own[i], false);
        tell(&w);
    }
}

/* A router that answers for others (proxy_arp) asks its routes whether it leads there: with the
 * guard they want the bit of what asks, too. */
static void rules_arp(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    if (cfg->guard) {
        struct rule w = word_begin(b, "input");
        word_set_bit(&w, RULESET_GUARD_MARK);
        word_end(&w);
    }
    for (size_t i = 0; i < cfg->n_own; i++) {
        if (cfg->own[i].family != 4)
            continue;
        struct rule w = word_begin(b, "input");
        if_claims(&w, &cfg->own[i], true);
        tell(&w);
    }
}

static void rules_bridge(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    for (size_t i = 0; i < 2 * cfg->n_own; i++) { /* each told of, and dropped */
        const struct ruleset_network *own = &cfg->own[i / 2];
        uint16_t type = htons(own->family == 4 ? ETH_P_ARP : ETH_P_IPV6);
        struct rule w = word_begin(b, "forward");
        word_load_meta(&w, NFT_META_PROTOCOL);
        word_cmp(&w, NFT_CMP_EQ, &type, sizeof type);
        if_claims(&w, own, true);
        if (i % 2 == 0)
            tell(&w);
        else
            word_verdict(&w, NF_DROP, NULL);
    }
}

static int watch_family(struct ruleset *rs, uint8_t family, bool keep)
{
    static const struct chain_def arp = {"input", "filter", NF_ARP_IN_HOOK, 0},
                                  bridge = {"forward", "filter", NF_BR_FORWARD_HOOK,
                                            NF_BR_FILTER_PRIO};
    struct batch *b = batch_new(rs);
    if (!b)
        return -ENOMEM;
    b->family = family;
    batch_table(b); /* made first, so that deleting it cannot fail */
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELTABLE, 0);
    if (nlh) {
        mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, rs->cfg.table);
        batch_end_msg(b, nlh);
    }
    if (keep) {
        batch_table(b);
        batch_chain(b, family == NFPROTO_ARP ? &arp : &bridge);
        (family == NFPROTO_ARP ? rules_arp : rules_bridge)(b);
    }
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    return r;
}

void ruleset_claims(struct ruleset *rs, bool keep)
{
    static const uint8_t tables[] = {NFPROTO_ARP, NFPROTO_BRIDGE};
    for (int i = 0; i < 2; i++) {
        int r = rs->without_claims[i] ? 0 : watch_family(rs, tables[i], keep);
        if (r == 0)
            continue;
        rs->without_claims[i] = r == -EOPNOTSUPP || r == -EAFNOSUPPORT || r == -ENOENT;
        rs->failed -= rs->without_claims[i]; /* the kernel has no such tables, and we have asked */
        if (keep)
            log_msg(LOG_NOTICE, "event=claims-not-watched table=%s error=\"%s\"",
                    i == 0 ? "arp" : "bridge", strerror(-r));
    }
}

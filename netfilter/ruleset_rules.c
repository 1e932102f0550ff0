/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules for what is forwarded from and to the LAN (what the router itself is for to it:
 * ruleset_router.c; the chains: ruleset_chains.c). The number of rules does not depend on the
 * number of devices: a packet costs one lookup whoever else is there.
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

#include <stdio.h> /* before libnftnl: its headers name FILE */

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/in.h>

#define SEEN_TIMEOUT_MS 2000 /* a device that is not open is announced at most this often */
#define SEEN_PER_SECOND 5000 /* all of them together: bounds what invented addresses can cause */

static const uint8_t families[] = {NFPROTO_IPV4, NFPROTO_IPV6};
static const uint8_t transports[] = {IPPROTO_UDP, IPPROTO_TCP};
const uint16_t rules_refused_ports[2] = {443, 853};

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
            word_if_port(&w, transports[t], rules_refused_ports[p]);
            word_set_bit(&w, RULESET_GUARD_MARK);
            word_end(&w);
        }
    }
}

void rule_stranger(struct batch *b, const char *chain)
{
    struct rule w = word_begin(b, chain);
    word_verdict(&w, NFT_JUMP, "lan_stranger");
}

/* With the guard alone: what comes from an open device, and what of the others' has a chance, is
 * marked before it is routed. */
void rules_prerouting(struct batch *b)
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
void rules_stranger(struct batch *b)
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

/* HTTPS is refused at once, never intercepted; so are QUIC and DNS over TLS: phones then fall back.
 */
static void rules_refused(struct batch *b)
{
    for (int p = 0; p < 2; p++) {
        for (int t = 0; t < 2; t++) {
            struct rule w = word_begin(b, "from_lan");
            word_if_port(&w, transports[t], rules_refused_ports[p]);
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

void rules_forward(struct batch *b)
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The chains: which there are, where they are hooked, and all of them in a transaction. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"
#include "netfilter/ruleset_words.h"

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

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

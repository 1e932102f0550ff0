/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short cut (offload = "yes"): flows of devices without a rate take the kernel's flowtable,
 * which forwards a packet where it comes in, before conntrack, NAT, routing and `forward` see it.
 * So none of our rules there would count it or stop it, and what conntrack counts is lost with the
 * flow if nobody reads it in time. Instead the short cut is watched at both its ends, by what a
 * packet shows there: the Ethernet address.
 *
 *   from the LAN   fast_lan       ether saddr @fast_up: counted, may go on into the flowtable.
 *                                 All else is made such that the flowtable does not know it.
 *                  (flowtable)
 *                  fast_lan_left  what the flowtable left: made as it was, or @fast_left counts it
 *   from outside   fast_wan       sets a bit of the packet mark
 *                  (flowtable)
 *                  fast_wan_left  takes it away: what bears it now is in the short cut
 *   to the LAN     fast_out       (table netdev, egress) of what bears it: ether daddr @fast_down
 *                                 counts it, and all else is dropped
 *
 * A device's uploads are what `up` counted, and @fast_up less @fast_left; its downloads what `down`
 * counted, and @fast_down. All of it is in the kernel: a gate that is killed loses nothing. Closing
 * deletes the elements, and with that very transaction neither end lets a packet of the device
 * pass, whatever flows the flowtable still holds; they leave it when nobody has used them for 30 s.
 *
 * "Made such that the flowtable does not know it": there is no word for "pass the next hook by".
 * The flowtable looks at nothing but TCP, UDP and GRE, so the upper bit of the protocol's number is
 * flipped before it and flipped back behind it; a packet that nobody may send is never seen
 * elsewhere with it. So a device that was closed, or has a rate now, meets all the rules again with
 * its next packet, and so does who borrows another's IP address.
 *
 * Who is fast is in the number: the bit RULESET_FAST of what `ids` and `up` say, and so of the ct
 * mark: one test tells whether a flow may go into the flowtable. Flows to the walled garden may
 * not, for they go on when the device is closed. A flow that comes back to the rules (its last
 * packets, fragments) and whose device has rejoined in the meantime has no number in `down` any
 * more: fast_out judges it by its Ethernet address, like what is in the short cut.
 *
 * Every new set of rules makes flowtable and hooks anew: flows go through the rules for a packet or
 * two, and are back. The kernel hooks what is new before the generation of rules changes and
 * unhooks what is old behind it: there is no instant at which the flowtable is there and its ends
 * are not. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"
#include "netfilter/ruleset_words.h"

#include <stdio.h> /* before libnftnl: its headers name FILE */

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#define FLOWTABLE     "fast"
#define FLOW_PRIORITY 100
#define HOOK_INGRESS  5  /* NF_INET_INGRESS, of kernels since 5.10 */
#define HOOK_EGRESS   1  /* NF_NETDEV_EGRESS, since 5.16 */
#define FRAME_HEADER  14 /* what the counter at egress has more than those of IP */
#define PROTOCOL_BIT  0x80

/* Where the protocol's number is in an IP header. */
static const struct {
    uint8_t nfproto;
    uint32_t offset;
} headers[] = {{NFPROTO_IPV4, 9}, {NFPROTO_IPV6, 6}};

enum side { LAN, WAN };

static const struct {
    const char *name;
    enum side side;
    int32_t priority;
} hooks[] = {{"fast_lan", LAN, FLOW_PRIORITY - 1},
             {"fast_lan_left", LAN, FLOW_PRIORITY + 1},
             {"fast_wan", WAN, FLOW_PRIORITY - 1},
             {"fast_wan_left", WAN, FLOW_PRIORITY + 1}};

bool fast_wanted(const struct ruleset *rs)
{
    return rs->cfg.offload && rs->flowtables;
}

bool fast_active(const struct ruleset *rs)
{
    return fast_wanted(rs) && !rs->fast_refused && rs->cfg.n_fast_lan > 0 && rs->cfg.n_uplinks > 0;
}

/* A frame has a header that an IP packet has not; several segments that travel as one have one. */
uint64_t fast_frames(uint64_t bytes, uint64_t packets)
{
    return bytes - packets * FRAME_HEADER;
}

/* --- hooks -------------------------------------------------------------------------------------
 */

static void put_devices(struct nlmsghdr *nlh, uint16_t type, const struct ruleset_config *cfg,
                        bool lan, bool wan)
{
    struct nlattr *devices = mnl_attr_nest_start(nlh, type);
    for (size_t i = 0; lan && i < cfg->n_fast_lan; i++)
        mnl_attr_put_strz(nlh, NFTA_DEVICE_NAME, cfg->fast_lan[i].name);
    for (size_t i = 0; wan && i < cfg->n_uplinks; i++)
        if (!lan || cfg->uplinks[i].ifindex != cfg->fast_lan[0].ifindex) /* fast_try: both are lo */
            mnl_attr_put_strz(nlh, NFTA_DEVICE_NAME, cfg->uplinks[i].name);
    mnl_attr_nest_end(nlh, devices);
}

static void put_chain(struct batch *b, const char *name, uint32_t hook, int32_t priority, bool lan)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TABLE, cfg->table);
    mnl_attr_put_strz(nlh, NFTA_CHAIN_NAME, name);
    struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_CHAIN_HOOK);
    mnl_attr_put_u32(nlh, NFTA_HOOK_HOOKNUM, htonl(hook));
    mnl_attr_put_u32(nlh, NFTA_HOOK_PRIORITY, htonl((uint32_t)priority));
    put_devices(nlh, NFTA_HOOK_DEVS, cfg, lan, !lan);
    mnl_attr_nest_end(nlh, nest);
    mnl_attr_put_u32(nlh, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
    mnl_attr_put_strz(nlh, NFTA_CHAIN_TYPE, "filter");
    batch_end_msg(b, nlh);
}

/* With devices false: any, that it can be deleted. */
static void put_flowtable(struct batch *b, bool devices)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, cfg->table);
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, FLOWTABLE);
    struct nlattr *nest = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK);
    mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_NUM, 0);
    mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_PRIORITY, htonl(FLOW_PRIORITY));
    if (devices)
        put_devices(nlh, NFTA_FLOWTABLE_HOOK_DEVS, cfg, true, true);
    mnl_attr_nest_end(nlh, nest);
    batch_end_msg(b, nlh);
}

static void delete_flowtable(struct batch *b)
{
    put_flowtable(b, false);
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELFLOWTABLE, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, b->rs->cfg.table);
    mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, FLOWTABLE);
    batch_end_msg(b, nlh);
}

static void to_netdev(struct batch *b)
{
    b->family = NFPROTO_NETDEV;
}

static void to_inet(struct batch *b)
{
    b->family = NFPROTO_INET;
}

static void unhook(struct batch *b)
{
    for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++) {
        batch_any_chain(b, hooks[i].name);
        batch_delete_chain(b, hooks[i].name);
    }
    delete_flowtable(b);
}

/* Of the table of family netdev. */
static void unhook_out(struct batch *b)
{
    batch_table(b);
    batch_any_chain(b, "fast_out");
    batch_delete_chain(b, "fast_out");
}

void fast_hooks(struct batch *b)
{
    struct ruleset *rs = b->rs;
    bool active = fast_active(rs);
    if (!rs->flowtables)
        return;
    unhook(b);
    if (active) {
        put_flowtable(b, true);
        for (size_t i = 0; i < sizeof hooks / sizeof *hooks; i++)
            put_chain(b, hooks[i].name, HOOK_INGRESS, hooks[i].priority, hooks[i].side == LAN);
    }
    if (!fast_wanted(rs) && !rs->fast_table)
        return;
    to_netdev(b);
    unhook_out(b);
    batch_fast_down(b); /* its counters stay, whether they are asked or not */
    if (active)
        put_chain(b, "fast_out", HOOK_EGRESS, 0, true);
    to_inet(b);
}

void fast_unhook(struct batch *b)
{
    if (!b->rs->flowtables)
        return;
    batch_empty_chain(b, "lan_fast"); /* it leads into the flowtable */
    unhook(b);
    if (!b->rs->fast_table)
        return;
    to_netdev(b);
    unhook_out(b);
    to_inet(b);
}

static void delete_table(struct batch *b)
{
    batch_table(b); /* made first, so that deleting it cannot fail */
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELTABLE, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, b->rs->cfg.table);
    batch_end_msg(b, nlh);
}

void fast_fresh(struct batch *b)
{
    if (!b->rs->fast_table && !fast_wanted(b->rs))
        return;
    to_netdev(b);
    delete_table(b);
    batch_table(b);
    batch_fast_down(b);
    to_inet(b);
}

/* --- rules -------------------------------------------------------------------------------------
 */

static void bitwise8(struct rule *w, uint8_t mask, uint8_t flip)
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

static void load_protocol(struct rule *w, int header)
{
    word_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, headers[header].offset, 1);
}

/* No checksum is touched: the next that reads it finds the packet as it was. */
static void flip_protocol(struct rule *w, int header)
{
    load_protocol(w, header);
    bitwise8(w, 0xff, PROTOCOL_BIT);
    struct nftnl_expr *e = word_expr(w, "payload");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, headers[header].offset);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, 1);
}

static struct rule begin_for(struct batch *b, const char *chain, int header)
{
    struct rule w = word_begin(b, chain);
    word_load_meta(&w, NFT_META_NFPROTO);
    word_cmp(&w, NFT_CMP_EQ, &headers[header].nfproto, 1);
    return w;
}

static void rules_lan(struct batch *b)
{
    uint8_t clear = 0;
    struct rule w = word_begin(b, "fast_lan");
    word_if_device(&w, SET_FAST_UP, false);
    word_verdict(&w, NF_ACCEPT, NULL);
    for (int i = 0; i < 2; i++) {
        w = begin_for(b, "fast_lan", i);
        load_protocol(&w, i);
        bitwise8(&w, PROTOCOL_BIT, 0);
        word_cmp(&w, NFT_CMP_EQ, &clear, sizeof clear);
        flip_protocol(&w, i);
        word_set_bit(&w, RULESET_FAST_MARK);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    w = word_begin(b, "fast_lan_left");
    word_if_mark(&w, RULESET_FAST_MARK, true);
    word_verdict(&w, NFT_GOTO, "fast_lan_back");
    w = word_begin(b, "fast_lan_left");
    word_if_device(&w, SET_FAST_LEFT, false);
    word_end(&w);
    for (int i = 0; i < 2; i++) {
        w = begin_for(b, "fast_lan_back", i);
        flip_protocol(&w, i);
        word_clear_bit(&w, RULESET_FAST_MARK);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
}

static void rules_wan(struct batch *b)
{
    struct rule w = word_begin(b, "fast_wan");
    word_set_bit(&w, RULESET_FAST_MARK);
    word_end(&w);
    w = word_begin(b, "fast_wan_left");
    word_clear_bit(&w, RULESET_FAST_MARK);
    word_end(&w);
}

static void rules_out(struct batch *b)
{
    struct rule w = word_begin(b, "fast_out");
    word_if_mark(&w, RULESET_FAST_MARK, false);
    word_verdict(&w, NF_ACCEPT, NULL);
    w = word_begin(b, "fast_out");
    word_load_payload(&w, NFT_PAYLOAD_LL_HEADER, 0, 6);
    word_lookup(&w, SET_FAST_DOWN, false);
    word_verdict(&w, NF_ACCEPT, NULL);
    w = word_begin(b, "fast_out");
    word_verdict(&w, NF_DROP, NULL);
}

void rules_fast(struct batch *b)
{
    if (!fast_active(b->rs))
        return;
    rules_lan(b);
    rules_wan(b);
    to_netdev(b);
    rules_out(b);
    to_inet(b);
}

/* Of an open device, whose number the ct mark is. What falls out of the chain is accepted. */
void rules_fast_from_lan(struct batch *b)
{
    if (!fast_active(b->rs))
        return;
    struct rule w = word_begin(b, "lan_fast");
    word_if_ct_bit(&w, RULESET_FAST, false);
    word_verdict(&w, NF_ACCEPT, NULL);
    for (int i = 0; i < 2; i++) {
        w = word_begin(b, "lan_fast");
        word_if_garden(&w, headers[i].nfproto, false);
        word_verdict(&w, NF_ACCEPT, NULL);
    }
    w = word_begin(b, "lan_fast");
    word_load_meta(&w, NFT_META_IIF);
    word_lookup(&w, SET_FAST_LAN, false);
    struct nftnl_expr *e = word_expr(&w, "flow_offload");
    if (e)
        nftnl_expr_set_str(e, NFTNL_EXPR_FLOW_TABLE_NAME, FLOWTABLE);
    word_end(&w);
}

/* A fast device's flow under a number that it has no more: fast_out judges. */
void rules_fast_to_lan(struct batch *b)
{
    if (!fast_active(b->rs))
        return;
    struct rule w = word_begin(b, "to_lan");
    word_load_meta(&w, NFT_META_OIF);
    word_lookup(&w, SET_FAST_LAN, false);
    word_if_ct_bits(&w, RULESET_FAST | STRANGER_MARK, RULESET_FAST);
    word_set_bit(&w, RULESET_FAST_MARK);
    word_verdict(&w, NF_ACCEPT, NULL);
}

void batch_slow(struct batch *b)
{
    if (fast_active(b->rs))
        batch_chains(b);
}

/* --- what the kernel can -----------------------------------------------------------------------
 */

/* All of it for the loopback interface, in a transaction that cannot succeed (ruleset.c): 0 if the
 * kernel found no fault but that. */
int fast_try(struct ruleset *rs, int (*fails)(struct batch *b))
{
    struct ruleset_config kept = rs->cfg;
    bool refused = rs->fast_refused, table = rs->fast_table;
    struct ruleset_hook lo = {1, "lo"};
    rs->cfg.fast_lan[0] = lo;
    rs->cfg.n_fast_lan = 1;
    rs->cfg.uplinks[0] = lo;
    rs->cfg.n_uplinks = 1;
    rs->fast_refused = rs->fast_table = false;
    snprintf(rs->cfg.table, sizeof rs->cfg.table, "loggia-probe");
    struct batch *b = batch_new(rs);
    int r = -ENOMEM;
    if (b) {
        batch_table(b);
        batch_sets(b);
        batch_chains(b);
        r = fails(b);
    }
    batch_free(b);
    rs->cfg = kept;
    rs->fast_refused = refused;
    rs->fast_table = table;
    return r;
}

/* The table of family netdev; whether there is one or not. */
void fast_remove(struct ruleset *rs)
{
    struct batch *b = batch_new(rs);
    if (!b)
        return;
    to_netdev(b);
    delete_table(b);
    batch_commit(b, NULL, NULL);
    batch_free(b);
}

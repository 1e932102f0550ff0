/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table and its sets. A set that exists already is left with all it holds. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

/* nft(8)'s own numbers for data types, so that `nft list` shows keys as what they are. */
enum {
    TYPE_IP4 = 7,
    TYPE_IP6 = 8,
    TYPE_ETHER = 9,
    TYPE_MARK = 19,
    TYPE_IFINDEX = 20,
    TYPE_IFNAME = 41,
    TYPE_ETHER_MARK = TYPE_ETHER << 6 | TYPE_MARK /* a concatenation */
};

#define STRANGERS_MAX 65536 /* elements of the dynamic sets: devices that are not open */
/* How often the kernel looks through all of a set for what has expired, to free it: nobody is found
 * in the meantime either, and the gate deletes who ends. Every second, which is its own pace, costs
 * some percent of a processor with a hundred thousand devices (make bench-gate). */
#define DEVICES_GC_MS 60000
#define FLOWS_MAX     262144 /* devices that began a conversation lately; of more none is held back */

void batch_table(struct batch *b)
{
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_NEWTABLE, NLM_F_CREATE);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, b->rs->cfg.table);
    mnl_attr_put_u32(nlh, NFTA_TABLE_FLAGS, 0);
    batch_end_msg(b, nlh);
}

struct set_def {
    const char *name;
    uint32_t flags, key_type, key_len, data_type, size;
    uint64_t timeout_ms;
    bool host_order;
};

/* No set says which expressions its elements have: so each element has those that it needs. */
static const struct set_def sets[] = {
    {SET_IDS, NFT_SET_MAP | NFT_SET_TIMEOUT, TYPE_ETHER, 6, TYPE_MARK, 0, 0, false},
    {SET_UP, NFT_SET_CONCAT | NFT_SET_TIMEOUT, TYPE_ETHER_MARK, UP_KEY_LEN, 0, 0, 0, false},
    {SET_DOWN, NFT_SET_TIMEOUT, TYPE_MARK, 4, 0, 0, 0, true},
    {SET_LAN, 0, TYPE_IFNAME, RULESET_IFNAME_LEN, 0, RULESET_MAX_LAN, 0, true},
    {SET_INDICES, 0, TYPE_IFINDEX, 4, 0, RULESET_MAX_LAN, 0, true},
    {SET_SEEN, NFT_SET_EVAL | NFT_SET_TIMEOUT, TYPE_ETHER, 6, 0, STRANGERS_MAX, 0, false},
    {SET_DNS, NFT_SET_EVAL | NFT_SET_TIMEOUT, TYPE_ETHER, 6, 0, STRANGERS_MAX, 0, false},
    {SET_ANSWERS, NFT_SET_EVAL | NFT_SET_TIMEOUT, TYPE_MARK, 4, 0, STRANGERS_MAX, 0, true},
    {SET_FLOWS, NFT_SET_EVAL | NFT_SET_TIMEOUT, TYPE_ETHER, 6, 0, FLOWS_MAX, 0, false},
    {SET_GARDEN4, NFT_SET_EVAL | NFT_SET_TIMEOUT, TYPE_IP4, 4, 0, STRANGERS_MAX, GARDEN_TIMEOUT_MS,
     false},
    {SET_GARDEN6, NFT_SET_EVAL | NFT_SET_TIMEOUT, TYPE_IP6, 16, 0, STRANGERS_MAX, GARDEN_TIMEOUT_MS,
     false},
    {SET_NUMBERS, 0, TYPE_MARK, 4, 0, 0, 0, true},
    {SET_FAST_LAN, 0, TYPE_IFINDEX, 4, 0, RULESET_MAX_LAN, 0, true},
    {SET_FAST_UP, NFT_SET_TIMEOUT, TYPE_ETHER, 6, 0, 0, 0, false},
    {SET_FAST_LEFT, NFT_SET_TIMEOUT, TYPE_ETHER, 6, 0, 0, 0, false},
};
static const uint8_t up_fields[] = {6, 4}; /* lengths */
/* No element of it has an expression, which is what makes the others dear. */
static const struct set_def uncounted = {SET_UNCOUNTED, NFT_SET_TIMEOUT, TYPE_MARK, 4, 0, 0, 0,
                                         true};
static const struct set_def fast_down = {SET_FAST_DOWN, NFT_SET_TIMEOUT, TYPE_ETHER, 6, 0, 0, 0,
                                         false};

static void add_set(struct batch *b, const struct set_def *d, uint32_t id)
{
    struct nftnl_set *s = elem_set(b->rs, d->name);
    struct nftnl_udata_buf *ud = nftnl_udata_buf_alloc(64);
    struct nlmsghdr *nlh = s && ud ? batch_msg(b, NFT_MSG_NEWSET, NLM_F_CREATE) : NULL;
    if (!nlh) {
        b->oom = true;
        goto out;
    }
    nftnl_set_set_u32(s, NFTNL_SET_FAMILY, b->family);
    nftnl_set_set_u32(s, NFTNL_SET_ID, id);
    nftnl_set_set_u32(s, NFTNL_SET_FLAGS, d->flags);
    nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, d->key_type);
    nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, d->key_len);
    if (d->data_type) {
        nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, d->data_type);
        nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, sizeof(uint32_t));
    }
    if (d->flags & NFT_SET_CONCAT)
        nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, up_fields, sizeof up_fields);
    if (d->size)
        nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, d->size);
    if (d->timeout_ms)
        nftnl_set_set_u64(s, NFTNL_SET_TIMEOUT, d->timeout_ms);
    if (d->flags & NFT_SET_TIMEOUT && !(d->flags & NFT_SET_EVAL))
        nftnl_set_set_u32(s, NFTNL_SET_GC_INTERVAL, DEVICES_GC_MS);
    nftnl_udata_put_u32(ud, NFTNL_UDATA_SET_KEYBYTEORDER, d->host_order ? 1 : 2);
    if (d->data_type)
        nftnl_udata_put_u32(ud, NFTNL_UDATA_SET_DATABYTEORDER, 1);
    nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(ud), nftnl_udata_buf_len(ud));
    nftnl_set_nlmsg_build_payload(nlh, s);
    batch_end_msg(b, nlh);
out:
    if (s)
        nftnl_set_free(s);
    if (ud)
        nftnl_udata_buf_free(ud);
}

/* Interfaces: what was there goes, what the configuration names comes. */
static void fill_with(struct batch *b, const char *set, const void *key, uint32_t len)
{
    struct nftnl_set *s = elem_set(b->rs, set);
    struct nftnl_set_elem *e = key ? nftnl_set_elem_alloc() : NULL;
    struct nlmsghdr *nlh =
        s && (e || !key)
            ? batch_msg(b, key ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, key ? NLM_F_CREATE : 0)
            : NULL;
    if (nlh && e) {
        nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, len);
        nftnl_set_elem_add(s, e);
    }
    if (nlh) {
        nftnl_set_elems_nlmsg_build_payload(nlh, s);
        batch_end_msg(b, nlh);
    } else {
        b->oom = true;
        if (e)
            nftnl_set_elem_free(e);
    }
    if (s)
        nftnl_set_free(s);
}

static void fill_lan(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    fill_with(b, SET_LAN, NULL, 0);
    for (size_t i = 0; i < cfg->n_lan; i++)
        fill_with(b, SET_LAN, cfg->lan[i], RULESET_IFNAME_LEN);
}

static void fill_indices(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    fill_with(b, SET_INDICES, NULL, 0);
    for (size_t i = 0; i < cfg->n_lan_index; i++)
        fill_with(b, SET_INDICES, &cfg->lan_index[i], sizeof cfg->lan_index[i]);
}

static void fill_fast_lan(struct batch *b)
{
    const struct ruleset_config *cfg = &b->rs->cfg;
    fill_with(b, SET_FAST_LAN, NULL, 0);
    for (size_t i = 0; fast_active(b->rs) && i < cfg->n_fast_lan; i++)
        fill_with(b, SET_FAST_LAN, &cfg->fast_lan[i].ifindex, sizeof cfg->fast_lan[i].ifindex);
}

void batch_fast_down(struct batch *b)
{
    add_set(b, &fast_down, sizeof sets / sizeof *sets + 1);
}

static void add_uncounted(struct batch *b)
{
    add_set(b, &uncounted, sizeof sets / sizeof *sets + 2);
}

void batch_delete_uncounted(struct batch *b)
{
    add_uncounted(b); /* made first, so that deleting it cannot fail */
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELSET, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_SET_TABLE, b->rs->cfg.table);
    mnl_attr_put_strz(nlh, NFTA_SET_NAME, SET_UNCOUNTED);
    batch_end_msg(b, nlh);
}

void batch_sets(struct batch *b)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        add_set(b, &sets[i], (uint32_t)i + 1);
    if (b->rs->returning != RETURNED)
        add_uncounted(b);
    fill_lan(b);
    fill_indices(b);
    fill_fast_lan(b);
}

void batch_lan(struct batch *b)
{
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++)
        if (!strcmp(sets[i].name, SET_LAN))
            add_set(b, &sets[i], (uint32_t)i + 1);
    fill_lan(b);
}

/* --- what is there ------------------------------------------------------------------------------
 */

static int on_key_len(const struct nlattr *a, void *arg)
{
    uint32_t *len = arg;
    if (mnl_attr_get_type(a) == NFTA_SET_KEY_LEN && mnl_attr_validate(a, MNL_TYPE_U32) == 0)
        *len = ntohl(mnl_attr_get_u32(a));
    return MNL_CB_OK;
}

bool sets_up_by_mac(struct ruleset *rs)
{
    uint32_t len = 0; /* there is none, or the kernel does not say */
    ruleset_look_for(rs, NFPROTO_INET, SET_UP, on_key_len, &len);
    return len == sizeof(struct mac);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other programs' flowtables (OpenWrt's fw4 with flow_offloading, for one): what takes one is
 * forwarded where it comes in, before any rule of ours can count it or stop it. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <string.h>

enum { TRIES = 3 /* of a listing that a change interrupts */ };

struct looking {
    const char *ours;
    struct ruleset_flowtable *out;
    size_t n, room;
};

/* The attributes of nlh behind its header, or of a nest, by number; those above max are left out.
 */
struct attributes {
    const struct nlattr **by;
    uint16_t max;
};

static int on_attribute(const struct nlattr *attr, void *arg)
{
    const struct attributes *a = arg;
    uint16_t type = mnl_attr_get_type(attr);
    if (type <= a->max)
        a->by[type] = attr;
    return MNL_CB_OK;
}

static bool is_text(const struct nlattr *attr)
{
    return attr && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0;
}

static void put_devices(struct ruleset_flowtable *f, const struct nlattr *hook)
{
    const struct nlattr *in[NFTA_FLOWTABLE_HOOK_MAX + 1] = {NULL}, *attr;
    struct attributes a = {in, NFTA_FLOWTABLE_HOOK_MAX};
    if (!hook || mnl_attr_parse_nested(hook, on_attribute, &a) < 0 || !in[NFTA_FLOWTABLE_HOOK_DEVS])
        return;
    mnl_attr_for_each_nested(attr, in[NFTA_FLOWTABLE_HOOK_DEVS])
    {
        if (f->n_devices < RULESET_MAX_DEVICES && is_text(attr))
            snprintf(f->devices[f->n_devices++], RULESET_IFNAME_LEN, "%s", mnl_attr_get_str(attr));
    }
}

static int on_flowtable(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *in[NFTA_FLOWTABLE_MAX + 1] = {NULL};
    struct attributes a = {in, NFTA_FLOWTABLE_MAX};
    const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    struct looking *l = arg;

    if (l->n == l->room || mnl_attr_parse(nlh, sizeof *nfg, on_attribute, &a) < 0 ||
        !is_text(in[NFTA_FLOWTABLE_TABLE]) || !is_text(in[NFTA_FLOWTABLE_NAME]))
        return MNL_CB_OK;
    const char *table = mnl_attr_get_str(in[NFTA_FLOWTABLE_TABLE]);
    if (nfg->nfgen_family == NFPROTO_INET && !strcmp(table, l->ours))
        return MNL_CB_OK;
    struct ruleset_flowtable *f = &l->out[l->n++];
    *f = (struct ruleset_flowtable){
        .chain = {.family = nfg->nfgen_family, .hook = GATE_HOOK_FLOWTABLE}};
    snprintf(f->chain.table, sizeof f->chain.table, "%s", table);
    snprintf(f->chain.chain, sizeof f->chain.chain, "%s",
             mnl_attr_get_str(in[NFTA_FLOWTABLE_NAME]));
    put_devices(f, in[NFTA_FLOWTABLE_HOOK]);
    return MNL_CB_OK;
}

int ruleset_flowtables(struct ruleset *rs, struct ruleset_flowtable *out, size_t room)
{
    struct looking l = {.ours = rs->cfg.table, .out = out, .room = room};
    int r = rs->flowtables ? -EINTR : 0;
    for (int i = 0; i < TRIES && r == -EINTR; i++) {
        struct mnl_socket *nl = mnl_socket_open(NETLINK_NETFILTER);
        r = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
        l.n = 0;
        if (r == 0)
            r = ruleset_list(nl, NFT_MSG_GETFLOWTABLE, on_flowtable, &l);
        if (nl)
            mnl_socket_close(nl);
    }
    return r < 0 ? r : (int)l.n;
}

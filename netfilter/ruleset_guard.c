/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The guard: what keeps the LAN shut while the table is missing.
 *
 * `nft flush ruleset` takes every table of every family with it, and so no rule of nftables can
 * stand in for ours. Routing rules are another house: they stay. With guard = "yes" the table sets
 * one bit of the packet mark for what may be forwarded, and for each LAN interface there is a
 *
 *     ip rule: from all fwmark 0/BIT iif LAN blackhole
 *
 * for IPv4 and for IPv6. Without the table nobody sets the bit, and nothing that comes from the LAN
 * is routed: from the very packet on that finds the table gone, however long it takes until the
 * gate has made it anew, and if the gate is dead, too, until somebody starts it. What is for the
 * router itself is found in the table "local" before, and passes.
 *
 * The other direction is not guarded: what the internet goes on sending to a device, unasked and
 * unanswered, reaches it until the table is back.
 *
 * One gate with a guard a network namespace: the rules are known again by protocol and priority. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define GUARD_PRIORITY 10   /* behind the table "local" (0), before all that administrators add */
#define GUARD_PROTOCOL 0x6c /* who made the rule; none of rtnetlink.h's */
#define ANSWER_ROOM    32768

static const uint8_t families[] = {AF_INET, AF_INET6};

struct guard_rule {
    uint8_t family;
    char ifname[RULESET_IFNAME_LEN];
};

/* --- one question, its answers
 * ------------------------------------------------------------------------ */

static int ask(struct mnl_socket *nl, struct nlmsghdr *nlh, mnl_cb_t fn, void *arg)
{
    static uint32_t seq;
    char buf[ANSWER_ROOM];
    nlh->nlmsg_seq = ++seq;
    while (mnl_socket_sendto(nl, nlh, nlh->nlmsg_len) < 0)
        if (errno != EINTR)
            return -errno;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(nl, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        int r = mnl_cb_run(buf, (size_t)n, nlh->nlmsg_seq, mnl_socket_get_portid(nl), fn, arg);
        if (r < 0)
            return -errno;
        if (r == MNL_CB_STOP)
            return 0;
    }
}

static struct nlmsghdr *rule_msg(char *buf, uint16_t type, uint16_t flags, uint8_t family)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    struct fib_rule_hdr *h = mnl_nlmsg_put_extra_header(nlh, sizeof *h);
    h->family = family;
    return nlh;
}

static int change(struct mnl_socket *nl, uint16_t type, uint16_t flags, const struct guard_rule *r)
{
    char buf[512];
    struct nlmsghdr *nlh = rule_msg(buf, type, NLM_F_ACK | flags, r->family);
    struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
    h->action = FR_ACT_BLACKHOLE;
    mnl_attr_put_u32(nlh, FRA_PRIORITY, GUARD_PRIORITY);
    mnl_attr_put_u8(nlh, FRA_PROTOCOL, GUARD_PROTOCOL);
    mnl_attr_put_u32(nlh, FRA_FWMARK, 0);
    mnl_attr_put_u32(nlh, FRA_FWMASK, RULESET_GUARD_MARK);
    mnl_attr_put_strz(nlh, FRA_IIFNAME, r->ifname);
    return ask(nl, nlh, NULL, NULL);
}

/* --- what is there
 * ------------------------------------------------------------------------------------ */

struct found {
    struct guard_rule rules[2 * RULESET_MAX_LAN];
    size_t n;
};

struct fields {
    const char *ifname;
    uint32_t priority;
    uint8_t protocol;
};

static int on_attr(const struct nlattr *a, void *arg)
{
    struct fields *f = arg;
    switch (mnl_attr_get_type(a)) {
    case FRA_IIFNAME:
        f->ifname = mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(a) : NULL;
        break;
    case FRA_PRIORITY:
        f->priority = mnl_attr_validate(a, MNL_TYPE_U32) == 0 ? mnl_attr_get_u32(a) : 0;
        break;
    case FRA_PROTOCOL:
        f->protocol = mnl_attr_validate(a, MNL_TYPE_U8) == 0 ? mnl_attr_get_u8(a) : 0;
        break;
    default:
        break;
    }
    return MNL_CB_OK;
}

static int on_rule(const struct nlmsghdr *nlh, void *arg)
{
    struct found *found = arg;
    struct fields f = {.ifname = NULL};
    const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
    mnl_attr_parse(nlh, sizeof *h, on_attr, &f);
    if (f.protocol != GUARD_PROTOCOL || f.priority != GUARD_PRIORITY || !f.ifname ||
        h->action != FR_ACT_BLACKHOLE || found->n == 2 * RULESET_MAX_LAN)
        return MNL_CB_OK;
    struct guard_rule *r = &found->rules[found->n++];
    r->family = h->family;
    snprintf(r->ifname, sizeof r->ifname, "%s", f.ifname);
    return MNL_CB_OK;
}

static bool wanted(const struct ruleset_config *cfg, const char *ifname)
{
    for (size_t i = 0; i < cfg->n_lan; i++)
        if (!strncmp(cfg->lan[i], ifname, RULESET_IFNAME_LEN))
            return true;
    return false;
}

/* --- both ---------------------------------------------------------------------------------------
 */

static int put_up(struct mnl_socket *nl, const struct ruleset_config *cfg, uint8_t family)
{
    for (size_t i = 0; i < cfg->n_lan; i++) {
        struct guard_rule rule = {.family = family};
        memcpy(rule.ifname, cfg->lan[i], sizeof rule.ifname);
        int r = change(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &rule);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

static int take_down(struct mnl_socket *nl, const struct ruleset_config *cfg, uint8_t family)
{
    char buf[64];
    struct found found = {.n = 0};
    struct nlmsghdr *nlh = rule_msg(buf, RTM_GETRULE, NLM_F_DUMP, family);
    int r = ask(nl, nlh, on_rule, &found);
    for (size_t i = 0; i < found.n && r == 0; i++)
        if (!cfg->guard || !wanted(cfg, found.rules[i].ifname))
            r = change(nl, RTM_DELRULE, 0, &found.rules[i]);
    return r;
}

int ruleset_guard(struct ruleset *rs, bool keep)
{
    struct ruleset_config *cfg = &rs->cfg;
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    int r = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
    bool guard = cfg->guard;
    cfg->guard = guard && keep;
    for (size_t i = 0; i < sizeof families && r == 0; i++) {
        r = cfg->guard ? put_up(nl, cfg, families[i]) : 0;
        r = r == 0 ? take_down(nl, cfg, families[i]) : r;
        /* No such rules: nothing to take down. No such family: nothing to guard. */
        if (r == -EAFNOSUPPORT || (r == -EOPNOTSUPP && !cfg->guard))
            r = 0;
    }
    cfg->guard = guard;
    if (nl)
        mnl_socket_close(nl);
    return r;
}

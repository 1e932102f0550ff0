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
 * The other direction: what comes in anywhere else gets the bit for nothing but that the table is
 * there (who may have it is for `forward` to say), and for each network of the LAN there is a
 *
 *     ip rule: from all to NETWORK fwmark 0/BIT blackhole
 *
 * NAT has put the device's address into a reply before it is routed, so these hold with NAT and
 * without. What the router itself sends to the LAN has no bit and passes by: a rule before them
 * leads `iif lo`, which is what its own packets are routed as, to one behind them. Networks are
 * those of the interfaces' addresses as they are now; link-local ones are never routed. Whether it
 * answers ARP for somebody else (proxy_arp) the kernel asks these rules, too: ruleset_addresses.c.
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

#define GUARD_PROTOCOL 0x6c /* who made the rule; none of rtnetlink.h's */
#define ANSWER_ROOM    32768
#define RULES_MAX      (RULESET_MAX_LAN + RULESET_MAX_NETWORKS + 2)

/* Behind the table "local" (0), before all that administrators add. */
enum { PRIORITY_OWN = 9, PRIORITY_GUARD = 10, PRIORITY_BEHIND = 11 };

static const uint8_t families[] = {AF_INET, AF_INET6};

struct guard_rule {
    uint8_t family, action;
    uint32_t priority, target;       /* target: of a goto */
    char ifname[RULESET_IFNAME_LEN]; /* "": any */
    uint8_t to[16], prefix;          /* 0: anywhere */
};

struct guard_rules {
    struct guard_rule rules[RULES_MAX];
    size_t n;
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

static size_t address_len(uint8_t family)
{
    return family == AF_INET ? 4 : 16;
}

static int change(struct mnl_socket *nl, uint16_t type, uint16_t flags, const struct guard_rule *r)
{
    char buf[512];
    struct nlmsghdr *nlh = rule_msg(buf, type, NLM_F_ACK | flags, r->family);
    struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
    h->action = r->action;
    h->dst_len = r->prefix;
    mnl_attr_put_u32(nlh, FRA_PRIORITY, r->priority);
    mnl_attr_put_u8(nlh, FRA_PROTOCOL, GUARD_PROTOCOL);
    if (r->action == FR_ACT_BLACKHOLE) {
        mnl_attr_put_u32(nlh, FRA_FWMARK, 0);
        mnl_attr_put_u32(nlh, FRA_FWMASK, RULESET_GUARD_MARK);
    }
    if (r->target)
        mnl_attr_put_u32(nlh, FRA_GOTO, r->target);
    if (r->ifname[0])
        mnl_attr_put_strz(nlh, FRA_IIFNAME, r->ifname);
    if (r->prefix)
        mnl_attr_put(nlh, FRA_DST, address_len(r->family), r->to);
    return ask(nl, nlh, NULL, NULL);
}

/* --- what is there
 * ------------------------------------------------------------------------------------ */

static void take_field(struct guard_rule *r, const struct nlattr *a, uint8_t *protocol)
{
    size_t len = mnl_attr_get_payload_len(a);
    switch (mnl_attr_get_type(a)) {
    case FRA_IIFNAME:
        if (mnl_attr_validate(a, MNL_TYPE_NUL_STRING) == 0)
            snprintf(r->ifname, sizeof r->ifname, "%s", mnl_attr_get_str(a));
        break;
    case FRA_PRIORITY:
        r->priority = len == sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
        break;
    case FRA_GOTO:
        r->target = len == sizeof(uint32_t) ? mnl_attr_get_u32(a) : 0;
        break;
    case FRA_PROTOCOL:
        *protocol = len == sizeof(uint8_t) ? mnl_attr_get_u8(a) : 0;
        break;
    case FRA_DST:
        if (len == address_len(r->family))
            memcpy(r->to, mnl_attr_get_payload(a), len);
        break;
    default:
        break;
    }
}

static int on_rule(const struct nlmsghdr *nlh, void *arg)
{
    struct guard_rules *found = arg;
    const struct fib_rule_hdr *h = mnl_nlmsg_get_payload(nlh);
    struct guard_rule r;
    const struct nlattr *a;
    uint8_t protocol = 0;
    memset(&r, 0, sizeof r); /* they are compared whole */
    r.family = h->family;
    r.action = h->action;
    r.prefix = h->dst_len;
    mnl_attr_for_each(a, nlh, sizeof *h) take_field(&r, a, &protocol);
    if (protocol == GUARD_PROTOCOL && r.priority >= PRIORITY_OWN && r.priority <= PRIORITY_BEHIND &&
        found->n < RULES_MAX)
        found->rules[found->n++] = r;
    return MNL_CB_OK;
}

/* --- what is to be there
 * ------------------------------------------------------------------------------ */

static bool has(const struct guard_rules *all, const struct guard_rule *r)
{
    for (size_t i = 0; i < all->n; i++)
        if (!memcmp(&all->rules[i], r, sizeof *r))
            return true;
    return false;
}

static struct guard_rule *add(struct guard_rules *all, uint8_t family, uint8_t action,
                              uint32_t priority)
{
    struct guard_rule *r = &all->rules[all->n++];
    memset(r, 0, sizeof *r); /* they are compared whole */
    r->family = family;
    r->action = action;
    r->priority = priority;
    return r;
}

static bool is_routed(const struct ruleset_network *n)
{
    return n->prefix > 0 && !(n->family == 6 && n->ip[0] == 0xfe && (n->ip[1] & 0xc0) == 0x80);
}

static void want(struct guard_rules *all, const struct ruleset_config *cfg, uint8_t family)
{
    struct guard_rule *own = add(all, family, FR_ACT_GOTO, PRIORITY_OWN);
    own->target = PRIORITY_BEHIND;
    memcpy(own->ifname, "lo", sizeof "lo");
    add(all, family, FR_ACT_NOP, PRIORITY_BEHIND);
    for (size_t i = 0; i < cfg->n_lan; i++) {
        struct guard_rule *r = add(all, family, FR_ACT_BLACKHOLE, PRIORITY_GUARD);
        memcpy(r->ifname, cfg->lan[i], strnlen(cfg->lan[i], sizeof r->ifname - 1));
    }
    for (size_t i = 0; i < cfg->n_networks; i++) {
        const struct ruleset_network *n = &cfg->networks[i];
        if (n->family != (family == AF_INET ? 4 : 6) || !is_routed(n))
            continue;
        struct guard_rule *r = add(all, family, FR_ACT_BLACKHOLE, PRIORITY_GUARD);
        memcpy(r->to, n->ip, address_len(family));
        r->prefix = n->prefix;
    }
}

/* --- both ---------------------------------------------------------------------------------------
 */

static int put_up(struct mnl_socket *nl, const struct guard_rules *wanted)
{
    for (size_t i = 0; i < wanted->n; i++) {
        int r = change(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, &wanted->rules[i]);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return 0;
}

/* What holds goes before what lets the router's own packets pass by it. */
static int take_down(struct mnl_socket *nl, const struct guard_rules *wanted, uint8_t family)
{
    static struct guard_rules found;
    char buf[64];
    found.n = 0;
    struct nlmsghdr *nlh = rule_msg(buf, RTM_GETRULE, NLM_F_DUMP, family);
    int r = ask(nl, nlh, on_rule, &found);
    for (int holds = 1; holds >= 0; holds--)
        for (size_t i = 0; i < found.n && r == 0; i++)
            if ((found.rules[i].priority == PRIORITY_GUARD) == holds &&
                !has(wanted, &found.rules[i]))
                r = change(nl, RTM_DELRULE, 0, &found.rules[i]);
    return r;
}

int ruleset_guard(struct ruleset *rs, bool keep)
{
    static struct guard_rules wanted;
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
    int r = nl && mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) == 0 ? 0 : -errno;
    bool guard = rs->cfg.guard && keep;
    for (size_t i = 0; i < sizeof families && r == 0; i++) {
        wanted.n = 0;
        if (guard)
            want(&wanted, &rs->cfg, families[i]);
        r = put_up(nl, &wanted);
        r = r == 0 ? take_down(nl, &wanted, families[i]) : r;
        /* No such rules: nothing to take down. No such family: nothing to guard. */
        if (r == -EAFNOSUPPORT || (r == -EOPNOTSUPP && !guard))
            r = 0;
    }
    if (nl)
        mnl_socket_close(nl);
    return r;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short cut's rules are bound to interfaces, which must be there, and it must be certain that
 * no packet passes them by. The kernel's flowtable takes a way that is shorter still where one of
 * its interfaces is the lower half of another (eth0 and eth0.10 on it), or a port of a bridge: then
 * what leaves through the upper one never passes its hooks, and would neither be counted nor
 * stopped. Who would be such a lower half, or has one among the others, is left out, and said. */
#include "netfilter/neigh_fast.h"
#include "lib/log.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX  8 /* of interfaces on interfaces */
#define LIST_TRIES 8 /* of a listing that a change interrupts */

/* --- uplinks ---------------------------------------------------------------------------------- */

void neigh_fast_configure(struct neigh_fast *f, const struct ruleset_config *cfg)
{
    f->wanted = cfg->offload;
    f->n_names = cfg->n_uplinks;
    for (size_t i = 0; i < f->n_names; i++)
        memcpy(f->names[i], cfg->uplinks[i].name, sizeof f->names[i]);
}

void neigh_fast_forget(struct neigh_fast *f)
{
    f->n_routes = 0;
}

static void drop_route(struct neigh_fast *f, size_t i)
{
    memmove(&f->routes[i], &f->routes[i + 1], (--f->n_routes - i) * sizeof *f->routes);
}

/* IPv4's go with their interface, and the kernel does not say so (a PPP connection that is made
 * anew leaves one behind each time). */
static bool drop_routes_of(struct neigh_fast *f, uint32_t ifindex)
{
    size_t before = f->n_routes;
    for (size_t i = before; i-- > 0;)
        if (f->routes[i].ifindex == ifindex)
            drop_route(f, i);
    return f->n_routes < before;
}

/* Any link may be one that is named, or has its name no more; who asks finds out. */
bool neigh_fast_link(struct neigh_fast *f, struct nlmsghdr *nlh)
{
    const struct ifinfomsg *ifi = nlmsg_data(nlh);
    char name[IF_NAMESIZE] = "";
    struct nlattr *tb[IFLA_MAX + 1];
    if (!f->wanted)
        return false;
    if (nlmsg_parse(nlh, sizeof *ifi, tb, IFLA_MAX, NULL) == 0 && tb[IFLA_IFNAME])
        snprintf(name, sizeof name, "%s", nla_get_string(tb[IFLA_IFNAME]));
    for (size_t i = 0; i < f->n_names; i++)
        if (!strcmp(f->names[i], name))
            return true;
    if (nlh->nlmsg_type == RTM_DELLINK || !(ifi->ifi_flags & IFF_UP))
        return drop_routes_of(f, (uint32_t)ifi->ifi_index);
    for (size_t i = 0; i < f->n_routes; i++)
        if (f->routes[i].ifindex == (uint32_t)ifi->ifi_index)
            return true;
    return false;
}

static bool set_route(struct neigh_fast *f, const struct neigh_fast_route *r, bool there)
{
    size_t i = 0;
    while (i < f->n_routes && memcmp(&f->routes[i], r, sizeof *r) != 0)
        i++;
    if (there == (i < f->n_routes))
        return false;
    if (!there) {
        drop_route(f, i);
        return true;
    }
    if (f->n_routes == NEIGH_FAST_ROUTES) /* the oldest is the one that may be no more */
        drop_route(f, 0);
    f->routes[f->n_routes++] = *r;
    return true;
}

/* `ip route replace`: of what was replaced nothing is said. */
static void drop_replaced(struct neigh_fast *f, const struct neigh_fast_route *r)
{
    for (size_t i = f->n_routes; i-- > 0;)
        if (f->routes[i].family == r->family && f->routes[i].metric == r->metric)
            drop_route(f, i);
}

bool neigh_fast_route(struct neigh_fast *f, struct nlmsghdr *nlh)
{
    const struct rtmsg *rt = nlmsg_data(nlh);
    struct nlattr *tb[RTA_MAX + 1];
    bool there = nlh->nlmsg_type == RTM_NEWROUTE, changed = false;
    if (!f->wanted || nlmsg_parse(nlh, sizeof *rt, tb, RTA_MAX, NULL) < 0 ||
        rt->rtm_table != RT_TABLE_MAIN || rt->rtm_type != RTN_UNICAST || rt->rtm_dst_len != 0 ||
        rt->rtm_flags & RTM_F_CLONED)
        return false;
    struct neigh_fast_route r = {.family = rt->rtm_family};
    if (tb[RTA_PRIORITY])
        r.metric = nla_get_u32(tb[RTA_PRIORITY]);
    if (there && nlh->nlmsg_flags & NLM_F_REPLACE)
        drop_replaced(f, &r);
    if (tb[RTA_GATEWAY] && nla_len(tb[RTA_GATEWAY]) <= (int)sizeof r.gateway)
        memcpy(r.gateway, nla_data(tb[RTA_GATEWAY]), (size_t)nla_len(tb[RTA_GATEWAY]));
    if (tb[RTA_OIF]) {
        r.ifindex = nla_get_u32(tb[RTA_OIF]);
        return set_route(f, &r, there);
    }
    if (!tb[RTA_MULTIPATH])
        return false;
    const struct rtnexthop *hop = nla_data(tb[RTA_MULTIPATH]);
    for (int left = nla_len(tb[RTA_MULTIPATH]); RTNH_OK(hop, left);) {
        r.ifindex = (uint32_t)hop->rtnh_ifindex;
        changed |= set_route(f, &r, there);
        left -= RTNH_ALIGN(hop->rtnh_len);
        hop = RTNH_NEXT(hop);
    }
    return changed;
}

/* --- who can ---------------------------------------------------------------------------------- */

struct link {
    uint32_t ifindex, lower, master; /* 0: none */
    uint16_t type;                   /* ARPHRD_* */
};

struct links {
    struct link *items;
    size_t n, room;
    bool failed;
};

static int on_link(struct nl_msg *msg, void *arg)
{
    struct links *all = arg;
    struct nlmsghdr *nlh = nlmsg_hdr(msg);
    const struct ifinfomsg *ifi = nlmsg_data(nlh);
    struct nlattr *tb[IFLA_MAX + 1];
    if (nlh->nlmsg_type != RTM_NEWLINK || nlmsg_parse(nlh, sizeof *ifi, tb, IFLA_MAX, NULL) < 0)
        return NL_OK;
    if (all->n == all->room) {
        size_t room = all->room ? 2 * all->room : 64;
        struct link *items = realloc(all->items, room * sizeof *items);
        all->failed |= !items;
        if (!items)
            return NL_OK;
        all->items = items;
        all->room = room;
    }
    /* A veth's other end is its "link", too, but in another place. */
    bool lower = tb[IFLA_LINK] && !tb[IFLA_LINK_NETNSID];
    all->items[all->n++] =
        (struct link){.ifindex = (uint32_t)ifi->ifi_index,
                      .lower = lower ? nla_get_u32(tb[IFLA_LINK]) : 0,
                      .master = tb[IFLA_MASTER] ? nla_get_u32(tb[IFLA_MASTER]) : 0,
                      .type = ifi->ifi_type};
    return NL_OK;
}

static int read_links_once(struct links *all)
{
    struct ifinfomsg any = {.ifi_family = AF_UNSPEC};
    struct nl_sock *sk = nl_socket_alloc();
    if (!sk)
        return -NLE_NOMEM;
    all->n = 0;
    nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_link, all);
    int r = nl_connect(sk, NETLINK_ROUTE);
    r = r < 0 ? r : nl_send_simple(sk, RTM_GETLINK, NLM_F_DUMP, &any, sizeof any);
    r = r < 0 ? r : nl_recvmsgs_default(sk);
    nl_socket_free(sk);
    return r < 0 ? r : 0;
}

/* They are read when some change, and that may go on. */
static bool read_links(struct links *all)
{
    int r = -NLE_DUMP_INTR;
    for (int i = 0; i < LIST_TRIES && r == -NLE_DUMP_INTR; i++)
        r = read_links_once(all);
    return r == 0 && !all->failed;
}

static const struct link *find(const struct links *all, uint32_t ifindex)
{
    for (size_t i = 0; ifindex && i < all->n; i++)
        if (all->items[i].ifindex == ifindex)
            return &all->items[i];
    return NULL;
}

static bool among(const struct ruleset_config *cfg, uint32_t ifindex)
{
    for (size_t i = 0; i < cfg->n_fast_lan; i++)
        if (cfg->fast_lan[i].ifindex == ifindex)
            return true;
    for (size_t i = 0; i < cfg->n_uplinks; i++)
        if (cfg->uplinks[i].ifindex == ifindex)
            return true;
    return false;
}

/* Below it, at whatever depth, is one that is in the short cut. */
static bool lies_on_one(const struct ruleset_config *cfg, const struct links *all,
                        const struct link *l, int depth)
{
    if (depth == DEPTH_MAX)
        return true; /* who knows */
    for (size_t i = 0; i < all->n; i++) {
        const struct link *below = &all->items[i];
        if (below->master != l->ifindex && below->ifindex != l->lower)
            continue;
        if (among(cfg, below->ifindex) || lies_on_one(cfg, all, below, depth + 1))
            return true;
    }
    return false;
}

/* Why an interface cannot be in it; NULL: it can. */
static const char *why_not(const struct ruleset_config *cfg, const struct links *all,
                           uint32_t ifindex, bool lan)
{
    const struct link *l = find(all, ifindex);
    if (!l)
        return "is not there";
    if (lan && l->type != ARPHRD_ETHER)
        return "has no Ethernet addresses";
    if (l->master)
        return "is a port of another";
    if (lies_on_one(cfg, all, l, 0))
        return "lies on one that is in it, too";
    for (size_t i = 0; i < cfg->n_uplinks && !lan && l->type != ARPHRD_PPP; i++) {
        const struct link *other = find(all, cfg->uplinks[i].ifindex);
        if (other && other->type == ARPHRD_PPP)
            return "may be what another, of PPP, lies on";
    }
    return NULL;
}

/* Judged before any is taken out. */
static void judge(const struct ruleset_config *cfg, const struct links *all,
                  const struct ruleset_hook *hooks, size_t n, bool lan, bool *out)
{
    for (size_t i = 0; i < n; i++) {
        const char *why = why_not(cfg, all, hooks[i].ifindex, lan);
        out[i] = why != NULL;
        if (why)
            log_msg(LOG_WARNING, "event=offload-without interface=%s reason=\"%s\"", hooks[i].name,
                    why);
    }
}

static size_t keep(struct ruleset_hook *hooks, size_t n, const bool *out)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        if (!out[i])
            hooks[kept++] = hooks[i];
    memset(hooks + kept, 0, (n - kept) * sizeof *hooks);
    return kept;
}

static void add(struct ruleset_config *out, const char *name, uint32_t ifindex)
{
    if (!ifindex || among(out, ifindex) || out->n_uplinks == RULESET_MAX_UPLINKS)
        return;
    struct ruleset_hook *h = &out->uplinks[out->n_uplinks++];
    *h = (struct ruleset_hook){.ifindex = ifindex};
    snprintf(h->name, sizeof h->name, "%s", name);
}

void neigh_fast_lan(struct ruleset_config *out, uint32_t ifindex, const char *name)
{
    if (out->n_fast_lan + RULESET_MAX_UPLINKS >= RULESET_MAX_LAN) /* the kernel's own bound */
        return;
    struct ruleset_hook *h = &out->fast_lan[out->n_fast_lan++];
    *h = (struct ruleset_hook){.ifindex = ifindex};
    snprintf(h->name, sizeof h->name, "%s", name);
}

void neigh_fast_fill(const struct neigh_fast *f, struct ruleset_config *out)
{
    struct links all = {.n = 0};
    bool out_lan[RULESET_MAX_LAN], out_up[RULESET_MAX_UPLINKS];
    char name[IF_NAMESIZE];
    memset(out->uplinks, 0, sizeof out->uplinks);
    for (size_t i = 0; i < f->n_names; i++)
        add(out, f->names[i], if_nametoindex(f->names[i]));
    for (size_t i = 0; f->n_names == 0 && i < f->n_routes; i++)
        if (if_indextoname(f->routes[i].ifindex, name))
            add(out, name, f->routes[i].ifindex);
    if (read_links(&all)) {
        judge(out, &all, out->fast_lan, out->n_fast_lan, true, out_lan);
        judge(out, &all, out->uplinks, out->n_uplinks, false, out_up);
        out->n_fast_lan = keep(out->fast_lan, out->n_fast_lan, out_lan);
        out->n_uplinks = keep(out->uplinks, out->n_uplinks, out_up);
    } else {
        log_msg(LOG_ERR, "event=offload-without interface=all reason=\"they cannot be listed\"");
        out->n_fast_lan = out->n_uplinks = 0;
    }
    free(all.items);
}

/* --- what lies below the LAN ------------------------------------------------------------------ */

static bool is_lan(const struct ruleset_config *cfg, uint32_t ifindex)
{
    char name[IF_NAMESIZE];
    if (!if_indextoname(ifindex, name))
        return false;
    for (size_t i = 0; i < cfg->n_lan; i++)
        if (!strcmp(cfg->lan[i], name))
            return true;
    return false;
}

static bool carries_lan(const struct ruleset_config *cfg, const struct links *all, uint32_t ifindex,
                        int depth)
{
    const struct link *l = find(all, ifindex);
    if (is_lan(cfg, ifindex) || depth == DEPTH_MAX)
        return true;
    if (l && l->master && carries_lan(cfg, all, l->master, depth + 1))
        return true;
    for (size_t i = 0; i < all->n; i++)
        if (all->items[i].lower == ifindex &&
            carries_lan(cfg, all, all->items[i].ifindex, depth + 1))
            return true;
    return false;
}

bool neigh_fast_below(const struct ruleset_config *cfg, char (*names)[RULESET_IFNAME_LEN], size_t n)
{
    struct links all = {.n = 0};
    bool below = !read_links(&all);
    for (size_t i = 0; !below && i < n; i++) {
        uint32_t ifindex = if_nametoindex(names[i]);
        below = ifindex && carries_lan(cfg, &all, ifindex, 0);
    }
    free(all.items);
    return below;
}

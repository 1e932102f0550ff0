/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and configuration go by names, and a name may wander: whoever renames br-lan while the gate
 * runs would leave its devices without a gate, open to all. So an interface that once had a name of
 * the configuration belongs to the LAN for as long as it exists, whatever it is called, and counts
 * as the one that the configuration names. One that is deleted and made anew is found by its name.
 *
 * What else the rules have to know of the LAN is read here: the router's own addresses, which
 * nobody else may claim (ruleset_claims.c), and the networks on the link: a device that sends from
 * elsewhere is behind some other router, and its Ethernet address is that router's, not its own.
 *
 * Read anew as a whole when a notification was lost. */
#include "netfilter/neigh_lan.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/neigh_fast.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET_ROOM (1024 * 1024)

struct known {
    uint32_t ifindex;
    size_t name; /* in names */
    char now[RULESET_IFNAME_LEN];
};

struct place { /* an address of the router, or a network, and on which interface */
    uint32_t ifindex;
    struct ruleset_network net;
};

struct places {
    struct place items[RULESET_MAX_NETWORKS];
    size_t n;
    bool overflown;
};

struct lan {
    void (*changed)(void *arg);
    void *arg;
    char names[RULESET_MAX_LAN][RULESET_IFNAME_LEN];
    size_t n_names;
    struct known known[RULESET_MAX_LAN];
    size_t n_known;
    struct places own, networks;
    struct neigh_fast uplinks;
    struct nl_sock *watch, *ask;
    struct loop_io *io;
    bool dirty;
};

/* --- interfaces ------------------------------------------------------------------------------ */

static struct known *find(struct lan *l, uint32_t ifindex)
{
    for (size_t i = 0; i < l->n_known; i++)
        if (l->known[i].ifindex == ifindex)
            return &l->known[i];
    return NULL;
}

static void meet(struct lan *l, uint32_t ifindex, const char *now)
{
    struct known *k = find(l, ifindex);
    size_t name = 0;
    while (name < l->n_names && strcmp(l->names[name], now))
        name++;
    if ((k && !strcmp(k->now, now)) || (!k && name == l->n_names))
        return;
    if (k) {
        name = name < l->n_names ? name : k->name;
        log_msg(LOG_WARNING, "event=interface-renamed from=%s to=%s configured=%s", k->now, now,
                l->names[name]);
    } else if (l->n_known < RULESET_MAX_LAN) {
        k = &l->known[l->n_known++];
    } else {
        return;
    }
    *k = (struct known){.ifindex = ifindex, .name = name};
    snprintf(k->now, sizeof k->now, "%s", now);
    l->dirty = true;
}

static void part(struct lan *l, uint32_t ifindex)
{
    struct known *k = find(l, ifindex);
    if (!k)
        return;
    log_msg(LOG_NOTICE, "event=interface-gone name=%s configured=%s", k->now, l->names[k->name]);
    *k = l->known[--l->n_known];
    l->dirty = true;
}

static void on_link(struct lan *l, struct nlmsghdr *nlh)
{
    struct ifinfomsg *ifi = nlmsg_data(nlh);
    struct nlattr *tb[IFLA_MAX + 1];
    /* A port that leaves a bridge is a deleted link, too, of family AF_BRIDGE. */
    if (nlmsg_parse(nlh, sizeof *ifi, tb, IFLA_MAX, NULL) < 0 || ifi->ifi_family != AF_UNSPEC)
        return;
    l->dirty |= neigh_fast_link(&l->uplinks, nlh);
    if (nlh->nlmsg_type == RTM_DELLINK)
        part(l, (uint32_t)ifi->ifi_index);
    else if (tb[IFLA_IFNAME] && nla_len(tb[IFLA_IFNAME]) <= RULESET_IFNAME_LEN)
        meet(l, (uint32_t)ifi->ifi_index, nla_get_string(tb[IFLA_IFNAME]));
}

/* --- addresses and networks ------------------------------------------------------------------ */

static bool same(const struct place *a, const struct place *b)
{
    return a->ifindex == b->ifindex && a->net.family == b->net.family &&
           a->net.prefix == b->net.prefix && !memcmp(a->net.ip, b->net.ip, sizeof a->net.ip);
}

static void set_place(struct lan *l, struct places *all, const struct place *p, bool there)
{
    size_t i = 0;
    while (i < all->n && !same(&all->items[i], p))
        i++;
    if (there == (i < all->n))
        return;
    if (!there)
        all->items[i] = all->items[--all->n];
    else if (all->n < RULESET_MAX_NETWORKS)
        all->items[all->n++] = *p;
    else
        all->overflown = true;
    l->dirty = true;
}

static bool take_ip(struct place *p, int family, const struct nlattr *a, unsigned prefix)
{
    int len = family == AF_INET ? 4 : 16;
    if ((family != AF_INET && family != AF_INET6) || prefix > (unsigned)len * 8 ||
        (a && nla_len(a) != len))
        return false;
    p->net.family = family == AF_INET ? 4 : 6;
    p->net.prefix = (uint8_t)prefix;
    if (a)
        memcpy(p->net.ip, nla_data(a), (size_t)len);
    return true;
}

static void on_address(struct lan *l, struct nlmsghdr *nlh)
{
    struct ifaddrmsg *ifa = nlmsg_data(nlh);
    struct nlattr *tb[IFA_MAX + 1];
    if (nlmsg_parse(nlh, sizeof *ifa, tb, IFA_MAX, NULL) < 0)
        return;
    struct place p = {.ifindex = ifa->ifa_index};
    struct nlattr *ip = tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS];
    if (ip && find(l, p.ifindex) && take_ip(&p, ifa->ifa_family, ip, ifa->ifa_prefixlen))
        set_place(l, &l->own, &p, nlh->nlmsg_type == RTM_NEWADDR);
}

/* A network is on the link if the way there has no gateway. */
static void on_route(struct lan *l, struct nlmsghdr *nlh)
{
    l->dirty |= neigh_fast_route(&l->uplinks, nlh);
    struct rtmsg *rt = nlmsg_data(nlh);
    struct nlattr *tb[RTA_MAX + 1];
    if (nlmsg_parse(nlh, sizeof *rt, tb, RTA_MAX, NULL) < 0 || rt->rtm_table != RT_TABLE_MAIN ||
        rt->rtm_type != RTN_UNICAST || rt->rtm_flags & RTM_F_CLONED || !tb[RTA_OIF] ||
        tb[RTA_GATEWAY] || tb[RTA_VIA])
        return;
    struct place p = {.ifindex = nla_get_u32(tb[RTA_OIF])};
    if (find(l, p.ifindex) && take_ip(&p, rt->rtm_family, tb[RTA_DST], rt->rtm_dst_len))
        set_place(l, &l->networks, &p, nlh->nlmsg_type == RTM_NEWROUTE);
}

static int on_message(struct nl_msg *msg, void *arg)
{
    struct nlmsghdr *nlh = nlmsg_hdr(msg);
    switch (nlh->nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
        on_link(arg, nlh);
        break;
    case RTM_NEWADDR:
    case RTM_DELADDR:
        on_address(arg, nlh);
        break;
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        on_route(arg, nlh);
        break;
    default:
        break;
    }
    return NL_OK;
}

/* --- reading --------------------------------------------------------------------------------- */

static int list(struct lan *l, int type)
{
    struct rtmsg all = {.rtm_family = AF_UNSPEC}; /* the longest of the three, and all zero */
    struct ifinfomsg links = {.ifi_family = AF_UNSPEC};
    bool is_link = type == RTM_GETLINK;
    int r = nl_send_simple(l->ask, type, NLM_F_DUMP, is_link ? (void *)&links : (void *)&all,
                           is_link ? sizeof links : sizeof all);
    return r < 0 ? r : nl_recvmsgs_default(l->ask);
}

/* Interfaces that are no more are known no more; those that go by another name still are. */
static int read_all(struct lan *l)
{
    struct lan *old = malloc(sizeof *old);
    if (!old)
        return -ENOMEM;
    *old = *l;
    l->n_known = 0;
    l->own = l->networks = (struct places){.n = 0};
    neigh_fast_forget(&l->uplinks);
    int r = list(l, RTM_GETLINK);
    for (size_t i = 0; i < old->n_known && r == 0; i++) {
        char now[RULESET_IFNAME_LEN * 2];
        const struct known *k = &old->known[i];
        if (!find(l, k->ifindex) && k->name < l->n_names && l->n_known < RULESET_MAX_LAN &&
            if_indextoname(k->ifindex, now)) {
            l->known[l->n_known++] = *k;
            meet(l, k->ifindex, now);
        }
    }
    r = r == 0 ? list(l, RTM_GETADDR) : r;
    r = r == 0 ? list(l, RTM_GETROUTE) : r;
    if (r < 0)
        *l = *old;
    free(old);
    return r < 0 ? -EIO : 0;
}

static void on_readable(void *arg, int fd, int events)
{
    struct lan *l = arg;
    int r = 0;
    (void)fd, (void)events;
    for (int i = 0; i < 64 && r == 0; i++)
        r = nl_recvmsgs_default(l->watch);
    if (r < 0 && r != -NLE_AGAIN) { /* an overrun: what was missed is read */
        int error = read_all(l);
        log_msg(error ? LOG_ERR : LOG_NOTICE, "event=interfaces-read-again error=\"%s\"",
                error ? strerror(-error) : "");
        l->dirty = true;
    }
    if (l->dirty) {
        l->dirty = false;
        l->changed(l->arg);
    }
}

static struct nl_sock *open_socket(struct lan *l)
{
    struct nl_sock *sk = nl_socket_alloc();
    if (!sk)
        return NULL;
    nl_socket_disable_seq_check(sk);
    nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, on_message, l);
    if (nl_connect(sk, NETLINK_ROUTE) < 0) {
        nl_socket_free(sk);
        return NULL;
    }
    nl_socket_set_msg_buf_size(sk, 32768);
    nl_socket_set_buffer_size(sk, SOCKET_ROOM, 0);
    return sk;
}

/* --- life ------------------------------------------------------------------------------------ */

struct lan *lan_new(struct loop *loop, void (*changed)(void *arg), void *arg, char *err,
                    size_t err_len)
{
    struct lan *l = calloc(1, sizeof *l);
    if (!l) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    l->changed = changed;
    l->arg = arg;
    l->watch = open_socket(l);
    l->ask = open_socket(l);
    if (!l->watch || !l->ask ||
        nl_socket_add_memberships(l->watch, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                                  RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, 0) < 0) {
        snprintf(err, err_len, "no netlink socket for interfaces");
        lan_free(l);
        return NULL;
    }
    nl_socket_set_nonblocking(l->watch);
    l->io = loop_io_new(loop, nl_socket_get_fd(l->watch), LOOP_READ, on_readable, l);
    if (!l->io) {
        snprintf(err, err_len, "out of memory");
        lan_free(l);
        return NULL;
    }
    return l;
}

void lan_free(struct lan *l)
{
    if (!l)
        return;
    loop_io_free(l->io);
    if (l->watch)
        nl_socket_free(l->watch);
    if (l->ask)
        nl_socket_free(l->ask);
    free(l);
}

int lan_configure(struct lan *l, const struct ruleset_config *cfg)
{
    struct known kept[RULESET_MAX_LAN];
    size_t n = 0;
    for (size_t i = 0; i < l->n_known; i++) /* their places among the names may be others now */
        for (size_t j = 0; j < cfg->n_lan; j++)
            if (!strcmp(l->names[l->known[i].name], cfg->lan[j])) {
                kept[n] = l->known[i];
                kept[n++].name = j;
            }
    memcpy(l->known, kept, n * sizeof *kept);
    l->n_known = n;
    l->n_names = cfg->n_lan;
    memcpy(l->names, cfg->lan, sizeof l->names);
    neigh_fast_configure(&l->uplinks, cfg);
    int r = read_all(l);
    l->dirty = false;
    return r;
}

static void add_name(struct ruleset_config *out, const char *name)
{
    for (size_t i = 0; i < out->n_lan; i++)
        if (!strcmp(out->lan[i], name))
            return;
    if (out->n_lan == RULESET_MAX_LAN) {
        log_msg(LOG_ERR, "event=too-many-interfaces left_out=%s", name);
        return;
    }
    memset(out->lan[out->n_lan], 0, RULESET_IFNAME_LEN);
    memcpy(out->lan[out->n_lan++], name, strlen(name));
}

static size_t fill(const struct places *all, struct ruleset_network *out)
{
    for (size_t i = 0; i < all->n; i++)
        out[i] = all->items[i].net;
    return all->n;
}

void lan_fill(const struct lan *l, struct ruleset_config *out)
{
    for (size_t i = 0; i < l->n_known; i++)
        add_name(out, l->known[i].now);
    memset(out->lan_index, 0, sizeof out->lan_index);
    out->n_lan_index = l->n_known;
    for (size_t i = 0; i < l->n_known; i++)
        out->lan_index[i] = l->known[i].ifindex;
    out->n_own = fill(&l->own, out->own);
    /* Not all of them would be worse than none. */
    out->n_networks = l->networks.overflown ? 0 : fill(&l->networks, out->networks);
    out->n_fast_lan = out->n_uplinks = 0;
    if (!out->offload)
        return;
    for (size_t i = 0; i < l->n_known; i++)
        neigh_fast_lan(out, l->known[i].ifindex, l->known[i].now);
    neigh_fast_fill(&l->uplinks, out);
}

const char *lan_name(const struct lan *l, const char *now)
{
    for (size_t i = 0; i < l->n_known; i++)
        if (!strcmp(l->known[i].now, now))
            return l->names[l->known[i].name];
    for (size_t i = 0; i < l->n_names; i++)
        if (!strcmp(l->names[i], now))
            return l->names[i];
    return NULL;
}

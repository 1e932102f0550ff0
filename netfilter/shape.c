/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Two intermediate devices (ifb), one a direction, with one HTB each; what leaves a LAN interface
 * is led through the one, what comes in on it through the other. So a device has one queue on
 * whichever interface it is, the interfaces' own qdiscs stay the administrator's, and the uplink is
 * not touched.
 *
 *   download   the rule that accepts the packet writes its class into the packet's priority, which
 *              HTB finds without a filter (ruleset_rules.c): the lower 16 bits of the client number
 *   upload     comes before our rules: a u32 filter on the source address, in a hash of 256
 *
 * With br_netfilter a bridge's packets meet conntrack before they come in on the bridge, and only
 * then: led through another device behind that, they would belong to no conversation any more. So
 * where it is at work (net.bridge.bridge-nf-call-*) uploads are policed.
 *
 * What has no class passes without waiting. Numbers that share their lower 16 bits would share a
 * class, and so are never given out together (clients_set_classes). A table of many devices that
 * were numbered without queues may have such; then the second one is policed.
 *
 * Counting: uploads are shaped before they are counted, downloads after. What the download's queue
 * drops was counted but is not delivered, so its bytes are the class's own (Ethernet frames: 14
 * bytes a packet less). */
#include "netfilter/shape.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/shape_lead.h"
#include "netfilter/shape_tc.h"

#include <linux/gen_stats.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 65536

enum { UP, DOWN, WAYS };
static const char *const ifbs[WAYS] = {SHAPE_IFB_UP, SHAPE_IFB_DOWN};

struct slot {
    uint32_t number; /* 0: free */
    uint32_t filter; /* of the upload */
};

struct shape {
    struct nl_sock *nl, *watch;
    struct loop_io *watch_io;
    struct lead lead;
    unsigned ifb[WAYS];
    uint64_t line_Bps[WAYS];
    bool complete, police_up; /* of lead, when it was looked at last */
    void (*lost)(void *arg);
    void *arg;
    bool fair; /* the kernel has fq_codel */
    struct slot slots[SLOTS];
    /* the answer under way */
    uint32_t handle;
    bool found;
    uint64_t bytes, packets;
    uint16_t stale[SLOTS];
    size_t n_stale;
};

/* --- netlink
 * -------------------------------------------------------------------------------------- */

/* One of a dump: a class of nobody, or a device's filter. */
static void on_listed(struct shape *s, const struct nlmsghdr *h, struct nlattr **tb)
{
    const struct tcmsg *t = nlmsg_data(h);
    uint32_t minor = TC_H_MIN(t->tcm_handle);
    struct nlattr *u[TCA_U32_MAX + 1];
    if (h->nlmsg_type == RTM_NEWTCLASS) {
        if (minor && minor < SHAPE_LINE && TC_H_MAJ(t->tcm_handle) == SHAPE_HANDLE &&
            !s->slots[minor].number && s->n_stale < SLOTS)
            s->stale[s->n_stale++] = (uint16_t)minor;
    } else if (h->nlmsg_type == RTM_NEWTFILTER && tb[TCA_OPTIONS] &&
               TC_U32_HTID(t->tcm_handle) == SHAPE_HASH && TC_U32_NODE(t->tcm_handle) &&
               nla_parse_nested(u, TCA_U32_MAX, tb[TCA_OPTIONS], NULL) == 0 && u[TCA_U32_CLASSID]) {
        s->slots[TC_H_MIN(nla_get_u32(u[TCA_U32_CLASSID]))].filter = t->tcm_handle;
    }
}

static void on_stats(struct shape *s, struct nlattr *stats)
{
    struct nlattr *st[TCA_STATS_MAX + 1];
    struct gnet_stats_basic b = {0};
    if (nla_parse_nested(st, TCA_STATS_MAX, stats, NULL) < 0 || !st[TCA_STATS_BASIC])
        return;
    size_t len = (size_t)nla_len(st[TCA_STATS_BASIC]);
    memcpy(&b, nla_data(st[TCA_STATS_BASIC]), len < sizeof b ? len : sizeof b);
    s->bytes = b.bytes;
    s->packets = b.packets;
    if (st[TCA_STATS_PKT64] && nla_len(st[TCA_STATS_PKT64]) == (int)sizeof s->packets)
        s->packets = nla_get_u64(st[TCA_STATS_PKT64]);
    s->found = true;
}

static int on_object(struct nl_msg *m, void *arg)
{
    struct shape *s = arg;
    struct nlmsghdr *h = nlmsg_hdr(m);
    struct nlattr *tb[TCA_MAX + 1];
    if (h->nlmsg_type < RTM_NEWQDISC || h->nlmsg_type > RTM_GETTFILTER ||
        nlmsg_parse(h, sizeof(struct tcmsg), tb, TCA_MAX, NULL) < 0)
        return NL_SKIP;
    s->handle = ((const struct tcmsg *)nlmsg_data(h))->tcm_handle;
    if (h->nlmsg_flags & NLM_F_MULTI)
        on_listed(s, h, tb);
    else if (tb[TCA_STATS2])
        on_stats(s, tb[TCA_STATS2]);
    return NL_OK;
}

static void list(struct shape *s, int type, int way, uint32_t parent)
{
    struct nl_msg *m = tc_message(type, NLM_F_DUMP, s->ifb[way], parent, 0, 0, NULL);
    if (m && nl_send_auto(s->nl, m) >= 0)
        nl_recvmsgs_default(s->nl);
    nlmsg_free(m);
}

/* --- devices
 * --------------------------------------------------------------------------------------- */

static bool put_way(struct shape *s, int way, uint32_t minor, uint64_t Bps, bool *made)
{
    uint64_t line = s->line_Bps[way];
    struct tc_class c = {.parent = line ? SHAPE_LINE : 0, .minor = minor};
    c.ceil_Bps = Bps == GATE_UNLIMITED || (line && line < Bps) ? line : Bps;
    if (!c.ceil_Bps)
        c.ceil_Bps = UINT64_MAX;
    c.rate_Bps = line ? SHAPE_LEAST_Bps : c.ceil_Bps;
    int r = tc_put_class(s->nl, s->ifb[way], NLM_F_EXCL, &c);
    *made = r == 0;
    if (r == -NLE_EXIST)
        r = tc_put_class(s->nl, s->ifb[way], 0, &c);
    if (*made)
        tc_put_queue(s->nl, s->ifb[way], minor, c.ceil_Bps, &s->fair);
    return r == 0;
}

static bool put_filter(struct shape *s, const struct mac *mac, struct slot *slot, uint32_t minor)
{
    if (slot->filter)
        return true;
    s->handle = 0;
    if (tc_put_filter(s->nl, s->ifb[UP], mac, minor) == 0)
        slot->filter = s->handle;
    return slot->filter != 0;
}

static void drop_classes(struct shape *s, uint32_t minor)
{
    for (int way = 0; way < WAYS; way++)
        tc_talk(s->nl, tc_message(RTM_DELTCLASS, 0, s->ifb[way], 0, SHAPE_HANDLE | minor, 0, NULL));
}

bool shape_wanted(const struct shape *s, uint64_t up_Bps, uint64_t down_Bps)
{
    return s->line_Bps[UP] || s->line_Bps[DOWN] || up_Bps != GATE_UNLIMITED ||
           down_Bps != GATE_UNLIMITED;
}

bool shape_put(struct shape *s, const struct mac *mac, uint32_t number, uint64_t up_Bps,
               uint64_t down_Bps, bool *made)
{
    uint32_t minor = number & SHAPE_NUMBERS;
    struct slot *slot = &s->slots[minor];
    bool up_made;
    if (minor == 0 || minor == SHAPE_LINE || (slot->number && slot->number != number))
        return false;
    if (!s->complete || !shape_wanted(s, up_Bps, down_Bps)) {
        shape_drop(s, number);
        return false;
    }
    if (put_way(s, DOWN, minor, down_Bps, made) && put_way(s, UP, minor, up_Bps, &up_made) &&
        put_filter(s, mac, slot, minor)) {
        slot->number = number;
        return true;
    }
    slot->number = number;
    shape_drop(s, number);
    return false;
}

void shape_drop(struct shape *s, uint32_t number)
{
    uint32_t minor = number & SHAPE_NUMBERS;
    struct slot *slot = &s->slots[minor];
    if (!number || slot->number != number)
        return;
    if (slot->filter)
        tc_delete_filters(s->nl, s->ifb[UP], SHAPE_HANDLE, slot->filter);
    drop_classes(s, minor);
    *slot = (struct slot){0};
}

static bool has_class(struct shape *s, int way, uint32_t minor)
{
    s->found = false;
    int r = tc_talk(s->nl, tc_message(RTM_GETTCLASS, NLM_F_ECHO, s->ifb[way], 0,
                                      SHAPE_HANDLE | minor, 0, NULL));
    return r == 0 && s->found;
}

bool shape_sent(struct shape *s, uint32_t number, uint64_t *bytes, uint64_t *packets)
{
    uint32_t minor = number & SHAPE_NUMBERS;
    if (!number || s->slots[minor].number != number || !has_class(s, DOWN, minor))
        return false;
    *packets = s->packets;
    *bytes = s->bytes > SHAPE_FRAME * s->packets ? s->bytes - SHAPE_FRAME * s->packets : 0;
    return true;
}

bool shape_uploads(const struct shape *s)
{
    return s->complete && !s->police_up;
}

bool shape_complete(const struct shape *s)
{
    return s->complete;
}

void shape_others(struct shape *s, void (*fn)(void *arg, const struct gate_chain *c), void *arg)
{
    lead_others(&s->lead, s->nl, fn, arg);
}

void shape_purge(struct shape *s)
{
    for (int way = 0; way < WAYS; way++) {
        s->n_stale = 0;
        list(s, RTM_GETTCLASS, way, 0);
        for (size_t i = 0; i < s->n_stale; i++) {
            struct slot *slot = &s->slots[s->stale[i]];
            if (slot->filter)
                tc_delete_filters(s->nl, s->ifb[UP], SHAPE_HANDLE, slot->filter);
            slot->filter = 0;
            tc_talk(s->nl, tc_message(RTM_DELTCLASS, 0, s->ifb[way], 0, SHAPE_HANDLE | s->stale[i],
                                      0, NULL));
        }
    }
}

/* --- coming and going
 * -------------------------------------------------------------------------------- */

static int set_up_way(struct shape *s, int way)
{
    struct tc_class line = {0, SHAPE_LINE, s->line_Bps[way], s->line_Bps[way]};
    s->ifb[way] = if_nametoindex(ifbs[way]);
    if (s->ifb[way] && has_class(s, way, SHAPE_LINE) != (s->line_Bps[way] != 0))
        tc_delete_ifb(s->nl, ifbs[way]); /* a class has its parent for life */
    int r = tc_make_ifb(s->nl, ifbs[way]);
    s->ifb[way] = if_nametoindex(ifbs[way]);
    if (r < 0 && !s->ifb[way])
        return r;
    r = tc_make_root(s->nl, s->ifb[way]);
    if (r < 0 && r != -NLE_EXIST)
        return r;
    return s->line_Bps[way] ? tc_put_class(s->nl, s->ifb[way], 0, &line) : 0;
}

/* What is missing of the devices and their roots; what is there stays. */
static int set_up(struct shape *s)
{
    memset(s->slots, 0, sizeof s->slots);
    int r = set_up_way(s, UP);
    r = r < 0 ? r : set_up_way(s, DOWN);
    r = r < 0 ? r : tc_make_hash(s->nl, s->ifb[UP]);
    if (r == 0)
        list(s, RTM_GETTFILTER, UP, SHAPE_HANDLE);
    return r;
}

/* Leads what is not; true: other devices can have queues now than before. */
static bool lead(struct shape *s)
{
    bool complete = s->complete, police_up = s->police_up;
    s->lead.ifb_up = s->ifb[UP];
    s->lead.ifb_down = s->ifb[DOWN];
    lead_all(&s->lead, s->nl);
    s->complete = lead_complete(&s->lead);
    s->police_up = s->lead.police_up;
    return complete != s->complete || police_up != s->police_up;
}

static int on_link(struct nl_msg *m, void *arg)
{
    bool *changed = arg;
    (void)m;
    *changed = true;
    return NL_OK;
}

static void on_watch(void *arg, int fd, int events)
{
    struct shape *s = arg;
    bool changed = false, gone = false;
    (void)fd, (void)events;
    nl_socket_modify_cb(s->watch, NL_CB_VALID, NL_CB_CUSTOM, on_link, &changed);
    for (int i = 0; i < 64 && nl_recvmsgs_default(s->watch) == 0; i++)
        ;
    for (int way = 0; way < WAYS; way++)
        gone = gone || if_nametoindex(ifbs[way]) != s->ifb[way];
    if (gone) {
        lead_forget(&s->lead);
        int r = set_up(s);
        log_msg(r < 0 ? LOG_ERR : LOG_WARNING,
                "event=queues-rebuilt reason=\"somebody deleted them\" error=\"%s\"",
                r < 0 ? nl_geterror(r) : "");
    }
    bool other = lead(s);
    if (gone || other)
        s->lost(s->arg);
}

static struct nl_sock *open_socket(void)
{
    struct nl_sock *nl = nl_socket_alloc();
    if (nl && nl_connect(nl, NETLINK_ROUTE) == 0)
        return nl;
    if (nl)
        nl_socket_free(nl);
    return NULL;
}

struct shape *shape_new(struct loop *loop, const struct shape_config *cfg, void (*lost)(void *arg),
                        void *arg, char *err, size_t err_len)
{
    struct shape *s = calloc(1, sizeof *s);
    if (!s || !(s->nl = open_socket()) || !(s->watch = open_socket()) || !lead_listen(s->watch) ||
        nl_socket_add_memberships(s->watch, RTNLGRP_LINK, RTNLGRP_TC, 0) < 0) {
        snprintf(err, err_len, "no netlink socket");
        shape_free(s);
        return NULL;
    }
    nl_socket_disable_seq_check(s->watch);
    nl_socket_set_nonblocking(s->watch);
    nl_socket_modify_cb(s->nl, NL_CB_VALID, NL_CB_CUSTOM, on_object, s);
    s->lost = lost;
    s->arg = arg;
    s->fair = s->complete = true;
    s->line_Bps[UP] = cfg->line_up_Bps;
    s->line_Bps[DOWN] = cfg->line_down_Bps;
    int r = set_up(s);
    s->watch_io = loop_io_new(loop, nl_socket_get_fd(s->watch), LOOP_READ, on_watch, s);
    if (r < 0 || !s->watch_io) {
        snprintf(err, err_len, "the kernel has no %s: %s", s->ifb[DOWN] ? "htb or u32" : "ifb",
                 nl_geterror(r));
        shape_free(s);
        return NULL;
    }
    lead_set(&s->lead, s->nl, cfg->lan, cfg->n_lan);
    lead(s);
    return s;
}

void shape_interfaces(struct shape *s, const char (*lan)[16], size_t n_lan)
{
    lead_set(&s->lead, s->nl, lan, n_lan);
    if (lead(s))
        s->lost(s->arg);
}

void shape_remove(const char (*lan)[16], size_t n_lan)
{
    if (!if_nametoindex(SHAPE_IFB_UP) && !if_nametoindex(SHAPE_IFB_DOWN))
        return;
    struct nl_sock *nl = open_socket();
    if (!nl)
        return;
    for (size_t i = 0; i < n_lan; i++)
        lead_remove(nl, lan[i]);
    for (int way = 0; way < WAYS; way++)
        tc_delete_ifb(nl, ifbs[way]);
    nl_socket_free(nl);
}

void shape_free(struct shape *s)
{
    if (!s)
        return;
    loop_io_free(s->watch_io);
    if (s->watch)
        nl_socket_free(s->watch);
    if (s->nl)
        nl_socket_free(s->nl);
    free(s);
}

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
 * What has no class passes without waiting. Numbers that share their lower 16 bits share no class:
 * the second device is policed.
 *
 * Counting: uploads are shaped before they are counted, downloads after. What the download's queue
 * drops was counted but is not delivered, so its bytes are the class's own (Ethernet frames: 14
 * bytes a packet less). */
#include "netfilter/shape.h"
#include "lib/log.h"
#include "lib/loop.h"

#include <errno.h>
#include <linux/gen_stats.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS       65536
#define FILTER_PRIO 0x4c47
#define HASH_TABLE  0x4c500000U /* u32's own: a table, a bucket, a node */
#define HASH_LINK   0x80000801U /* the way there, in the first table */
#define ANSWERS_MAX 8
#define FRAME       14
#define LEAST_Bps   1000
#define MOST_Bps    UINT64_C(4000000000)
#define QUEUE_LEAST 16384 /* bytes; the rest: what QUEUE_MS of the rate are */
#define QUEUE_MOST  2000000
#define QUEUE_MS    150
#define BURST_MS    10
#define QUANTUM     3028 /* two frames: neighbours that want more than there is take turns */
#define TX_QUEUE    1000

enum { UP, DOWN, WAYS };
static const char *const ifbs[WAYS] = {SHAPE_IFB_UP, SHAPE_IFB_DOWN};

struct slot {
    uint32_t number; /* 0: free */
    uint32_t filter; /* of the upload */
};

struct shape {
    struct nl_sock *nl, *watch;
    struct loop_io *watch_io;
    char lan[256][IFNAMSIZ];
    unsigned lan_index[256]; /* that the filters are on */
    size_t n_lan;
    unsigned ifb[WAYS];
    uint64_t line_Bps[WAYS];
    bool police_up; /* br_netfilter */
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

static struct nl_msg *tc_msg(int type, int flags, unsigned ifindex, uint32_t parent,
                             uint32_t handle, uint32_t info, const char *kind)
{
    struct tcmsg t = {.tcm_family = AF_UNSPEC,
                      .tcm_ifindex = (int)ifindex,
                      .tcm_parent = parent,
                      .tcm_handle = handle,
                      .tcm_info = info};
    struct nl_msg *m = nlmsg_alloc_simple(type, flags);
    if (m && (nlmsg_append(m, &t, sizeof t, NLMSG_ALIGNTO) < 0 ||
              (kind && nla_put_string(m, TCA_KIND, kind) < 0))) {
        nlmsg_free(m);
        return NULL;
    }
    return m;
}

static int on_ack(struct nl_msg *m, void *arg)
{
    (void)m;
    *(bool *)arg = true;
    return NL_STOP;
}

/* Sends, frees, waits for the acknowledgement, before which what was asked for may come (libnl's
 * own nl_send_sync takes the one for the other). 0 or a negative number of libnl's. */
static int talk(struct nl_sock *nl, struct nl_msg *m)
{
    bool done = false;
    struct nl_cb *own = nl_socket_get_cb(nl), *cb = m ? nl_cb_clone(own) : NULL;
    int r = cb ? nl_send_auto(nl, m) : -NLE_NOMEM;
    nlmsg_free(m);
    nl_cb_put(own);
    if (!cb)
        return r;
    nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, &done);
    for (int i = 0; i < ANSWERS_MAX && r >= 0 && !done; i++)
        r = nl_recvmsgs(nl, cb);
    nl_cb_put(cb);
    return r < 0 ? r : 0;
}

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
               TC_U32_HTID(t->tcm_handle) == HASH_TABLE && TC_U32_NODE(t->tcm_handle) &&
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
    struct nl_msg *m = tc_msg(type, NLM_F_DUMP, s->ifb[way], parent, 0, 0, NULL);
    if (m && nl_send_auto(s->nl, m) >= 0)
        nl_recvmsgs_default(s->nl);
    nlmsg_free(m);
}

/* --- the two devices
 * ------------------------------------------------------------------------------- */

static int make_ifb(struct nl_sock *nl, const char *name)
{
    struct ifinfomsg i = {.ifi_family = AF_UNSPEC, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE);
    struct nlattr *info;
    if (!m || nlmsg_append(m, &i, sizeof i, NLMSG_ALIGNTO) < 0 ||
        nla_put_string(m, IFLA_IFNAME, name) < 0 || nla_put_u32(m, IFLA_TXQLEN, TX_QUEUE) < 0 ||
        !(info = nla_nest_start(m, IFLA_LINKINFO)) ||
        nla_put_string(m, IFLA_INFO_KIND, "ifb") < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, info);
    return talk(nl, m);
}

static void delete_ifb(struct nl_sock *nl, const char *name)
{
    struct ifinfomsg i = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)};
    struct nl_msg *m = i.ifi_index ? nlmsg_alloc_simple(RTM_DELLINK, 0) : NULL;
    if (m && nlmsg_append(m, &i, sizeof i, NLMSG_ALIGNTO) == 0)
        talk(nl, m);
    else
        nlmsg_free(m);
}

static int make_root(struct shape *s, unsigned ifindex)
{
    struct tc_htb_glob g = {.version = 3, .rate2quantum = 10};
    struct nl_msg *m =
        tc_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_ROOT, SHAPE_HANDLE, 0, "htb");
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put(m, TCA_HTB_INIT, sizeof g, &g) < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    return talk(s->nl, m);
}

static uint64_t within(uint64_t v, uint64_t least, uint64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* IP bytes a second as Ethernet frames' bytes a second, for full packets. */
static uint32_t frames_Bps(uint64_t Bps)
{
    Bps = within(Bps, LEAST_Bps, MOST_Bps);
    return (uint32_t)(Bps + Bps * FRAME / ETH_DATA_LEN);
}

static uint32_t ticks(uint32_t Bps) /* that the burst takes at this rate; of 64 ns */
{
    uint64_t ns =
        within(2 * ETH_FRAME_LEN * UINT64_C(1000000000) / Bps, BURST_MS * 1000000, UINT32_MAX);
    return (uint32_t)(ns >> 6);
}

static int put_class(struct shape *s, int way, int flags, uint32_t minor, uint64_t rate,
                     uint64_t ceil)
{
    bool within_line = s->line_Bps[way] && minor != SHAPE_LINE;
    uint32_t parent = SHAPE_HANDLE | (within_line ? SHAPE_LINE : 0);
    struct tc_htb_opt o = {.rate = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = frames_Bps(rate)},
                           .ceil = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = frames_Bps(ceil)},
                           .quantum = QUANTUM};
    o.buffer = ticks(o.rate.rate);
    o.cbuffer = ticks(o.ceil.rate);
    struct nl_msg *m = tc_msg(RTM_NEWTCLASS, NLM_F_CREATE | flags, s->ifb[way], parent,
                              SHAPE_HANDLE | minor, 0, "htb");
    struct nlattr *n = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!n || nla_put(m, TCA_HTB_PARMS, sizeof o, &o) < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, n);
    return talk(s->nl, m);
}

/* --- filters
 * --------------------------------------------------------------------------------------- */

struct selector {
    struct tc_u32_sel sel;
    struct tc_u32_key keys[2];
};

static bool put_selector(struct nl_msg *m, struct selector *x, unsigned n_keys)
{
    x->sel.nkeys = (unsigned char)n_keys;
    size_t len = sizeof x->sel + n_keys * sizeof *x->keys;
    return nla_put(m, TCA_U32_SEL, (int)len, x) == 0;
}

static struct nl_msg *filter_msg(int flags, unsigned ifindex, uint32_t parent, uint32_t handle)
{
    uint32_t info = TC_H_MAKE((uint32_t)FILTER_PRIO << 16, htons(ETH_P_ALL));
    return tc_msg(RTM_NEWTFILTER, NLM_F_CREATE | flags, ifindex, parent, handle, info, "u32");
}

static void delete_filters(struct nl_sock *nl, unsigned ifindex, uint32_t parent, uint32_t handle)
{
    uint32_t info = TC_H_MAKE((uint32_t)FILTER_PRIO << 16, htons(ETH_P_ALL));
    talk(nl, tc_msg(RTM_DELTFILTER, 0, ifindex, parent, handle, info, "u32"));
}

/* The last byte of the source address chooses the bucket; u32 counts from the network header, and
 * reads four bytes at a time: -8 is the address's beginning. */
static int make_hash(struct shape *s)
{
    struct selector any = {.sel = {.hoff = -4, .hmask = htonl(0x00ff0000)}};
    struct nl_msg *m = filter_msg(NLM_F_EXCL, s->ifb[UP], SHAPE_HANDLE, HASH_TABLE);
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_U32_DIVISOR, 256) < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    int r = talk(s->nl, m);
    if (r < 0 && r != -NLE_EXIST)
        return r;
    m = filter_msg(NLM_F_EXCL, s->ifb[UP], SHAPE_HANDLE, HASH_LINK);
    o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_U32_LINK, HASH_TABLE) < 0 || !put_selector(m, &any, 1)) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    r = talk(s->nl, m);
    return r == -NLE_EXIST ? 0 : r;
}

static int put_filter(struct shape *s, const struct mac *mac, struct slot *slot, uint32_t minor)
{
    struct selector x = {
        .sel = {.flags = TC_U32_TERMINAL},
        .keys = {{.mask = UINT32_MAX, .off = -8}, {.mask = htonl(0xffff0000), .off = -4}}};
    memcpy(&x.keys[0].val, mac->b, 4);
    memcpy(&x.keys[1].val, mac->b + 4, 2);
    struct nl_msg *m = filter_msg(NLM_F_EXCL | NLM_F_ECHO, s->ifb[UP], SHAPE_HANDLE, 0);
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_U32_CLASSID, SHAPE_HANDLE | minor) < 0 ||
        nla_put_u32(m, TCA_U32_HASH, HASH_TABLE | (uint32_t)mac->b[5] << 12) < 0 ||
        !put_selector(m, &x, 2)) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    s->handle = 0;
    int r = talk(s->nl, m);
    slot->filter = r == 0 ? s->handle : 0;
    return r;
}

static bool put_action(struct nl_msg *m, unsigned ifindex)
{
    struct tc_mirred act = {
        .action = TC_ACT_STOLEN, .eaction = TCA_EGRESS_REDIR, .ifindex = ifindex};
    struct nlattr *all = nla_nest_start(m, TCA_U32_ACT), *first, *o;
    if (!all || !(first = nla_nest_start(m, 1)) || nla_put_string(m, TCA_ACT_KIND, "mirred") < 0 ||
        !(o = nla_nest_start(m, TCA_ACT_OPTIONS)) ||
        nla_put(m, TCA_MIRRED_PARMS, sizeof act, &act) < 0)
        return false;
    nla_nest_end(m, o);
    nla_nest_end(m, first);
    nla_nest_end(m, all);
    return true;
}

/* Leads a LAN interface's packets through our devices. */
static int attach(struct shape *s, unsigned ifindex)
{
    static const uint32_t hooks[WAYS] = {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS};
    int r = talk(s->nl, tc_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT,
                               TC_H_MAKE(TC_H_CLSACT, 0), 0, "clsact"));
    if (r < 0 && r != -NLE_EXIST)
        return r;
    r = 0;
    for (int way = 0; way < WAYS && r == 0; way++) {
        struct selector any = {.sel = {.flags = TC_U32_TERMINAL}};
        uint32_t parent = TC_H_MAKE(TC_H_CLSACT, hooks[way]);
        delete_filters(s->nl, ifindex, parent, 0);
        if (way == UP && s->police_up)
            continue;
        struct nl_msg *m = filter_msg(NLM_F_EXCL, ifindex, parent, 0);
        struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
        if (!o || !put_selector(m, &any, 1) || !put_action(m, s->ifb[way])) {
            nlmsg_free(m);
            return -NLE_NOMEM;
        }
        nla_nest_end(m, o);
        r = talk(s->nl, m);
    }
    return r;
}

static bool is_one(const char *path)
{
    FILE *f = fopen(path, "re");
    bool one = f && fgetc(f) == '1';
    if (f)
        fclose(f);
    return one;
}

/* It may come at any time: with it comes somebody's bridge, of which the kernel tells us. */
static void look_for_br_netfilter(struct shape *s)
{
    bool now = is_one("/proc/sys/net/bridge/bridge-nf-call-iptables") ||
               is_one("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
    if (now == s->police_up)
        return;
    s->police_up = now;
    memset(s->lan_index, 0, sizeof s->lan_index);
    log_msg(LOG_WARNING,
            "event=uploads uploads=%s reason=\"net.bridge.bridge-nf-call-iptables and -ip6tables\"",
            now ? "policed" : "shaped");
}

static void attach_all(struct shape *s)
{
    look_for_br_netfilter(s);
    for (size_t i = 0; i < s->n_lan; i++) {
        unsigned now = if_nametoindex(s->lan[i]);
        if (now == 0 || now == s->lan_index[i])
            continue;
        int r = attach(s, now);
        if (r == 0)
            s->lan_index[i] = now;
        else
            log_msg(LOG_ERR, "event=not-shaped interface=%s reason=\"%s\"", s->lan[i],
                    nl_geterror(r));
    }
}

/* --- devices
 * --------------------------------------------------------------------------------------- */

/* A queue that lets a device's own conversations take turns where the kernel can, else a short one:
 * it is the device's own waiting time. */
static void put_queue(struct shape *s, int way, uint32_t minor, uint64_t Bps)
{
    uint32_t parent = SHAPE_HANDLE | minor;
    if (s->fair) {
        struct nl_msg *m = tc_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, s->ifb[way], parent,
                                  0, 0, "fq_codel");
        struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
        if (o && nla_put_u32(m, TCA_FQ_CODEL_FLOWS, 64) == 0) {
            nla_nest_end(m, o);
            s->fair = talk(s->nl, m) == 0;
        } else {
            nlmsg_free(m);
        }
    }
    if (s->fair)
        return;
    struct tc_fifo_qopt q = {(uint32_t)within(Bps * QUEUE_MS / 1000, QUEUE_LEAST, QUEUE_MOST)};
    struct nl_msg *m =
        tc_msg(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, s->ifb[way], parent, 0, 0, "bfifo");
    if (m && nla_put(m, TCA_OPTIONS, sizeof q, &q) == 0)
        talk(s->nl, m); /* without it, the kernel's own: TX_QUEUE packets */
    else
        nlmsg_free(m);
}

static bool put_way(struct shape *s, int way, uint32_t minor, uint64_t Bps, bool *made)
{
    uint64_t line = s->line_Bps[way],
             ceil = Bps == GATE_UNLIMITED || (line && line < Bps) ? line : Bps;
    uint64_t rate = line ? LEAST_Bps : ceil;
    if (ceil == 0)
        ceil = rate = MOST_Bps;
    int r = put_class(s, way, NLM_F_EXCL, minor, rate, ceil);
    *made = r == 0;
    if (r == -NLE_EXIST)
        r = put_class(s, way, 0, minor, rate, ceil);
    if (*made)
        put_queue(s, way, minor, ceil);
    return r == 0;
}

static void drop_classes(struct shape *s, uint32_t minor)
{
    for (int way = 0; way < WAYS; way++)
        talk(s->nl, tc_msg(RTM_DELTCLASS, 0, s->ifb[way], 0, SHAPE_HANDLE | minor, 0, NULL));
}

bool shape_put(struct shape *s, const struct mac *mac, uint32_t number, uint64_t up_Bps,
               uint64_t down_Bps, bool *made)
{
    uint32_t minor = number & SHAPE_NUMBERS;
    struct slot *slot = &s->slots[minor];
    bool up_made;
    if (minor == 0 || minor == SHAPE_LINE || (slot->number && slot->number != number))
        return false;
    if (!s->line_Bps[UP] && !s->line_Bps[DOWN] && up_Bps == GATE_UNLIMITED &&
        down_Bps == GATE_UNLIMITED) {
        shape_drop(s, number);
        return false;
    }
    if (put_way(s, DOWN, minor, down_Bps, made) && put_way(s, UP, minor, up_Bps, &up_made) &&
        (slot->filter || put_filter(s, mac, slot, minor) == 0)) {
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
        delete_filters(s->nl, s->ifb[UP], SHAPE_HANDLE, slot->filter);
    drop_classes(s, minor);
    *slot = (struct slot){0};
}

bool shape_sent(struct shape *s, uint32_t number, uint64_t *bytes, uint64_t *packets)
{
    uint32_t minor = number & SHAPE_NUMBERS;
    if (!number || s->slots[minor].number != number)
        return false;
    s->found = false;
    int r = talk(s->nl,
                 tc_msg(RTM_GETTCLASS, NLM_F_ECHO, s->ifb[DOWN], 0, SHAPE_HANDLE | minor, 0, NULL));
    if (r < 0 || !s->found)
        return false;
    *packets = s->packets;
    *bytes = s->bytes > FRAME * s->packets ? s->bytes - FRAME * s->packets : 0;
    return true;
}

bool shape_uploads(const struct shape *s)
{
    return !s->police_up;
}

void shape_purge(struct shape *s)
{
    for (int way = 0; way < WAYS; way++) {
        s->n_stale = 0;
        list(s, RTM_GETTCLASS, way, 0);
        for (size_t i = 0; i < s->n_stale; i++) {
            struct slot *slot = &s->slots[s->stale[i]];
            if (slot->filter)
                delete_filters(s->nl, s->ifb[UP], SHAPE_HANDLE, slot->filter);
            slot->filter = 0;
            talk(s->nl,
                 tc_msg(RTM_DELTCLASS, 0, s->ifb[way], 0, SHAPE_HANDLE | s->stale[i], 0, NULL));
        }
    }
}

/* --- coming and going
 * -------------------------------------------------------------------------------- */

/* What is missing of the devices and their roots; what is there stays. */
static int set_up(struct shape *s)
{
    for (int i = 0; i < SLOTS; i++)
        s->slots[i] = (struct slot){0};
    for (int way = 0; way < WAYS; way++) {
        int r = make_ifb(s->nl, ifbs[way]);
        s->ifb[way] = if_nametoindex(ifbs[way]);
        if (r < 0 && !s->ifb[way])
            return r;
        r = make_root(s, s->ifb[way]);
        if (r < 0 && r != -NLE_EXIST)
            return r;
        r = s->line_Bps[way] ? put_class(s, way, 0, SHAPE_LINE, s->line_Bps[way], s->line_Bps[way])
                             : 0;
        if (r < 0)
            return r;
    }
    int r = make_hash(s);
    if (r == 0)
        list(s, RTM_GETTFILTER, UP, SHAPE_HANDLE);
    return r;
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
        memset(s->lan_index, 0, sizeof s->lan_index);
        int r = set_up(s);
        log_msg(r < 0 ? LOG_ERR : LOG_WARNING,
                "event=queues-rebuilt reason=\"somebody deleted them\" error=\"%s\"",
                r < 0 ? nl_geterror(r) : "");
        s->lost(s->arg);
    }
    attach_all(s);
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
    if (!s || !(s->nl = open_socket()) || !(s->watch = open_socket()) ||
        nl_socket_add_memberships(s->watch, RTNLGRP_LINK, 0) < 0) {
        snprintf(err, err_len, "no netlink socket");
        shape_free(s);
        return NULL;
    }
    nl_socket_disable_seq_check(s->watch);
    nl_socket_set_nonblocking(s->watch);
    nl_socket_modify_cb(s->nl, NL_CB_VALID, NL_CB_CUSTOM, on_object, s);
    s->lost = lost;
    s->arg = arg;
    s->fair = true;
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
    shape_interfaces(s, cfg->lan, cfg->n_lan);
    return s;
}

static void detach(struct nl_sock *nl, const char *name)
{
    unsigned ifindex = if_nametoindex(name);
    if (!ifindex)
        return;
    delete_filters(nl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), 0);
    delete_filters(nl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), 0);
}

void shape_interfaces(struct shape *s, const char (*lan)[16], size_t n_lan)
{
    n_lan = n_lan < 256 ? n_lan : 256;
    if (n_lan == s->n_lan && !memcmp(s->lan, lan, n_lan * sizeof *s->lan)) {
        attach_all(s);
        return;
    }
    for (size_t i = 0; i < s->n_lan; i++) {
        bool kept = false;
        for (size_t j = 0; j < n_lan; j++)
            kept = kept || !strcmp(s->lan[i], lan[j]);
        if (!kept)
            detach(s->nl, s->lan[i]);
    }
    s->n_lan = n_lan;
    memset(s->lan_index, 0, sizeof s->lan_index);
    memcpy(s->lan, lan, s->n_lan * sizeof *s->lan);
    attach_all(s);
}

void shape_remove(const char (*lan)[16], size_t n_lan)
{
    if (!if_nametoindex(SHAPE_IFB_UP) && !if_nametoindex(SHAPE_IFB_DOWN))
        return;
    struct nl_sock *nl = open_socket();
    if (!nl)
        return;
    for (size_t i = 0; i < n_lan; i++)
        detach(nl, lan[i]);
    for (int way = 0; way < WAYS; way++)
        delete_ifb(nl, ifbs[way]);
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

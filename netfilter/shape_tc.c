/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of rtnetlink that shape.c speaks: ifb devices, HTB, u32, mirred. */
#include "netfilter/shape_tc.h"
#include "netfilter/shape.h"

#include <errno.h>
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
#include <string.h>

#define HASH_LINK   0x80000801U /* the way to the hash, in u32's first table */
#define ANSWERS_MAX 8
#define MOST_Bps    UINT64_C(4000000000)
#define QUEUE_LEAST 16384 /* bytes; the rest: what QUEUE_MS of the rate are */
#define QUEUE_MOST  2000000
#define QUEUE_MS    150
#define FAIR_FLOWS  64
#define BURST_MS    10
#define QUANTUM     3028 /* two frames: neighbours that want more than there is take turns */
#define TX_QUEUE    1000

struct nl_msg *tc_message(int type, int flags, unsigned ifindex, uint32_t parent, uint32_t handle,
                          uint32_t info, const char *kind)
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
int tc_talk(struct nl_sock *nl, struct nl_msg *m)
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

struct listing {
    void (*fn)(void *arg, const struct tcmsg *t, const char *kind);
    void *arg;
};

static int on_listed(struct nl_msg *m, void *arg)
{
    const struct listing *l = arg;
    struct nlmsghdr *h = nlmsg_hdr(m);
    struct nlattr *tb[TCA_MAX + 1];
    if (h->nlmsg_type >= RTM_NEWQDISC && h->nlmsg_type <= RTM_GETTFILTER &&
        nlmsg_parse(h, sizeof(struct tcmsg), tb, TCA_MAX, NULL) >= 0)
        l->fn(l->arg, nlmsg_data(h), tb[TCA_KIND] ? nla_get_string(tb[TCA_KIND]) : "");
    return NL_OK;
}

int tc_list(struct nl_sock *nl, int type, unsigned ifindex, uint32_t parent,
            void (*fn)(void *arg, const struct tcmsg *t, const char *kind), void *arg)
{
    struct listing l = {fn, arg};
    struct nl_cb *own = nl_socket_get_cb(nl), *cb = nl_cb_clone(own);
    struct nl_msg *m = tc_message(type, NLM_F_DUMP, ifindex, parent, 0, 0, NULL);
    int r = cb && m ? nl_send_auto(nl, m) : -NLE_NOMEM;
    if (r >= 0) {
        nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_listed, &l);
        r = nl_recvmsgs(nl, cb);
    }
    nlmsg_free(m);
    nl_cb_put(own);
    if (cb)
        nl_cb_put(cb);
    return r < 0 ? r : 0;
}

/* --- devices and classes ------ */

int tc_make_ifb(struct nl_sock *nl, const char *name)
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
    return tc_talk(nl, m);
}

void tc_delete_ifb(struct nl_sock *nl, const char *name)
{
    struct ifinfomsg i = {.ifi_family = AF_UNSPEC, .ifi_index = (int)if_nametoindex(name)};
    struct nl_msg *m = i.ifi_index ? nlmsg_alloc_simple(RTM_DELLINK, 0) : NULL;
    if (m && nlmsg_append(m, &i, sizeof i, NLMSG_ALIGNTO) == 0)
        tc_talk(nl, m);
    else
        nlmsg_free(m);
}

int tc_make_root(struct nl_sock *nl, unsigned ifindex)
{
    struct tc_htb_glob g = {.version = 3, .rate2quantum = 10};
    struct nl_msg *m = tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_ROOT,
                                  SHAPE_HANDLE, 0, "htb");
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put(m, TCA_HTB_INIT, sizeof g, &g) < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    return tc_talk(nl, m);
}

static uint64_t within(uint64_t v, uint64_t least, uint64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* IP bytes a second as Ethernet frames' bytes a second, for full packets. */
static uint32_t frames_Bps(uint64_t Bps)
{
    Bps = within(Bps, SHAPE_LEAST_Bps, MOST_Bps);
    return (uint32_t)(Bps + Bps * SHAPE_FRAME / ETH_DATA_LEN);
}

static uint32_t ticks(uint32_t Bps) /* that the burst takes at this rate; of 64 ns */
{
    uint64_t ns =
        within(2 * ETH_FRAME_LEN * UINT64_C(1000000000) / Bps, BURST_MS * 1000000, UINT32_MAX);
    return (uint32_t)(ns >> 6);
}

int tc_put_class(struct nl_sock *nl, unsigned ifindex, int flags, const struct tc_class *c)
{
    uint32_t parent = SHAPE_HANDLE | c->parent;
    struct tc_htb_opt o = {
        .rate = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = frames_Bps(c->rate_Bps)},
        .ceil = {.linklayer = TC_LINKLAYER_ETHERNET, .rate = frames_Bps(c->ceil_Bps)},
        .quantum = QUANTUM};
    o.buffer = ticks(o.rate.rate);
    o.cbuffer = ticks(o.ceil.rate);
    struct nl_msg *m = tc_message(RTM_NEWTCLASS, NLM_F_CREATE | flags, ifindex, parent,
                                  SHAPE_HANDLE | c->minor, 0, "htb");
    struct nlattr *n = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!n || nla_put(m, TCA_HTB_PARMS, sizeof o, &o) < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, n);
    return tc_talk(nl, m);
}

/* A queue that lets a device's own conversations take turns where the kernel can, else a short one:
 * it is the device's own waiting time. */
static bool put_fair_queue(struct nl_sock *nl, unsigned ifindex, uint32_t parent)
{
    struct nl_msg *m =
        tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, parent, 0, 0, "fq_codel");
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_FQ_CODEL_FLOWS, FAIR_FLOWS) < 0) {
        nlmsg_free(m);
        return false;
    }
    nla_nest_end(m, o);
    return tc_talk(nl, m) == 0;
}

void tc_put_queue(struct nl_sock *nl, unsigned ifindex, uint32_t minor, uint64_t Bps, bool *fair)
{
    uint32_t parent = SHAPE_HANDLE | minor;
    *fair = *fair && put_fair_queue(nl, ifindex, parent);
    if (*fair)
        return;
    struct tc_fifo_qopt q = {(uint32_t)within(Bps * QUEUE_MS / 1000, QUEUE_LEAST, QUEUE_MOST)};
    struct nl_msg *m =
        tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_REPLACE, ifindex, parent, 0, 0, "bfifo");
    if (m && nla_put(m, TCA_OPTIONS, sizeof q, &q) == 0)
        tc_talk(nl, m); /* without it, the kernel's own: TX_QUEUE packets */
    else
        nlmsg_free(m);
}

/* --- filters ---- */

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
    uint32_t info = TC_H_MAKE(SHAPE_FILTER_PRIO << 16, htons(ETH_P_ALL));
    return tc_message(RTM_NEWTFILTER, NLM_F_CREATE | flags, ifindex, parent, handle, info, "u32");
}

void tc_delete_filters(struct nl_sock *nl, unsigned ifindex, uint32_t parent, uint32_t handle)
{
    uint32_t info = TC_H_MAKE(SHAPE_FILTER_PRIO << 16, htons(ETH_P_ALL));
    tc_talk(nl, tc_message(RTM_DELTFILTER, 0, ifindex, parent, handle, info, "u32"));
}

/* The last byte of the source address chooses the bucket; u32 counts from the network header, and
 * reads four bytes at a time: -8 is the address's beginning. */
int tc_make_hash(struct nl_sock *nl, unsigned ifindex)
{
    struct selector any = {.sel = {.hoff = -4, .hmask = htonl(0x00ff0000)}};
    struct nl_msg *m = filter_msg(NLM_F_EXCL, ifindex, SHAPE_HANDLE, SHAPE_HASH);
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_U32_DIVISOR, 256) < 0) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    int r = tc_talk(nl, m);
    if (r < 0 && r != -NLE_EXIST)
        return r;
    m = filter_msg(NLM_F_EXCL, ifindex, SHAPE_HANDLE, HASH_LINK);
    o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_U32_LINK, SHAPE_HASH) < 0 || !put_selector(m, &any, 1)) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    r = tc_talk(nl, m);
    return r == -NLE_EXIST ? 0 : r;
}

int tc_put_filter(struct nl_sock *nl, unsigned ifindex, const struct mac *mac, uint32_t minor)
{
    struct selector x = {
        .sel = {.flags = TC_U32_TERMINAL},
        .keys = {{.mask = UINT32_MAX, .off = -8}, {.mask = htonl(0xffff0000), .off = -4}}};
    memcpy(&x.keys[0].val, mac->b, 4);
    memcpy(&x.keys[1].val, mac->b + 4, 2);
    struct nl_msg *m = filter_msg(NLM_F_EXCL | NLM_F_ECHO, ifindex, SHAPE_HANDLE, 0);
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || nla_put_u32(m, TCA_U32_CLASSID, SHAPE_HANDLE | minor) < 0 ||
        nla_put_u32(m, TCA_U32_HASH, SHAPE_HASH | (uint32_t)mac->b[5] << 12) < 0 ||
        !put_selector(m, &x, 2)) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    return tc_talk(nl, m);
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

int tc_lead(struct nl_sock *nl, unsigned ifindex, uint32_t hook, unsigned ifb)
{
    struct selector any = {.sel = {.flags = TC_U32_TERMINAL}};
    uint32_t parent = TC_H_MAKE(TC_H_CLSACT, hook);
    tc_delete_filters(nl, ifindex, parent, 0);
    if (!ifb)
        return 0;
    int r = tc_talk(nl, tc_message(RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, ifindex, TC_H_CLSACT,
                                   TC_H_MAKE(TC_H_CLSACT, 0), 0, "clsact"));
    if (r < 0 && r != -NLE_EXIST)
        return r;
    struct nl_msg *m = filter_msg(NLM_F_EXCL, ifindex, parent, 0);
    struct nlattr *o = m ? nla_nest_start(m, TCA_OPTIONS) : NULL;
    if (!o || !put_selector(m, &any, 1) || !put_action(m, ifb)) {
        nlmsg_free(m);
        return -NLE_NOMEM;
    }
    nla_nest_end(m, o);
    return tc_talk(nl, m);
}

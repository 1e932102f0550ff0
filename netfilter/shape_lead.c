/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each LAN interface has a clsact qdisc with one filter of ours a direction, which leads all that
 * passes it to the device with that direction's queues. The interface belongs to the administrator:
 * other programs (an SQM script, a container's network, eBPF) put qdiscs and filters there too.
 *
 *   an "ingress" qdisc     sits where clsact would: nothing can be led
 *   filters before ours    may send packets elsewhere before we see them
 *   somebody deletes ours  the kernel tells us (RTNLGRP_TC), and they are put back at once
 *
 * A packet that is not led meets no queue, and its device's cap is then the limit in the set
 * (ruleset_elements.c): so where an interface cannot be led all are policed (shape_put). */
#include "netfilter/shape_lead.h"
#include "lib/gate_proto.h"
#include "lib/log.h"
#include "netfilter/shape_tc.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define TYPE_AT   4  /* in a netlink message: nlmsg_type */
#define PARENT_AT 28 /* behind its header: tcm_parent */
#define OTHERS    8  /* an interface's, that are told of */

bool lead_listen(struct nl_sock *watch)
{
    /* Numbers are loaded as big-endian ones, and in the host's order in the message. The type is
     * in its first half. */
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, TYPE_AT),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWLINK), 6, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELLINK), 5, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELQDISC), 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELTFILTER), 0, 4),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, PARENT_AT),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, htonl(TC_H_MAJ_MASK)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(TC_H_MAJ(TC_H_CLSACT)), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    return setsockopt(nl_socket_get_fd(watch), SOL_SOCKET, SO_ATTACH_FILTER, &program,
                      sizeof program) == 0;
}

/* --- our own
 * -------------------------------------------------------------------------------------- */

struct own {
    unsigned ifindex;
    bool found;
};

static void on_own(void *arg, const struct tcmsg *t, const char *kind)
{
    struct own *own = arg;
    if (t->tcm_ifindex == (int)own->ifindex && TC_H_MAJ(t->tcm_info) >> 16 == SHAPE_FILTER_PRIO &&
        TC_U32_NODE(t->tcm_handle) && !strcmp(kind, "u32"))
        own->found = true;
}

static bool has_filter(struct nl_sock *nl, unsigned ifindex, uint32_t hook)
{
    struct own own = {ifindex, false};
    tc_list(nl, RTM_GETTFILTER, ifindex, TC_H_MAKE(TC_H_CLSACT, hook), on_own, &own);
    return own.found;
}

static bool is_led(const struct lead *l, struct nl_sock *nl, unsigned ifindex)
{
    return has_filter(nl, ifindex, TC_H_MIN_EGRESS) &&
           has_filter(nl, ifindex, TC_H_MIN_INGRESS) == !l->police_up;
}

struct hook_qdisc {
    unsigned ifindex;
    char kind[16]; /* "": none */
};

static void on_hook_qdisc(void *arg, const struct tcmsg *t, const char *kind)
{
    struct hook_qdisc *q = arg;
    if (t->tcm_ifindex == (int)q->ifindex && TC_H_MAJ(t->tcm_handle) == TC_H_MAJ(TC_H_CLSACT))
        snprintf(q->kind, sizeof q->kind, "%s", kind);
}

/* Who sits where our clsact ought to. */
static struct hook_qdisc stranger(struct nl_sock *nl, unsigned ifindex)
{
    struct hook_qdisc q = {.ifindex = ifindex};
    tc_list(nl, RTM_GETQDISC, ifindex, 0, on_hook_qdisc, &q);
    if (!strcmp(q.kind, "clsact"))
        q.kind[0] = '\0';
    return q;
}

/* The kernel puts a filter for the way out on an ingress qdisc without a word, where it meets what
 * comes in. */
static int lead_one(const struct lead *l, struct nl_sock *nl, unsigned ifindex)
{
    if (stranger(nl, ifindex).kind[0])
        return -NLE_EXIST;
    int r = tc_lead(nl, ifindex, TC_H_MIN_EGRESS, l->ifb_down);
    return r < 0 ? r : tc_lead(nl, ifindex, TC_H_MIN_INGRESS, l->police_up ? 0 : l->ifb_up);
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
static void look_for_br_netfilter(struct lead *l)
{
    bool now = is_one("/proc/sys/net/bridge/bridge-nf-call-iptables") ||
               is_one("/proc/sys/net/bridge/bridge-nf-call-ip6tables");
    if (now == l->police_up)
        return;
    l->police_up = now;
    lead_forget(l);
    log_msg(LOG_WARNING,
            "event=uploads uploads=%s reason=\"net.bridge.bridge-nf-call-iptables and -ip6tables\"",
            now ? "policed" : "shaped");
}

void lead_all(struct lead *l, struct nl_sock *nl)
{
    look_for_br_netfilter(l);
    for (size_t i = 0; i < l->n; i++) {
        unsigned now = if_nametoindex(l->lan[i]);
        if (now == 0 || (now == l->led[i] && is_led(l, nl, now))) {
            l->led[i] = now;
            continue;
        }
        bool taken = now == l->led[i];
        int r = lead_one(l, nl, now);
        l->led[i] = r == 0 ? now : 0;
        if (r == 0 && (taken || l->told[i]))
            log_msg(LOG_WARNING, "event=shaped-again interface=%s", l->lan[i]);
        else if (r < 0 && !l->told[i])
            log_msg(LOG_ERR, "event=not-shaped interface=%s instead=police reason=\"%s\"",
                    l->lan[i], r == -NLE_EXIST ? "another program's qdisc" : nl_geterror(r));
        l->told[i] = r < 0;
    }
}

void lead_forget(struct lead *l)
{
    memset(l->led, 0, sizeof l->led);
}

bool lead_complete(const struct lead *l)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->told[i])
            return false;
    return true;
}

void lead_remove(struct nl_sock *nl, const char *ifname)
{
    unsigned ifindex = if_nametoindex(ifname);
    if (!ifindex)
        return;
    tc_delete_filters(nl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), 0);
    tc_delete_filters(nl, ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), 0);
}

void lead_set(struct lead *l, struct nl_sock *nl, const char (*lan)[IFNAMSIZ], size_t n)
{
    n = n < LEAD_MAX ? n : LEAD_MAX;
    if (n == l->n && !memcmp(l->lan, lan, n * sizeof *l->lan))
        return;
    for (size_t i = 0; i < l->n; i++) {
        bool kept = false;
        for (size_t j = 0; j < n; j++)
            kept = kept || !strcmp(l->lan[i], lan[j]);
        if (!kept)
            lead_remove(nl, l->lan[i]);
    }
    l->n = n;
    lead_forget(l);
    memset(l->told, 0, sizeof l->told);
    memcpy(l->lan, lan, n * sizeof *l->lan);
}

/* --- others'
 * -------------------------------------------------------------------------------------- */

struct search {
    const char *ifname;
    unsigned ifindex;
    uint16_t hook; /* enum gate_hook */
    uint32_t last; /* priority that was told of: a list has each several times */
    size_t told;
    void (*fn)(void *arg, const struct gate_chain *c);
    void *arg;
};

static void tell(struct search *s, const char *kind, int32_t priority, enum gate_fate fate)
{
    struct gate_chain c = {.family = GATE_FAMILY_TC, .hook = s->hook, .priority = priority};
    if (s->told++ >= OTHERS)
        return;
    c.up = s->hook == GATE_HOOK_PREROUTING ? fate : GATE_FATE_PASS;
    c.down = s->hook == GATE_HOOK_FORWARD ? fate : GATE_FATE_PASS;
    snprintf(c.table, sizeof c.table, "%s", s->ifname);
    snprintf(c.chain, sizeof c.chain, "%s", kind);
    s->fn(s->arg, &c);
}

static void on_filter(void *arg, const struct tcmsg *t, const char *kind)
{
    struct search *s = arg;
    uint32_t priority = TC_H_MAJ(t->tcm_info) >> 16;
    if (t->tcm_ifindex != (int)s->ifindex || priority >= SHAPE_FILTER_PRIO || priority == s->last)
        return;
    s->last = priority;
    tell(s, kind, (int32_t)priority, GATE_FATE_UNSURE);
}

void lead_others(const struct lead *l, struct nl_sock *nl,
                 void (*fn)(void *arg, const struct gate_chain *c), void *arg)
{
    static const uint32_t hooks[] = {TC_H_MIN_INGRESS, TC_H_MIN_EGRESS};
    static const uint16_t ways[] = {GATE_HOOK_PREROUTING, GATE_HOOK_FORWARD};
    for (size_t i = 0; i < l->n; i++) {
        struct search s = {.ifname = l->lan[i], .hook = ways[1], .fn = fn, .arg = arg};
        s.ifindex = if_nametoindex(l->lan[i]);
        if (!s.ifindex)
            continue;
        struct hook_qdisc q = stranger(nl, s.ifindex);
        if (q.kind[0])
            tell(&s, q.kind, 0, GATE_FATE_DROP);
        for (size_t h = 0; h < 2 && l->led[i]; h++) {
            s.hook = ways[h];
            s.last = 0;
            tc_list(nl, RTM_GETTFILTER, s.ifindex, TC_H_MAKE(TC_H_CLSACT, hooks[h]), on_filter, &s);
        }
    }
}

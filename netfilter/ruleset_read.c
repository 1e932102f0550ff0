/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading: elements by key (7-11 us each at any size of the set), the dump for adoption (quadratic
 * in the set's size, so of the ids alone), and what others do to the table. */
#include "lib/loop.h"
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/set.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECV_BUFFER  65536
#define READ_CHUNK   32  /* devices asked for in one send: two messages each */
#define KEY_MSG_ROOM 256 /* a message that names a table, a set and a key */
#define DUMP_TRIES   8

static int nft_type(const struct nlmsghdr *nlh)
{
    if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
        return -1;
    return NFNL_MSG_TYPE(nlh->nlmsg_type);
}

static bool build_get(struct ruleset *rs, char *buf, const char *set, const void *key,
                      uint32_t key_len, uint16_t flags, size_t *len)
{
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, NFPROTO_INET, flags, rs->seq++);
    struct nftnl_set *s = elem_set(rs, set);
    struct nftnl_set_elem *e = key ? nftnl_set_elem_alloc() : NULL;
    if (!s || (key && !e)) {
        if (s)
            nftnl_set_free(s);
        return false;
    }
    if (e) {
        nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, key_len);
        nftnl_set_elem_add(s, e);
    }
    nftnl_set_elems_nlmsg_build_payload(nlh, s);
    nftnl_set_free(s);
    *len += MNL_ALIGN(nlh->nlmsg_len);
    return true;
}

static int send_all(struct ruleset *rs, const char *buf, size_t len)
{
    ssize_t n;
    do
        n = mnl_socket_sendto(rs->nl, buf, len);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

static ssize_t receive(struct ruleset *rs, char *buf)
{
    ssize_t n;
    do
        n = mnl_socket_recvfrom(rs->nl, buf, RECV_BUFFER);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* --- by key
 * --------------------------------------------------------------------------------------- */

struct reading {
    struct ruleset_reading *item;
    bool down;
};

static void on_read(void *arg, const struct element *e)
{
    const struct reading *r = arg;
    struct gate_counters *c = &r->item->counters;
    if (r->down) {
        r->item->found_down = true;
        r->item->down_Bps = e->rate_Bps;
        c->down_bytes = e->bytes;
        c->down_packets = e->packets;
    } else {
        r->item->found_up = true;
        r->item->up_Bps = e->rate_Bps;
        c->up_bytes = e->bytes;
        c->up_packets = e->packets;
    }
}

/* Every message sent is answered by exactly one: the element, or an error. */
static int read_chunk(struct ruleset *rs, struct ruleset_reading *items, size_t n)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    uint32_t first = rs->seq;
    size_t len = 0, answers = 0;
    for (size_t i = 0; i < n; i++) {
        struct ruleset_reading *it = &items[i];
        it->found_up = it->found_down = false;
        memset(&it->counters, 0, sizeof it->counters);
        if (!build_get(rs, buf + len, SET_UP, it->mac.b, sizeof it->mac.b, 0, &len) ||
            !build_get(rs, buf + len, SET_DOWN, &it->number, sizeof it->number, 0, &len))
            return -ENOMEM;
    }
    int r = send_all(rs, buf, len);
    while (r == 0 && answers < 2 * n) {
        ssize_t got = receive(rs, buf);
        if (got < 0)
            return (int)got;
        int left = (int)got;
        for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left)) {
            uint32_t i = nlh->nlmsg_seq - first;
            if (i >= 2 * n)
                continue; /* left over from an earlier, failed exchange */
            answers++;
            struct reading rd = {&items[i / 2], i % 2};
            if (nft_type(nlh) == NFT_MSG_NEWSETELEM)
                element_parse(nlh, on_read, &rd);
        }
    }
    return r;
}

int ruleset_read(struct ruleset *rs, struct ruleset_reading *items, size_t n)
{
    _Static_assert(READ_CHUNK * 2 * KEY_MSG_ROOM <= RECV_BUFFER, "requests fit in the buffer");
    for (size_t i = 0; i < n; i += READ_CHUNK) {
        int r = read_chunk(rs, items + i, n - i < READ_CHUNK ? n - i : READ_CHUNK);
        if (r < 0)
            return r;
    }
    return 0;
}

struct finding {
    uint32_t number;
    bool found;
};

static void on_found(void *arg, const struct element *e)
{
    struct finding *f = arg;
    f->number = e->number;
    f->found = true;
}

int ruleset_find(struct ruleset *rs, const struct mac *mac, uint32_t *number)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    uint32_t seq = rs->seq;
    size_t len = 0;
    struct finding f = {0, false};
    if (!build_get(rs, buf, SET_IDS, mac->b, sizeof mac->b, 0, &len))
        return -ENOMEM;
    int r = send_all(rs, buf, len);
    for (bool answered = false; r == 0 && !answered;) {
        ssize_t got = receive(rs, buf);
        if (got < 0)
            return (int)got;
        int left = (int)got;
        for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left)) {
            if (nlh->nlmsg_seq != seq)
                continue;
            answered = true;
            if (nft_type(nlh) == NFT_MSG_NEWSETELEM)
                element_parse(nlh, on_found, &f);
        }
    }
    *number = f.number;
    return r < 0 ? r : f.found ? 0 : -ENOENT;
}

/* --- dumps
 * ---------------------------------------------------------------------------------------- */

static int dump_once(struct ruleset *rs, const char *set, element_fn fn, void *arg)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    uint32_t seq = rs->seq;
    size_t len = 0;
    bool interrupted = false;
    if (!build_get(rs, buf, set, NULL, 0, NLM_F_DUMP, &len))
        return -ENOMEM;
    int r = send_all(rs, buf, len);
    while (r == 0) {
        ssize_t got = receive(rs, buf);
        if (got < 0)
            return (int)got;
        int left = (int)got;
        for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left)) {
            if (nlh->nlmsg_seq != seq)
                continue;
            interrupted |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
            if (nlh->nlmsg_type == NLMSG_DONE)
                return interrupted ? -EINTR : 0;
            if (nlh->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
            if (nft_type(nlh) == NFT_MSG_NEWSETELEM)
                element_parse(nlh, fn, arg);
        }
    }
    return r;
}

struct dumping {
    ruleset_seen_fn seen;
    void *arg;
};

static void on_dumped(void *arg, const struct element *e)
{
    const struct dumping *dp = arg;
    struct ruleset_device d = {.number = e->number,
                               .timeout_ms = e->expires_ms,
                               .up_Bps = e->up_Bps,
                               .down_Bps = e->down_Bps,
                               .rated = e->rated,
                               .tag = e->tag};
    if (e->key_len != sizeof d.mac.b || e->expires_ms == 0)
        return;
    memcpy(d.mac.b, e->key, sizeof d.mac.b);
    dp->seen(dp->arg, &d);
}

int ruleset_dump(struct ruleset *rs, ruleset_seen_fn seen, void *arg)
{
    struct dumping dp = {seen, arg};
    int r = -EINTR;
    for (int i = 0; i < DUMP_TRIES && r == -EINTR; i++) {
        seen(arg, NULL);
        r = dump_once(rs, SET_IDS, on_dumped, &dp);
    }
    return r;
}

static void on_reserved(void *arg, const struct element *e)
{
    uint32_t *end = arg, value;
    if (e->key_len != sizeof value)
        return;
    memcpy(&value, e->key, sizeof value);
    if (value > *end)
        *end = value;
}

int ruleset_reserved(struct ruleset *rs, uint32_t *end)
{
    *end = 0;
    return dump_once(rs, SET_NUMBERS, on_reserved, end);
}

/* --- what others do
 * -------------------------------------------------------------------------------- */

int ruleset_watch_fd(const struct ruleset *rs)
{
    return mnl_socket_get_fd(rs->watch);
}

struct named {
    const char *table, *set, *program;
    uint32_t pid;
};

/* In each of the messages looked at here attribute 1 is the table's name, and in those about
 * elements 2 is the set's; NEWGEN has a table of its own. */
static int on_attr(const struct nlattr *attr, void *arg)
{
    struct named *n = arg;
    uint16_t type = mnl_attr_get_type(attr);
    if (type == NFTA_TABLE_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
        n->table = mnl_attr_get_str(attr);
    else if (type == NFTA_SET_ELEM_LIST_SET && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
        n->set = mnl_attr_get_str(attr);
    return MNL_CB_OK;
}

static int on_gen_attr(const struct nlattr *attr, void *arg)
{
    struct named *n = arg;
    uint16_t type = mnl_attr_get_type(attr);
    if (type == NFTA_GEN_PROC_PID && mnl_attr_validate(attr, MNL_TYPE_U32) == 0)
        n->pid = ntohl(mnl_attr_get_u32(attr));
    else if (type == NFTA_GEN_PROC_NAME && mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
        n->program = mnl_attr_get_str(attr);
    return MNL_CB_OK;
}

/* The walled garden is dnsmasq's to change, and the dynamic sets empty themselves. */
static bool is_ours_alone(const char *set)
{
    static const char *const names[] = {SET_IDS, SET_UP, SET_DOWN, SET_LAN};
    for (size_t i = 0; set && i < sizeof names / sizeof *names; i++)
        if (!strcmp(set, names[i]))
            return true;
    return false;
}

static bool damages(const struct ruleset *rs, const struct nlmsghdr *nlh,
                    struct ruleset_foreign *out)
{
    const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
    struct named n = {.table = NULL};
    int type = nft_type(nlh);
    if (type != NFT_MSG_DELTABLE && type != NFT_MSG_DELCHAIN && type != NFT_MSG_DELRULE &&
        type != NFT_MSG_DELSET && type != NFT_MSG_DELSETELEM)
        return false;
    mnl_attr_parse(nlh, sizeof *nfg, on_attr, &n);
    if (!n.table || strcmp(n.table, rs->cfg.table))
        return false;
    out->claims |= nfg->nfgen_family == NFPROTO_ARP || nfg->nfgen_family == NFPROTO_BRIDGE;
    return nfg->nfgen_family == NFPROTO_INET &&
           (type != NFT_MSG_DELSETELEM || is_ours_alone(n.set));
}

/* The shut goes out from here, before the rest of the news is read. A program that flushes the
 * ruleset closes its netlink socket right after, and the kernel then holds nf_tables' mutex until
 * all that was deleted is freed (nft_rcv_nl_event: a grace period of RCU, and 50 ms with the
 * counters of 10,000 devices). Who asks in the 100 us between is served before that: three times
 * in four, on two busy cores. */
static void shut_at_once(struct ruleset *rs, const struct nlmsghdr *nlh,
                         struct ruleset_foreign *out)
{
    if (out->shut || nft_type(nlh) == NFT_MSG_DELSETELEM)
        return;
    out->shut = ruleset_shut(rs) == 0;
    out->shut_us = loop_now_us();
}

static void look_at(struct ruleset *rs, const struct nlmsghdr *nlh, struct ruleset_foreign *out,
                    bool *pending)
{
    if (nlh->nlmsg_pid == rs->portid)
        return;
    if (nft_type(nlh) == NFT_MSG_NEWGEN) {
        struct named n = {.table = NULL};
        mnl_attr_parse(nlh, sizeof(struct nfgenmsg), on_gen_attr, &n);
        if (*pending) {
            snprintf(out->by, sizeof out->by, "%s", n.program ? n.program : "");
            out->pid = n.pid;
        }
        *pending = false;
    } else if (damages(rs, nlh, out)) {
        out->damaged = *pending = true;
        shut_at_once(rs, nlh, out);
    }
}

void ruleset_watch_read(struct ruleset *rs, struct ruleset_foreign *out)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    bool pending = false;
    memset(out, 0, sizeof *out);
    for (;;) {
        ssize_t n = recv(mnl_socket_get_fd(rs->watch), buf, sizeof buf, MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == ENOBUFS) {
            out->overrun = true;
            continue;
        }
        if (n <= 0)
            return;
        int left = (int)n;
        for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left))
            look_at(rs, nlh, out, &pending);
    }
}

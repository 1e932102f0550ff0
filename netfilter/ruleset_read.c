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
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define READ_CHUNK  64   /* devices asked for in one send: a message for each direction */
#define KEY_ROOM    64   /* an element that is named alone */
#define ANSWER_ROOM 1024 /* an element with its limit and counter */

static int nft_type(const struct nlmsghdr *nlh)
{
    if (NFNL_SUBSYS_ID(nlh->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
        return -1;
    return NFNL_MSG_TYPE(nlh->nlmsg_type);
}

/* A question about a set as a whole (key NULL) or one element. */
static size_t build_get(struct ruleset *rs, char *buf, const char *set, const void *key,
                        uint32_t key_len, uint16_t flags)
{
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, NFPROTO_INET, flags, rs->seq++);
    struct nlattr *list = elem_list(nlh, rs, set);
    if (key)
        elem_put_key(nlh, key, key_len);
    mnl_attr_nest_end(nlh, list);
    return MNL_ALIGN(nlh->nlmsg_len);
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

/* One element each of a chunk of devices. */
struct reading {
    const struct ruleset *rs;
    struct ruleset_reading **items;
    size_t n, next; /* next: the item whose answer is due */
    enum ruleset_element which;
    uint32_t seq;  /* of the question under way */
    bool answered; /* all of it */
    int error;
};

static size_t key_of(const struct reading *r, size_t i, uint8_t key[static UP_KEY_LEN])
{
    const struct ruleset_reading *item = r->items[i];
    return element_key(r->rs, r->which, &item->mac, item->number, key);
}

/* fast_up less fast_left is what took the short cut. The one is read before the other, and before
 * up: what passes meanwhile is left out, and never counted twice. */
static void take_fast(struct ruleset_reading *item, enum ruleset_element which,
                      const struct element *e)
{
    struct gate_counters *c = &item->counters;
    if (which == RULESET_FAST_DOWN) {
        c->down_bytes += fast_frames(e->bytes, e->packets);
        c->down_packets += e->packets;
    } else {
        bool left = which == RULESET_FAST_LEFT;
        c->up_bytes += left ? -e->bytes : e->bytes;
        c->up_packets += left ? -e->packets : e->packets;
    }
    item->found_fast++;
}

/* The kernel answers in the order of the keys. */
static void on_read(void *arg, const struct element *e)
{
    struct reading *r = arg;
    uint8_t key[UP_KEY_LEN];
    size_t len = r->next < r->n ? key_of(r, r->next, key) : 0;
    if (len == 0 || e->key_len != len || memcmp(e->key, key, len) != 0) {
        r->error = -EBADMSG;
        return;
    }
    struct ruleset_reading *item = r->items[r->next++];
    struct gate_counters *c = &item->counters;
    if (r->which == RULESET_DOWN) {
        item->found_down = true;
        item->down_Bps = e->rate_Bps;
        c->down_bytes += e->bytes;
        c->down_packets += e->packets;
    } else if (r->which == RULESET_UP) {
        item->found_up = true;
        item->up_Bps = e->rate_Bps;
        c->up_bytes += e->bytes;
        c->up_packets += e->packets;
    } else {
        take_fast(item, r->which, e);
    }
    r->answered = r->next == r->n;
}

/* One message with the keys of all items from r->next on. */
static int ask(struct ruleset *rs, struct reading *r)
{
    static char buf[RECV_BUFFER / 8] __attribute__((aligned(8)));
    _Static_assert((READ_CHUNK + 4) * KEY_ROOM <= sizeof buf, "the question fits");
    r->seq = rs->seq++;
    uint8_t family = r->which == RULESET_FAST_DOWN ? NFPROTO_NETDEV : NFPROTO_INET;
    struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, family, 0, r->seq);
    struct nlattr *list = elem_list(nlh, rs, element_set(r->which));
    for (size_t i = r->next; i < r->n; i++) {
        uint8_t key[UP_KEY_LEN];
        size_t len = key_of(r, i, key);
        elem_put_key(nlh, key, len);
    }
    mnl_attr_nest_end(nlh, list);
    r->answered = false;
    return send_all(rs, buf, nlh->nlmsg_len);
}

/* Who has no element ends the kernel's answer: the others behind it are asked for again. */
static void on_message(struct reading *r, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_seq != r->seq)
        return; /* left over from an earlier, failed exchange */
    if (nft_type(nlh) == NFT_MSG_NEWSETELEM) {
        element_parse(nlh, on_read, r);
    } else if (nlh->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
        r->error = e->error == -ENOENT ? 0 : e->error;
        r->next++;
        r->answered = true;
    }
}

/* Each element comes in a packet of its own, and all of them wait already. */
static int take_answers(struct ruleset *rs, struct reading *r)
{
    static char buf[READ_CHUNK + 1][ANSWER_ROOM] __attribute__((aligned(8)));
    struct iovec iov[READ_CHUNK + 1];
    struct mmsghdr m[READ_CHUNK + 1];
    while (!r->answered && r->error == 0) {
        unsigned wanted = (unsigned)(r->n - r->next);
        for (unsigned i = 0; i < wanted; i++) {
            iov[i] = (struct iovec){buf[i], sizeof buf[i]};
            m[i] = (struct mmsghdr){.msg_hdr = {.msg_iov = &iov[i], .msg_iovlen = 1}};
        }
        int got = recvmmsg(mnl_socket_get_fd(rs->nl), m, wanted, MSG_WAITFORONE, NULL);
        if (got < 0 && errno != EINTR)
            return -errno; /* ENOBUFS: an answer is lost */
        for (int i = 0; i < got; i++) {
            int left = (int)m[i].msg_len;
            for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf[i]; mnl_nlmsg_ok(nlh, left);
                 nlh = mnl_nlmsg_next(nlh, &left))
                on_message(r, nlh);
        }
    }
    return r->error;
}

static int read_one(struct ruleset *rs, struct ruleset_reading **items, size_t n,
                    enum ruleset_element which)
{
    struct reading r = {.rs = rs, .items = items, .n = n, .which = which};
    int error = 0, lost = 0;
    while (r.next < n && error == 0) {
        error = ask(rs, &r);
        if (error == 0)
            error = ruleset_checked(rs, take_answers(rs, &r));
        if (ruleset_lost(error) && ++lost < RULESET_TRIES)
            error = r.error = 0; /* those that have not answered are asked again */
    }
    return error;
}

/* The numbers as the kernel has them, while it is asked. */
static int read_chunk(struct ruleset *rs, struct ruleset_reading *items, size_t n)
{
    static const enum ruleset_element order[] = {RULESET_FAST_UP, RULESET_FAST_LEFT, RULESET_UP,
                                                 RULESET_FAST_DOWN, RULESET_DOWN};
    struct ruleset_reading *all[READ_CHUNK], *fast[READ_CHUNK];
    size_t n_fast = 0;
    int r = 0;
    for (size_t i = 0; i < n; i++) {
        all[i] = &items[i];
        items[i].found_up = items[i].found_down = false;
        items[i].found_fast = 0;
        memset(&items[i].counters, 0, sizeof items[i].counters);
        if (!items[i].fast)
            continue;
        items[i].number |= RULESET_FAST;
        fast[n_fast++] = &items[i];
    }
    for (size_t k = 0; k < sizeof order / sizeof *order && r == 0; k++) {
        if (order[k] == RULESET_UP || order[k] == RULESET_DOWN)
            r = read_one(rs, all, n, order[k]);
        else if (n_fast > 0)
            r = read_one(rs, fast, n_fast, order[k]);
    }
    for (size_t i = 0; i < n_fast; i++)
        fast[i]->number &= RULESET_NUMBER_LAST;
    return r;
}

int ruleset_read(struct ruleset *rs, struct ruleset_reading *items, size_t n)
{
    int r = 0;
    for (size_t i = 0; i < n && r == 0; i += READ_CHUNK)
        r = read_chunk(rs, items + i, n - i < READ_CHUNK ? n - i : READ_CHUNK);
    return r;
}

bool element_device(const struct element *e, struct ruleset_device *out)
{
    *out = (struct ruleset_device){.number = e->number & RULESET_NUMBER_LAST,
                                   .fast = (e->number & RULESET_FAST) != 0,
                                   .timeout_ms = e->expires_ms,
                                   .up_Bps = e->up_Bps,
                                   .down_Bps = e->down_Bps,
                                   .rated = e->rated,
                                   .shaped = e->shaped,
                                   .queue = e->queue,
                                   .counters = e->seed,
                                   .tag = e->tag};
    if (e->key_len != sizeof out->mac.b || e->expires_ms == 0)
        return false;
    memcpy(out->mac.b, e->key, sizeof out->mac.b);
    return true;
}

struct finding {
    uint32_t number;
    bool found;
    ruleset_seen_fn seen; /* or NULL */
    void *arg;
};

static void on_found(void *arg, const struct element *e)
{
    struct finding *f = arg;
    struct ruleset_device d;
    f->number = e->number;
    f->found = true;
    if (f->seen && element_device(e, &d))
        f->seen(f->arg, &d);
}

static int find_once(struct ruleset *rs, const char *set, const void *key, uint32_t key_len,
                     struct finding *f)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    uint32_t seq = rs->seq;
    size_t len = build_get(rs, buf, set, key, key_len, 0);
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
                element_parse(nlh, on_found, f);
        }
    }
    return r < 0 ? r : f->found ? 0 : -ENOENT;
}

/* What one element holds: 0 or -ENOENT. */
static int find(struct ruleset *rs, const char *set, const void *key, uint32_t key_len,
                struct finding *f)
{
    int r = -ENOBUFS;
    for (int i = 0; i < RULESET_TRIES && ruleset_lost(r); i++)
        r = ruleset_checked(rs, find_once(rs, set, key, key_len, f));
    return r;
}

int ruleset_find(struct ruleset *rs, const struct mac *mac, uint32_t *number, bool *fast)
{
    struct finding f = {.found = false};
    int r = find(rs, SET_IDS, mac->b, sizeof mac->b, &f);
    *number = f.number & RULESET_NUMBER_LAST;
    *fast = (f.number & RULESET_FAST) != 0;
    return r;
}

int ruleset_look(struct ruleset *rs, const struct mac *mac, ruleset_seen_fn seen, void *arg)
{
    struct finding f = {.seen = seen, .arg = arg};
    return find(rs, SET_IDS, mac->b, sizeof mac->b, &f);
}

int ruleset_garden(struct ruleset *rs, uint8_t family, const uint8_t *ip)
{
    struct finding f = {.found = false};
    return family == 4 ? find(rs, SET_GARDEN4, ip, 4, &f) : find(rs, SET_GARDEN6, ip, 16, &f);
}

/* --- dumps
 * ---------------------------------------------------------------------------------------- */

static int dump_once(struct ruleset *rs, const char *set, element_fn fn, void *arg)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    uint32_t seq = rs->seq;
    bool interrupted = false;
    size_t len = build_get(rs, buf, set, NULL, 0, NLM_F_DUMP);
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

struct telling {
    uint32_t key_len;
    element_fn fn;
    void *arg;
};

static void tell(void *arg, const struct element *e)
{
    const struct telling *t = arg;
    if (e->key_len == t->key_len)
        t->fn(t->arg, e);
}

int element_dump(struct ruleset *rs, const char *set, uint32_t key_len, element_fn fn, void *arg)
{
    struct telling t = {key_len, fn, arg};
    int r = -EINTR;
    for (int i = 0; i < RULESET_TRIES && (r == -EINTR || ruleset_lost(r)); i++)
        r = ruleset_checked(rs, dump_once(rs, set, tell, &t));
    return r;
}

struct dumping {
    ruleset_seen_fn seen;
    void *arg;
};

static void on_dumped(void *arg, const struct element *e)
{
    const struct dumping *dp = arg;
    struct ruleset_device d;
    if (element_device(e, &d))
        dp->seen(dp->arg, &d);
}

int ruleset_dump(struct ruleset *rs, ruleset_seen_fn seen, void *arg)
{
    struct dumping dp = {seen, arg};
    int r = -EINTR;
    for (int i = 0; i < RULESET_TRIES && (r == -EINTR || ruleset_lost(r)); i++) {
        seen(arg, NULL);
        r = ruleset_checked(rs, dump_once(rs, SET_IDS, on_dumped, &dp));
    }
    return r;
}

static void on_reserved(void *arg, const struct element *e)
{
    uint32_t *end = arg, value;
    memcpy(&value, e->key, sizeof value);
    if (value > *end)
        *end = value;
}

int ruleset_reserved(struct ruleset *rs, uint32_t *end)
{
    *end = 0;
    return element_dump(rs, SET_NUMBERS, sizeof *end, on_reserved, end);
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
    static const char *const names[] = {SET_IDS,       SET_UP,       SET_DOWN,
                                        SET_LAN,       SET_FAST_UP,  SET_FAST_LEFT,
                                        SET_FAST_DOWN, SET_FAST_LAN, SET_UNCOUNTED};
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
    bool ours = nfg->nfgen_family == NFPROTO_INET ||
                (nfg->nfgen_family == NFPROTO_NETDEV && fast_wanted(rs));
    return ours && (type != NFT_MSG_DELSETELEM || is_ours_alone(n.set));
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

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is on the LAN, from three sources, for none of them is enough alone:
 *
 *  - NFLOG: the first IP packet of a device that is not open (a rule limits it to one in two
 * seconds a device). Sees DHCP with the broadcast flag, which makes no neighbour entry.
 *  - Neighbour events: a device that resolved our address (ARP, ND) before its first IP packet, or
 * answered when its own was looked for. Only the first one about an address counts: that the kernel
 * begins to doubt a neighbour (STALE, PROBE), or after seconds of doubt recalls that TCP had heard
 * of it (REACHABLE), is an event, too, but no sign of life. Whoever has walked on to the next
 * square would be let in here again, and be taken from there.
 *  - Bridge events: a port of a LAN bridge learnt a MAC, or forgot it: the first and last sign of
 * all.
 *
 * A neighbour that fails comes without its MAC (neigh_fill_info gives it only while the entry is
 * valid), so the addresses that were seen are remembered, in a table of fixed size where a new one
 * pushes an old one out.
 *
 * Whoever sends invented addresses can cause at most as many events as the two limits allow: one a
 * second for a MAC, EVENTS_PER_SECOND for all. */
#include "netfilter/neigh.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "netfilter/claims.h"
#include "netfilter/ruleset.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netlink/msg.h>
#include <netlink/netfilter/log.h>
#include <netlink/netfilter/log_msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define ADDRESSES         8192 /* remembered; a power of two */
#define RECENT            4096 /* MACs announced lately; a power of two */
#define AGAIN_MS          1000
#define EVENTS_PER_SECOND 5000
#define VALID_STATES      (NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT)
#define SOCKET_ROOM       (4 * 1024 * 1024)
#define COPY_RANGE        64
#define ASK_TIMEOUT_US    50000 /* netlink answers within the send; this is against surprises */
#define ANSWERS_MAX       16

struct remembered {
    uint32_t ifindex;
    uint8_t family;
    uint8_t ip[16];
    struct mac mac;
};

struct recent {
    struct mac mac;
    uint16_t kind;
    uint64_t at_ms;
};

struct neigh {
    struct neigh_events events;
    struct nl_sock *watch, *ask, *log;
    struct loop_io *watch_io, *log_io;
    struct remembered addresses[ADDRESSES];
    struct recent recent[RECENT];
    uint64_t second_began_ms;
    unsigned this_second;
    struct gate_address *answer; /* what neigh_resolve waits for */
    uint32_t ask_seq;
    bool answered, found;
};

static uint32_t hash(const void *data, size_t len, uint32_t h)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < len; i++)
        h = (h ^ p[i]) * 16777619U; /* FNV-1a */
    return h ^ h >> 15;
}

enum { SEEN = 1, GONE = 2, CLAIMED = 3 };

static bool told_lately(const struct recent *r, const struct mac *mac, uint16_t kind, uint64_t now)
{
    return r->kind == kind && mac_equal(&r->mac, mac) && now - r->at_ms < AGAIN_MS;
}

static bool too_many(struct neigh *n, uint64_t now)
{
    if (now - n->second_began_ms >= 1000) {
        n->second_began_ms = now;
        n->this_second = 0;
    }
    return n->this_second >= EVENTS_PER_SECOND;
}

static void tell(struct neigh *n, struct gate_address *a, uint16_t kind)
{
    uint64_t now = loop_now_ms();
    struct recent *r = &n->recent[hash(a->mac.b, sizeof a->mac.b, kind) & (RECENT - 1)];
    char ifname[IF_NAMESIZE];
    if (!mac_is_device(&a->mac) || told_lately(r, &a->mac, kind, now) || too_many(n, now) ||
        !if_indextoname(a->ifindex, ifname))
        return;
    const char *name = n->events.lan_name(n->events.arg, ifname);
    if (!name)
        return;
    snprintf(a->ifname, sizeof a->ifname, "%s", name);
    bool (*const of[])(void *, const struct gate_address *) = {
        [SEEN] = n->events.seen, [GONE] = n->events.gone, [CLAIMED] = n->events.claimed};
    if (!of[kind](n->events.arg, a))
        return;
    n->this_second++;
    *r = (struct recent){a->mac, kind, now};
}

/* --- first packets
 * -------------------------------------------------------------------------------- */

static void source_address(const uint8_t *packet, int len, struct gate_address *a)
{
    if (len >= (int)sizeof(struct iphdr) && packet[0] >> 4 == 4) {
        a->family = 4;
        memcpy(a->ip, packet + 12, 4);
    } else if (len >= (int)sizeof(struct ip6_hdr) && packet[0] >> 4 == 6) {
        a->family = 6;
        memcpy(a->ip, packet + 8, 16);
    }
}

static int on_packet(struct nl_msg *msg, void *arg)
{
    struct neigh *n = arg;
    struct nfnl_log_msg *m = NULL;
    if (nfnlmsg_log_msg_parse(nlmsg_hdr(msg), &m) < 0)
        return NL_SKIP;
    struct gate_address a = {.ifindex = nfnl_log_msg_get_indev(m)};
    int mac_len = 0, len = 0;
    const uint8_t *mac = nfnl_log_msg_get_hwaddr(m, &mac_len);
    const uint8_t *packet = nfnl_log_msg_get_payload(m, &len);
    const char *prefix = nfnl_log_msg_get_prefix(m);
    bool claim = prefix && !strcmp(prefix, RULESET_CLAIM_PREFIX);
    if (packet && !claim)
        source_address(packet, len, &a);
    if (mac && mac_len == (int)sizeof a.mac.b &&
        (!claim || (packet && claims_parse(packet, (size_t)len, &a)))) {
        memcpy(a.mac.b, mac, sizeof a.mac.b);
        tell(n, &a, claim ? CLAIMED : SEEN);
    }
    nfnl_log_msg_put(m);
    return NL_OK;
}

/* --- neighbours
 * ------------------------------------------------------------------------------------ */

struct entry {
    struct gate_address a;
    bool has_mac, has_ip;
    uint32_t master;
    uint16_t state, type;
    uint8_t family, flags;
};

static bool parse_entry(struct nlmsghdr *nlh, struct entry *e)
{
    struct nlattr *tb[NDA_MAX + 1];
    struct ndmsg *nd = nlmsg_data(nlh);
    if ((nlh->nlmsg_type != RTM_NEWNEIGH && nlh->nlmsg_type != RTM_DELNEIGH) ||
        nlmsg_parse(nlh, sizeof *nd, tb, NDA_MAX, NULL) < 0)
        return false;
    memset(e, 0, sizeof *e);
    e->type = nlh->nlmsg_type;
    e->state = nd->ndm_state;
    e->family = nd->ndm_family;
    e->flags = nd->ndm_flags;
    e->a.ifindex = (uint32_t)nd->ndm_ifindex;
    int ip_len = nd->ndm_family == AF_INET ? 4 : nd->ndm_family == AF_INET6 ? 16 : 0;
    if (ip_len && tb[NDA_DST] && nla_len(tb[NDA_DST]) == ip_len) {
        e->has_ip = true;
        e->a.family = nd->ndm_family == AF_INET ? 4 : 6;
        memcpy(e->a.ip, nla_data(tb[NDA_DST]), (size_t)ip_len);
    }
    if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) == (int)sizeof e->a.mac.b) {
        e->has_mac = true;
        memcpy(e->a.mac.b, nla_data(tb[NDA_LLADDR]), sizeof e->a.mac.b);
    }
    if (tb[NDA_MASTER] && nla_len(tb[NDA_MASTER]) == (int)sizeof e->master)
        e->master = nla_get_u32(tb[NDA_MASTER]);
    return true;
}

static struct remembered *slot(struct neigh *n, const struct gate_address *a)
{
    uint32_t h = hash(a->ip, sizeof a->ip, a->ifindex);
    return &n->addresses[h & (ADDRESSES - 1)];
}

static void remember(struct neigh *n, const struct gate_address *a)
{
    struct remembered *r = slot(n, a);
    r->ifindex = a->ifindex;
    r->family = a->family;
    memcpy(r->ip, a->ip, sizeof r->ip);
    r->mac = a->mac;
}

static bool recall(struct neigh *n, struct gate_address *a)
{
    const struct remembered *r = slot(n, a);
    if (r->ifindex != a->ifindex || r->family != a->family || memcmp(r->ip, a->ip, sizeof r->ip))
        return false;
    a->mac = r->mac;
    return true;
}

static void forget(struct neigh *n, const struct gate_address *a)
{
    struct gate_address had = *a;
    if (recall(n, &had))
        memset(slot(n, a), 0, sizeof(struct remembered));
}

/* Whether this came of something that the device just sent: an address that is new to us. */
static bool sign_of_life(struct neigh *n, const struct entry *e)
{
    struct gate_address had = e->a;
    bool known = recall(n, &had) && mac_equal(&had.mac, &e->a.mac);
    return !known && e->state & (NUD_REACHABLE | NUD_STALE);
}

static void on_bridge_entry(struct neigh *n, struct entry *e)
{
    if (!e->has_mac || !e->master || e->flags & NTF_SELF || e->state & NUD_PERMANENT)
        return;
    e->a.ifindex = e->master; /* the LAN is the bridge, not its port */
    tell(n, &e->a, e->type == RTM_NEWNEIGH ? SEEN : GONE);
}

static int on_neighbour(struct nl_msg *msg, void *arg)
{
    struct neigh *n = arg;
    struct entry e;
    if (!parse_entry(nlmsg_hdr(msg), &e))
        return NL_SKIP;
    if (e.family == AF_BRIDGE) {
        on_bridge_entry(n, &e);
    } else if (e.type == RTM_NEWNEIGH && e.has_ip && e.has_mac && e.state & VALID_STATES) {
        bool listed = nlmsg_hdr(msg)->nlmsg_flags & NLM_F_MULTI;
        bool alive = !listed && sign_of_life(n, &e);
        remember(n, &e.a);
        if (alive)
            tell(n, &e.a, SEEN);
    } else if (e.type == RTM_NEWNEIGH && e.has_ip && e.state & NUD_FAILED && recall(n, &e.a)) {
        forget(n, &e.a);
        tell(n, &e.a, GONE);
    } else if (e.type == RTM_DELNEIGH && e.has_ip) {
        forget(n, &e.a);
    }
    return NL_OK;
}

/* --- asking
 * ---------------------------------------------------------------------------------------- */

/* A question has one answer: the neighbour, or an error. One that is late belongs to an earlier
 * question, which its number shows. */
static int on_answer(struct nl_msg *msg, void *arg)
{
    struct neigh *n = arg;
    struct entry e;
    if (nlmsg_hdr(msg)->nlmsg_seq != n->ask_seq)
        return NL_SKIP;
    n->answered = true;
    if (parse_entry(nlmsg_hdr(msg), &e) && e.has_mac && e.state & VALID_STATES &&
        mac_is_device(&e.a.mac)) {
        n->answer->mac = e.a.mac;
        n->found = true;
    }
    return NL_OK;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *error, void *arg)
{
    struct neigh *n = arg;
    (void)from;
    n->answered = n->answered || error->msg.nlmsg_seq == n->ask_seq;
    return NL_STOP;
}

static bool ask(struct neigh *n, struct gate_address *a, uint32_t ifindex)
{
    struct ndmsg nd = {.ndm_family = a->family == 4 ? AF_INET : AF_INET6,
                       .ndm_ifindex = (int)ifindex};
    struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETNEIGH, 0);
    if (!msg)
        return false;
    n->answer = a;
    n->answered = n->found = false;
    bool sent = nlmsg_append(msg, &nd, sizeof nd, NLMSG_ALIGNTO) == 0 &&
                nla_put(msg, NDA_DST, a->family == 4 ? 4 : 16, a->ip) == 0 &&
                nl_send_auto(n->ask, msg) >= 0;
    n->ask_seq = nlmsg_hdr(msg)->nlmsg_seq;
    nlmsg_free(msg);
    for (int i = 0; sent && i < ANSWERS_MAX && !n->answered; i++)
        if (nl_recvmsgs_default(n->ask) == -NLE_AGAIN)
            break; /* ASK_TIMEOUT_US is over */
    return n->found;
}

int neigh_resolve(struct neigh *n, struct gate_address *a, const char (*lan)[16], size_t n_lan)
{
    for (size_t i = 0; i < n_lan; i++) {
        uint32_t ifindex = if_nametoindex(lan[i]);
        if (ifindex == 0 || (a->ifindex && a->ifindex != ifindex) || !ask(n, a, ifindex))
            continue;
        a->ifindex = ifindex;
        const char *name = n->events.lan_name(n->events.arg, lan[i]);
        snprintf(a->ifname, sizeof a->ifname, "%s", name ? name : lan[i]);
        return GATE_OK;
    }
    return GATE_NOT_FOUND;
}

/* --- sockets
 * --------------------------------------------------------------------------------------- */

static void on_readable(void *arg, int fd, int events)
{
    struct nl_sock *sk = arg;
    (void)fd, (void)events;
    for (int i = 0; i < 64; i++) { /* then let others have their turn */
        int r = nl_recvmsgs_default(sk);
        if (r == -NLE_AGAIN || (r < 0 && r != -NLE_NOMEM))
            return; /* an overrun (NOMEM) is no harm: who was missed sends again */
    }
}

static struct nl_sock *open_events(int protocol, nl_recvmsg_msg_cb_t fn, void *arg)
{
    struct nl_sock *sk = nl_socket_alloc();
    if (!sk)
        return NULL;
    nl_socket_disable_seq_check(sk);
    nl_socket_modify_cb(sk, NL_CB_VALID, NL_CB_CUSTOM, fn, arg);
    if (nl_connect(sk, protocol) < 0) {
        nl_socket_free(sk);
        return NULL;
    }
    nl_socket_set_msg_buf_size(sk, 32768);
    nl_socket_set_buffer_size(sk, SOCKET_ROOM, 0);
    return sk;
}

static bool open_log(struct neigh *n, uint16_t group, char *err, size_t err_len)
{
    n->log = open_events(NETLINK_NETFILTER, on_packet, n);
    struct nfnl_log *l = n->log ? nfnl_log_alloc() : NULL;
    if (!l) {
        snprintf(err, err_len, "no netlink socket for first packets");
        return false;
    }
    nfnl_log_set_group(l, group);
    nfnl_log_set_copy_mode(l, NFNL_LOG_COPY_PACKET);
    nfnl_log_set_copy_range(l, COPY_RANGE);
    nfnl_log_set_queue_threshold(l, 1);
    int r = nfnl_log_create(n->log, l);
    nfnl_log_put(l);
    if (r < 0) {
        snprintf(err, err_len, "nflog_group %u cannot be had: %s%s", group, nl_geterror(r),
                 r == -NLE_BUSY ? " (another program listens to it: choose another number)" : "");
        return false;
    }
    return true;
}

static bool open_neighbours(struct neigh *n, char *err, size_t err_len)
{
    n->watch = open_events(NETLINK_ROUTE, on_neighbour, n);
    n->ask = open_events(NETLINK_ROUTE, on_answer, n);
    if (!n->watch || !n->ask || nl_socket_add_memberships(n->watch, RTNLGRP_NEIGH, 0) < 0) {
        snprintf(err, err_len, "no netlink socket for neighbours");
        return false;
    }
    /* Those that are there already are listed, so that we know whom we know. */
    struct ndmsg all = {.ndm_family = AF_UNSPEC};
    if (nl_send_simple(n->watch, RTM_GETNEIGH, NLM_F_DUMP, &all, sizeof all) < 0) {
        snprintf(err, err_len, "the neighbours cannot be listed");
        return false;
    }
    nl_socket_disable_auto_ack(n->ask);
    nl_socket_modify_err_cb(n->ask, NL_CB_CUSTOM, on_error, n);
    struct timeval patience = {.tv_usec = ASK_TIMEOUT_US};
    setsockopt(nl_socket_get_fd(n->ask), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return true;
}

struct neigh *neigh_new(struct loop *loop, const struct neigh_events *events, uint16_t nflog_group,
                        char *err, size_t err_len)
{
    struct neigh *n = calloc(1, sizeof *n);
    if (!n) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    n->events = *events;
    if (!open_neighbours(n, err, err_len) || !open_log(n, nflog_group, err, err_len))
        goto fail;
    nl_socket_set_nonblocking(n->watch);
    nl_socket_set_nonblocking(n->log);
    n->watch_io = loop_io_new(loop, nl_socket_get_fd(n->watch), LOOP_READ, on_readable, n->watch);
    n->log_io = loop_io_new(loop, nl_socket_get_fd(n->log), LOOP_READ, on_readable, n->log);
    if (n->watch_io && n->log_io)
        return n;
    snprintf(err, err_len, "out of memory");
fail:
    neigh_free(n);
    return NULL;
}

void neigh_free(struct neigh *n)
{
    if (!n)
        return;
    loop_io_free(n->watch_io);
    loop_io_free(n->log_io);
    struct nl_sock *socks[] = {n->watch, n->ask, n->log};
    for (int i = 0; i < 3; i++)
        if (socks[i])
            nl_socket_free(socks[i]);
    free(n);
}

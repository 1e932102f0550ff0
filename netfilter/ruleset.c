/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table as a whole: its sockets, making it, looking for it, and what the kernel can. How a
 * batch of changes becomes a transaction: ruleset_batch.c. */
#include "netfilter/ruleset.h"
#include "lib/log.h"
#include "netfilter/ruleset_attr.h"
#include "netfilter/ruleset_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/filter.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/utsname.h>

#define SOCKET_RECV_ROOM (16 * 1024 * 1024)

static struct mnl_socket *open_socket(unsigned groups, char *err, size_t err_len)
{
    struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    if (!nl || mnl_socket_bind(nl, groups, MNL_SOCKET_AUTOPID) < 0) {
        snprintf(err, err_len, "netlink socket: %s", strerror(errno));
        if (nl)
            mnl_socket_close(nl);
        return NULL;
    }
    int fd = mnl_socket_get_fd(nl), send_room = SOCKET_SEND_ROOM, recv_room = SOCKET_RECV_ROOM;
    int on = 1;
    /* Else an error brings the whole question back with it, for which a reading has no room. */
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &send_room, sizeof send_room);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &recv_room, sizeof recv_room);
    struct timeval patience = {.tv_sec = 2};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return nl;
}

/* Without it (out of memory) the shut is made when it is needed. */
static void prepare_shut(struct ruleset *rs)
{
    batch_free(rs->shut);
    rs->shut = batch_new(rs);
    if (rs->shut)
        batch_shut(rs->shut);
}

/* The kernel tells the watch of our own transactions, too: they are left out before they wake us.
 * All messages of a packet are of one transaction, so that the first one's sender tells.
 *
 * That they are written at all is a tenth of a join, for everybody who changes anything as long as
 * somebody listens, in whatever network namespace (netlink_has_listeners looks at all sockets of
 * the family; make bench-gate prints it). Leaving the group while we are busy, with the generation
 * (NFTA_GEN_ID, NFNL_BATCH_GENID) to tell whether others were there meanwhile, would save it; but
 * it does not tell what they did, and every name that dnsmasq resolves is such a change. */
static void leave_out(const struct mnl_socket *watch, uint32_t portid)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct nlmsghdr, nlmsg_pid)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(portid), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    /* Without it they are read and passed over. */
    setsockopt(mnl_socket_get_fd(watch), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

struct ruleset *ruleset_new(const struct ruleset_config *cfg, char *err, size_t err_len)
{
    struct ruleset *rs = calloc(1, sizeof *rs);
    if (!rs) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    rs->cfg = *cfg;
    rs->seq = 1;
    rs->nl = open_socket(0, err, err_len);
    rs->watch = rs->nl ? open_socket(1U << (NFNLGRP_NFTABLES - 1), err, err_len) : NULL;
    if (!rs->watch) {
        ruleset_free(rs);
        return NULL;
    }
    rs->portid = mnl_socket_get_portid(rs->nl);
    leave_out(rs->watch, rs->portid);
    prepare_shut(rs);
    return rs;
}

void ruleset_free(struct ruleset *rs)
{
    if (!rs)
        return;
    if (rs->nl)
        mnl_socket_close(rs->nl);
    if (rs->watch)
        mnl_socket_close(rs->watch);
    if (rs->stepped)
        mnl_socket_close(rs->stepped);
    batch_free(rs->shut);
    if (rs->spare)
        free(rs->spare->buf);
    free(rs->spare);
    free(rs);
}

void ruleset_configure(struct ruleset *rs, const struct ruleset_config *cfg)
{
    rs->cfg = *cfg;
    rs->fast_refused = false;
    prepare_shut(rs);
}

void ruleset_totals(const struct ruleset *rs, uint64_t *transactions, uint64_t *failed)
{
    *transactions = rs->transactions;
    *failed = rs->failed;
}

/* --- the table as a whole ----------------------------------------------------------------------
 */

static int look_once(struct ruleset *rs, uint8_t family, const char *set,
                     int (*fn)(const struct nlattr *attr, void *arg), void *arg)
{
    char buf[RECV_BUFFER / 8] __attribute__((aligned(8)));
    uint16_t type = set ? NFT_MSG_GETSET : NFT_MSG_GETTABLE;
    struct nlmsghdr *nlh = nftnl_nlmsg_build_hdr(buf, type, family, NLM_F_ACK, rs->seq++);
    uint32_t seq = nlh->nlmsg_seq;
    mnl_attr_put_strz(nlh, set ? NFTA_SET_TABLE : NFTA_TABLE_NAME, rs->cfg.table);
    if (set)
        mnl_attr_put_strz(nlh, NFTA_SET_NAME, set);
    while (mnl_socket_sendto(rs->nl, nlh, nlh->nlmsg_len) < 0)
        if (errno != EINTR)
            return -errno;
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(rs->nl, buf, sizeof buf);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        int left = (int)n;
        for (nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left)) {
            if (nlh->nlmsg_seq != seq)
                continue;
            if (nlh->nlmsg_type == NLMSG_ERROR)
                return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
            if (fn)
                mnl_attr_parse(nlh, sizeof(struct nfgenmsg), fn, arg);
        }
    }
}

int ruleset_look_for(struct ruleset *rs, uint8_t family, const char *set,
                     int (*fn)(const struct nlattr *attr, void *arg), void *arg)
{
    int r = -ENOBUFS;
    for (int i = 0; i < RULESET_TRIES && ruleset_lost(r); i++)
        r = ruleset_checked(rs, look_once(rs, family, set, fn, arg));
    return r;
}

/* Who is not told goes on as if it were there. */
static bool has(struct ruleset *rs, uint8_t family, const char *set)
{
    int r = ruleset_look_for(rs, family, set, NULL, NULL);
    return r == 0 || ruleset_lost(r);
}

static bool has_table(struct ruleset *rs, uint8_t family)
{
    return has(rs, family, NULL);
}

bool ruleset_left_returning(struct ruleset *rs)
{
    return has(rs, NFPROTO_INET, SET_UNCOUNTED);
}

void ruleset_returning(struct ruleset *rs, enum ruleset_returning how)
{
    rs->returning = how;
    rs->has_uncounted |= how != RETURNED;
}

bool ruleset_present(struct ruleset *rs)
{
    return has_table(rs, NFPROTO_INET) && (!fast_wanted(rs) || has_table(rs, NFPROTO_NETDEV));
}

static int install(struct ruleset *rs)
{
    struct batch *b = batch_new(rs);
    if (!b)
        return -ENOMEM;
    batch_table(b);
    batch_sets(b);
    batch_chains(b);
    bool all_counted = rs->returning == RETURNED && rs->has_uncounted;
    if (all_counted)
        batch_delete_uncounted(b);
    int r = batch_commit(b, NULL, NULL);
    batch_free(b);
    if (r == 0 && all_counted)
        rs->has_uncounted = false;
    return r;
}

/* An interface may be gone, or be one that the kernel has no hooks for: not worth the table. */
int ruleset_install(struct ruleset *rs)
{
    rs->up_by_mac = sets_up_by_mac(rs); /* which kernels before 6.2 would leave as it is */
    int r = rs->up_by_mac ? -EEXIST : install(rs);
    if (r < 0 && fast_active(rs)) {
        rs->fast_refused = true;
        int without = install(rs);
        if (without == 0)
            log_msg(LOG_WARNING, "event=offload-refused error=\"%s\"", strerror(-r));
        else
            rs->fast_refused = false;
        r = without;
    }
    rs->fast_table |= r == 0 && fast_wanted(rs);
    return r;
}

void ruleset_refuse_fast(struct ruleset *rs)
{
    rs->fast_refused = true;
}

int ruleset_remove(struct ruleset *rs)
{
    struct batch *b = batch_new(rs);
    struct nlmsghdr *nlh = b ? batch_msg(b, NFT_MSG_DELTABLE, 0) : NULL;
    int r = -ENOMEM;
    if (nlh) {
        mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, rs->cfg.table);
        batch_end_msg(b, nlh);
        r = batch_commit(b, NULL, NULL);
    }
    batch_free(b);
    if (has_table(rs, NFPROTO_NETDEV))
        fast_remove(rs);
    return r == -ENOENT ? 0 : r;
}

int ruleset_shut(struct ruleset *rs)
{
    if (!rs->shut || rs->shut->oom)
        prepare_shut(rs);
    return rs->shut ? batch_commit(rs->shut, NULL, NULL) : -ENOMEM;
}

/* Ends a transaction such that it cannot succeed, for its last message deletes a table nobody has:
 * the kernel judges every message, and then forgets them all. 0 if the first error is the last
 * message's: then all the others were all right. */
static int fails(struct batch *b)
{
    struct ruleset *rs = b->rs;
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELTABLE, 0);
    if (!nlh)
        return -ENOMEM;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, "loggia-no-such-table");
    batch_end_msg(b, nlh);
    int r = batch_commit(b, NULL, NULL);
    rs->transactions--; /* meant to fail */
    rs->failed--;
    return r == -ENOENT && b->failed == b->messages ? 0 : r;
}

static bool probe_flowtable(struct ruleset *rs)
{
    struct batch *b = batch_new(rs);
    if (!b)
        return false;
    batch_table(b);
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_NEWFLOWTABLE, NLM_F_CREATE);
    if (nlh) {
        mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_TABLE, rs->cfg.table);
        mnl_attr_put_strz(nlh, NFTA_FLOWTABLE_NAME, "probe");
        struct nlattr *hook = mnl_attr_nest_start(nlh, NFTA_FLOWTABLE_HOOK);
        mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_NUM, 0);
        mnl_attr_put_u32(nlh, NFTA_FLOWTABLE_HOOK_PRIORITY, 0);
        mnl_attr_nest_end(nlh, hook);
        batch_end_msg(b, nlh);
    }
    int r = fails(b);
    batch_free(b);
    return r == 0;
}

/* Sets, and in them what a device is let in by. Rules alone may be all right without it. */
static void probe_elements(struct ruleset *rs)
{
    static const struct ruleset_device d = {.mac = {{2}},
                                            .number = 1,
                                            .timeout_ms = 1000,
                                            .up_Bps = 1000,
                                            .down_Bps = 1000,
                                            .tag = "probe"};
    struct ruleset_config *kept = malloc(sizeof *kept);
    struct batch *b = kept ? batch_new(rs) : NULL;
    int r = -ENOMEM;
    if (b) {
        *kept = rs->cfg;
        rs->cfg.offload = false;
        snprintf(rs->cfg.table, sizeof rs->cfg.table, "loggia-probe");
        batch_table(b);
        batch_sets(b);
        batch_open(b, &d, 1);
        r = fails(b);
        rs->cfg = *kept;
    }
    batch_free(b);
    free(kept);
    if (r == -ENOENT || r == -EOPNOTSUPP)
        log_msg(LOG_ERR, "event=no-elements reason=\"this kernel lacks counters or limits in sets "
                         "(nft_counter, nft_limit): nobody can be let in\"");
}

/* Without it all goes through the rules, as if it were not configured. */
static void probe_offload(struct ruleset *rs)
{
    int r = rs->flowtables ? fast_try(rs, fails) : -EOPNOTSUPP;
    if (r == 0)
        return;
    log_msg(LOG_WARNING, "event=no-offload reason=\"%s\" flowtables=%s",
            r == -EOPNOTSUPP || r == -ENOENT ? "this kernel lacks a part of it" : strerror(-r),
            rs->flowtables ? "yes" : "no");
    rs->cfg.offload = false;
}

unsigned ruleset_features(struct ruleset *rs)
{
    struct utsname u;
    unsigned major = 0, minor = 0, f = 0;
    if (uname(&u) == 0 && sscanf(u.release, "%u.%u", &major, &minor) == 2) {
        unsigned v = major * 1000 + minor; /* neither can be seen in what the kernel answers */
        f |= v >= 6012 ? GATE_F_TIMEOUT_UPDATE : 0;
        f |= v >= 6013 ? GATE_F_MASKED_MARK : 0;
    }
    probe_elements(rs);
    rs->flowtables = probe_flowtable(rs);
    rs->fast_table = has_table(rs, NFPROTO_NETDEV);
    if (rs->cfg.offload)
        probe_offload(rs);
    return f | (rs->flowtables ? GATE_F_FLOWTABLE : 0U) | (rs->cfg.offload ? GATE_F_OFFLOAD : 0U);
}

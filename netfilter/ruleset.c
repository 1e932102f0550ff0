/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transport: how a batch of changes becomes one nf_tables transaction.
 *
 * nf_tables takes a transaction between two nfnetlink batch messages: all of it happens or nothing
 * does, and no packet sees a state between. The kernel works inside our sendmsg(2): when it
 * returns, every answer waits in the socket's queue already. Only the last message asks for an
 * acknowledgement (errors are reported for any message), so that a big batch costs one small
 * answer.
 *
 * Deletes ask for an echo (NLM_F_ECHO): the notification, with the element's last counter values,
 * then comes to this socket even though it is in no multicast group. That is where final counters
 * come from: nothing is counted after it, nothing before it is left out. */
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

#define SOCKET_SEND_ROOM (32 * 1024 * 1024) /* netlink takes no message longer than this */
#define SOCKET_RECV_ROOM (16 * 1024 * 1024)
#define RECV_BUFFER      65536
#define BATCH_FIRST_ROOM 65536
#define SPARE_MAX_ROOM   (4 * BATCH_FIRST_ROOM)
#define BATCH_MAX_ROOM   (SOCKET_SEND_ROOM / 2)
#define ROOM_TRIES       8 /* after 1, 2, 4, … ms: an eighth of a second */

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

/* --- building ------------------------------------------------------------------------------ */

bool batch_room(struct batch *b, size_t len)
{
    if (b->room - b->used >= len + RULESET_MSG_ROOM)
        return true;
    size_t room = b->room ? b->room * 2 : BATCH_FIRST_ROOM;
    char *buf = room <= BATCH_MAX_ROOM ? realloc(b->buf, room) : NULL;
    if (!buf) {
        b->oom = true;
        return false;
    }
    b->buf = buf;
    b->room = room;
    return true;
}

struct batch *batch_new(struct ruleset *rs)
{
    struct batch *b = rs->spare ? rs->spare : calloc(1, sizeof *b);
    if (!b)
        return NULL;
    rs->spare = NULL;
    *b = (struct batch){
        .rs = rs, .family = NFPROTO_INET, .first_seq = rs->seq++, .buf = b->buf, .room = b->room};
    if (!batch_room(b, 0)) {
        batch_free(b);
        return NULL;
    }
    struct nlmsghdr *nlh = put_batch(b->buf, NFNL_MSG_BATCH_BEGIN, b->first_seq);
    b->used = MNL_ALIGN(nlh->nlmsg_len);
    return b;
}

void batch_free(struct batch *b)
{
    if (!b)
        return;
    if (!b->rs->spare && b->room <= SPARE_MAX_ROOM) {
        b->rs->spare = b;
        return;
    }
    free(b->buf);
    free(b);
}

size_t batch_bytes(const struct batch *b)
{
    return b->used;
}

struct nlmsghdr *batch_msg(struct batch *b, uint16_t type, uint16_t flags)
{
    if (b->oom || !batch_room(b, 0))
        return NULL;
    return put_message(b->buf + b->used, type, flags, b->family, b->rs->seq++);
}

void batch_end_msg(struct batch *b, struct nlmsghdr *nlh)
{
    b->last = (size_t)((char *)nlh - b->buf);
    b->used += MNL_ALIGN(nlh->nlmsg_len);
    b->messages++;
}

void batch_fresh_table(struct batch *b)
{
    batch_table(b); /* made first, so that deleting it cannot fail */
    struct nlmsghdr *nlh = batch_msg(b, NFT_MSG_DELTABLE, 0);
    if (!nlh)
        return;
    mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, b->rs->cfg.table);
    batch_end_msg(b, nlh);
    b->rs->up_by_mac = false; /* for what follows in the batch, and behind it */
    batch_table(b);
    batch_sets(b);
    fast_fresh(b);
    batch_chains(b);
}

/* --- committing ------------------------------------------------------------------------------ */

struct answers {
    uint32_t first_seq, last_seq;
    bool done;
    int error; /* the first one, and whose */
    uint32_t error_seq;
    batch_deleted_fn fn;
    void *arg;
};

void ruleset_final_add(struct gate_counters *total, const struct ruleset_final *f)
{
    if (f->down) {
        total->down_bytes += f->bytes;
        total->down_packets += f->packets;
    } else {
        total->up_bytes += f->bytes;
        total->up_packets += f->packets;
    }
}

static void on_echo(void *arg, const struct element *e)
{
    struct answers *a = arg;
    struct mac mac;
    struct ruleset_final f = {.mac = &mac, .bytes = e->bytes, .packets = e->packets};
    if (!strcmp(e->set, SET_DOWN) && e->key_len == sizeof f.number) {
        memcpy(&f.number, e->key, sizeof f.number);
        f.number &= RULESET_NUMBER_LAST;
        f.mac = NULL;
        f.down = f.main = true;
        a->fn(a->arg, &f);
        return;
    }
    f.main = !strcmp(e->set, SET_UP);
    if (e->key_len != sizeof mac.b && !(f.main && e->key_len == UP_KEY_LEN))
        return;
    memcpy(mac.b, e->key, sizeof mac.b);
    if (!strcmp(e->set, SET_FAST_LEFT)) { /* of what fast_up counted, this went through the rules */
        f.bytes = -f.bytes;
        f.packets = -f.packets;
    } else if (!strcmp(e->set, SET_FAST_DOWN)) {
        f.down = true;
        f.bytes = fast_frames(f.bytes, f.packets);
    } else if (!f.main && strcmp(e->set, SET_FAST_UP) != 0) {
        return;
    }
    a->fn(a->arg, &f);
}

static void on_answer(struct answers *a, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
        if (nlh->nlmsg_seq - a->first_seq > a->last_seq - a->first_seq)
            return; /* of an earlier batch */
        if (e->error && !a->error) {
            a->error = e->error;
            a->error_seq = nlh->nlmsg_seq;
        }
        if (nlh->nlmsg_seq == a->last_seq)
            a->done = true;
    } else if (nlh->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_DELSETELEM) && a->fn) {
        element_parse(nlh, on_echo, a);
    }
}

static int read_answers(struct ruleset *rs, struct answers *a)
{
    static char buf[RECV_BUFFER] __attribute__((aligned(8)));
    while (!a->done) {
        ssize_t n = recv(mnl_socket_get_fd(rs->nl), buf, sizeof buf, a->error ? MSG_DONTWAIT : 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) /* ENOBUFS: an answer is lost; EAGAIN: the kernel gave up half-way */
            return a->error ? a->error : -errno;
        int left = (int)n;
        for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; mnl_nlmsg_ok(nlh, left);
             nlh = mnl_nlmsg_next(nlh, &left))
            on_answer(a, nlh);
    }
    return a->error;
}

bool ruleset_lost(int error)
{
    return error == -ENOBUFS || error == -ETIMEDOUT;
}

/* Once an answer was lost the kernel drops all that follow until nothing waits any more. */
int ruleset_checked(struct ruleset *rs, int error)
{
    char byte;
    if (error == -EAGAIN)
        error = -ETIMEDOUT;
    while (ruleset_lost(error) && (recv(mnl_socket_get_fd(rs->nl), &byte, 1, MSG_DONTWAIT) >= 0 ||
                                   errno == EINTR || errno == ENOBUFS))
        continue;
    return error;
}

static int commit_once(struct batch *b, size_t len, struct answers *a)
{
    struct ruleset *rs = b->rs;
    rs->transactions++;
    ssize_t sent;
    do
        sent = sendto(mnl_socket_get_fd(rs->nl), b->buf, len, 0, NULL, 0); /* the kernel */
    while (sent < 0 && errno == EINTR);
    int r = ruleset_checked(rs, sent < 0 ? -errno : read_answers(rs, a));
    if (r < 0) {
        rs->failed++;
        b->failed = a->error_seq - b->first_seq;
        log_msg(LOG_DEBUG, "event=transaction-failed message=%u of=%u error=\"%s\"", b->failed,
                b->messages, strerror(-r));
    }
    return r;
}

/* Linux before 2024 takes an element's counter from what lies ready of per-CPU memory (its
 * nft_counter_clone could not wait), which is enough for some hundred to some thousand. Who lays
 * more ready is a worker of the kernel, for which we have to leave the processor: a millisecond,
 * or more where another worker (that of a set that grows) is before it. Not for a batch that may be
 * too big in any case; nor again and again where there is no memory. */
static bool wait_for_room(struct ruleset *rs, size_t len, int tries)
{
    if (rs->starved || len > SPARE_MAX_ROOM)
        return false;
    rs->starved = tries == ROOM_TRIES;
    if (!rs->starved)
        poll(NULL, 0, 1 << (tries - 1));
    return !rs->starved;
}

int batch_commit(struct batch *b, batch_deleted_fn fn, void *arg)
{
    struct ruleset *rs = b->rs;
    if (b->oom || !batch_room(b, 0))
        return -ENOMEM;
    if (b->messages == 0)
        return 0;
    struct nlmsghdr *last = (struct nlmsghdr *)(b->buf + b->last);
    last->nlmsg_flags |= NLM_F_ACK;
    struct nlmsghdr *end = put_batch(b->buf + b->used, NFNL_MSG_BATCH_END, rs->seq++);
    size_t len = b->used + MNL_ALIGN(end->nlmsg_len);
    int r = -ENOMEM;
    for (int tries = 1; r == -ENOMEM && (tries == 1 || wait_for_room(rs, len, tries)); tries++) {
        struct answers a = {
            .first_seq = b->first_seq, .last_seq = last->nlmsg_seq, .fn = fn, .arg = arg};
        r = commit_once(b, len, &a);
    }
    rs->starved = rs->starved && r < 0;
    return r;
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

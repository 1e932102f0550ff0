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
#include "lib/log.h"
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_attr.h"
#include "netfilter/ruleset_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH_FIRST_ROOM 65536
#define SPARE_MAX_ROOM   (4 * BATCH_FIRST_ROOM)
#define BATCH_MAX_ROOM   (SOCKET_SEND_ROOM / 2)
#define ROOM_TRIES       8 /* after 1, 2, 4, … ms: an eighth of a second */

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

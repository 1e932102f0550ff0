/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The dump of the ids, step by step. The kernel makes the next packet of a dump inside our recv of
 * the one before: at 100,000 devices each costs a millisecond or two, because it walks the set from
 * its beginning to where it had stopped. So one packet is one step, and the loop turns in between.
 * The socket is not the one of transactions and readings, whose answers would be mixed up with it.
 *
 * It is kept to the end: the kernel lets who closes a netfilter socket wait until all is freed that
 * was deleted lately (nft_rcv_nl_event: a grace period of RCU), after a start the rules of the gate
 * before. In that the loop stood still. */
#include "netfilter/ruleset.h"
#include "netfilter/ruleset_internal.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#define STEP_BUFFER 65536

struct ruleset_steps {
    struct ruleset *rs;
    struct mnl_socket *nl;
    uint32_t seq;
    bool interrupted;
    ruleset_seen_fn seen; /* of the step that is being taken */
    void *arg;
};

struct ruleset_steps *ruleset_steps_new(struct ruleset *rs)
{
    struct ruleset_steps *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->rs = rs;
    s->nl = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (!s->nl || mnl_socket_bind(s->nl, 0, MNL_SOCKET_AUTOPID) < 0) {
        ruleset_steps_free(s);
        return NULL;
    }
    return s;
}

void ruleset_steps_free(struct ruleset_steps *s)
{
    if (!s)
        return;
    if (s->nl && !s->rs->stepped)
        s->rs->stepped = s->nl;
    else if (s->nl)
        mnl_socket_close(s->nl);
    free(s);
}

int ruleset_steps_fd(const struct ruleset_steps *s)
{
    return mnl_socket_get_fd(s->nl);
}

int ruleset_steps_begin(struct ruleset_steps *s)
{
    char buf[512] __attribute__((aligned(8)));
    s->seq = s->rs->seq++;
    s->interrupted = false;
    struct nlmsghdr *nlh =
        nftnl_nlmsg_build_hdr(buf, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP, s->seq);
    mnl_attr_nest_end(nlh, elem_list(nlh, s->rs, SET_IDS));
    while (mnl_socket_sendto(s->nl, nlh, nlh->nlmsg_len) < 0)
        if (errno != EINTR)
            return -errno;
    return 0;
}

static void on_element(void *arg, const struct element *e)
{
    const struct ruleset_steps *s = arg;
    struct ruleset_device d;
    if (element_device(e, &d))
        s->seen(s->arg, &d);
}

/* As ruleset_steps_take. */
static int take_message(struct ruleset_steps *s, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_seq != s->seq)
        return 1; /* of a dump that was given up */
    s->interrupted |= (nlh->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    if (nlh->nlmsg_type == NLMSG_DONE)
        return s->interrupted ? -EINTR : 0;
    if (nlh->nlmsg_type == NLMSG_ERROR) {
        int error = ((const struct nlmsgerr *)mnl_nlmsg_get_payload(nlh))->error;
        return error < 0 ? error : -EPROTO;
    }
    if (nlh->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWSETELEM))
        element_parse(nlh, on_element, s);
    return 1;
}

int ruleset_steps_take(struct ruleset_steps *s, ruleset_seen_fn seen, void *arg)
{
    static char buf[STEP_BUFFER] __attribute__((aligned(8)));
    ssize_t n = mnl_socket_recvfrom(s->nl, buf, sizeof buf);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 1 : -errno;
    s->seen = seen;
    s->arg = arg;
    int left = (int)n, r = 1;
    for (struct nlmsghdr *nlh = (struct nlmsghdr *)buf; r == 1 && mnl_nlmsg_ok(nlh, left);
         nlh = mnl_nlmsg_next(nlh, &left))
        r = take_message(s, nlh);
    return r;
}

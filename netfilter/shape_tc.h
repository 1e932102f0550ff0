/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by shape*.c alone. All return 0 or a negative number of libnl's; with -NLE_EXIST what was
 * to be made was there. */
#ifndef LOGGIA_NETFILTER_SHAPE_TC_H
#define LOGGIA_NETFILTER_SHAPE_TC_H

#include "lib/mac.h"
#include <stdbool.h>
#include <stdint.h>

struct nl_msg;
struct nl_sock;
struct tcmsg;

#define SHAPE_HASH        0x4c500000U /* u32's table of devices; then 256 buckets, then nodes */
#define SHAPE_FRAME       14          /* what a frame has more than its IP packet */
#define SHAPE_LEAST_Bps   1000
#define SHAPE_FILTER_PRIO 0x4c47U /* of all our filters: the administrator's may come before */

/* An rtnetlink message of traffic control; kind may be NULL. NULL: out of memory. */
struct nl_msg *tc_message(int type, int flags, unsigned ifindex, uint32_t parent, uint32_t handle,
                          uint32_t info, const char *kind);
/* Sends, frees, waits for the acknowledgement. m may be NULL. */
int tc_talk(struct nl_sock *nl, struct nl_msg *m);
/* Has what there is of a type listed (RTM_GETQDISC: of all interfaces). kind is "" where it is not
 * told. */
int tc_list(struct nl_sock *nl, int type, unsigned ifindex, uint32_t parent,
            void (*fn)(void *arg, const struct tcmsg *t, const char *kind), void *arg);

int tc_make_ifb(struct nl_sock *nl, const char *name); /* and up */
void tc_delete_ifb(struct nl_sock *nl, const char *name);
int tc_make_root(struct nl_sock *nl, unsigned ifindex);

struct tc_class {
    uint32_t parent, minor; /* parent 0: the root */
    uint64_t rate_Bps, ceil_Bps;
};
int tc_put_class(struct nl_sock *nl, unsigned ifindex, int flags, const struct tc_class *c);
/* fair: the kernel is thought to have fq_codel. */
void tc_put_queue(struct nl_sock *nl, unsigned ifindex, uint32_t minor, uint64_t Bps, bool *fair);

int tc_make_hash(struct nl_sock *nl, unsigned ifindex); /* 0 also when it is there */
/* Its handle comes as the message's echo. */
int tc_put_filter(struct nl_sock *nl, unsigned ifindex, const struct mac *mac, uint32_t minor);
void tc_delete_filters(struct nl_sock *nl, unsigned ifindex, uint32_t parent, uint32_t handle);
/* Leads what passes the hook (TC_H_MIN_INGRESS, _EGRESS) through the device ifb; 0: no longer. */
int tc_lead(struct nl_sock *nl, unsigned ifindex, uint32_t hook, unsigned ifb);

#endif

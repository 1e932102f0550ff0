/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Leads what passes the LAN interfaces through the two devices with the queues (shape.c), and
 * finds out who is in the way of that. */
#ifndef LOGGIA_NETFILTER_SHAPE_LEAD_H
#define LOGGIA_NETFILTER_SHAPE_LEAD_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

struct gate_chain;
struct nl_sock;

#define LEAD_MAX 256

struct lead {
    char lan[LEAD_MAX][IFNAMSIZ];
    unsigned led[LEAD_MAX]; /* the ifindex of which the filters are in the kernel; 0: none */
    bool told[LEAD_MAX];    /* that it cannot be led */
    size_t n;
    unsigned ifb_up, ifb_down;
    bool police_up; /* br_netfilter is at work: uploads are not led */
};

/* To be called before the socket joins RTNLGRP_TC: of that group it hears then only of what is
 * taken from the hooks that our filters are on, and not of each queue that we make. */
bool lead_listen(struct nl_sock *watch);
/* Other interfaces; lead_all is to follow. */
void lead_set(struct lead *l, struct nl_sock *nl, const char (*lan)[IFNAMSIZ], size_t n);
/* Puts our filters where they are missing. */
void lead_all(struct lead *l, struct nl_sock *nl);
void lead_forget(struct lead *l); /* the devices are others: nothing is led yet */
/* All interfaces that are there are led. */
bool lead_complete(const struct lead *l);
void lead_remove(struct nl_sock *nl, const char *ifname);

/* Other programs' qdiscs and filters that keep packets from our queues, as lib/gate_proto.h has
 * them. */
void lead_others(const struct lead *l, struct nl_sock *nl,
                 void (*fn)(void *arg, const struct gate_chain *c), void *arg);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces the short cut (ruleset_offload.c) is between: part of neigh_lan.c's picture. */
#ifndef LOGGIA_NETFILTER_NEIGH_FAST_H
#define LOGGIA_NETFILTER_NEIGH_FAST_H

#include "netfilter/ruleset.h"

struct nlmsghdr;

#define NEIGH_FAST_ROUTES 32

/* The uplinks: those that the configuration names, or those of the default routes. */
struct neigh_fast {
    bool wanted;
    char names[RULESET_MAX_UPLINKS][RULESET_IFNAME_LEN];
    size_t n_names;
    struct neigh_fast_route {
        uint32_t ifindex, metric;
        uint8_t family, pad[3], gateway[16];
    } routes[NEIGH_FAST_ROUTES];
    size_t n_routes;
};

void neigh_fast_configure(struct neigh_fast *f, const struct ruleset_config *cfg);
void neigh_fast_forget(struct neigh_fast *f); /* the routes: they are told again */
/* What the kernel told of a link, a route. True: neigh_fast_fill may answer otherwise now. */
bool neigh_fast_link(struct neigh_fast *f, struct nlmsghdr *nlh);
bool neigh_fast_route(struct neigh_fast *f, struct nlmsghdr *nlh);

/* Whether one of these interfaces is of the LAN, or lies below one that is: a port of its bridge,
 * what its VLAN is on. True, too, where the kernel does not say. */
bool neigh_fast_below(const struct ruleset_config *cfg, char (*names)[RULESET_IFNAME_LEN],
                      size_t n);

/* Adds an interface of the LAN. */
void neigh_fast_lan(struct ruleset_config *out, uint32_t ifindex, const char *name);
/* The uplinks, when the LAN is complete; leaves out of both who cannot be in the short cut. */
void neigh_fast_fill(const struct neigh_fast *f, struct ruleset_config *out);

#endif

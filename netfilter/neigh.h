/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libnl: who is on the LAN. Neighbour and bridge events (rtnetlink), first packets of
 * devices that are not open (NFLOG), and the question which MAC an address belongs to. */
#ifndef LOGGIA_NETFILTER_NEIGH_H
#define LOGGIA_NETFILTER_NEIGH_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct neigh;

/* lan_name is asked for each interface by name: the configuration's name of it, NULL if it is none
 * of the LAN. seen: somebody is there; gone: somebody no longer
 * answers; claimed: somebody says that the address, which is the router's, is its own. a holds the
 * MAC and the interface, and the address where it is known. They say whether it was of interest:
 * only then is the device not told of again for a second. */
struct neigh_events {
    const char *(*lan_name)(void *arg, const char *ifname);
    bool (*seen)(void *arg, const struct gate_address *a);
    bool (*gone)(void *arg, const struct gate_address *a);
    bool (*claimed)(void *arg, const struct gate_address *a);
    void *arg;
};

struct neigh *neigh_new(struct loop *loop, const struct neigh_events *events, uint16_t nflog_group,
                        char *err, size_t err_len);
void neigh_free(struct neigh *n);

/* Fills in mac, ifindex and ifname for family, ip and (if not 0) ifindex, from the kernel's table
 * only: nothing is sent on the wire. lan lists the interfaces to look at. GATE_OK or
 * GATE_NOT_FOUND. */
int neigh_resolve(struct neigh *n, struct gate_address *a, const char (*lan)[16], size_t n_lan);

#endif

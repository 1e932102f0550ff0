/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The LAN as the kernel has it now: by which name each interface of the configuration goes, the
 * router's own addresses there, and the networks that are on the link. */
#ifndef LOGGIA_NETFILTER_NEIGH_LAN_H
#define LOGGIA_NETFILTER_NEIGH_LAN_H

#include "netfilter/ruleset.h"

struct lan;
struct loop;

/* changed is called on the loop when lan_fill would answer otherwise than before. NULL with the
 * reason in err. */
struct lan *lan_new(struct loop *loop, void (*changed)(void *arg), void *arg, char *err,
                    size_t err_len);
void lan_free(struct lan *l); /* NULL is fine */

/* The interfaces of the configuration (cfg->lan); reads anew what the kernel has of them. Does not
 * call changed. 0 or a negative errno: then what was known stays. */
int lan_configure(struct lan *l, const struct ruleset_config *cfg);

/* Adds to the interfaces of out those that were renamed, and fills in lan_index, own and networks.
 */
void lan_fill(const struct lan *l, struct ruleset_config *out);

/* The name that the configuration has for an interface of the LAN; NULL: it is none. */
const char *lan_name(const struct lan *l, const char *now);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* True shaping (shaping = "htb"): each device's packets wait in a queue of their own until its rate
 * lets them go, instead of being dropped. Shares libnl's room with neigh.c.
 *
 * Functions that change the kernel say false where it refuses; the device is policed then. */
#ifndef LOGGIA_NETFILTER_SHAPE_H
#define LOGGIA_NETFILTER_SHAPE_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct shape;

#define SHAPE_HANDLE                                                                               \
    0x4c470000U /* of the qdiscs; its lower half is a class: 1 … SHAPE_LINE - 1                  \
                 */
#define SHAPE_NUMBERS  0x0000ffffU /* of a client number: what makes its class */
#define SHAPE_LINE     0xffffU     /* the class of the whole line, where its rate is known */
#define SHAPE_IFB_UP   "loggia-up"
#define SHAPE_IFB_DOWN "loggia-down"

struct shape_config {
    const char (*lan)[16]; /* stays the caller's: only looked at while a function runs */
    size_t n_lan;
    uint64_t line_up_Bps, line_down_Bps; /* 0: not known, devices share nothing but their caps */
};

/* lost is called when somebody has deleted the queues (new ones are there, without devices), or
 * other devices can have queues than before (shape_complete, shape_uploads): shape_put is to be
 * called again for all. Not before shape_new has returned. */
struct shape *shape_new(struct loop *loop, const struct shape_config *cfg, void (*lost)(void *arg),
                        void *arg, char *err, size_t err_len);
void shape_free(struct shape *s); /* leaves the kernel as it is */
void shape_interfaces(struct shape *s, const char (*lan)[16], size_t n_lan);
/* Takes the queues and the filters of these interfaces away, if there are any. */
void shape_remove(const char (*lan)[16], size_t n_lan);

/* Makes the device's queues, or gives them other rates (what waits goes on waiting). made says
 * whether the download's is new, its counter at nought. A device without a cap has queues only
 * where the line's rate is known. */
bool shape_put(struct shape *s, const struct mac *mac, uint32_t number, uint64_t up_Bps,
               uint64_t down_Bps, bool *made);
void shape_drop(struct shape *s, uint32_t number);
bool shape_wanted(const struct shape *s, uint64_t up_Bps, uint64_t down_Bps); /* such a device's */
/* IP bytes that have left the download's queue for the device. */
bool shape_sent(struct shape *s, uint32_t number, uint64_t *bytes, uint64_t *packets);
bool shape_uploads(const struct shape *s); /* false: they are policed, by the kernel's state */
/* false: a LAN interface cannot be led through the queues, so that none has one, but the limit. */
bool shape_complete(const struct shape *s);
/* Who is in the way of that. */
void shape_others(struct shape *s, void (*fn)(void *arg, const struct gate_chain *c), void *arg);
void shape_purge(struct shape *s); /* the queues of nobody that shape_put was called for */

#endif

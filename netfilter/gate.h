/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate: what main.c puts together and controller.c, work.c and keeper.c share. */
#ifndef LOGGIA_NETFILTER_GATE_H
#define LOGGIA_NETFILTER_GATE_H

#include "lib/gate_proto.h"
#include "netfilter/ruleset.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct adoption;
struct returning;
struct client;
struct clients;
struct conf;
struct controller;
struct loop;
struct loop_io;
struct loop_timer;
struct lan;
struct neigh;
struct shape;

#define GATE_BATCH 128 /* requests that share a transaction, at most */

struct gate {
    struct loop *loop;
    struct ruleset_config configured; /* what the configuration makes of the table */
    struct ruleset_config rules;      /* the same, and what the kernel has of the LAN now */
    struct lan *lan;
    struct ruleset *rs;
    struct clients *clients;
    struct neigh *neigh;
    struct controller *controller;
    struct adoption *adoption; /* NULL: all that the kernel holds is known; adoption_holds */
    void (*on_adopted)(struct gate *g);
    struct returning *returning; /* NULL: all that are open are counted */
    struct loop_timer *expiry, *reader;
    uint64_t expiry_ms; /* whose end expiry waits for: the loop's clock */
    struct loop_io *watch_io;
    size_t read_next;    /* keeper.c: how far the reading after adoption is */
    bool checking;       /* it is read to see whether the kernel has everybody */
    uint64_t damaged_us; /* since when the table could not be rebuilt; 0: it is whole */
    unsigned features;
    struct shape *shape; /* NULL: rates are policed */
    uint64_t line_up_Bps, line_down_Bps;
    uint64_t started_ms;
};

/* work.c: does the requests (no HELLO, no DUMP among them; at most GATE_BATCH) and answers each. */
void work_requests(struct gate *g, const struct gate_request *requests, size_t n);
/* Reads the counters of at most GATE_BATCH devices, by key. 0 or a negative errno. */
int work_read(struct gate *g, struct client **clients, size_t n);
/* The reply's view of a device. */
void work_entry(const struct client *c, struct gate_entry *out);

/* keeper.c: what the gate does by itself. */
bool keeper_start(struct gate *g, char *err, size_t err_len); /* installs, adopts, watches */
void keeper_stop(struct gate *g);
void keeper_adopted(struct gate *g);  /* adoption.c: that was the last one */
void keeper_schedule(struct gate *g); /* after a device's end has changed */
/* The rules as configured and lan say, where those that are in force are others. 0 or a negative
 * errno: then nothing has changed. */
int keeper_refresh(struct gate *g);
/* Makes the table again from memory; started_us: since when it is known to be damaged. */
int keeper_rebuild(struct gate *g, uint64_t started_us, const struct ruleset_foreign *cause);

/* adoption.c: what the kernel holds. */
int adoption_now(struct gate *g);   /* all of it at once. 0 or a negative errno */
int adoption_begin(struct gate *g); /* in steps, g->adoption until then; 0 or a negative errno */
bool adoption_holds(const struct gate *g); /* nothing may be changed until it is over */
void adoption_look(struct gate *g, const struct mac *mac); /* this one, if it is not known yet */
void adoption_give_up(struct gate *g);  /* the table is gone: no more can be learnt of it */
void adoption_free(struct gate *g);     /* nothing is told; fine if there is none */
void adoption_read_all(struct gate *g); /* all counters, at once */

/* rebuild.c: the table made anew from memory, with all that was in it. 0 or a negative errno. */
int rebuild_all(struct gate *g);    /* what the kernel's counters held is lost */
int rebuild_layout(struct gate *g); /* of a table that is whole, but made by another gate */

/* returning.c: after a foreign flush, open before counted. */
struct ruleset_device device_as_it_was(const struct gate *g, const struct client *c, uint64_t now);
/* Counts those of them that are not: before anything else is done with a client. At most GATE_BATCH
 * (what cannot be counted now stays uncounted). Costs nothing when all are. */
void returning_count(struct gate *g, struct client *const *clients, size_t n);
/* order: who is to be counted first. False: no memory. Nothing happens before returning_go_on. */
bool returning_begin(struct gate *g, struct client *const *order, size_t n);
void returning_go_on(struct gate *g);
void returning_seen(
    struct gate *g); /* the reader has looked at all devices: what another left ends */
void returning_forget(struct gate *g); /* the table is going to be another */
void returning_free(struct gate *g);
/* Another gate died meanwhile: whom it let in is let in. Before the rules are made. */
bool returning_left(struct gate *g);

/* shaping.c: queues instead of drops; without them (g->shape NULL) all of it does nothing. */
struct shaping_wish {
    uint32_t number;
    uint64_t up_Bps, down_Bps;
    struct gate_counters base; /* the session's totals now */
};
void shaping_start(struct gate *g);      /* before the rules; says so where it cannot be had */
void shaping_adopt(struct gate *g);      /* all devices, of which the counters are known */
void shaping_interfaces(struct gate *g); /* the LAN has changed */
bool shaping_is_over(struct gate *g);    /* adopted devices had queues that are no more */
/* Makes or changes the queues of what is going to be c's number. False: it is policed. queue is for
 * c->queue, once the elements are in the kernel. */
bool shaping_put(struct gate *g, const struct client *c, const struct shaping_wish *w,
                 struct gate_counters *queue);
bool shaping_uploads(const struct gate *g);
bool shaping_complete(const struct gate *g); /* all LAN interfaces are led through the queues */
uint32_t
shaping_without(const struct gate *g); /* devices that ought to have a queue and have not */
/* Whose traffic control is in the way. */
void shaping_others(struct gate *g, void (*fn)(void *arg, const struct gate_chain *c), void *arg);
void shaping_drop(struct gate *g, uint32_t number);
/* Sets the download's part of total to what was delivered, if c has queues. */
bool shaping_total(struct gate *g, const struct client *c, struct gate_counters *total);

/* foreign.c: what is in the way of the LAN's packets; fn sets the indices. 0 or a negative errno.
 */
int foreign_others(struct gate *g, ruleset_chain_fn fn, void *arg);

/* controller.c */
struct controller *controller_new(struct gate *g, int listen_fd, unsigned uid);
void controller_free(struct controller *k);
void controller_reply(struct controller *k, const struct gate_reply *r);
void controller_event(struct controller *k, const struct gate_reply *r);
bool controller_dumping(const struct controller *k); /* clients must not be moved about now */
void controller_list_again(
    struct controller *k);                     /* hangs up: there are devices it is not told of */
void controller_adopted(struct controller *k); /* what waited for it goes on; NULL is fine */

#endif

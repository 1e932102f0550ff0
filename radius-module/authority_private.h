/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What authority.c (asking, connectors) and authority_io.c (the I/O thread) share. `lock` guards
 * what is marked so; the rest of a lane belongs to the I/O thread. Nobody holds it while calling
 * out. */
#ifndef LOGGIA_RADIUS_MODULE_AUTHORITY_PRIVATE_H
#define LOGGIA_RADIUS_MODULE_AUTHORITY_PRIVATE_H

#include "radius-module/authority.h"
#include "radius-module/report.h"
#include <pthread.h>
#include <uthash.h>
#include <utlist.h>

struct search { /* one question on its way to one directory */
    void *token;
    struct subject whom;
    char *name; /* whom.name; owned */
    uint64_t asked_ms, sent_ms;
    bool groups;           /* the second step: the groups of who was found */
    bool retried;          /* lost with its connection once already */
    struct values *values; /* once there is an entry */
    int number;
    UT_hash_handle hh;          /* in its link, by number; oldest first */
    struct search *prev, *next; /* in a queue */
};

struct link { /* an open connection */
    struct directory *directory;
    struct search *searches;
    uint64_t heard_ms;
    bool full; /* its socket: some of what was asked is not sent yet */
    bool more; /* answers that were read ahead, when the others have had their turn */
};

struct lane { /* one authority */
    struct authorities *set;
    size_t index;
    const struct authority_conf *conf;
    const char *attributes[MAPPING_ATTRIBUTES + 1];

    /* under lock */
    struct breaker breaker;
    struct search *queue;
    uint32_t queued, open; /* open: links, the ready ones included */
    struct directory *ready[AUTHORITY_MAX_CONNECTIONS];
    size_t n_ready;
    uint64_t retry_at_ms; /* of further links while some are open */
    struct authority_stats stats;

    struct link links[AUTHORITY_MAX_CONNECTIONS];
    size_t n_links;
    pthread_t connector;
    bool has_connector;
};

struct authorities {
    pthread_mutex_t lock;
    pthread_cond_t changed;    /* for the connectors: a link was lost, or stop */
    bool stop, io_stop, woken; /* under lock */
    int wake;                  /* eventfd of the I/O thread */
    pthread_t io;
    bool has_io;
    authority_answer_fn fn;
    void *arg;
    struct report *report;
    size_t n;
    struct lane lanes[];
};

void search_free(struct search *s);
void *authority_io(void *authorities);      /* the I/O thread */
void authority_wake(struct authorities *a); /* with lock held */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store's thread (rlm_loggia_store.c) is made of: its queue, what it does of it
 * (rlm_loggia_jobs.c) and what it looks for by itself (rlm_loggia_look.c). Everything here is
 * called by that thread alone, but for store_push. */
#ifndef LOGGIA_RADIUS_MODULE_RLM_LOGGIA_STORE_H
#define LOGGIA_RADIUS_MODULE_RLM_LOGGIA_STORE_H

#include "radius-module/rlm_loggia.h"

#define NAME_LEN 33

enum job_kind {
    JOB_STORE,
    JOB_ANNOUNCE,
    JOB_CUT,
    JOB_CHANGE,
    JOB_LIMIT, /* of a person's devices */
    JOB_OUST   /* one of them */
};

struct job {
    enum job_kind kind;
    struct mac mac;
    char name[NAME_LEN]; /* the person's pseudonym; instead of mac, if not empty, the device's */
    struct job *prev, *next;
};

struct rlm_loggia_store {
    rlm_loggia_t *inst;
    pthread_t thread;
    pthread_mutex_t lock; /* of the jobs; taken behind the federation's */
    int wake;
    bool stop;
    struct job *jobs, *answers; /* answers: JOB_STORE alone */
    size_t n_jobs;              /* both */
    uint64_t due_ms;            /* when the answers are to be written */
    uint64_t dropped;
    unsigned long long since, read_to; /* changes: seen twice, seen once */
    struct disconnects *disconnects;
    uint64_t sent, changes; /* of those */
    bool beginning;         /* who is online is still being read */
    char online[64];        /* Acct-Unique-Session-Id of the last that was */
    size_t n_online;
};

/* Puts it at the end of the queue; where that is full it is dropped, counted and reported. mac may
 * be NULL where name is the device's or the person's pseudonym. Any thread. */
void store_push(struct rlm_loggia_store *s, enum job_kind kind, const struct mac *mac,
                const char *name);

/* Writes what the authorities said. False: some wait still, for the store does not take them. */
bool store_write_answers(struct rlm_loggia_store *s);

/* A request that says of whom the job is; NULL: no memory. For the caller to talloc_free. */
REQUEST *store_request(rlm_loggia_t *inst, const struct job *j);

/* attribute = n, among the request's control pairs. */
void store_number(REQUEST *r, DICT_ATTR const *attribute, unsigned long long n);

/* Does what waits, until nothing does or the store (or the routers) must do without it for now. */
void store_do_jobs(struct rlm_loggia_store *s);

/* Takes what other servers have changed since the last look. False: the store does not answer. */
bool store_look_for_changes(struct rlm_loggia_store *s);

/* Of a server that has just begun: reads a slice of who is online in the accounting. */
void store_look_who_is_online(struct rlm_loggia_store *s);

#endif

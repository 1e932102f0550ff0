/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The authorities' directories, asked in the background: K connections to each, searches pipelined
 * by message number, a breaker for each. One I/O thread reads and writes for all of them and never
 * blocks; each authority has a connector thread besides, which does what libldap can only do
 * blocking (name resolution, TLS, the bind), so that a name server that hangs holds up its own
 * authority alone. */
#ifndef LOGGIA_RADIUS_MODULE_AUTHORITY_H
#define LOGGIA_RADIUS_MODULE_AUTHORITY_H

#include "radius-module/breaker.h"
#include "radius-module/directory.h"
#include "radius-module/report.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AUTHORITY_MAX_CONNECTIONS 16
#define AUTHORITY_MAX_REALMS      8
#define AUTHORITY_FILTER_ROOM     1024 /* bytes of a filter that is sent */

struct authority_conf {
    char *name;
    struct directory_conf directory;
    bool follow;                /* be told what changes, where the directory offers it */
    uint32_t connections;       /* K */
    uint32_t pipeline;          /* searches on their way over one connection, at most */
    uint32_t search_timeout_ms; /* without an answer for so long a search has failed */
    uint32_t breaker_failures, breaker_open_ms;
    /* Who owns the device %{mac}, written like mac_format. */
    char *user_base_dn, *user_filter, *mac_format;
    enum directory_scope user_scope;
    /* The groups of the entry %{dn}; NULL: not asked. */
    char *group_base_dn, *group_filter;
    enum directory_scope group_scope;
    struct mapping mapping;
    /* The last password: who is %{user}; NULL: nobody has one here. */
    char *login_filter;
    char *login_nobody; /* bound to where there is no such user, so that it takes as long */
    uint32_t login_connections, login_timeout_ms;
    char *realms[AUTHORITY_MAX_REALMS];
    size_t n_realms;
};

/* Whom a question is about. */
struct subject {
    enum subject_kind {
        SUBJECT_DEVICE, /* the owner of mac */
        SUBJECT_USER,   /* who logs in as name; of several nobody is found */
        SUBJECT_PERSON  /* the entry that is called name */
    } kind;
    struct mac mac;
    const char *name; /* copied */
};

enum authority_outcome { OUTCOME_UNKNOWN, OUTCOME_NOT_FOUND, OUTCOME_FOUND };

/* Called on the I/O thread, once for each question that was taken; values only for OUTCOME_FOUND.
 */
typedef void (*authority_answer_fn)(void *arg, size_t authority, enum subject_kind kind,
                                    void *token, enum authority_outcome outcome,
                                    const struct values *values);

struct authorities;

/* Keeps confs and report. Nothing is dialled before authorities_start. NULL: out of memory. */
struct authorities *authorities_new(const struct authority_conf *confs, size_t n,
                                    authority_answer_fn fn, void *arg, struct report *report);
/* 0, or an errno. */
int authorities_start(struct authorities *a);
/* Open questions are answered OUTCOME_UNKNOWN. Waits for the threads. */
void authorities_free(struct authorities *a);

/* Any thread. False: unknown at once, fn is not called (breaker open, or too many are waiting). */
bool authorities_ask(struct authorities *a, size_t authority, const struct subject *whom,
                     void *token);

/* Ends of the buckets of answering times, in ms; the last has none (0). */
#define AUTHORITY_BUCKETS 11
extern const uint32_t authority_bucket_ms[AUTHORITY_BUCKETS];

struct authority_stats {
    enum breaker_state breaker;
    uint64_t opened;                           /* how often the breaker did */
    uint64_t asked, answered, failed, refused; /* refused: breaker open or queue full */
    uint64_t within[AUTHORITY_BUCKETS];        /* answers, by the time that they took */
    uint64_t took_ms;                          /* all of them together */
    uint64_t remembered, stale;                /* the federation's part: served from memory */
    uint32_t connections, queued, in_flight;   /* in_flight: those in the queue included */
    uint32_t last_ms;                          /* the last answer took */
    char last_error[128];
};
void authorities_stats(struct authorities *a, size_t authority, struct authority_stats *out);

#endif

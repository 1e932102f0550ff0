/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between signin.c (on the loop), signin_worker.c (the threads) and signin_ldap.c (the directory).
 */
#ifndef LOGGIA_NOTICEBOARD_SIGNIN_PRIVATE_H
#define LOGGIA_NOTICEBOARD_SIGNIN_PRIVATE_H

#include "lib/crypto_password.h"
#include "noticeboard/signin.h"

/* All that a thread needs, copied: it sees nothing of the program's. */
struct signin_job {
    struct signin_job *next;
    uint64_t number;
    char administration[40], name[SIGNIN_NAME_MAX + 1], password[SIGNIN_PASSWORD_MAX + 1],
        address[64];
    bool by_directory;                /* else against stored */
    bool recheck;                     /* no password: somebody who is signed in */
    char stored[CRYPTO_PASSWORD_LEN]; /* "": no such account */
    struct board_directory directory; /* texts are the job's own */
    char *groups[BOARD_MAX_ROLES];    /* that are asked about */
    size_t n_groups;
    /* The answer. */
    enum signin_verdict verdict;
    char shown[96], why[300];
    char canonical[SIGNIN_NAME_MAX + 1]; /* the account's own name, however it was typed */
    uint32_t in_groups;                  /* bits */
    /* For the loop alone. */
    signin_fn fn;
    void *arg;
};

/* --- threads
 * ---------------------------------------------------------------------------------------- */
struct signin_worker;
/* Calls done for each job that work has done, on the loop. NULL with err. */
struct signin_worker *signin_worker_new(struct loop *loop, void (*work)(struct signin_job *),
                                        void (*done)(void *arg, struct signin_job *), void *arg,
                                        char *err, size_t err_len);
/* False if that administration's queue is full or no thread can be had. */
bool signin_worker_give(struct signin_worker *w, struct signin_job *job);
/* Jobs that were not done come back to done. */
void signin_worker_free(struct signin_worker *w);

/* --- the directory
 * ------------------------------------------------------------------------------------ */
/* Once, before the first thread: libldap makes its globals then. */
void signin_ldap_prepare(void);
/* Within directory.timeout_ms. */
void signin_ldap(struct signin_job *job);

#endif

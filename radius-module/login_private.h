/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What login.c (attempts, from asking to the result) and login_bind.c (the threads that bind)
 * share. `lock` guards everything that is not constant. */
#ifndef LOGGIA_RADIUS_MODULE_LOGIN_PRIVATE_H
#define LOGGIA_RADIUS_MODULE_LOGIN_PRIVATE_H

#include "radius-module/attempts.h"
#include "radius-module/login.h"
#include <pthread.h>

#define LOGIN_MAX_CONNECTIONS 8

struct part { /* of an attempt: one authority */
    enum part_state { PART_NOT_ASKED, PART_OPEN, PART_RIGHT, PART_WRONG, PART_UNKNOWN } state;
    bool exists; /* else the bind is to nobody */
    char dn[VALUES_DN_LEN];
    struct decision_answer answer;
};

struct attempt {   /* one name and password */
    unsigned refs; /* the worker, and parts that are open */
    uint64_t end_ms;
    pthread_cond_t changed;
    char password[LOGIN_PASSWORD_MAX];
    size_t password_len;
    struct part parts[];
};

struct job { /* a bind to make */
    struct attempt *attempt;
    struct job *prev, *next;
};

struct desk { /* one authority */
    struct login *login;
    size_t index;
    const struct authority_conf *conf;
    struct job *jobs; /* oldest first */
    uint32_t queued;
    pthread_t threads[LOGIN_MAX_CONNECTIONS];
    size_t n_threads;
};

struct login {
    const struct fed_conf *conf;
    struct authorities *authorities;
    struct report *report;
    pthread_mutex_t lock;
    pthread_cond_t work; /* for the desks, or stop */
    bool stop;
    uint32_t waiting; /* workers */
    struct attempts *attempts;
    size_t n;
    struct desk desks[];
};

/* With lock held: the part has its result, and lets go of the attempt. */
void login_part_done(struct login *l, struct attempt *a, size_t authority, enum part_state state);
/* With lock held; false: too many are waiting. */
bool login_queue(struct desk *d, struct attempt *a);
void *login_desk(void *desk); /* a thread */

#endif

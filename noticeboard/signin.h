/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is it? A name and a password against an administration's directory, or against an account
 * that the command line made; the answer comes on the loop. Directories may hang: each
 * administration has one thread of its own and a short queue, so that one that is frozen stops
 * nobody else's editors and never the loop. */
#ifndef LOGGIA_NOTICEBOARD_SIGNIN_H
#define LOGGIA_NOTICEBOARD_SIGNIN_H

#include "noticeboard/conf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct signin;
struct store;

enum signin_verdict {
    SIGNIN_RIGHT,
    SIGNIN_WRONG,       /* name or password */
    SIGNIN_NO_ROLE,     /* right, but nothing on this board */
    SIGNIN_UNAVAILABLE, /* the directory does not answer, or too many wait */
    SIGNIN_REFUSED,     /* it answers, but does not let the board look: an admin must mend that */
    SIGNIN_TRIES        /* too often wrong: later again */
};

enum { SIGNIN_NAME_MAX = 64, SIGNIN_PASSWORD_MAX = 256, SIGNIN_ROLES_LEN = 512 };

struct signin_answer {
    enum signin_verdict verdict;
    char name[SIGNIN_NAME_MAX + 1];  /* the account's, however it was typed */
    char login[SIGNIN_NAME_MAX + 1]; /* as it was typed */
    char shown[96];                  /* the person's name, else what was typed */
    int role;                        /* the highest, enum board_role */
    char roles[SIGNIN_ROLES_LEN];    /* ",comune:2,acqua:0," or ",*:2,": publisher and role */
};
typedef void (*signin_fn)(void *arg, const struct signin_answer *a);

/* NULL with the reason in err. */
struct signin *signin_new(struct loop *loop, struct store *store, char *err, size_t err_len);
/* Waits for the threads, which their timeouts bound. NULL is fine. */
void signin_free(struct signin *s);

/* fn is called once, from the loop; perhaps before this returns. The password is copied, and wiped
 * after use. address: who asks, for the limit. Returns a number for signin_cancel, 0 if fn was
 * called already. */
uint64_t signin_ask(struct signin *s, const struct board_administration *a, const char *name,
                    const char *password, const char *address, signin_fn fn, void *arg);
/* The same without a password, for somebody who is signed in: whether the account is still there,
 * and what it may do now. SIGNIN_RIGHT, SIGNIN_WRONG (it is gone), SIGNIN_NO_ROLE, or, where
 * nothing is known, SIGNIN_UNAVAILABLE and SIGNIN_REFUSED. */
uint64_t signin_recheck(struct signin *s, const struct board_administration *a, const char *login,
                        signin_fn fn, void *arg);
/* fn is not called any more. */
void signin_cancel(struct signin *s, uint64_t number);

#endif

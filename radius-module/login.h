/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last password: a name and a password, put to the administration whose realm the name carries,
 * or to all. Two steps in each: the entry is found as every search finds it, pipelined on the
 * search connections; then a simple bind as that entry, on a connection that does nothing else.
 * What cannot be found is bound to as well, to an entry that is nobody's, so that the time says
 * nothing.
 *
 * A password lives in one place, is wiped there, and is never logged. */
#ifndef LOGGIA_RADIUS_MODULE_LOGIN_H
#define LOGGIA_RADIUS_MODULE_LOGIN_H

#include "radius-module/authority.h"
#include "radius-module/decision.h"

#define LOGIN_USER_MAX     100 /* bytes, without the realm */
#define LOGIN_PASSWORD_MAX 128 /* bytes: what RADIUS can carry (RFC 2865 section 5.2) */

struct fed_conf;
struct login;

struct login_ask {
    struct mac mac;
    const char *user; /* "user" or "user@realm" */
    const char *password;
    size_t password_len;
};

struct login_right { /* LOGIN_RIGHT: who it is, and what the authority grants */
    size_t authority;
    char dn[VALUES_DN_LEN];
    struct decision_answer answer;
};

/* Keeps all three. NULL: out of memory. */
struct login *login_new(const struct fed_conf *conf, struct authorities *authorities,
                        struct report *report);
/* The threads that bind, where an authority has a login filter; 0 or an errno. */
int login_start(struct login *l);
/* After authorities_free. */
void login_free(struct login *l);

/* Waits; any thread. At most `bulkhead` wait at once, for more it is LOGIN_UNKNOWN. */
enum decision_login login_check(struct login *l, const struct login_ask *ask,
                                struct login_right *right);
/* The answer to a SUBJECT_USER search; a says what it found, dn whom. I/O thread. */
void login_found(struct login *l, size_t authority, void *token, const struct decision_answer *a,
                 const char *dn);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One LDAP connection: libldap's room here (lib/ldap_dial.c dials). Opening blocks, with a bound,
 * and is done by a thread that has nothing else to do; after that nothing blocks: searches are sent
 * and answers read by one I/O thread. A connection belongs to one thread at a time. */
#ifndef LOGGIA_RADIUS_MODULE_DIRECTORY_H
#define LOGGIA_RADIUS_MODULE_DIRECTORY_H

#include "radius-module/entitlement.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIRECTORY_MAX_SERVERS 8

enum directory_scope { SCOPE_BASE, SCOPE_ONE, SCOPE_SUB };

struct directory_conf {                   /* named as in rlm_ldap where the meaning is the same */
    char *servers[DIRECTORY_MAX_SERVERS]; /* ldap://HOST[:PORT], ldaps://…, ldapi://…; tried in turn
                                           */
    size_t n_servers;
    char *identity, *password;  /* simple bind; NULL: anonymous */
    bool external;              /* SASL EXTERNAL (RFC 4422): who one is says the certificate, or
                                   the kernel (ldapi); identity, if any, is whom to act for */
    char *cert_file, *key_file; /* shown to the directory */
    char *base_dn;              /* of the probe, and of searches without their own */
    bool start_tls;
    char *ca_file;           /* NULL: the system's */
    bool require_cert;       /* default yes */
    uint32_t net_timeout_ms; /* of opening: connect, StartTLS, bind, probe; each */
    uint32_t keepalive_idle_s;
};

struct directory; /* a connection */

/* libldap sets up what all connections share at its first use, and not with care for two threads
 * that use it first: once, before there are any. */
void directory_prepare(void);
/* Resolves, connects, StartTLS, binds and reads the base entry as a proof of life. NULL with the
 * reason, which names no secret, in err. */
struct directory *directory_open(const struct directory_conf *conf, size_t server, char *err,
                                 size_t err_len);
/* The same without the bind: for directory_check alone. */
struct directory *directory_open_unbound(const struct directory_conf *conf, size_t server,
                                         char *err, size_t err_len);
void directory_close(struct directory *d);
int directory_fd(const struct directory *d);

/* Writes down a search, which directory_flush sends; the number that its answer will carry, or -1:
 * the connection is done for. attributes: NULL-terminated. */
int directory_search(struct directory *d, const char *base, enum directory_scope scope,
                     const char *filter, const char *const *attributes, unsigned max_entries);
void directory_abandon(struct directory *d, int number);
/* Searches and abandonments are on their way only now. True: not all of them, the socket is full;
 * again when it may be written. */
bool directory_flush(struct directory *d);

/* --- what changes there (RFC 4533, refreshAndPersist), directory_follow.c ------------------------
 */
#define DIRECTORY_COOKIE_MAX 512
struct directory_cookie { /* how far the changes are known; len 0: not at all */
    char data[DIRECTORY_COOKIE_MAX];
    size_t len;
};

enum directory_change {
    CHANGE_NOTHING, /* more has to come first, or it is of no interest */
    CHANGE_ENTRY,   /* an entry is new, or another, or gone: then it has a name and nothing else */
    CHANGE_REFUSED, /* the directory does not offer it, or not to this identity */
    CHANGE_DOWN     /* the connection is done for */
};
/* Asks to be told, on a connection that does nothing else. 0: it is done for. */
int directory_follow(struct directory *d, const char *base, const char *filter,
                     const char *const *attributes, const struct directory_cookie *cookie);
/* Reads one message without waiting. known: whether what was there before has been told (*known is
 * set when it has); until then entries are none that changed, unless there was a cookie. */
enum directory_change directory_follow_next(struct directory *d, struct values *into, bool *known,
                                            bool *again, struct directory_cookie *cookie);

/* Whether this is the password of the entry dn: a simple bind (RFC 4513 section 5.1), which changes
 * who the connection belongs to; so never on one that searches. Waits. An empty name or password is
 * WRONG and nothing is sent: a directory would take either for an anonymous bind, which succeeds
 * (RFC 4513 section 5.1.2). UNKNOWN: the directory did not say; the connection is done for. */
enum directory_verdict { DIRECTORY_RIGHT, DIRECTORY_WRONG, DIRECTORY_UNKNOWN };
enum directory_verdict directory_check(struct directory *d, const char *dn, const char *password,
                                       size_t len, uint32_t timeout_ms);

enum directory_event {
    DIRECTORY_NOTHING, /* more has to come first */
    DIRECTORY_ENTRY,   /* of *number: its values were added to what into() gave */
    DIRECTORY_DONE,    /* *number is answered; *ok false: the directory refused it, why says how */
    DIRECTORY_DOWN     /* the connection is done for */
};
/* Reads one message without waiting. into(arg, number) gives the place for an entry's values, or
 * NULL to throw it away. */
enum directory_event directory_next(struct directory *d,
                                    struct values *(*into)(void *arg, int number), void *arg,
                                    int *number, bool *ok, char *why, size_t why_len);

#endif

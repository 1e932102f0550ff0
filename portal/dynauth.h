/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a RADIUS server may ask of a router that it knows (RFC 5176): end a session, or change it.
 * dynauth_request.c reads a request and writes its answer, pure; dynauth.c is the listener. */
#ifndef LOGGIA_PORTAL_DYNAUTH_H
#define LOGGIA_PORTAL_DYNAUTH_H

#include "lib/mac.h"
#include "portal/radius_client.h"
#include "portal/radius_codec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DYNAUTH_ID_LEN 33 /* an Acct-Session-Id of ours with its NUL */
#define DYNAUTH_WINDOW_S                                                                           \
    300 /* an Event-Timestamp further away is a replay (RFC 5176 section 3)                        \
         */

enum dynauth_cause { /* Error-Cause, RFC 5176 section 3.5 */
                     DYNAUTH_FINE = 0,
                     DYNAUTH_UNSUPPORTED_ATTRIBUTE = 401,
                     DYNAUTH_MISSING_ATTRIBUTE = 402,
                     DYNAUTH_NAS_MISMATCH = 403,
                     DYNAUTH_INVALID_REQUEST = 404,
                     DYNAUTH_UNSUPPORTED_SERVICE = 405,
                     DYNAUTH_INVALID_VALUE = 407,
                     DYNAUTH_NOT_FOUND = 503,
                     DYNAUTH_NOT_REMOVABLE = 504,
                     DYNAUTH_RESOURCES = 506
};

struct dynauth_request {
    bool disconnect; /* else a change */
    bool has_time, has_mac;
    uint32_t time_s;                 /* Event-Timestamp */
    struct mac mac;                  /* Calling-Station-Id, or a User-Name that is an address */
    char session_id[DYNAUTH_ID_LEN]; /* ""; none */
    uint8_t cui_len;                 /* 0: none */
    uint8_t cui[RADIUS_MAX_VALUE];
    uint8_t nas_ip_len; /* 4 or 16: a NAS-IP(v6)-Address that is to be ours; 0: nothing to check */
    uint8_t nas_ip[16];
    struct radius_grant change;
};

/* Reads a packet that radius_check_request found right. FINE, or why not. */
enum dynauth_cause dynauth_read(const uint8_t *data, size_t len, const char *nas_identifier,
                                struct dynauth_request *out);
/* The signed answer: ACK if cause is FINE, else NAK with it. False if it does not fit. */
bool dynauth_answer(struct radius_packet *p, const uint8_t *request, size_t len,
                    enum dynauth_cause cause, const char *secret);

struct portal;
struct dynauth;
struct dynauth_stats {
    uint64_t disconnects, changes; /* right requests, without repetitions */
    uint64_t acks, naks, repeated;
    uint64_t strangers;              /* dropped: not from a server's address */
    uint64_t dropped[RADIUS_FAULTS]; /* by fault */
    uint64_t stale;                  /* dropped: its time is not ours */
};

/* Listens on every address at the configured port. NULL with the reason in err. */
struct dynauth *dynauth_new(struct portal *p, char *err, size_t err_len);
void dynauth_free(struct dynauth *a); /* before the devices; NULL is fine */
/* All zero if a is NULL. */
void dynauth_stats(const struct dynauth *a, struct dynauth_stats *out);

#endif

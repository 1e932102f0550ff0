/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asks every RADIUS server how it is, now (Status-Server, RFC 5997), for an admin who wants to
 * know. What comes of it is told, and counts as a sign of life; that nothing came does not count
 * against a server, since not every server answers Status-Server. */
#ifndef LOGGIA_PORTAL_RADIUS_CHECKUP_H
#define LOGGIA_PORTAL_RADIUS_CHECKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct radius_client;
struct radius_checkup;

struct radius_health { /* of one server for one purpose */
    const char *server, *address;
    uint16_t port;
    bool accounting;      /* else access */
    bool answered;        /* the Status-Server of this check-up */
    bool unsigned_answer; /* or answered it, but without a Message-Authenticator: not believed of a
                             server that has not yet shown that it can do better */
    bool alive;           /* what questions are sent by */
    uint32_t rtt_us;
    int64_t last_answer_s; /* how long ago it last answered anything; -1: never */
    uint64_t requests;
    uint64_t forged; /* replies whose authenticator did not fit: the secret differs */
};
typedef void (*radius_checkup_fn)(void *arg, const struct radius_health *health, size_t n);

/* Calls fn once, never before returning, when all have answered or after two seconds. NULL: no
 * memory. */
struct radius_checkup *radius_checkup_new(struct loop *loop, struct radius_client *c,
                                          radius_checkup_fn fn, void *arg);
void radius_checkup_cancel(struct radius_checkup *k); /* NULL is fine */

#endif

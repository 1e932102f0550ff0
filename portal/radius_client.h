/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking RADIUS servers, on the event loop: sockets, identifiers, retransmission with jitter (RFC
 * 5080 section 2.2.1), one deadline a question, failover. Knows nothing of sessions. */
#ifndef LOGGIA_PORTAL_RADIUS_CLIENT_H
#define LOGGIA_PORTAL_RADIUS_CLIENT_H

#include "lib/mac.h"
#include "portal/radius_codec.h"
#include <stdbool.h>
#include <stdint.h>

struct loop;
struct conf;
struct radius_client;
struct radius_question; /* opaque handle of one question in flight */

/* Kept: conf (must outlive the client). NULL with the reason in err. */
struct radius_client *radius_client_new(struct loop *loop, const struct conf *conf, char *err,
                                        size_t err_len);
/* Open questions end without their callback. Not to be called from a callback; NULL is fine. */
void radius_client_free(struct radius_client *c);

enum radius_kind { RADIUS_SILENT, RADIUS_TAP, RADIUS_PASSWORD, RADIUS_FORGET };

/* What is asked (DESIGN section 4). FORGET is Call-Check with Connect-Info "forget": a Reject
 * without a Reply-Message confirms it. Strings are copied. */
struct radius_ask {
    enum radius_kind kind;
    struct mac mac;
    const char *called_station; /* "AA-BB-CC-DD-EE-FF:zone" */
    const char *zone;
    const char *terms_id, *lang; /* TAP */
    const char *user, *password; /* PASSWORD */
    const char *acct_session_id; /* the one the session will have; NULL: none */
};

enum radius_result { RADIUS_ACCEPTED, RADIUS_REJECTED, RADIUS_NO_ANSWER };

/* What an answer grants; what it left out is marked by has_*. */
struct radius_grant {
    enum radius_result result;
    char reason[RADIUS_MAX_VALUE + 1]; /* Reply-Message; "" if none */
    bool has_session, has_idle, has_interim, has_up, has_down, has_quota;
    uint32_t session_s, idle_s, interim_s;
    uint64_t up_Bps, down_Bps, quota_bytes;
    uint8_t class_len;
    uint8_t
        class_value[64]; /* Class, given back in accounting; longer ones are left out and logged */
    uint8_t cui_len;
    uint8_t cui[64];
    uint32_t took_us;
};
typedef void (*radius_answer_fn)(void *arg, const struct radius_grant *grant);

/* Calls fn exactly once, never before returning. NULL if no question can be sent: a user
 * name or password that RADIUS cannot carry, or too many questions already wait (fn not called).
 */
struct radius_question *radius_ask(struct radius_client *c, const struct radius_ask *ask,
                                   radius_answer_fn fn, void *arg);
void radius_cancel(struct radius_question *q); /* fn will not be called */

struct radius_server_stats {
    const char *name;
    bool alive;        /* for access; acct_alive for accounting: two ports, judged apart */
    uint64_t requests; /* questions put to it, and what became of them */
    uint64_t accepts, rejects;
    uint64_t retransmissions, timeouts, dropped[RADIUS_FAULTS]; /* access and accounting */
    uint32_t last_rtt_us;
    bool acct_alive;
    uint64_t acct_requests, acct_responses;
};
/* 0 of a client that is NULL. */
size_t radius_client_stats(const struct radius_client *c, struct radius_server_stats *out,
                           size_t max);

/* For the accounting: fn is called when an accounting server that was given up for dead is back.
 * One at a time; NULL ends it. */
void radius_client_on_revival(struct radius_client *c, void (*fn)(void *arg), void *arg);
/* The same for access: some server that was given up for dead answers again. fn must not ask
 * anything before it returns. */
void radius_client_on_access(struct radius_client *c, void (*fn)(void *arg), void *arg);
/* Some server is not known to be dead, so asking for access makes sense. */
bool radius_client_may_answer(const struct radius_client *c);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Events for the session's tests, in short. */
#ifndef LOGGIA_TESTS_SESSION_EVENTS_H
#define LOGGIA_TESTS_SESSION_EVENTS_H

#include "portal/session.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { RETRY_MS = 60000 };
static const struct conf_profile guest = {
    .session_s = 7200, .idle_s = 900, .up_kbps = 2000, .down_kbps = 8000, .interim_s = 600};
static const struct gate_counters nothing;

static inline struct session_event at(enum session_event_kind kind, uint64_t now_ms)
{
    return (struct session_event){.kind = kind,
                                  .now_ms = now_ms,
                                  .now_s = 1700000000 + (int64_t)now_ms / 1000,
                                  .random = {0xab, 1, 2, 3, 4, 5, 6, 7},
                                  .guest = &guest,
                                  .silent_retry_ms = RETRY_MS};
}

static inline unsigned give(struct session *s, enum session_event_kind kind, uint64_t now_ms)
{
    struct session_event ev = at(kind, now_ms);
    return session_step(s, &ev);
}

static inline unsigned answer(struct session *s, uint64_t now_ms, enum radius_result result,
                              const char *reason)
{
    struct radius_grant g = {.result = result};
    struct session_event ev = at(SESSION_ANSWERED, now_ms);
    strcpy(g.reason, reason);
    ev.grant = &g;
    return session_step(s, &ev);
}

static inline unsigned count(struct session *s, enum session_event_kind kind, uint64_t now_ms,
                             const struct gate_counters *c)
{
    struct session_event ev = at(kind, now_ms);
    ev.counters = c;
    return session_step(s, &ev);
}

static inline unsigned opened(struct session *s, uint64_t now_ms, enum gate_status status)
{
    struct session_event ev = at(SESSION_OPENED, now_ms);
    ev.status = status;
    return session_step(s, &ev);
}

static inline unsigned finish(struct session *s, uint64_t now_ms, enum acct_cause cause)
{
    struct session_event ev = at(SESSION_END, now_ms);
    ev.cause = cause;
    return session_step(s, &ev);
}

static inline struct session online(uint64_t now_ms)
{
    struct session s = {0};
    give(&s, SESSION_TAPPED, now_ms);
    answer(&s, now_ms, RADIUS_ACCEPTED, "");
    opened(&s, now_ms, GATE_OK);
    assert_int_equal(s.state, SESSION_OPEN);
    return s;
}

#endif

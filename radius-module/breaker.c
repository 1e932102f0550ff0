/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See breaker.h. A late failure (of a question asked before it opened) must neither reopen a
 * breaker that is open nor push its probe back, or a trickle of them would keep a healthy authority
 * out for ever. A late success does not close it either: only a probe on a fresh connection does.
 */
#include "radius-module/breaker.h"

void breaker_init(struct breaker *b, uint32_t failures, uint32_t open_ms)
{
    *b = (struct breaker){.failures = failures ? failures : 1, .open_ms = open_ms};
}

bool breaker_allows(const struct breaker *b)
{
    return b->state == BREAKER_CLOSED;
}

static void open_it(struct breaker *b, uint64_t now_ms)
{
    b->state = BREAKER_OPEN;
    b->in_a_row = 0;
    b->probe_at_ms = now_ms + b->open_ms;
    b->opened++;
}

void breaker_success(struct breaker *b)
{
    if (b->state == BREAKER_CLOSED)
        b->in_a_row = 0;
}

bool breaker_failure(struct breaker *b, uint64_t now_ms)
{
    if (b->state != BREAKER_CLOSED || ++b->in_a_row < b->failures)
        return false;
    open_it(b, now_ms);
    return true;
}

void breaker_trip(struct breaker *b, uint64_t now_ms)
{
    if (b->state == BREAKER_CLOSED)
        open_it(b, now_ms);
}

bool breaker_probe_due(struct breaker *b, uint64_t now_ms)
{
    if (b->state != BREAKER_OPEN || now_ms < b->probe_at_ms)
        return false;
    b->state = BREAKER_HALF_OPEN;
    return true;
}

void breaker_probe_done(struct breaker *b, bool ok, uint64_t now_ms)
{
    if (b->state != BREAKER_HALF_OPEN)
        return;
    if (ok)
        b->state = BREAKER_CLOSED;
    else
        open_it(b, now_ms);
}

const char *breaker_name(enum breaker_state state)
{
    static const char *const names[] = {"closed", "open", "half-open"};
    return names[state];
}

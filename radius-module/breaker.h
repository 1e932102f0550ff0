/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A circuit breaker for one authority: a pure state machine, time is given to it.
 *
 *   CLOSED     questions go out; `failures` failures in a row open it;
 *   OPEN       no question goes out, the answer is "unknown" at once; after open_ms a probe is due;
 *   HALF_OPEN  one probe, on a fresh connection, is on its way; citizens' questions still do not go
 * out.
 *
 * A probe that succeeds closes it, one that fails opens it again. */
#ifndef LOGGIA_RADIUS_MODULE_BREAKER_H
#define LOGGIA_RADIUS_MODULE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };

struct breaker {
    uint32_t failures; /* that open it; at least 1 */
    uint32_t open_ms;
    enum breaker_state state;
    uint32_t in_a_row;
    uint64_t probe_at_ms;
    uint64_t opened; /* how often, for the metrics */
};

void breaker_init(struct breaker *b, uint32_t failures, uint32_t open_ms);
bool breaker_allows(const struct breaker *b);
/* What became of a citizen's question; counts only while closed. True if that opened it. */
void breaker_success(struct breaker *b);
bool breaker_failure(struct breaker *b, uint64_t now_ms);
/* Opens it whatever the count: nothing is left to ask through. */
void breaker_trip(struct breaker *b, uint64_t now_ms);
/* True, and HALF_OPEN from now on, when a probe has to be sent now. */
bool breaker_probe_due(struct breaker *b, uint64_t now_ms);
/* What became of that probe. */
void breaker_probe_done(struct breaker *b, bool ok, uint64_t now_ms);
const char *breaker_name(enum breaker_state state);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a signature does not say: is this news, or an old truth served again; and, since routers
 * wake up with clocks that are wrong, which time is it. A good signature gives both bounds: nothing
 * was signed before it was created, and a board that still stands behind it says so before it
 * expires. */
#include "portal/board.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    AHEAD_S = 15 * 60, /* two clocks may differ so much */
    DRIFT_S = 120      /* a wall clock that is further off than this is mended by a Date over TLS */
};

enum board_verdict board_judge(const struct current *candidate, const struct current *have,
                               int64_t ref_s, char *why, size_t why_len)
{
    bool same_bundle = memcmp(candidate->sha256, have->sha256, sizeof have->sha256) == 0;
    if (candidate->serial < have->serial)
        snprintf(why, why_len,
                 "found serial %" PRIu64 ", expected at least %" PRIu64
                 ", which this router has: it is replayed",
                 candidate->serial, have->serial);
    else if (have->serial && candidate->serial == have->serial && !same_bundle)
        snprintf(why, why_len, "found another bundle under the same serial %" PRIu64,
                 candidate->serial);
    else if (have->serial && candidate->serial == have->serial &&
             candidate->created_s < have->created_s)
        snprintf(why, why_len, "found an older signature of the bundle that this router has");
    else if (ref_s && candidate->created_s > ref_s + AHEAD_S)
        snprintf(why, why_len, "found a signature of the future (%" PRId64 " s ahead)",
                 candidate->created_s - ref_s);
    else if (ref_s && candidate->expires_s <= ref_s)
        snprintf(why, why_len, "found one that expired %" PRId64 " s ago: it is too old",
                 ref_s - candidate->expires_s);
    else
        return have->serial == candidate->serial && candidate->created_s == have->created_s &&
                       candidate->expires_s == have->expires_s
                   ? BOARD_SAME
                   : BOARD_TAKE;
    return BOARD_REFUSE;
}

int64_t board_clock_now(const struct board_clock *c, int64_t wall_s, uint64_t loop_ms, bool *sane)
{
    *sane = wall_s >= NOTICE_EPOCH;
    if (!c || !c->created_s)
        return wall_s;
    int64_t floor_s = c->created_s + (int64_t)((loop_ms - c->since_ms) / 1000);
    int64_t date_s = c->heard_s ? c->heard_s + (int64_t)((loop_ms - c->heard_ms) / 1000) : 0;
    /* A Date is believed inside the span that was signed, and no further. */
    bool dated = c->heard_s >= c->created_s - AHEAD_S && c->heard_s < c->expires_s;
    int64_t off = wall_s > date_s ? wall_s - date_s : date_s - wall_s;
    *sane = true;
    if (dated &&
        (wall_s < floor_s - AHEAD_S || wall_s >= c->expires_s || (c->heard_tls && off > DRIFT_S)))
        return date_s > floor_s ? date_s : floor_s;
    return wall_s < floor_s - AHEAD_S ? floor_s : wall_s;
}

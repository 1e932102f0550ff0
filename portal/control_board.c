/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How this router stands with its noticeboard: for loggiactl status and for the doctor. */
#include "lib/config.h"
#include "lib/loop.h"
#include "portal/board.h"
#include "portal/control_internal.h"
#include <time.h>

/* Seconds from then to now; -1: never. */
static json_int_t since(uint64_t then_ms)
{
    return then_ms ? (json_int_t)((loop_now_ms() - then_ms) / 1000) : -1;
}

json_t *control_board(const struct portal *p)
{
    static const char *const states[] = {"asking", "waiting", "pausing", "loading"};
    struct board_stats s;
    bool sane;
    if (!p->board)
        return json_null();
    board_stats(p->board, &s);
    int64_t now_s = board_now(p->board, &sane);
    return json_pack(
        "{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:b, s:I, s:I, s:I, s:I, s:I, s:I, "
        "s:I, s:s, s:I, s:I, s:I, s:s}",
        "url", p->live->board.url ? p->live->board.url : "", "state", states[s.state], "serial",
        (json_int_t)s.serial, "name", s.name, "notices", (json_int_t)s.notices, "services",
        (json_int_t)s.services, "skipped", (json_int_t)s.skipped, "age_s",
        (json_int_t)(s.serial ? now_s - s.created_s : 0), "expires_in_s",
        (json_int_t)(s.serial ? s.expires_s - now_s : 0), "from_disk", s.from_disk, "keeping_fails",
        s.keeping_fails, "asked", (json_int_t)s.asked, "fresh", (json_int_t)s.fresh, "failures",
        (json_int_t)s.failures, "refused", (json_int_t)s.refused, "bytes_received",
        (json_int_t)s.bytes_received, "bytes_sent", (json_int_t)s.bytes_sent, "heard_s",
        since(s.heard_ms), "last_error", s.last_error, "longest_step_us",
        (json_int_t)s.longest_step_us, "counts_sent", (json_int_t)s.counts_sent, "clock_off_s",
        (json_int_t)(now_s - time(NULL)), "key", s.key_id);
}

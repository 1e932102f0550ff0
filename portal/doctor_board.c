/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The noticeboard, as a clerk who has just published something would ask: will it be seen here? */
#include "portal/doctor.h"
#include <stdlib.h>

static json_int_t number(const json_t *o, const char *key)
{
    return json_integer_value(json_object_get(o, key));
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool yes(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static void freshness(struct doctor *d, const json_t *b)
{
    char age[CTL_TEXT_LEN];
    const char *error = text(b, "last_error");
    if (number(b, "serial") == 0)
        doctor_say(d, "board", DOCTOR_BAD, "citizens see none of its notices",
                   "curl -v the address followed by `current`; are the keys the board's own?",
                   "%s has given nothing yet%s%s", text(b, "url"), *error ? ": " : "", error);
    else if (*error)
        doctor_say(d, "board", DOCTOR_WARN,
                   "what it says now is not seen here; what is shown ends at its own dates",
                   "curl -v the address followed by `current`; journalctl -u loggiad | grep board_",
                   "edition %lld is shown, but %s", (long long)number(b, "serial"), error);
    else if (number(b, "expires_in_s") <= 0)
        doctor_say(d, "board", DOCTOR_WARN, "nobody knows whether the board still means it",
                   "is loggia-board running? It signs anew by itself",
                   "edition %lld expired, and the board has not signed since",
                   (long long)number(b, "serial"));
    else
        doctor_say(d, "board", DOCTOR_OK, NULL, NULL,
                   "edition %lld of %s, %lld notices, %lld services, signed %s ago",
                   (long long)number(b, "serial"), text(b, "name"), (long long)number(b, "notices"),
                   (long long)number(b, "services"),
                   ctl_time((uint64_t)(number(b, "age_s") > 0 ? number(b, "age_s") : 0), age));
}

void doctor_board(struct doctor *d)
{
    const json_t *b = json_object_get(d->facts, "board");
    if (!d->facts || !d->conf->has_board || !b || json_is_null(b))
        return; /* not wanted; or waits for a restart, which has been said */
    freshness(d, b);
    if (yes(b, "keeping_fails"))
        doctor_say(d, "board", DOCTOR_WARN, "after a power cut without the board nothing is shown",
                   "make room in state_directory; is it mounted read-only?",
                   "its edition cannot be kept on disk");
    if (number(b, "skipped") > 0)
        doctor_say(d, "board", DOCTOR_WARN, "citizens do not see them",
                   "journalctl -u loggiad | grep board_part_skipped",
                   "%lld parts of its edition cannot be read", (long long)number(b, "skipped"));
    if (llabs(number(b, "clock_off_s")) > 120)
        doctor_say(d, "board", DOCTOR_WARN,
                   "notices are shown by the board's time; certificates and accounting are not",
                   "timedatectl set-ntp true",
                   "what the board signed says that this router's clock is %lld s off",
                   llabs(number(b, "clock_off_s")));
}

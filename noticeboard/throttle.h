/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often somebody may be wrong: after `free` failures each further try waits until `pause_s`
 * have passed since the last failure, so that nobody is locked out for good by somebody else's
 * guesses. Bounded memory: what failed longest ago is forgotten first. Pure. */
#ifndef LOGGIA_NOTICEBOARD_THROTTLE_H
#define LOGGIA_NOTICEBOARD_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { THROTTLE_PLACES = 2048 };
struct throttle {
    unsigned free, pause_s, forget_s;
    struct {
        uint64_t who; /* 0: nobody */
        unsigned failures;
        int64_t last;
    } places[THROTTLE_PLACES];
};

/* who: a keyed hash of a name or an address. */
bool throttle_may(const struct throttle *t, uint64_t who, int64_t now);
void throttle_failed(struct throttle *t, uint64_t who, int64_t now);
void throttle_fine(struct throttle *t, uint64_t who);

#endif

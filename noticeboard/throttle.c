/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noticeboard/throttle.h"

enum { WAYS = 8 }; /* places that one hash may have */

static size_t first_place(uint64_t who)
{
    return (size_t)(who % (THROTTLE_PLACES / WAYS)) * WAYS;
}

static size_t find(const struct throttle *t, uint64_t who)
{
    for (size_t i = first_place(who), end = i + WAYS; i < end; i++)
        if (t->places[i].who == who)
            return i;
    return THROTTLE_PLACES;
}

bool throttle_may(const struct throttle *t, uint64_t who, int64_t now)
{
    size_t i = find(t, who);

    return i == THROTTLE_PLACES || t->places[i].failures < t->free ||
           now - t->places[i].last >= (int64_t)t->pause_s;
}

void throttle_failed(struct throttle *t, uint64_t who, int64_t now)
{
    size_t i = find(t, who);

    if (i == THROTTLE_PLACES) {
        i = first_place(who);
        for (size_t k = i; k < first_place(who) + WAYS; k++)
            if (!t->places[k].who || t->places[k].last < t->places[i].last)
                i = t->places[i].who ? k : i;
        t->places[i].who = who;
        t->places[i].failures = 0;
    } else if (now - t->places[i].last > (int64_t)t->forget_s) {
        t->places[i].failures = 0;
    }
    t->places[i].failures++;
    t->places[i].last = now;
}

void throttle_fine(struct throttle *t, uint64_t who)
{
    size_t i = find(t, who);

    if (i != THROTTLE_PLACES)
        t->places[i].who = 0;
}

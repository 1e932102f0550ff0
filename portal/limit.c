/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A window that begins with the first try and forgets all of them at its end: whoever is stopped
 * knows when he may go on, and who guesses gets max tries a window and not one more. */
#include "portal/limit.h"

uint64_t limit_wait_ms(const struct limit *l, uint64_t now_ms, unsigned max, uint64_t window_ms)
{
    uint64_t end = l->since_ms + window_ms;
    return l->n >= max && now_ms < end ? end - now_ms : 0;
}

bool limit_take(struct limit *l, uint64_t now_ms, unsigned max, uint64_t window_ms)
{
    if (l->n == 0 || now_ms >= l->since_ms + window_ms)
        *l = (struct limit){.since_ms = now_ms};
    if (l->n >= max)
        return false;
    l->n++;
    return true;
}

void limit_give_back(struct limit *l)
{
    if (l->n > 0)
        l->n--;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often something may be tried: so many times in a while, counted from the first. Pure. */
#ifndef LOGGIA_PORTAL_LIMIT_H
#define LOGGIA_PORTAL_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

struct limit { /* all zero: nothing was tried */
    uint64_t since_ms;
    unsigned n;
};

/* Takes one try. False, and nothing taken, if max were taken in the last window_ms. */
bool limit_take(struct limit *l, uint64_t now_ms, unsigned max, uint64_t window_ms);
/* The try did not count after all. */
void limit_give_back(struct limit *l);
/* Until the next try is allowed; 0: now. */
uint64_t limit_wait_ms(const struct limit *l, uint64_t now_ms, unsigned max, uint64_t window_ms);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which sums of a table may be shown, so that none below a minimum can be read or reckoned. Leaving
 * a small one out is not enough: whoever knows the total of the table (another table of the same
 * displays adds up to it) subtracts the rest. So what is left out is put together into one line,
 * and the next larger ones with it, until that line has at least two sums in it and reaches the
 * minimum itself ("complementary suppression"). Pure. */
#ifndef LOGGIA_NOTICEBOARD_SUPPRESS_H
#define LOGGIA_NOTICEBOARD_SUPPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suppress_row {
    int64_t displays, taps;
    bool together;    /* set: not shown by itself, only in the line of the others */
    bool taps_hidden; /* set: shown, but its taps are not */
};
struct suppress_others {
    size_t n; /* rows in it; 0: there is no such line */
    int64_t displays, taps;
    bool taps_hidden;
};

/* Decides about each row. at_most (1 …): how many are shown by themselves (the largest). False:
 * nothing of this table may be shown (all of it together is below the minimum). */
bool suppress(struct suppress_row *rows, size_t n, int64_t minimum, size_t at_most,
              struct suppress_others *others);

#endif

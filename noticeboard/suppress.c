/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noticeboard/suppress.h"

#include <string.h>

/* The shown row with the fewest displays; n where there is none. */
static size_t smallest(const struct suppress_row *rows, size_t n)
{
    size_t found = n;

    for (size_t i = 0; i < n; i++)
        if (!rows[i].together && (found == n || rows[i].displays < rows[found].displays))
            found = i;
    return found;
}

static void put_together(struct suppress_row *rows, size_t i, struct suppress_others *others)
{
    rows[i].together = true;
    others->n++;
    others->displays += rows[i].displays;
    others->taps += rows[i].taps;
}

/* Taps are a second table on the lines of the first: a line's, or NULL. */
static int64_t *taps_of(struct suppress_row *rows, size_t n, struct suppress_others *others,
                        size_t i, bool **hidden)
{
    bool shown = i < n ? !rows[i].together : others->n > 0;

    *hidden = i < n ? &rows[i].taps_hidden : &others->taps_hidden;
    return !shown ? NULL : i < n ? &rows[i].taps : &others->taps;
}

/* Hides small ones, and then the next larger, until what is hidden is at least two and reaches the
 * minimum, or all of it is hidden. */
static void suppress_taps(struct suppress_row *rows, size_t n, int64_t minimum,
                          struct suppress_others *others)
{
    size_t count = 0;
    int64_t sum = 0;

    for (;;) {
        int64_t *least = NULL;
        bool *mark = NULL;
        for (size_t i = 0; i <= n; i++) {
            bool *hidden;
            int64_t *taps = taps_of(rows, n, others, i, &hidden);
            if (taps && !*hidden && (!least || *taps < *least)) {
                least = taps;
                mark = hidden;
            }
        }
        if (!least || (*least >= minimum && (count == 0 || (count >= 2 && sum >= minimum))))
            return;
        *mark = true;
        count++;
        sum += *least;
    }
}

bool suppress(struct suppress_row *rows, size_t n, int64_t minimum, size_t at_most,
              struct suppress_others *others)
{
    size_t left = n;

    memset(others, 0, sizeof *others);
    for (size_t i = 0; i < n; i++)
        rows[i].together = rows[i].taps_hidden = false;
    for (; left > 0; left--) {
        size_t i = smallest(rows, n);
        bool small = rows[i].displays < minimum || left > at_most;
        bool begun = others->n == 1 || (others->n > 0 && others->displays < minimum);
        if (!small && !begun)
            break;
        put_together(rows, i, others);
    }
    if (others->n && others->displays < minimum)
        return false;
    suppress_taps(rows, n, minimum, others);
    return n > 0;
}

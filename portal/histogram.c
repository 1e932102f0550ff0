/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From 2.5 ms, faster than which nobody notices, to 10 s, slower than which nobody waits. */
#include "portal/histogram.h"

static const uint64_t bounds_us[HISTOGRAM_BUCKETS] = {2500,    5000,    10000,    25000,
                                                      50000,   100000,  250000,   500000,
                                                      1000000, 2500000, 10000000, UINT64_MAX};

uint64_t histogram_bound_us(size_t bucket)
{
    return bucket < HISTOGRAM_BUCKETS ? bounds_us[bucket] : UINT64_MAX;
}

void histogram_add(struct histogram *h, uint64_t took_us)
{
    size_t i = 0;
    while (took_us > bounds_us[i])
        i++;
    h->counts[i]++;
    h->sum_us = h->sum_us > UINT64_MAX - took_us ? UINT64_MAX : h->sum_us + took_us;
}

uint64_t histogram_up_to(const struct histogram *h, size_t bucket)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= bucket && i < HISTOGRAM_BUCKETS; i++)
        n += h->counts[i];
    return n;
}

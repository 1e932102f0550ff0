/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How long something took, in buckets, as Prometheus counts it. Pure. */
#ifndef LOGGIA_PORTAL_HISTOGRAM_H
#define LOGGIA_PORTAL_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_BUCKETS 12 /* the last has no upper bound */

struct histogram { /* zero-initialised */
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t sum_us;
};

void histogram_add(struct histogram *h, uint64_t took_us);
/* Upper bound of a bucket in microseconds, the bound included; UINT64_MAX of the last. */
uint64_t histogram_bound_us(size_t bucket);
/* All that took at most the bucket's bound. */
uint64_t histogram_up_to(const struct histogram *h, size_t bucket);

#endif

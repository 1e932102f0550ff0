/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between metrics.c, which counts, and metrics_write.c, which writes it out. */
#ifndef LOGGIA_PORTAL_METRICS_INTERNAL_H
#define LOGGIA_PORTAL_METRICS_INTERNAL_H

#include "lib/buf.h"
#include "portal/histogram.h"
#include "portal/metrics.h"

struct gate_hello;
struct http_server;

enum metrics_result {
    METRICS_ACCEPTED,
    METRICS_REJECTED, /* not known to the city: the splash page; or a tap without a reason */
    METRICS_DENIED,   /* with a reason */
    METRICS_NO_ANSWER,
    METRICS_RESULTS
};

struct metrics {
    struct portal *p;
    struct http_server *http; /* NULL: nobody listens */
    uint64_t joins[METRICS_KINDS][METRICS_RESULTS];
    uint64_t up_bytes, down_bytes;
    struct histogram splash, tap;
    bool reload_failed;
};

/* hello is NULL while the gate does not answer. */
void metrics_write(struct buf *b, const struct metrics *m, const struct gate_hello *hello);

#endif

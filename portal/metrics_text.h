/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Prometheus's text format 0.0.4: one family is a HELP line, a TYPE line and its samples. Pure. */
#ifndef LOGGIA_PORTAL_METRICS_TEXT_H
#define LOGGIA_PORTAL_METRICS_TEXT_H

#include "lib/buf.h"
#include "portal/histogram.h"

struct metrics_label {
    const char *name, *value; /* any value: it is escaped */
};

/* type: "counter", "gauge" or "histogram". */
void metrics_family(struct buf *b, const char *name, const char *type, const char *help);
/* labels ends with {NULL, NULL}, or is NULL. */
void metrics_sample(struct buf *b, const char *name, const struct metrics_label *labels,
                    uint64_t value);
void metrics_sample_us(struct buf *b, const char *name, const struct metrics_label *labels,
                       uint64_t value_us); /* written in seconds */
/* The whole family, without labels. */
void metrics_histogram(struct buf *b, const char *name, const char *help,
                       const struct histogram *h);

#endif

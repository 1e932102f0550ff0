/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the federation is, in two texts: one for Prometheus (format 0.0.4, for node_exporter's
 * textfile collector) and one for people. Nothing in either is about one person. */
#ifndef LOGGIA_RADIUS_MODULE_STATUS_H
#define LOGGIA_RADIUS_MODULE_STATUS_H

#include "radius-module/federation.h"
#include "radius-module/guard.h"
#include <stdio.h>

struct status_counts {       /* of decisions; any thread adds */
    uint64_t verdicts[3][2]; /* by enum decision_verdict, degraded or not */
};
void status_count(struct status_counts *c, const struct decision *d);

struct status_source {
    const struct fed_conf *conf;
    struct fed *fed;
    struct guard *reading, *writing;
    const struct status_counts *counts;
    size_t waiting;                /* what is to be written to the store */
    uint64_t disconnects, changes; /* sent */
};

void status_metrics(FILE *out, const struct status_source *s);
void status_text(FILE *out, const struct status_source *s);
/* One authority in one line. */
void status_authority(FILE *out, const struct status_source *s, size_t authority);

/* Replaces the file at once (a reader sees the old or the new one). 0, or an errno. */
int status_replace(const char *path, void (*write)(FILE *out, const struct status_source *s),
                   const struct status_source *s);

#endif

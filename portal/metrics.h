/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loggiad counts for the city's monitoring, and the listener that shows it: GET /metrics on
 * the address and port of the configuration's section metrics, for admins alone. Counting costs the
 * same whether anybody listens or not. docs/metrics.md says what each name means. */
#ifndef LOGGIA_PORTAL_METRICS_H
#define LOGGIA_PORTAL_METRICS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate_counters;
struct metrics;
struct portal;
struct radius_grant;
struct session;

enum metrics_kind { METRICS_SILENT, METRICS_TAP, METRICS_PASSWORD, METRICS_CONFIRM, METRICS_KINDS };

/* With its listener, where one is configured. NULL with the reason in err. */
struct metrics *metrics_new(struct portal *p, char *err, size_t err_len);
void metrics_free(struct metrics *m); /* NULL is fine */

void metrics_join(struct metrics *m, enum metrics_kind kind, const struct radius_grant *grant);
/* A session's counters have moved on from what they were. */
void metrics_traffic(struct metrics *m, const struct gate_counters *was, const struct session *s);
void metrics_splash(struct metrics *m, uint64_t took_us);
void metrics_tap(struct metrics *m, uint64_t took_us); /* from the button to the answer */
void metrics_reloaded(struct metrics *m, bool fine);

#endif

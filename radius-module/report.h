/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the core says something to the admin without knowing whose log it is: FreeRADIUS's in the
 * server, stderr in a test. What a stranger can trigger goes through report_limited. */
#ifndef LOGGIA_RADIUS_MODULE_REPORT_H
#define LOGGIA_RADIUS_MODULE_REPORT_H

#include <pthread.h>
#include <stdint.h>
#include <syslog.h>

typedef void (*report_fn)(void *arg, int level /* syslog's */, const char *line);

struct report {
    report_fn fn; /* called from any thread; NULL: silence */
    void *arg;
    pthread_mutex_t lock;
    uint64_t began_ms;
    uint32_t count, left_out;
};

#define REPORT_INTERVAL_MS 10000
#define REPORT_BURST       20 /* lines an interval */

void report_init(struct report *r, report_fn fn, void *arg);
void report_line(struct report *r, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_limited(struct report *r, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* CLOCK_MONOTONIC; the module's only clock. */
uint64_t clock_ms(void);

#endif

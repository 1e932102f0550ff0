/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line, one event, key=value; control characters are shown as '?', so that no directory forges
 * a line of the log. */
#include "radius-module/report.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void report_init(struct report *r, report_fn fn, void *arg)
{
    *r = (struct report){.fn = fn, .arg = arg};
    pthread_mutex_init(&r->lock, NULL);
}

__attribute__((format(printf, 3, 0))) static void say(struct report *r, int level, const char *fmt,
                                                      va_list ap)
{
    char line[512];
    vsnprintf(line, sizeof line, fmt, ap);
    for (char *p = line; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    if (r->fn)
        r->fn(r->arg, level, line);
}

void report_line(struct report *r, int level, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    say(r, level, fmt, ap);
    va_end(ap);
}

void report_limited(struct report *r, int level, const char *fmt, ...)
{
    uint64_t now = clock_ms();
    uint32_t left_out = 0;
    va_list ap;
    pthread_mutex_lock(&r->lock);
    if (now >= r->began_ms + REPORT_INTERVAL_MS) {
        left_out = r->left_out;
        r->began_ms = now;
        r->count = r->left_out = 0;
    }
    bool write = r->count < REPORT_BURST;
    if (write)
        r->count++;
    else
        r->left_out++;
    pthread_mutex_unlock(&r->lock);
    if (left_out)
        report_line(r, LOG_WARNING, "event=log_limited left_out=%u", left_out);
    if (!write)
        return;
    va_start(ap, fmt);
    say(r, level, fmt, ap);
    va_end(ap);
}

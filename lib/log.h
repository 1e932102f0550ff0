/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line, one event, key=value. The level says whose fault it is: LOG_ERR ours or the admin's,
 * LOG_WARNING something the admin should look at, LOG_NOTICE a change of state, LOG_INFO one
 * citizen's event, LOG_DEBUG the rest. Levels are syslog's numbers (RFC 5424 section 6.2.1).
 *
 * To stderr, as "NAME: level=LEVEL event=… key=value"; before that the "<N>" that journald reads,
 * when $JOURNAL_STREAM says that stderr is the journal. */
#ifndef LOGGIA_LIB_LOG_H
#define LOGGIA_LIB_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <syslog.h>

/* name stands at the head of each line and must outlive the program's use of the log. */
void log_open(const char *name, int level);
void log_set_level(int level);
int log_level(void);
/* "err" "warning" "notice" "info" "debug" -> level, or -1. */
int log_level_parse(const char *name);

/* Writes one line; control characters in the formatted text are shown as \xNN, so that nobody can
 * forge a line. At most 1,024 bytes. */
void log_msg(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* For what a stranger can trigger: at most burst lines an interval; when the next interval begins
 * says how many were left out. Zero-initialised but for interval_ms and burst. */
struct log_limit {
    uint32_t interval_ms, burst;
    uint64_t began_ms;
    uint32_t count, left_out;
};
void log_limited(struct log_limit *limit, int level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif

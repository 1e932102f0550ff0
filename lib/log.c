/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log. A line is formatted into a buffer of fixed size, made harmless, and handed to stderr in
 * one write(2), so that lines of several processes on one pipe do not mix. What a stranger sends
 * may end up in a line (a header, a host name): control characters are therefore shown, never
 * passed on, and log_limited keeps him from filling the disk. */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_LEN 1024

static const char *log_name = "loggia";
static int log_threshold = LOG_INFO;
static bool log_journal;

static const struct {
    const char *name;
    int level;
} level_names[] = {
    {"err", LOG_ERR},   {"warning", LOG_WARNING}, {"notice", LOG_NOTICE},
    {"info", LOG_INFO}, {"debug", LOG_DEBUG},
};

/* $JOURNAL_STREAM names the device and inode that systemd gave us as stderr; if the two differ
 * stderr was redirected since and nobody would take the prefix away (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long dev, ino;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

void log_open(const char *name, int level)
{
    log_name = name;
    log_threshold = level;
    log_journal = stderr_is_journal();
}

void log_set_level(int level)
{
    log_threshold = level;
}

int log_level(void)
{
    return log_threshold;
}

int log_level_parse(const char *name)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (strcmp(name, level_names[i].name) == 0)
            return level_names[i].level;
    return -1;
}

static const char *level_text(int level)
{
    for (size_t i = 0; i < sizeof level_names / sizeof *level_names; i++)
        if (level == level_names[i].level)
            return level_names[i].name;
    return level < LOG_ERR ? "err" : "debug";
}

/* Appends text to line, at most room bytes, control characters as \xNN. Returns the bytes written.
 */
static size_t add_visible(char *line, size_t room, const char *text)
{
    size_t at = 0;

    for (; *text; text++) {
        unsigned char c = (unsigned char)*text;
        bool control = c < 0x20 || c == 0x7f;
        if (at + (control ? 4 : 1) > room)
            break;
        if (control)
            at += (size_t)snprintf(line + at, 5, "\\x%02x", c);
        else
            line[at++] = (char)c;
    }
    return at;
}

static void __attribute__((format(printf, 2, 0))) log_line(int level, const char *fmt, va_list args)
{
    char text[LINE_MAX_LEN], line[LINE_MAX_LEN + 8]; /* 8: add_visible's last NUL */
    int saved = errno;
    size_t at = 0;

    vsnprintf(text, sizeof text, fmt, args);
    if (log_journal)
        at += (size_t)snprintf(line, sizeof line, "<%d>", level & 7);
    at += (size_t)snprintf(line + at, 128, "%.64s: level=%s ", log_name, level_text(level));
    at += add_visible(line + at, LINE_MAX_LEN - 1 - at, text);
    line[at++] = '\n';
    /* Nobody is left to be told if the log cannot be written. */
    while (write(STDERR_FILENO, line, at) < 0 && errno == EINTR)
        ;
    errno = saved;
}

void log_msg(int level, const char *fmt, ...)
{
    va_list args;

    if (level > log_threshold)
        return;
    va_start(args, fmt);
    log_line(level, fmt, args);
    va_end(args);
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void log_limited(struct log_limit *limit, int level, const char *fmt, ...)
{
    uint64_t now = now_ms();
    int saved = errno;
    va_list args;

    if (level > log_threshold)
        return;
    if (!limit->began_ms || now - limit->began_ms >= limit->interval_ms) {
        if (limit->left_out)
            log_msg(level, "event=log-limit left_out=%u interval_ms=%u", limit->left_out,
                    limit->interval_ms);
        limit->began_ms = now;
        limit->count = limit->left_out = 0;
    }
    if (limit->count >= limit->burst) {
        limit->left_out++;
        return;
    }
    limit->count++;
    errno = saved;
    va_start(args, fmt);
    log_line(level, fmt, args);
    va_end(args);
}

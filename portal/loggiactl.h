/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl's parts: what is wanted (loggiactl.c, loggiactl_admin.c), asking (loggiactl_talk.c),
 * showing (loggiactl_show.c), and the doctor (doctor*.c). */
#ifndef LOGGIA_PORTAL_LOGGIACTL_H
#define LOGGIA_PORTAL_LOGGIACTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_TEXT_LEN        48
#define CTL_RADIUS_SILENT_S 30 /* a server that answered this lately is not thought dead */

enum { CTL_FINE = 0, CTL_FAILED = 1, CTL_USAGE = 2 };

struct ctl_options {
    const char *file, *socket; /* file is never NULL once the socket is found */
    bool json, all, strict;
    uint32_t seconds; /* --for; 0: not said */
    char path[108];
};

/* --- loggiactl_talk.c --------------------------------------------------------------------------
 */
int ctl_dial(const char *path);           /* -1 after saying why */
json_t *ctl_ask(int fd, json_t *request); /* takes request over; NULL after saying why */
bool ctl_fine(const json_t *o);           /* false after saying the answer's error */
void ctl_show(const struct ctl_options *o, const json_t *answer, void (*people)(const json_t *));

/* --- loggiactl_admin.c: each returns the exit status. arg is NULL where none was given */
int ctl_open(const struct ctl_options *o, int fd, const char *arg);
int ctl_reload(const struct ctl_options *o, int fd, const char *arg);
int ctl_log_level(const struct ctl_options *o, int fd, const char *arg);
int ctl_explain(const struct ctl_options *o, int fd, const char *arg);
int ctl_garden(const struct ctl_options *o, int fd, const char *arg);
/* "30", "90s", "10m", "2h", "1d" in seconds, up to 30 days. False on anything else. */
bool ctl_seconds(const char *text, uint32_t *out);

/* --- doctor.c */
int ctl_doctor(const struct ctl_options *o, int fd, const char *arg);

/* --- loggiactl_show.c */

/* "1.5 MB", "2 h 05 min", "20.0 Mbit/s" (or "no cap"); each returns buf. */
char *ctl_bytes(uint64_t bytes, char buf[static CTL_TEXT_LEN]);
char *ctl_time(uint64_t seconds, char buf[static CTL_TEXT_LEN]);
char *ctl_rate(uint64_t bytes_s, char buf[static CTL_TEXT_LEN]);

void ctl_show_status(const json_t *status);
void ctl_show_clients(const json_t *clients); /* the array */
void ctl_show_kick(const json_t *kicked);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl's parts: asking (loggiactl.c) and showing (loggiactl_show.c). */
#ifndef LOGGIA_PORTAL_LOGGIACTL_H
#define LOGGIA_PORTAL_LOGGIACTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CTL_TEXT_LEN 48

/* "1.5 MB", "2 h 05 min", "20.0 Mbit/s" (or "no cap"); each returns buf. */
char *ctl_bytes(uint64_t bytes, char buf[static CTL_TEXT_LEN]);
char *ctl_time(uint64_t seconds, char buf[static CTL_TEXT_LEN]);
char *ctl_rate(uint64_t bytes_s, char buf[static CTL_TEXT_LEN]);

void ctl_show_status(const json_t *status);
void ctl_show_clients(const json_t *clients); /* the array */
void ctl_show_kick(const json_t *kicked);

#endif

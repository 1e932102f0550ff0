/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl's socket: one JSON object a line each way, for root and the daemon's own user.
 *
 *   {"cmd": "status"}
 *   {"cmd": "clients", "after": SERIAL, "all": BOOL}   at most 128 at a time; "next" is there if
 * there are more
 *   {"cmd": "kick", "who": "MAC or session"}
 *
 * Every answer has "ok"; if that is false, "error" has the words. */
#ifndef LOGGIA_PORTAL_CONTROL_H
#define LOGGIA_PORTAL_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

struct portal;
struct control;

/* Does somebody answer on that socket? Then another loggiad runs. */
bool control_answers(const char *path);
/* Replaces what a dead loggiad left. NULL with the reason in err. path is kept. */
struct control *control_new(struct portal *p, const char *path, char *err, size_t err_len);
void control_free(struct control *c);

#endif

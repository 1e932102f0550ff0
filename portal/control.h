/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl's socket: one JSON object a line each way, for root and the daemon's own user.
 *
 *   {"cmd": "status"}
 *   {"cmd": "clients", "after": SERIAL, "all": BOOL}   at most 128 at a time; "next" is there if
 * there are more
 *   {"cmd": "kick", "who": "MAC or session"}
 *   {"cmd": "open", "mac": "MAC", "seconds": N}        0: as long as a guest's session
 *   {"cmd": "reload"}                                  "lines" has each error of a wrong file
 *   {"cmd": "log-level", "level": "debug"}             without level: which it is
 * and for loggiactl doctor:
 *   {"cmd": "facts"}     what the daemons run with
 *   {"cmd": "radius"}    asks each server how it is (Status-Server), within its deadline
 *   {"cmd": "garden", "address": "IP"}   whether who is not online may reach it: "open"
 *   {"cmd": "foreign"}   other tables' chains in the way of citizens' packets
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

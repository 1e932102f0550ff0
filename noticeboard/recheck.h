/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whoever has left a group does not stay an editor until the evening: of everybody who is signed in
 * the directory is asked again, every conf->recheck_s. */
#ifndef LOGGIA_NOTICEBOARD_RECHECK_H
#define LOGGIA_NOTICEBOARD_RECHECK_H

struct board;
struct recheck;

/* Begins at once. NULL without memory. */
struct recheck *recheck_new(struct board *b);
/* What the groups grant has changed: asks about everybody now. */
void recheck_all(struct recheck *r);
void recheck_free(struct recheck *r); /* NULL is fine */

#endif

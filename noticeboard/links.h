/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a notice's link answer? Asked on the loop by lib/fetch, without redirects to anything but
 * https, bounded in bytes and time, remembered for a while. What leads into a network that is not
 * public is not asked (lib/outside.h), and nothing is said of it but that. */
#ifndef LOGGIA_NOTICEBOARD_LINKS_H
#define LOGGIA_NOTICEBOARD_LINKS_H

#include <stdbool.h>

struct links;
struct loop;

struct links *links_new(struct loop *loop);
void links_free(struct links *l); /* NULL is fine */

/* Asks, if it is https and was not asked lately. done (may be NULL) is called once: when there is
 * an answer, or at once if none is to be waited for. Returns false if it was called. */
bool links_ask(struct links *l, const char *url, void (*done)(void *arg), void *arg);
/* done is not called any more. */
void links_forget(struct links *l, void *arg);
/* Why it is dead, in words ("404", "no such host"); NULL: it answers, or nothing is known. */
const char *links_dead(const struct links *l, const char *url);
bool links_inside(const struct links *l, const char *url); /* it is not public */

#endif

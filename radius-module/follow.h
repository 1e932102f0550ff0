/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is told by the directories what changes there: one thread and one connection for each
 * authority whose directory offers it (RFC 4533). Where it does not, nothing is lost but time:
 * those who are online are asked about again anyway. */
#ifndef LOGGIA_RADIUS_MODULE_FOLLOW_H
#define LOGGIA_RADIUS_MODULE_FOLLOW_H

#include "radius-module/authority.h"

/* An entry of this authority has changed, or is gone; values holds its name and the addresses of
 * its devices, as the directory writes them. On a thread of its own. */
typedef void (*follow_fn)(void *arg, size_t authority, const struct values *values);

struct follow;
/* Keeps confs and report. NULL: out of memory. */
struct follow *follow_new(const struct authority_conf *confs, size_t n, follow_fn fn, void *arg,
                          struct report *report);
int follow_start(struct follow *f); /* 0, or an errno */
void follow_free(struct follow *f); /* waits for the threads */

/* Whether the authority's filters can be asked without a device: the filter, and the attributes
 * with its devices' addresses. */
#define FOLLOW_ATTRIBUTES 4
bool follow_filter(const struct authority_conf *c, char filter[AUTHORITY_FILTER_ROOM],
                   char attributes[FOLLOW_ATTRIBUTES][64], size_t *n);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Whose address it is, as the gate said a moment ago. A phone that meets the portal asks several
 * times within a second (probe, redirect, page), and the gate need not say each time. For reading
 * alone: what changes something is always asked for anew. */
#ifndef LOGGIA_PORTAL_WHOSE_H
#define LOGGIA_PORTAL_WHOSE_H

#include "lib/gate_proto.h"
#include <stdint.h>

#define WHOSE_MS 1000 /* so long an answer counts */

struct whose;

struct whose *whose_new(void);
void whose_free(struct whose *w); /* NULL is fine */
/* asked: family, ip and ifindex as in the request; told: the gate's answer. */
void whose_note(struct whose *w, const struct gate_address *asked, const struct gate_address *told,
                uint64_t now_ms);
/* The gate's answer, or NULL: to be asked. Lives until the next call. */
const struct gate_address *whose_find(const struct whose *w, const struct gate_address *asked,
                                      uint64_t now_ms);
/* The gate has said something new of some address: nothing is known any more. */
void whose_forget(struct whose *w);

#endif

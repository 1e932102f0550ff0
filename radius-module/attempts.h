/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often a password was wrong, by keyed hash of a name or a device: so many in a window, then no
 * more until it is over. Bounded; the one that began longest ago goes first. Pure, time is given to
 * it; not locked. */
#ifndef LOGGIA_RADIUS_MODULE_ATTEMPTS_H
#define LOGGIA_RADIUS_MODULE_ATTEMPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ATTEMPTS_KEY_LEN 16

struct attempts;

/* NULL: out of memory. */
struct attempts *attempts_new(size_t most, uint32_t limit, uint32_t window_s);
void attempts_free(struct attempts *a);
/* Counts one, before its outcome is known, so that many at once are no way round. False: that is
 * too many, and nothing was counted. */
bool attempts_take(struct attempts *a, const uint8_t key[static ATTEMPTS_KEY_LEN], uint64_t now_ms);
/* It was not wrong after all. */
void attempts_give_back(struct attempts *a, const uint8_t key[static ATTEMPTS_KEY_LEN]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form token: proves that a POST comes from a page that this portal showed to this device, not
 * long ago, with these terms. Stateless: nothing is remembered, a repeated POST is as good as the
 * first (pop-ups post twice). Pure. */
#ifndef LOGGIA_PORTAL_TOKEN_H
#define LOGGIA_PORTAL_TOKEN_H

#include "lib/mac.h"
#include <stdbool.h>
#include <stdint.h>

#define TOKEN_KEY_LEN    32
#define TOKEN_LEN        28 /* 20 bytes in base64url, and the NUL */
#define TOKEN_LIFETIME_S 7200

/* now_s counts from anywhere as long as it never steps back (the router's uptime: its wall clock
 * may still be wrong when the first citizen comes). */
void token_make(const uint8_t key[static TOKEN_KEY_LEN], const struct mac *mac,
                const char *terms_id, uint64_t now_s, char out[static TOKEN_LEN]);
/* text may be NULL or anything at all. The comparison takes constant time. */
bool token_check(const uint8_t key[static TOKEN_KEY_LEN], const struct mac *mac,
                 const char *terms_id, uint64_t now_s, const char *text);

#endif

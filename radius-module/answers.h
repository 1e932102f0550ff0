/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the authorities last said of a device, as bytes that outlive the server: versioned, and by
 * name (of authority and profile), for the next server's configuration may have another order.
 * Clear; whoever writes it down seals it. */
#ifndef LOGGIA_RADIUS_MODULE_ANSWERS_H
#define LOGGIA_RADIUS_MODULE_ANSWERS_H

#include "radius-module/federation.h"

#define ANSWERS_MAX     1000 /* bytes; what finds no room is left out, denials never */
#define ANSWERS_SUM_LEN 8
#define ANSWERS_MOST    (2 * FED_MAX_AUTHORITIES)

struct stored_answer {
    size_t authority;
    bool person; /* about whom the device is bound to, whose name has this sum */
    uint8_t sum[ANSWERS_SUM_LEN];
    uint64_t at_s;                 /* since 1970 */
    struct decision_answer answer; /* FOUND or NOT_FOUND */
};

void answers_sum(const char *dn, uint8_t sum[ANSWERS_SUM_LEN]);
/* How many bytes; 0 for none. */
size_t answers_write(const struct fed_conf *c, const struct stored_answer *a, size_t n,
                     uint8_t out[ANSWERS_MAX]);
/* How many there are. What is of another version, cut short, or names an authority that is no more,
 * is skipped. */
size_t answers_read(const struct fed_conf *c, const uint8_t *in, size_t len,
                    struct stored_answer out[ANSWERS_MOST]);

#endif

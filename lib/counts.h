/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often notices were shown and tapped, as sums: what a router POSTs to BOARD/counts once an
 * hour. No device, no address, no moment finer than an hour is in it, so that nothing in it is
 * about a person (the board shows a sum only above a minimum, too).
 *
 *   loggia-counts 1
 *   router: piazza-duomo-1                (nas_identifier: letters, digits, . _ -)
 *   batch: 16 hexadecimal digits          (made once: a batch sent again is counted once)
 *   count: 2026-11-25T22:00:00Z notice orari-biblioteca piazza-duomo it 412 17
 *   …      HOUR                 KIND   ID               ZONE         LANG DISPLAYS TAPS
 *
 * KIND is notice or service. Text, one line a sum, at most COUNTS_MAX_BYTES. Pure. */
#ifndef LOGGIA_LIB_COUNTS_H
#define LOGGIA_LIB_COUNTS_H

#include "lib/bundle.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNTS_MAX_BYTES    (256 * 1024)
#define COUNTS_MAX_LINES    1500
#define COUNTS_ROUTER_LEN   65 /* with its NUL */
#define COUNTS_BATCH_LEN    17
#define COUNTS_ZONE_LEN     33
#define COUNTS_LANG_LEN     16
#define COUNTS_CONTENT_TYPE "text/plain; charset=utf-8"

struct count_row {
    int64_t hour_s; /* Unix time of its beginning */
    enum bundle_kind kind;
    char id[BUNDLE_ID_LEN], zone[COUNTS_ZONE_LEN], lang[COUNTS_LANG_LEN];
    uint32_t displays, taps;
};

void counts_write_head(struct buf *b, const char *router, const char *batch);
void counts_write_row(struct buf *b, const struct count_row *row);

/* Reads the whole of it: head into router and batch, rows to fn. False with "line N: found …,
 * expected …" (fn may have been called for lines above it: use a transaction). */
bool counts_read(const char *data, size_t len, char router[static COUNTS_ROUTER_LEN],
                 char batch[static COUNTS_BATCH_LEN],
                 void (*fn)(void *arg, const struct count_row *row), void *arg, char *err,
                 size_t err_len);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sums that a router posts: what is read is written the same again. */
#include "lib/buf.h"
#include "lib/counts.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void row(void *arg, const struct count_row *r)
{
    counts_write_row(arg, r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char router[COUNTS_ROUTER_LEN], batch[COUNTS_BATCH_LEN], err[200] = "";
    struct buf rows, all;
    buf_init(&rows, 2 * COUNTS_MAX_BYTES);
    buf_init(&all, 2 * COUNTS_MAX_BYTES);
    if (counts_read((const char *)data, len, router, batch, row, &rows, err, sizeof err)) {
        counts_write_head(&all, router, batch);
        buf_add(&all, rows.data ? rows.data : "", rows.len);
        if (all.len != len || memcmp(all.data, data, len) != 0)
            abort();
    } else if (!*err) {
        abort();
    }
    buf_free(&rows);
    buf_free(&all);
    return 0;
}

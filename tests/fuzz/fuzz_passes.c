/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file of passes as worn flash may give it back: what is taken from it is written the same
 * again. */
#include "lib/buf.h"
#include "portal/passes.h"
#include <stdlib.h>
#include <string.h>

static const uint8_t key[32] = {7};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void nothing(void *arg, size_t line, const char *why)
{
    (void)arg;
    if (!line || !why)
        abort();
}

static struct passes *take(const char *text, size_t len)
{
    struct passes *t = passes_new(64, 3600, key, sizeof key);
    if (!t)
        abort();
    passes_read(t, text, len, nothing, NULL);
    if (passes_count(t) > 64)
        abort();
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct passes_clock now = {1800000000, true};
    struct passes *first = take((const char *)data, len);
    struct buf a, b;

    passes_settle(first, now);
    buf_init(&a, passes_write_max(first));
    passes_write(first, &a);
    if (a.failed)
        abort();
    struct passes *second = take(a.data, a.len);
    buf_init(&b, passes_write_max(second));
    passes_write(second, &b);
    if (b.failed || a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
        abort();
    buf_free(&a);
    buf_free(&b);
    passes_free(first);
    passes_free(second);
    return 0;
}

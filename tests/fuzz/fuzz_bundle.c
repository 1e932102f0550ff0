/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bundle from a broken board: what is read is written the same again, byte for byte, and its
 * parts go through their own readers as on a router. */
#include "lib/buf.h"
#include "lib/bundle.h"
#include "lib/card.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void read_part(const struct bundle_part *part)
{
    char err[320];
    if (part->kind == BUNDLE_PUBLISHER)
        publisher_free(publisher_parse(part->id, part->data, part->len, err, sizeof err));
    else if (part->kind == BUNDLE_NOTICE)
        notice_free(notice_parse(part->id, part->data, part->len, err, sizeof err));
    else
        service_free(service_parse(part->id, part->data, part->len, err, sizeof err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char err[320] = "";
    struct buf again;
    struct bundle *b = bundle_read((const char *)data, len, err, sizeof err);
    if (!b) {
        if (!*err)
            abort(); /* a refusal always says why */
        return 0;
    }
    for (size_t i = 0; i < b->n; i++)
        read_part(&b->parts[i]);
    buf_init(&again, BUNDLE_MAX_BYTES);
    if (!bundle_write(&again, b, err, sizeof err) || again.len != len ||
        memcmp(again.data, data, len) != 0)
        abort();
    buf_free(&again);
    bundle_free(b);
    return 0;
}

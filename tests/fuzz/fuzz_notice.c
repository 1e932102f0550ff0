/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A notice file: read, chosen and rendered. */
#include "lib/buf.h"
#include "lib/notice.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char err[256] = "";
    struct notice *n = notice_parse("fuzz", (const char *)data, len, err, sizeof err);
    if (!n) {
        if (!*err)
            abort(); /* a refusal always says why */
        return 0;
    }
    struct notice_set set = {.items = &n, .n = 1};
    const struct notice *shown[4];
    notice_select(&set, "piazza-duomo", 1780000000, true, shown, 4);
    const struct notice_text *text = notice_text_for(n, "zh-hans", "en");
    struct buf b;
    buf_init(&b, 1 << 16);
    notice_render(&b, text->markdown);
    if (b.data && (strstr(b.data, "<script") || strstr(b.data, "<img")))
        abort();
    buf_free(&b);
    notice_free(n);
    return 0;
}

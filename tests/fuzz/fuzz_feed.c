/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A feed from another site, in pieces as the network brings it: what comes out is a notice file
 * that the notices' reader takes, and a page without a script. */
#include "lib/buf.h"
#include "lib/notice.h"
#include "noticeboard/import.h"
#include "noticeboard/source.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void look(const struct imported *item)
{
    struct buf b;
    if (!item->notice || !*item->guid || strlen(item->hash) != 64)
        abort();
    for (size_t i = 0; i < item->notice->n_texts; i++) {
        buf_init(&b, 1 << 18);
        notice_render(&b, item->notice->texts[i].markdown);
        if (b.data &&
            (strstr(b.data, "<script") || strstr(b.data, "<img") || strstr(b.data, "<h3") ||
             strstr(b.data, "\"javascript:") || strstr(b.data, "\xE2\x80\xAE")))
            abort();
        buf_free(&b);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static char *zones[] = {"piazza-duomo"};
    static const struct import_rule rule = {
        .publisher = "Comune", .language = "it", .zones = zones, .n_zones = 1, .days = 9000};
    struct source source = {0};
    struct import out = {0};
    char err[256] = "";
    struct source_reader *r = source_reader_new();
    for (size_t at = 0, step = 1 + len / 3; r && at < len; at += step)
        source_push(r, (const char *)data + at, len - at < step ? len - at : step);
    if (source_finish(r, &source, err, sizeof err) == (*err != '\0'))
        abort(); /* a refusal always says why */
    if (source.feed)
        import_feed(source.feed, &rule, 1780000000, &out);
    else if (source.alert)
        import_alert(source.alert, &rule, 1780000000, &out);
    for (size_t i = 0; i < out.n; i++)
        look(&out.items[i]);
    import_free(&out);
    source_free(&source);
    source_reader_free(r);
    return 0;
}

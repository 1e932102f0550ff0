/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/fill.h"
#include "lib/buf.h"

#include <stdlib.h>
#include <string.h>

static const struct page_arg *arg(const struct page_arg *args, const char *name, size_t len)
{
    for (; args->name; args++)
        if (strlen(args->name) == len && memcmp(args->name, name, len) == 0)
            return args;
    return NULL;
}

static void fill(struct buf *out, const char *text, const struct page_arg *args, bool escape)
{
    char *copy = strdup(text);
    if (!copy) {
        out->failed = true;
        return;
    }
    for (char *at = copy, *open; *at;) {
        const struct page_arg *a = NULL;
        char *close = NULL;
        for (open = strchr(at, '{'); open; open = strchr(open + 1, '{'))
            if ((close = strchr(open, '}')) &&
                (a = arg(args, open + 1, (size_t)(close - open - 1))))
                break;
        if (a)
            *open = '\0';
        (escape ? buf_html : buf_str)(out, at);
        if (!a)
            break;
        (escape && !a->html ? buf_html : buf_str)(out, a->value ? a->value : "");
        at = close + 1;
    }
    free(copy);
}

void page_fill(struct buf *out, const char *text, const struct page_arg *args)
{
    fill(out, text, args, true);
}

void page_fill_plain(struct buf *out, const char *text, const struct page_arg *args)
{
    fill(out, text, args, false);
}

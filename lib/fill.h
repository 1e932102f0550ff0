/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Texts with {places} in them, as translators write them: never printf's formats, because a damaged
 * catalogue must not read the stack. Pure. */
#ifndef LOGGIA_LIB_FILL_H
#define LOGGIA_LIB_FILL_H

#include <stdbool.h>

struct buf;

/* One {name} of a text and what stands for it: escaped text, or HTML of ours. */
struct page_arg {
    const char *name, *value;
    bool html;
};
/* Appends text with its placeholders filled in, escaped for HTML. args end with a NULL name. */
void page_fill(struct buf *out, const char *text, const struct page_arg *args);
/* The same without escaping, for values that are escaped later. */
void page_fill_plain(struct buf *out, const char *text, const struct page_arg *args);

#endif

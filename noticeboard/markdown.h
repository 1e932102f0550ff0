/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes Markdown, or one line of plain text, word by word. It folds blanks, remembers the break
 * that stands before the next word, opens a mark only once a word follows it and closes what is
 * open at each break: what it wrote is whole, wherever it is cut. Pure. */
#ifndef LOGGIA_NOTICEBOARD_MARKDOWN_H
#define LOGGIA_NOTICEBOARD_MARKDOWN_H

#include "lib/notice.h"

struct buf;

#define MD_MAX_WORD 240 /* bytes: longer ones are written in pieces */

enum md_mark { MD_STRONG, MD_EMPHASIS, MD_LINK, MD_MARKS };
enum md_state { MD_CLOSED, MD_WANTED, MD_OPEN };
enum md_pause { MD_NOTHING, MD_BLANK, MD_LINE, MD_ITEM, MD_PARAGRAPH };

struct md {
    struct buf *out;
    size_t start, max;
    bool line_mode; /* plain text in one line; max is in characters */
    bool full, item_begun;
    enum md_pause pause; /* before the next word */
    enum md_state marks[MD_MARKS];
    char url[NOTICE_MAX_LINK + 1];
    char word[MD_MAX_WORD + 16];
    size_t word_len, chars;
};

/* The character c, whose UTF-8 is bytes; md_code makes the bytes. Blanks end words; control
 * characters and bidirectional overrides are left out. */
void md_put(struct md *w, const char *bytes, size_t n, uint32_t c);
void md_code(struct md *w, uint32_t c);
/* The word ends; before the next one stands this break, or a stronger one that was asked for. */
void md_pause(struct md *w, enum md_pause p);
/* A mark begins or ends; MD_LINK has its target in w->url. */
void md_mark(struct md *w, enum md_mark m, bool begin);
/* Writes what is left. True if something was cut. */
bool md_finish(struct md *w);

#endif

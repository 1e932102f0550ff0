/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HTML that feeds carry, reduced to what a notice may say: paragraphs, lists, emphasis and
 * links as Markdown, or plain text in one line. Not a browser: scripts, styles and comments are
 * left out, tags that mean nothing here disappear, and every character that Markdown would read as
 * more than itself is escaped, so that no markup of the source reaches cmark but what was
 * translated. Pure. */
#ifndef LOGGIA_NOTICEBOARD_HTML_TEXT_H
#define LOGGIA_NOTICEBOARD_HTML_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/* Appends Markdown of at most max bytes to out; what is longer is cut between words and ended with
 * "…". Control characters and bidirectional overrides are left out. True if it was cut. */
bool html_to_markdown(struct buf *out, const char *html, size_t max);
/* The same for text that is none of HTML: lines and paragraphs stay. */
bool text_to_markdown(struct buf *out, const char *text, size_t max);
/* One line of plain text, blanks folded, of at most max characters; cut between words with "…". */
void html_to_line(struct buf *out, const char *html, size_t max);
void text_to_line(struct buf *out, const char *text, size_t max);

/* The character that the reference at s ("&agrave;", "&#8217;", "&#x2019;") stands for, and its
 * length in *used; 0 if it is none that is known (html_entities.c). */
uint32_t html_entity(const char *s, size_t *used);

#endif

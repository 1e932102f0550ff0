/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every character that Markdown would read as more than itself is escaped here, where it comes: a
 * source's text can neither begin a link nor a heading, a list, code or HTML. */
#include "noticeboard/markdown.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include <ctype.h>
#include <string.h>

static void close_mark(struct md *w, enum md_mark m)
{
    if (w->marks[m] == MD_OPEN && m == MD_LINK)
        buf_fmt(w->out, "](<%s>)", w->url);
    else if (w->marks[m] == MD_OPEN)
        buf_str(w->out, m == MD_STRONG ? "**" : "*");
    w->marks[m] = MD_CLOSED;
}

static void close_marks(struct md *w)
{
    for (enum md_mark m = MD_MARKS; m-- > 0;) /* the link was opened last */
        close_mark(w, m);
}

/* What closing all marks, and the sign of a cut, will take. */
static size_t reserve(const struct md *w)
{
    return (w->marks[MD_STRONG] != MD_CLOSED ? 4 : 0) +
           (w->marks[MD_EMPHASIS] != MD_CLOSED ? 2 : 0) +
           (w->marks[MD_LINK] != MD_CLOSED ? 6 + strlen(w->url) : 0) + strlen("…");
}

static bool has_room(struct md *w)
{
    if (w->line_mode)
        return w->chars + (w->chars && w->pause ? 1 : 0) + utf8_count(w->word) <= w->max - 1;
    return w->out->len - w->start + 4 + w->word_len + reserve(w) <= w->max;
}

static void write_pause(struct md *w)
{
    static const char *const marks[] = {"", " ", "\\\n", "\n- ", "\n\n"};
    bool first = w->out->len == w->start;
    if (w->line_mode)
        buf_str(w->out, !first && w->pause ? " " : "");
    else if (first)
        buf_str(w->out, w->pause == MD_ITEM ? "- " : "");
    else
        buf_str(w->out, marks[w->pause]);
    w->chars += w->line_mode && !first && w->pause;
    w->pause = MD_NOTHING;
    w->item_begun = false;
}

static void open_marks(struct md *w)
{
    static const char *const signs[] = {"**", "*", "["};
    for (enum md_mark m = MD_STRONG; m < MD_MARKS; m++)
        if (w->marks[m] == MD_WANTED) {
            if (m == MD_LINK && w->out->len > w->start && w->out->data[w->out->len - 1] == '!')
                buf_str(w->out, " "); /* "![" would begin an image */
            buf_str(w->out, signs[m]);
            w->marks[m] = MD_OPEN;
        }
}

static void flush_word(struct md *w)
{
    w->word[w->word_len] = '\0';
    if (w->word_len == 0 || w->full)
        return;
    if (!has_room(w)) {
        w->full = true;
        if (w->line_mode && w->chars == 0) { /* a single word without end */
            buf_add(w->out, w->word, utf8_cut(w->word, w->max - 1));
        }
        close_marks(w);
        buf_str(w->out, "…");
        return;
    }
    if (w->pause > MD_BLANK) { /* marks end with their line */
        enum md_state kept[MD_MARKS];
        memcpy(kept, w->marks, sizeof kept);
        close_marks(w);
        for (enum md_mark m = MD_STRONG; m < MD_MARKS; m++)
            w->marks[m] = kept[m] == MD_WANTED ? MD_WANTED : MD_CLOSED;
    }
    write_pause(w);
    open_marks(w);
    buf_add(w->out, w->word, w->word_len);
    w->chars += w->line_mode ? utf8_count(w->word) : 0;
    w->word_len = 0;
}

void md_pause(struct md *w, enum md_pause p)
{
    flush_word(w);
    w->word_len = 0;
    if (p == MD_PARAGRAPH && w->item_begun)
        return; /* <li><p> */
    if (w->pause < p)
        w->pause = p;
    if (p == MD_ITEM) {
        w->pause = MD_ITEM;
        w->item_begun = true;
    }
}

/* Whether c, at the place where it comes, would mean something to Markdown. */
static bool needs_escape(const struct md *w, uint32_t c)
{
    if (c >= 0x80 || !ispunct((int)c))
        return false;
    if (strchr("\\`*_[]<", (int)c))
        return true;
    bool line_begins = w->out->len == w->start || w->pause > MD_BLANK;
    if (!line_begins)
        return false;
    if (w->word_len == 0)
        return strchr("#+-=~>", (int)c) != NULL;
    return strchr(".)", (int)c) && strspn(w->word, "0123456789") == w->word_len;
}

void md_put(struct md *w, const char *bytes, size_t n, uint32_t c)
{
    if (w->full || (c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') ||
        (c >= 0x7F && c < 0xA0) || utf8_is_bidi_override(c) || c == 0xFEFF || c == 0xAD)
        return;
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == 0xA0) {
        md_pause(w, MD_BLANK);
        return;
    }
    if (w->word_len >= MD_MAX_WORD)
        flush_word(w);
    if (!w->line_mode) {
        w->word[w->word_len] = '\0';
        if (w->word_len > 0 && w->word[w->word_len - 1] == '&' &&
            (c == '#' || (c < 0x80 && isalnum((int)c)))) {
            w->word[w->word_len - 1] = '\\';
            w->word[w->word_len++] = '&';
        }
        if (needs_escape(w, c))
            w->word[w->word_len++] = '\\';
    }
    memcpy(w->word + w->word_len, bytes, n);
    w->word_len += n;
}

void md_code(struct md *w, uint32_t c)
{
    char bytes[4];
    size_t n = 0;
    if (c < 0x80) {
        bytes[n++] = (char)c;
    } else if (c < 0x800) {
        bytes[n++] = (char)(0xC0 | c >> 6);
    } else if (c < 0x10000) {
        bytes[n++] = (char)(0xE0 | c >> 12);
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    } else {
        bytes[n++] = (char)(0xF0 | c >> 18);
        bytes[n++] = (char)(0x80 | (c >> 12 & 0x3F));
        bytes[n++] = (char)(0x80 | (c >> 6 & 0x3F));
    }
    if (c >= 0x80)
        bytes[n++] = (char)(0x80 | (c & 0x3F));
    md_put(w, bytes, n, c);
}

void md_mark(struct md *w, enum md_mark m, bool begin)
{
    flush_word(w);
    w->word_len = 0;
    if (w->line_mode || w->full)
        return;
    if (begin && w->marks[m] == MD_CLOSED) {
        if (m == MD_LINK ||
            w->marks[MD_LINK] != MD_OPEN) /* what begins in a link would end outside */
            w->marks[m] = MD_WANTED;
    } else if (!begin) {
        if (m != MD_LINK && w->marks[m] == MD_OPEN)
            close_mark(w, MD_LINK);
        if (m == MD_STRONG && w->marks[MD_STRONG] == MD_OPEN)
            close_mark(w, MD_EMPHASIS);
        close_mark(w, m);
    }
}

bool md_finish(struct md *w)
{
    flush_word(w);
    if (!w->full)
        close_marks(w);
    buf_str(w->out, "");
    return w->full;
}

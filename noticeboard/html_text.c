/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks over tags and references and tells the writer (markdown.c) what they mean; one pass,
 * nothing recursive. What is no tag is text, as in every browser. */
#include "noticeboard/html_text.h"
#include "lib/buf.h"
#include "lib/notice.h"
#include "lib/utf8.h"
#include "noticeboard/markdown.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define WRAPPED 60 /* characters: a line of plain text of so many was broken by a machine */

struct tag {
    char name[16];
    bool end;
    char href[NOTICE_MAX_LINK + 1];
};

static bool is_one_of(const char *name, const char *list)
{
    size_t n = strlen(name);
    for (const char *at = list; n > 0 && (at = strstr(at, name)); at += n)
        if ((at == list || at[-1] == ' ') && (at[n] == ' ' || at[n] == '\0'))
            return true;
    return false;
}

/* The value of an attribute with its references decoded, into out; too long a one is nothing. */
static void decode_value(const char *value, size_t len, char *out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0, used; i < len; i += used) {
        uint32_t c = value[i] == '&' ? html_entity(value + i, &used) : 0;
        if (c == 0 || c >= 0x80 || i + used > len) {
            used = 1;
            c = (unsigned char)value[i];
        }
        if (n + 1 >= room) {
            n = 0;
            break;
        }
        out[n++] = (char)c;
    }
    out[n] = '\0';
}

/* One attribute at s, which stands behind the tag's name; where the next begins. */
static const char *read_attribute(const char *s, struct tag *t)
{
    const char *name = s;
    while (*s && !isspace((unsigned char)*s) && *s != '=' && *s != '>')
        s++;
    size_t name_len = (size_t)(s - name);
    while (isspace((unsigned char)*s))
        s++;
    if (*s != '=')
        return s > name ? s : s + 1;
    s++;
    while (isspace((unsigned char)*s))
        s++;
    char quote = *s == '"' || *s == '\'' ? *s++ : '\0';
    const char *value = s;
    while (*s && (quote ? *s != quote : !isspace((unsigned char)*s) && *s != '>'))
        s++;
    if (name_len == 4 && strncasecmp(name, "href", 4) == 0)
        decode_value(value, (size_t)(s - value), t->href, sizeof t->href);
    return quote && *s ? s + 1 : s;
}

/* The tag at s ("<p class=x>"); behind it, or NULL if it has no end. */
static const char *read_tag(const char *s, struct tag *t)
{
    size_t n = 0;
    memset(t, 0, sizeof *t);
    s++;
    if (*s == '/') {
        t->end = true;
        s++;
    }
    while (isalnum((unsigned char)*s)) {
        if (n < sizeof t->name - 1)
            t->name[n++] = (char)tolower((unsigned char)*s);
        s++;
    }
    while (*s && *s != '>') {
        if (isspace((unsigned char)*s) || *s == '/')
            s++;
        else
            s = read_attribute(s, t);
    }
    return *s ? s + 1 : NULL;
}

/* Behind the end tag of name, or NULL: the rest of the text is what nobody shall see. */
static const char *skip_element(const char *s, const char *name)
{
    size_t n = strlen(name);
    while ((s = strstr(s, "</"))) {
        if (strncasecmp(s + 2, name, n) == 0 && !isalnum((unsigned char)s[2 + n]))
            return strchr(s, '>');
        s += 2;
    }
    return NULL;
}

static void apply_tag(struct md *w, const struct tag *t)
{
    if (is_one_of(t->name, "h1 h2 h3 h4 h5 h6")) {
        if (t->end)
            md_mark(w, MD_STRONG, false);
        md_pause(w, MD_PARAGRAPH);
        if (!t->end)
            md_mark(w, MD_STRONG, true);
    } else if (strcmp(t->name, "br") == 0) {
        md_pause(w, MD_LINE);
    } else if (strcmp(t->name, "li") == 0) {
        md_pause(w, t->end ? MD_BLANK : MD_ITEM);
    } else if (is_one_of(t->name, "td th")) {
        md_pause(w, MD_BLANK);
    } else if (is_one_of(
                   t->name,
                   "p div section article header footer aside main nav table tr ul ol dl dt dd "
                   "blockquote pre hr figure figcaption form address center")) {
        md_pause(w, MD_PARAGRAPH);
    } else if (is_one_of(t->name, "b strong")) {
        md_mark(w, MD_STRONG, !t->end);
    } else if (is_one_of(t->name, "i em cite")) {
        md_mark(w, MD_EMPHASIS, !t->end);
    } else if (strcmp(t->name, "a") == 0) {
        md_mark(w, MD_LINK, false);
        if (!t->end && notice_link_ok(t->href)) {
            memcpy(w->url, t->href, sizeof w->url);
            md_mark(w, MD_LINK, true);
        }
    }
}

/* What begins with "<" at s; behind it, or NULL at the end of what is read. */
static const char *read_markup(struct md *w, const char *s)
{
    struct tag t;
    if (strncmp(s, "<!--", 4) == 0) {
        s = strstr(s + 4, "-->");
        return s ? s + 3 : NULL;
    }
    if (s[1] == '!' || s[1] == '?') {
        s = strchr(s, '>');
        return s ? s + 1 : NULL;
    }
    s = read_tag(s, &t);
    if (s && !t.end &&
        is_one_of(t.name,
                  "script style head template svg iframe object textarea select video audio")) {
        s = skip_element(s, t.name);
        return s ? s + 1 : NULL;
    }
    if (s)
        apply_tag(w, &t);
    return s;
}

static void read_html(struct md *w, const char *s)
{
    while (s && *s && !w->full) {
        uint32_t c = 0;
        size_t used = 0;
        if (*s == '<' && (isalpha((unsigned char)s[1]) || (s[1] && strchr("/!?", s[1])))) {
            s = read_markup(w, s);
            continue;
        }
        if (*s == '&' && (c = html_entity(s, &used))) {
            md_code(w, c);
        } else if ((used = utf8_next(s, strnlen(s, 4), &c))) {
            md_put(w, s, used, c);
        } else {
            used = 1;
        }
        s += used;
    }
}

static void read_text(struct md *w, const char *s)
{
    size_t line = 0;
    while (*s && !w->full) {
        uint32_t c = 0;
        size_t used = utf8_next(s, strnlen(s, 4), &c);
        if (used == 0)
            used = 1;
        else if (c != '\n')
            md_put(w, s, used, c);
        if (c == '\n') {
            size_t blank = strspn(s + 1, " \t\r");
            md_pause(w, s[1 + blank] == '\n' ? MD_PARAGRAPH : line < WRAPPED ? MD_LINE : MD_BLANK);
            line = 0;
        } else {
            line++;
        }
        s += used;
    }
}

bool html_to_markdown(struct buf *out, const char *html, size_t max)
{
    struct md w = {.out = out, .start = out->len, .max = max};
    read_html(&w, html);
    return md_finish(&w);
}

bool text_to_markdown(struct buf *out, const char *text, size_t max)
{
    struct md w = {.out = out, .start = out->len, .max = max};
    read_text(&w, text);
    return md_finish(&w);
}

void html_to_line(struct buf *out, const char *html, size_t max)
{
    struct md w = {.out = out, .start = out->len, .max = max, .line_mode = true};
    read_html(&w, html);
    md_finish(&w);
}

void text_to_line(struct buf *out, const char *text, size_t max)
{
    struct md w = {.out = out, .start = out->len, .max = max, .line_mode = true};
    read_text(&w, text);
    md_finish(&w);
}

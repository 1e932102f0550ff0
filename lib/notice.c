/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a notice. Notices come from many publishers, through feeds and file shares, so a file is
 * treated as hostile: it is bounded, must be UTF-8, and is read line by line into a structure that
 * is complete or not there at all. A notice never stops a page: whoever wrote it is told the line,
 * what was found and what was expected, and the others are shown.
 *
 * First the bytes are checked and copied without what a text has no use for (byte order mark, CR,
 * bidirectional overrides); after that everything here works on one NUL-terminated text in place.
 */
#include "lib/notice.h"
#include "lib/notice_parse.h"
#include "lib/utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    char *next; /* the rest of the text, NULL behind the last line */
    char *line; /* the current line, NULL behind the last one */
    unsigned number;
    struct notice_fault fault;
};

/* The next line, its end replaced by NUL. */
static char *advance(struct reader *r)
{
    r->line = r->next;
    if (!r->line)
        return NULL;
    r->number++;
    char *end = strchr(r->line, '\n');
    if (end)
        *end = '\0';
    r->next = end && end[1] ? end + 1 : NULL;
    return r->line;
}

/* Copies data into text (room for len + 1) and leaves out what is not text. False with the fault
 * and its line in r. */
static bool clean(struct reader *r, const char *data, size_t len, char *text)
{
    size_t out = 0;
    r->number = 1;
    if (len >= 3 && memcmp(data, "\xEF\xBB\xBF", 3) == 0) {
        data += 3;
        len -= 3;
    }
    while (len > 0) {
        uint32_t c;
        size_t n = utf8_next(data, len, &c);
        if (n == 0)
            return notice_fault_words(&r->fault, "UTF-8 text", "byte 0x%02X",
                                      (unsigned)(unsigned char)*data);
        if ((c < 0x20 && c != '\n' && c != '\t' && c != '\r') || (c >= 0x7F && c < 0xA0))
            return notice_fault_words(&r->fault, "text", "control character U+%04X", (unsigned)c);
        if (c == '\n')
            r->number++;
        if (c != '\r' && !utf8_is_bidi_override(c)) {
            memcpy(text + out, data, n);
            out += n;
        }
        data += n;
        len -= n;
    }
    text[out] = '\0';
    r->number = 0;
    return true;
}

static bool is_separator(const char *line)
{
    return strncmp(line, "---", 3) == 0 && (line[3] == ' ' || line[3] == '\t');
}

static bool read_header(struct reader *r, const struct notice_grammar *g, struct notice *n)
{
    unsigned seen = 0;
    while (advance(r) && strncmp(r->line, "---", 3) != 0) {
        char *name = notice_trim(r->line);
        if (*name == '\0')
            continue;
        char *colon = strchr(name, ':');
        if (!colon)
            return notice_fault_quote(&r->fault, name, "\"name: value\" or \"--- LANGUAGE\"");
        *colon = '\0';
        if (!g->set(n, &seen, notice_trim(name), notice_trim(colon + 1), &r->fault))
            return false;
    }
    return g->check(n, seen, &r->fault);
}

/* The line "--- it", into t->lang. */
static bool read_separator(struct reader *r, const struct notice *n, struct notice_text *t)
{
    const char *expected = "\"--- LANGUAGE\" with a tag such as it, en or zh-hans";
    char *tag = is_separator(r->line) ? notice_trim(r->line + 3) : NULL;
    if (!tag)
        return notice_fault_quote(&r->fault, r->line, expected);
    for (char *c = tag; *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c += 'a' - 'A';
    if (!notice_lang_ok(tag))
        return notice_fault_quote(&r->fault, tag, expected);
    for (size_t i = 0; i < n->n_texts; i++)
        if (strcmp(n->texts[i].lang, tag) == 0)
            return notice_fault_words(&r->fault, "each language once", "a second \"--- %s\"", tag);
    snprintf(t->lang, sizeof t->lang, "%s", tag);
    return true;
}

static bool read_title(struct reader *r, struct notice_text *t)
{
    const char *expected = "a title: \"# TITLE\"";
    while (advance(r) && *notice_trim(r->line) == '\0')
        ;
    if (!r->line)
        return notice_fault_words(&r->fault, expected, "the end of the file");
    if (strncmp(r->line, "# ", 2) != 0)
        return notice_fault_quote(&r->fault, r->line, expected);
    char *title = notice_trim(r->line + 2);
    size_t chars = utf8_count(title);
    if (chars == 0)
        return notice_fault_quote(&r->fault, r->line, expected);
    if (chars > NOTICE_MAX_TITLE)
        return notice_fault_words(&r->fault, "a title of at most 120", "a title of %zu characters",
                                  chars);
    t->title = strdup(title);
    return t->title || notice_fault_words(&r->fault, "enough memory", "none left");
}

/* All lines up to the next separator, which becomes the current line; empty ones at the end are
 * nothing, so that what is written and read again stays as it is. */
static bool read_body(struct reader *r, struct notice_text *t)
{
    char *begin = r->next, *end = NULL;
    while (advance(r) && !is_separator(r->line)) {
        end = r->line + strlen(r->line);
        if (r->next)
            *end = '\n';
    }
    while (end && end > begin && end[-1] == '\n')
        end--;
    if (!end)
        t->markdown = strdup("");
    else
        t->markdown = strndup(begin, (size_t)(end - begin));
    return t->markdown || notice_fault_words(&r->fault, "enough memory", "none left");
}

static bool read_texts(struct reader *r, struct notice *n)
{
    if (!r->line)
        return notice_fault_words(&r->fault, "\"--- LANGUAGE\" and a text", "the end of the file");
    while (r->line) {
        if (n->n_texts == NOTICE_MAX_LANGS)
            return notice_fault_words(&r->fault, "at most 24", "one language more");
        struct notice_text *grown = realloc(n->texts, (n->n_texts + 1) * sizeof *grown);
        if (!grown)
            return notice_fault_words(&r->fault, "enough memory", "none left");
        n->texts = grown;
        struct notice_text *t = &n->texts[n->n_texts];
        memset(t, 0, sizeof *t);
        if (!read_separator(r, n, t))
            return false;
        n->n_texts++;
        if (!read_title(r, t) || !read_body(r, t))
            return false;
    }
    return true;
}

/* n is the caller's, zeroed, and is where the fields go; it is returned, or NULL. */
struct notice *notice_read(const struct notice_grammar *g, struct notice *n, const char *id,
                           const char *data, size_t len, char *err, size_t err_len)
{
    struct reader r = {.number = 1};
    char *text = NULL;
    bool fine = false;
    if (len > g->max_bytes) {
        char most[48];
        snprintf(most, sizeof most, "at most %zu bytes", g->max_bytes);
        snprintf(err, err_len, "line 1: found a file of more, expected %s", most);
        return NULL;
    }
    text = malloc(len + 1);
    n->id = strdup(id);
    if (!text || !n->id) {
        notice_fault_words(&r.fault, "enough memory", "none left");
    } else if (clean(&r, data, len, text)) {
        r.next = *text ? text : NULL;
        fine = read_header(&r, g, n);
        if (fine && g->texts)
            fine = read_texts(&r, n);
        else if (fine && r.line)
            fine = notice_fault_quote(&r.fault, r.line, "nothing behind the header");
    }
    free(text);
    if (fine)
        return n;
    snprintf(err, err_len, "line %u: found %s, expected %s", r.number ? r.number : 1, r.fault.found,
             r.fault.expected);
    return NULL;
}

struct notice *notice_parse(const char *id, const char *data, size_t len, char *err, size_t err_len)
{
    static const struct notice_grammar grammar = {NOTICE_MAX_BYTES, notice_field_set,
                                                  notice_fields_check, true};
    struct notice *n = calloc(1, sizeof *n);
    if (!n)
        snprintf(err, err_len, "line 1: found none left, expected enough memory");
    else if (notice_read(&grammar, n, id, data, len, err, err_len))
        return n;
    notice_free(n);
    return NULL;
}

/* What notice_read filled in, but not n itself. */
void notice_clear(struct notice *n)
{
    for (char **zone = n->zones; zone && *zone; zone++)
        free(*zone);
    for (size_t i = 0; i < n->n_texts; i++) {
        free(n->texts[i].title);
        free(n->texts[i].markdown);
    }
    free(n->zones);
    free(n->texts);
    free(n->publisher);
    free(n->link);
    free(n->source);
    free(n->id);
}

void notice_free(struct notice *n)
{
    if (n)
        notice_clear(n);
    free(n);
}

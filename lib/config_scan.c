/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From text to tokens, before libconfuse sees anything. libconfuse's own lexer miscounts lines
 * behind comments, replaces ${VARIABLES} from the environment, takes an unclosed quote to the end
 * of the file and stays in that state for the next file. So what it gets is a clean copy, one token
 * a line (config.c), and what is wrong with quotes, braces and stray characters is said here. */
#include "lib/config_internal.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 8

struct scanner {
    const char *at, *end;
    int line;
    struct config_tokens *out;
    int room;
    int open[MAX_DEPTH]; /* tokens of the braces that are open */
    int depth;
    struct config_faults *faults;
};

static bool add(struct scanner *s, char kind, const char *text, size_t len)
{
    struct config_tokens *out = s->out;

    if (out->n == s->room) {
        int room = s->room ? 2 * s->room : 256;
        struct config_token *items = reallocarray(out->items, (size_t)room, sizeof *items);
        if (!items)
            return false;
        out->items = items;
        s->room = room;
    }
    int parent = s->depth ? s->open[s->depth - 1] : -1;
    if (parent >= 0 && out->items[parent].list)
        parent = out->items[parent].parent;
    out->items[out->n++] = (struct config_token){
        .kind = kind, .line = s->line, .parent = parent, .pair = -1, .text = text, .len = len};
    return true;
}

static struct config_token *last(const struct scanner *s)
{
    return s->out->n ? &s->out->items[s->out->n - 1] : NULL;
}

static bool open_brace(struct scanner *s)
{
    const struct config_token *before = last(s);
    bool list = before && (before->kind == '=' || before->kind == '+');

    if (s->depth == MAX_DEPTH) {
        config_fault(s->faults, s->line, "syntax", "found a {, expected at most %d open ones",
                     MAX_DEPTH);
        s->out->broken = true;
        s->at = s->end;
        return true;
    }
    if (!add(s, '{', s->at, 1))
        return false;
    last(s)->list = list;
    s->open[s->depth++] = s->out->n - 1;
    return true;
}

static bool close_brace(struct scanner *s)
{
    if (!s->depth) {
        config_fault(s->faults, s->line, "syntax",
                     "found a } that closes nothing, expected an option");
        s->out->broken = true;
        return true;
    }
    int open = s->open[--s->depth];
    if (!add(s, '}', s->at, 1))
        return false;
    last(s)->pair = open;
    s->out->items[open].pair = s->out->n - 1;
    return true;
}

/* A quoted text ends on its line: a missing quote is then found where it is missing. */
static bool quoted(struct scanner *s)
{
    const char *begin = s->at, *p = begin + 1;
    const char *wrong = NULL;

    for (; p < s->end && *p != '\n' && *p != *begin; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            wrong = "found a control character, expected printable text";
        if (*begin == '"' && *p == '$' && p + 1 < s->end && p[1] == '{')
            wrong = "found ${, expected plain text (variables are not replaced)";
        if (*p == '\\') {
            if (p + 1 == s->end || p[1] == '\n')
                break;
            p++;
            if (*p != '\\' && *p != *begin)
                wrong = "found a backslash, expected it only before a quote or a backslash";
        }
    }
    bool closed = p < s->end && *p == *begin;
    if (!closed)
        wrong = "found a text without its closing quote, expected one in the same line";
    if (wrong)
        config_fault(s->faults, s->line, "syntax", "%s", wrong);
    s->at = closed ? p + 1 : p;
    if (!add(s, 'w', begin, (size_t)(s->at - begin)))
        return false;
    last(s)->bad = wrong != NULL;
    return true;
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_.:/%@-", c));
}

static bool word(struct scanner *s)
{
    const char *begin = s->at;

    while (s->at < s->end && is_word(*s->at))
        s->at++;
    return add(s, 'w', begin, (size_t)(s->at - begin));
}

/* One report for a run of characters that belong nowhere. */
static void stray(struct scanner *s)
{
    char text[16], shown[CONFIG_SHOWN];
    size_t n = 0;

    while (s->at < s->end && !is_word(*s->at) && !strchr(" \t\r\n#\"'={}+,", *s->at)) {
        if (n < sizeof text - 1 && *s->at)
            text[n++] = *s->at;
        s->at++;
    }
    if (s->at < s->end && *s->at == '+') /* a + without = */
        text[n < sizeof text - 1 ? n++ : n] = *s->at++;
    if (s->at < s->end && !*s->at) { /* strchr finds the NUL too */
        while (s->at < s->end && !*s->at)
            s->at++;
        config_fault(s->faults, s->line, "syntax", "found a NUL byte, expected text");
        return;
    }
    text[n] = '\0';
    config_fault(s->faults, s->line, "syntax",
                 "found %s, expected an option, a value or quotes around a text",
                 config_show(text, shown));
}

static void line_comment(struct scanner *s)
{
    while (s->at < s->end && *s->at != '\n')
        s->at++;
}

static void block_comment(struct scanner *s)
{
    int began = s->line;

    for (s->at += 2; s->at < s->end; s->at++) {
        if (*s->at == '\n')
            s->line++;
        if (s->end - s->at >= 2 && memcmp(s->at, "*/", 2) == 0) {
            s->at += 2;
            return;
        }
    }
    config_fault(s->faults, began, "syntax", "found a comment without its end, expected */");
}

static bool starts(const struct scanner *s, const char *text)
{
    size_t len = strlen(text);

    return (size_t)(s->end - s->at) >= len && memcmp(s->at, text, len) == 0;
}

/* The next token or what stands between tokens. */
static bool step(struct scanner *s)
{
    char c = *s->at;
    bool ok = true;

    if (c == '#' || starts(s, "//")) {
        line_comment(s);
        return true;
    }
    if (starts(s, "/*")) {
        block_comment(s);
        return true;
    }
    if (c == '"' || c == '\'')
        return quoted(s);
    if (is_word(c))
        return word(s);
    if (starts(s, "+=")) {
        ok = add(s, '+', s->at, 2);
        s->at += 2;
        return ok;
    }
    switch (c) {
    case '\n':
        s->line++;
        break;
    case ' ':
    case '\t':
    case '\r':
        break;
    case '{':
        ok = open_brace(s);
        break;
    case '}':
        ok = close_brace(s);
        break;
    case '=':
    case ',':
        ok = add(s, c, s->at, 1);
        break;
    default:
        stray(s);
        return true;
    }
    if (s->at < s->end)
        s->at++;
    return ok;
}

bool config_scan(const char *text, size_t len, struct config_tokens *out, struct config_faults *f)
{
    struct scanner s = {.at = text, .end = text + len, .line = 1, .out = out, .faults = f};

    *out = (struct config_tokens){0};
    while (s.at < s.end)
        if (!step(&s))
            return false;
    while (s.depth) {
        const struct config_token *open = &out->items[s.open[--s.depth]];
        config_fault(f, open->line, "syntax", "found a { without its end, expected a }");
        out->broken = true;
    }
    return true;
}

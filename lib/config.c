/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libconfuse, and the way through the other config files: scan, parse, build, report.
 *
 * libconfuse reads the grammar, but stops at the first fault and knows only types. So every option
 * is declared to it as a list of texts, whose values are merely noted in a tree (config_check.c
 * looks at them with the schema in hand). It is given one token a line: its line counter is then
 * the number of a token, which leads back to the true line, to the section around it and, where it
 * meets an option that it does not know, to the statement that is blanked out before it begins
 * again. */
#include "lib/config.h"
#include "lib/buf.h"
#include "lib/config_internal.h"
#include "lib/crypto.h"

#include <confuse.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_UNKNOWN 32
#define MAX_OPTIONS 64 /* of one section */

/* libconfuse's callbacks have no argument of the caller's. */
static struct parse {
    const struct config_tokens *tokens;
    struct config_tree *tree;
    struct config_faults *faults;
    int unknown; /* token of an unknown option, or -1 */
    bool failed; /* a fault was reported */
} * now;

/* --- the tree -------------------------------------------------------------------------------- */
void config_tree_clear(struct config_tree *t)
{
    for (int i = 0; i < t->n_values; i++)
        free(t->values[i].text);
    for (int i = 0; i < t->n_sections; i++)
        free(t->sections[i].title);
    t->n_values = t->n_sections = 0;
    t->complete = false;
}

/* 0, the root, for a name that no section has. */
static int place_of(const char *name)
{
    for (int p = 1; p < now->tree->schema->n_places; p++)
        if (strcmp(now->tree->schema->places[p].name, name) == 0)
            return p;
    return 0;
}

/* The text of a token as it was meant: without quotes and escapes. */
static char *token_text(const struct config_token *t)
{
    char *text = malloc(t->len + 1), *out = text;
    const char *p = t->text, *end = p + t->len;

    if (!text)
        return NULL;
    if (p < end && (*p == '"' || *p == '\'')) {
        char quote = *p++;
        if (end > p && end[-1] == quote && !t->bad)
            end--;
        for (; p < end; p++) {
            if (*p == '\\' && p + 1 < end)
                p++;
            *out++ = *p;
        }
    } else {
        memcpy(out, p, t->len);
        out += t->len;
    }
    *out = '\0';
    return text;
}

/* The section that the brace open (-1: none, the root) begins; made on first sight. -1: no room. */
static int section_at(int open)
{
    struct config_tree *tree = now->tree;
    const struct config_token *tokens = now->tokens->items;
    const struct config_place_info *places = tree->schema->places;

    for (int i = 0; i < tree->n_sections; i++)
        if (tree->sections[i].open == open)
            return i;
    int parent = open < 0 ? -1 : section_at(tokens[open].parent);
    if (tree->n_sections == CONFIG_MAX_SECTIONS || (open >= 0 && parent < 0))
        return -1;

    struct config_section s = {.place = 0, .line = 1, .parent = parent, .open = open};
    if (open > 0) {
        /* NAME { or NAME TITLE {: libconfuse has checked that it is one of them. */
        char *name = token_text(&tokens[open - 1]);
        s.place = name ? place_of(name) : 0;
        s.line = tokens[open].line;
        free(name);
        if (open > 1 && tokens[open - 2].kind == 'w' &&
            (open < 3 || (tokens[open - 3].kind != '=' && tokens[open - 3].kind != '+'))) {
            char *before = token_text(&tokens[open - 2]);
            int titled = before ? place_of(before) : 0;
            if (titled != 0 && places[titled].titled) {
                s.place = titled;
                s.title = token_text(&tokens[open - 1]);
            }
            free(before);
        }
        if (s.place == 0 || (places[s.place].titled && !s.title)) {
            free(s.title);
            return -1;
        }
    }
    tree->sections[tree->n_sections] = s;
    return tree->n_sections++;
}

/* --- libconfuse's callbacks ------------------------------------------------------------------ */
static int too_much(const char *what, int most)
{
    config_fault(now->faults, 1, "file", "found more than %d %s, expected fewer", most, what);
    now->failed = true;
    return -1;
}

/* A value was read: cfg->line is its token. */
static int on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
    int index = cfg->line - 1;
    const struct config_token *tokens = now->tokens->items;
    int section = section_at(tokens[index].parent);
    struct config_tree *tree = now->tree;
    bool listed = index > 0 && tokens[index - 1].kind == '{';
    const struct config_option *o;

    *(const char **)result = text;
    if (section < 0)
        return too_much("sections", CONFIG_MAX_SECTIONS);
    if (tree->n_values == CONFIG_MAX_VALUES)
        return too_much("values", CONFIG_MAX_VALUES);
    o = config_option_find(tree->schema, tree->sections[section].place, opt->name);
    if (!o) { /* "section|option": libconfuse's own way to name one from outside */
        config_fault(now->faults, tokens[index].line, opt->name,
                     "found a value outside of its section, expected it inside");
        return 0;
    }
    const struct config_token *before = index > listed ? &tokens[index - listed - 1] : NULL;
    tree->values[tree->n_values] =
        (struct config_value){.section = section,
                              .name = o->name,
                              .text = strdup(text),
                              .line = tokens[index].line,
                              .first = before && (before->kind == '=' || before->kind == '+'),
                              .append = before && before->kind == '+',
                              .bad = tokens[index].bad};
    return tree->values[tree->n_values].text ? (tree->n_values++, 0) : -1;
}

/* A section was closed; one without a value is noted only now. */
static int on_section(cfg_t *cfg, cfg_opt_t *opt)
{
    const struct config_token *close = &now->tokens->items[cfg->line - 1];

    (void)opt;
    return section_at(close->pair) < 0 ? too_much("sections", CONFIG_MAX_SECTIONS) : 0;
}

static bool is_known(int place, const char *name)
{
    const struct config_schema *schema = now->tree->schema;
    int section = place_of(name);

    return config_option_find(schema, place, name) ||
           (section && schema->places[section].parent == place);
}

static void on_error(cfg_t *cfg, const char *fmt, va_list args)
{
    int n = now->tokens->n, index = cfg->line - 1;
    const struct config_token *t = &now->tokens->items[index < n ? index : n - 1];
    char text[160], shown[CONFIG_SHOWN];
    int place = place_of(cfg->name);

    if (now->failed || now->unknown >= 0 || n == 0)
        return;
    char *word = token_text(t);
    if (word && t->kind == 'w' && strncmp(fmt, "no such option", 14) == 0 &&
        !is_known(place, word)) {
        const char *near = config_did_you_mean(now->tree->schema, place, word);
        snprintf(text, sizeof text, "%.60s%s%.60s", place == 0 ? "" : cfg->name,
                 place == 0 ? "" : ".", word);
        config_fault(now->faults, t->line, text,
                     "found an option that does not exist, expected %s%s%s",
                     near ? "one that does: did you mean " : "one of --help-config",
                     near ? near : "", near ? "?" : "");
        now->unknown = index;
    } else {
        char *raw = strndup(t->text, t->len < 60 ? t->len : 60);
        vsnprintf(text, sizeof text, fmt, args);
        config_fault(now->faults, t->line, "syntax",
                     "found %s (%.100s), expected OPTION = VALUE or SECTION { … }; the rest of the "
                     "file was not read",
                     raw ? config_show(raw, shown) : "?", index < n ? text : "the file ends here");
        now->failed = true;
        free(raw);
    }
    free(word);
}

/* --- what libconfuse gets -------------------------------------------------------------------- */
/* opts holds one array a place; libconfuse makes its own copies. */
static void declare(const struct config_schema *schema,
                    cfg_opt_t opts[CONFIG_MAX_PLACES][MAX_OPTIONS])
{
    for (int p = schema->n_places - 1; p >= 0; p--) { /* subsections before what holds them */
        int n = 0;
        for (size_t i = 0; i < schema->n_options; i++) {
            const struct config_option *o = &schema->options[i];
            cfg_opt_t opt = CFG_STR_LIST_CB(o->name, NULL, CFGF_NODEFAULT, on_value);
            if (o->place == p)
                opts[p][n++] = opt;
        }
        for (int s = 1; s < schema->n_places; s++) {
            const struct config_place_info *info = &schema->places[s];
            cfg_opt_t opt =
                CFG_SEC(info->name, opts[s], CFGF_MULTI | (info->titled ? CFGF_TITLE : 0));
            opt.validcb = on_section;
            if (info->parent == p)
                opts[p][n++] = opt;
        }
        cfg_opt_t end = CFG_END();
        opts[p][n] = end;
    }
}

/* The tokens from at on that make its statement: NAME = VALUE, NAME = { … }, NAME [TITLE] { … }. */
static int statement_end(const struct config_tokens *tokens, int at)
{
    const struct config_token *t = tokens->items;
    int n = tokens->n, p = at + 1;

    if (p < n && (t[p].kind == '=' || t[p].kind == '+'))
        p++;
    else if (p < n && t[p].kind == 'w' &&
             (t[p].line == t[at].line || (p + 1 < n && t[p + 1].kind == '{')))
        p += p + 1 < n && t[p + 1].kind == '{';
    else if (p >= n || t[p].kind != '{')
        return at;
    if (p >= n || t[p].kind == '}')
        return p - 1;
    return t[p].kind == '{' ? t[p].pair : p;
}

/* One token a line; blanked ones leave an empty line. */
static char *clean_copy(const struct config_tokens *tokens, const bool *blank)
{
    struct buf b;

    buf_init(&b, 16 * CONFIG_MAX_BYTES);
    for (int i = 0; i < tokens->n; i++) {
        const struct config_token *t = &tokens->items[i];
        bool quoted = t->text[0] == '"' || t->text[0] == '\'';
        if (blank[i])
            ;
        else if (t->kind == 'w' && t->bad)
            buf_str(&b, "\"\"");
        else if (t->kind == 'w' && !quoted)
            buf_fmt(&b, "\"%.*s\"", (int)t->len, t->text);
        else
            buf_add(&b, t->text, t->len);
        buf_str(&b, "\n");
    }
    return buf_take(&b, NULL);
}

static bool parse_once(struct parse *p, const bool *blank)
{
    cfg_opt_t(*opts)[MAX_OPTIONS] = calloc(CONFIG_MAX_PLACES, sizeof *opts);
    char *copy = clean_copy(p->tokens, blank);
    cfg_t *cfg = NULL;
    bool done = false;

    if (opts && copy) {
        declare(p->tree->schema, opts);
        cfg = cfg_init(opts[0], CFGF_NONE);
    }
    if (cfg) {
        now = p;
        cfg_set_error_function(cfg, on_error);
        p->unknown = -1;
        config_tree_clear(p->tree);
        section_at(-1);
        p->tree->complete = cfg_parse_buf(cfg, copy) == CFG_SUCCESS;
        done = p->tree->complete || p->failed || p->unknown >= 0;
        cfg_free(cfg);
        now = NULL;
    }
    free(copy);
    free(opts);
    return done;
}

bool config_parse_tree(const struct config_tokens *tokens, struct config_tree *tree,
                       struct config_faults *f)
{
    struct parse p = {.tokens = tokens, .tree = tree, .faults = f, .unknown = -1};
    bool *blank = calloc((size_t)tokens->n + 1, sizeof *blank), done = false;

    if (!blank)
        return false;
    for (int tries = 0; tries <= MAX_UNKNOWN; tries++) {
        done = parse_once(&p, blank);
        if (!done || p.unknown < 0)
            break;
        int end = statement_end(tokens, p.unknown);
        for (int i = p.unknown; i <= end; i++)
            blank[i] = true;
    }
    free(blank);
    return done;
}

/* --- reading and reporting ------------------------------------------------------------------- */
const char *config_show(const char *value, char out[static CONFIG_SHOWN])
{
    size_t at = 0;

    out[at++] = '"';
    for (const unsigned char *p = (const unsigned char *)value; *p; p++) {
        if (at > CONFIG_SHOWN - 10) {
            /* Not in the middle of a character. */
            while ((out[at - 1] & 0xc0) == 0x80 && (*p & 0xc0) == 0x80)
                at--;
            at += (size_t)sprintf(out + at, "...");
            break;
        }
        if (*p < 0x20 || *p == 0x7f)
            at += (size_t)sprintf(out + at, "\\x%02x", *p);
        else
            out[at++] = (char)*p;
    }
    out[at++] = '"';
    out[at] = '\0';
    return out;
}

void config_fault(struct config_faults *f, int line, const char *option, const char *fmt, ...)
{
    char text[512];
    int at = snprintf(text, sizeof text, "%d: %.160s: ", line, option);
    va_list args;

    f->any = true;
    if (f->n == CONFIG_MAX_FAULTS)
        return;
    va_start(args, fmt);
    vsnprintf(text + at, sizeof text - (size_t)at, fmt, args);
    va_end(args);
    f->items[f->n].line = line;
    f->items[f->n].text = strdup(text);
    if (f->items[f->n].text)
        f->n++;
}

/* In the order of lines (insertion sort: stable, and there are few). */
static void report_faults(const char *name, struct config_faults *f,
                          void (*report)(void *arg, const char *line), void *arg)
{
    for (size_t i = 1; i < f->n; i++) {
        struct config_fault fault = f->items[i];
        size_t j = i;
        for (; j > 0 && f->items[j - 1].line > fault.line; j--)
            f->items[j] = f->items[j - 1];
        f->items[j] = fault;
    }
    for (size_t i = 0; i < f->n; i++) {
        char line[1024];
        snprintf(line, sizeof line, "%.400s:%s", name, f->items[i].text);
        report(arg, line);
        free(f->items[i].text);
    }
    if (f->any && !f->n) {
        char line[1024];
        snprintf(line, sizeof line, "%.400s:0: file: found no memory, expected some", name);
        report(arg, line);
    }
    free(f);
}

void *config_read_text(const struct config_program *program, const char *name, const char *text,
                       size_t len, int flags, void (*report)(void *arg, const char *line),
                       void *arg)
{
    struct config_faults *f = calloc(1, sizeof *f);
    struct config_tree *tree = calloc(1, sizeof *tree);
    struct config_tokens tokens = {0};
    void *c = NULL;

    if (!f || !tree) {
        free(f);
        free(tree);
        report(arg, "no memory to read the configuration");
        return NULL;
    }
    tree->schema = program->schema;
    if (len > CONFIG_MAX_BYTES)
        config_fault(f, 1, "file", "found %zu bytes, expected at most %d", len, CONFIG_MAX_BYTES);
    else if (!config_scan(text, len, &tokens, f) ||
             (!tokens.broken && !config_parse_tree(&tokens, tree, f)))
        config_fault(f, 0, "file", "found no memory, expected some");
    else if (!tokens.broken)
        c = program->build(tree, flags, f);
    if (f->any || !c) {
        program->free(c);
        c = NULL;
        f->any = true;
    }
    config_tree_clear(tree);
    free(tree);
    free(tokens.items);
    report_faults(name, f, report, arg);
    return c;
}

static char *read_file(const char *path, size_t *len, struct config_faults *f)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char *text = NULL;
    struct stat st;
    ssize_t got = -1;

    if (fd < 0 || fstat(fd, &st) != 0) {
        config_fault(f, 0, "file",
                     "found nothing that can be opened (%s), expected a configuration",
                     strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        config_fault(f, 0, "file", "found no regular file, expected a configuration");
    } else {
        text = malloc(CONFIG_MAX_BYTES + 1);
        for (*len = 0; text && *len <= CONFIG_MAX_BYTES; *len += (size_t)got) {
            got = read(fd, text + *len, CONFIG_MAX_BYTES + 1 - *len);
            if (got <= 0)
                break;
        }
        if (got < 0) {
            config_fault(f, 0, "file",
                         "found nothing that can be read (%s), expected a configuration",
                         strerror(errno));
            free(text);
            text = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return text;
}

void *config_read_file(const struct config_program *program, const char *path, int flags,
                       void (*report)(void *arg, const char *line), void *arg)
{
    struct config_faults *f = calloc(1, sizeof *f);
    void *c = NULL;
    size_t len = 0;
    char *text;

    if (!f)
        return NULL;
    text = read_file(path, &len, f);
    report_faults(path, f, report, arg);
    if (text)
        c = config_read_text(program, path, text, len, flags, report, arg);
    free(text);
    return c;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading stops at the first thing that is not as it should be: a bundle that its signature lets
 * through and that is still wrong was made by a broken board, and half of it must not be shown as
 * if it were all. One bundle has one text: what is read and written again is the same bytes. */
#include "lib/bundle.h"
#include "lib/buf.h"
#include "lib/utc.h"
#include "lib/utf8.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define HEAD "loggia-bundle 1"
enum { MAX_LINE = 240 };

static const struct {
    const char *word;
    size_t max;
} kinds[BUNDLE_KINDS] = {
    [BUNDLE_PUBLISHER] = {"publisher", BUNDLE_MAX_PUBLISHERS},
    [BUNDLE_NOTICE] = {"notice", BUNDLE_MAX_NOTICES},
    [BUNDLE_SERVICE] = {"service", BUNDLE_MAX_SERVICES},
    [BUNDLE_LOGO] = {"logo", BUNDLE_MAX_LOGOS},
};

bool bundle_id_ok(const char *id)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strspn(id, fine);
    return len > 0 && len < BUNDLE_ID_LEN && id[len] == '\0' && id[0] != '.';
}

/* A line of readable text that is not empty and has no blank at either end. */
static bool board_ok(const char *name)
{
    size_t len = strlen(name);
    if (!len || len >= BUNDLE_BOARD_LEN || name[0] == ' ' || name[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len;) {
        uint32_t c = 0;
        size_t n = utf8_next(name + i, len - i, &c);
        if (!n || c < 0x20 || (c >= 0x7F && c < 0xA0) || utf8_is_bidi_override(c))
            return false;
        i += n;
    }
    return true;
}

/* --- the same id twice ------------------------------------------------------------------------ */
struct seen {
    char key[BUNDLE_ID_LEN + 1]; /* the kind's digit and the id */
    UT_hash_handle hh;
};

/* The number of the first part whose id stands before it too, or b->n. No memory counts as that. */
static size_t first_twin(const struct bundle *b)
{
    struct seen *all = calloc(b->n ? b->n : 1, sizeof *all), *table = NULL, *found;
    size_t i = 0;
    for (; all && i < b->n; i++) {
        all[i].key[0] = (char)('0' + b->parts[i].kind);
        memcpy(all[i].key + 1, b->parts[i].id, BUNDLE_ID_LEN);
        HASH_FIND_STR(table, all[i].key, found);
        if (found)
            break;
        HASH_ADD_STR(table, key, &all[i]);
    }
    HASH_CLEAR(hh, table);
    free(all);
    return i;
}

/* --- writing ---------------------------------------------------------------------------------- */
static bool part_ok(const struct bundle *b, size_t i, size_t count[static BUNDLE_KINDS], char *err,
                    size_t err_len)
{
    const struct bundle_part *p = &b->parts[i];
    if ((unsigned)p->kind >= BUNDLE_KINDS || (i && p->kind < b->parts[i - 1].kind))
        return buf_complain(err, err_len,
                            "part %zu: expected publishers, then notices, services, logos", i);
    if (!bundle_id_ok(p->id))
        return buf_complain(err, err_len,
                            "part %zu: found the id \"%.40s\", expected letters, digits, "
                            "dot, dash, underscore, at most 100",
                            i, p->id);
    if (!p->len || p->len > BUNDLE_MAX_PART)
        return buf_complain(err, err_len, "%s %s: found %zu bytes, expected 1 to %d",
                            kinds[p->kind].word, p->id, p->len, BUNDLE_MAX_PART);
    if (++count[p->kind] > kinds[p->kind].max)
        return buf_complain(err, err_len, "found more than %zu of kind %s", kinds[p->kind].max,
                            kinds[p->kind].word);
    return true;
}

bool bundle_write(struct buf *b, const struct bundle *bundle, char *err, size_t err_len)
{
    char created[UTC_LEN], expires[UTC_LEN];
    size_t begin = b->len, count[BUNDLE_KINDS] = {0};
    utc_write(bundle->created_s, created);
    utc_write(bundle->expires_s, expires);
    if (!bundle->serial || !*created || !*expires || bundle->expires_s <= bundle->created_s ||
        !board_ok(bundle->board))
        return buf_complain(err, err_len, "found no serial, no name, or dates in disorder");
    for (size_t i = 0; i < bundle->n; i++)
        if (!part_ok(bundle, i, count, err, err_len))
            return false;
    size_t twin = first_twin(bundle);
    if (twin < bundle->n)
        return buf_complain(err, err_len, "%s %s: found twice, expected each id once",
                            kinds[bundle->parts[twin].kind].word, bundle->parts[twin].id);
    buf_fmt(b, HEAD "\nserial: %" PRIu64 "\ncreated: %s\nexpires: %s\nboard: %s\n\n",
            bundle->serial, created, expires, bundle->board);
    for (size_t i = 0; i < bundle->n; i++) {
        const struct bundle_part *p = &bundle->parts[i];
        buf_fmt(b, "%s %s %zu\n", kinds[p->kind].word, p->id, p->len);
        buf_add(b, p->data, p->len);
        buf_str(b, "\n");
    }
    if (b->failed || b->len - begin > BUNDLE_MAX_BYTES)
        return buf_complain(err, err_len, "found more than %u bytes, or no memory",
                            BUNDLE_MAX_BYTES);
    return true;
}

/* --- reading ---------------------------------------------------------------------------------- */
struct reader {
    const char *at, *end;
    unsigned line;
    char text[MAX_LINE + 1];
    char *err;
    size_t err_len, room; /* of parts */
};

static bool fault(struct reader *r, const char *expected)
{
    for (char *c = r->text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    return buf_complain(r->err, r->err_len, "line %u: found \"%.60s\", expected %s", r->line,
                        r->text, expected);
}

static bool next(struct reader *r)
{
    size_t left = (size_t)(r->end - r->at);
    const char *end = memchr(r->at, '\n', left < MAX_LINE + 1 ? left : MAX_LINE + 1);
    r->line++;
    r->text[0] = '\0';
    if (!end)
        return false;
    size_t len = (size_t)(end - r->at);
    memcpy(r->text, r->at, len);
    r->text[len] = '\0';
    r->at = end + 1;
    return strlen(r->text) == len;
}

static const char *field(struct reader *r, const char *name)
{
    size_t len = strlen(name);
    bool there = next(r) && strncmp(r->text, name, len) == 0 && r->text[len] == ':' &&
                 r->text[len + 1] == ' ';
    return there ? r->text + len + 2 : NULL;
}

static bool read_moment(struct reader *r, const char *name, int64_t *out)
{
    const char *value = field(r, name);
    return (value && strlen(value) == UTC_LEN - 1 && utc_read(value, out)) ||
           fault(r, "\"created: \" or \"expires: \" and a moment such as 2026-01-31T12:00:00Z");
}

static bool read_head(struct reader *r, struct bundle *b)
{
    const char *value;
    if (!next(r) || strcmp(r->text, HEAD) != 0)
        return fault(r, "\"" HEAD "\"");
    value = field(r, "serial");
    if (!value || !utc_read_number(value, UINT64_MAX, &b->serial) || !b->serial)
        return fault(r, "\"serial: NUMBER\"");
    if (!read_moment(r, "created", &b->created_s) || !read_moment(r, "expires", &b->expires_s))
        return false;
    if (b->expires_s <= b->created_s)
        return fault(r, "an end later than the beginning");
    value = field(r, "board");
    if (!value || !board_ok(value))
        return fault(r, "\"board: NAME\"");
    snprintf(b->board, sizeof b->board, "%s", value);
    return (next(r) && r->text[0] == '\0') || fault(r, "an empty line");
}

static struct bundle_part *one_more(struct reader *r, struct bundle *b)
{
    if (b->n == r->room) {
        size_t room = r->room ? 2 * r->room : 64;
        struct bundle_part *grown = reallocarray(b->parts, room, sizeof *grown);
        if (!grown)
            return NULL;
        b->parts = grown;
        r->room = room;
    }
    b->parts[b->n] = (struct bundle_part){0};
    return &b->parts[b->n];
}

/* "notice ID LEN" into p; the bytes are not looked at yet. */
static bool read_part_line(struct reader *r, struct bundle_part *p)
{
    static const char expected[] = "\"publisher ID LENGTH\", then notice, service, logo, in this "
                                   "order";
    char line[MAX_LINE + 1], *rest, *word, *id;
    uint64_t len;
    size_t kind = 0;
    if (!next(r))
        return fault(r, expected);
    memcpy(line, r->text, sizeof line);
    rest = line;
    word = strsep(&rest, " ");
    id = strsep(&rest, " ");
    while (kind < BUNDLE_KINDS && strcmp(word, kinds[kind].word) != 0)
        kind++;
    if (kind == BUNDLE_KINDS || !id || !bundle_id_ok(id) || !rest ||
        !utc_read_number(rest, BUNDLE_MAX_PART, &len) || !len)
        return fault(r, expected);
    p->kind = (enum bundle_kind)kind;
    memcpy(p->id, id, strlen(id) + 1);
    p->len = (size_t)len;
    return true;
}

static bool read_part(struct reader *r, struct bundle *b, size_t count[static BUNDLE_KINDS])
{
    struct bundle_part *p = one_more(r, b);
    if (!p)
        return buf_complain(r->err, r->err_len, "out of memory");
    if (!read_part_line(r, p))
        return false;
    if (b->n && p->kind < p[-1].kind)
        return fault(r, "publishers, then notices, services, logos");
    if (++count[p->kind] > kinds[p->kind].max)
        return fault(r, "fewer parts of this kind");
    if ((size_t)(r->end - r->at) < p->len + 1 || r->at[p->len] != '\n')
        return fault(r, "so many bytes and a newline behind them");
    p->data = r->at;
    for (size_t i = 0; i <= p->len; i++)
        r->line += r->at[i] == '\n';
    r->at += p->len + 1;
    b->n++;
    return true;
}

struct bundle *bundle_read(const char *data, size_t len, char *err, size_t err_len)
{
    struct reader r = {.at = data, .end = data + len, .err = err, .err_len = err_len};
    size_t count[BUNDLE_KINDS] = {0};
    struct bundle *b = calloc(1, sizeof *b);
    if (!b) {
        buf_complain(err, err_len, "out of memory");
        return NULL;
    }
    if (len > BUNDLE_MAX_BYTES) {
        buf_complain(err, err_len, "found %zu bytes, expected at most %u", len, BUNDLE_MAX_BYTES);
        goto fail;
    }
    if (!read_head(&r, b))
        goto fail;
    while (r.at < r.end)
        if (!read_part(&r, b, count))
            goto fail;
    size_t twin = first_twin(b);
    if (twin == b->n)
        return b;
    buf_complain(err, err_len, "found %s %s twice, expected each id once",
                 kinds[b->parts[twin].kind].word, b->parts[twin].id);
fail:
    bundle_free(b);
    return NULL;
}

void bundle_free(struct bundle *bundle)
{
    if (!bundle)
        return;
    free(bundle->parts);
    free(bundle);
}

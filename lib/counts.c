/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Both ends of the counts in one file, so that they cannot drift apart. */
#include "lib/counts.h"
#include "lib/buf.h"
#include "lib/utc.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define HEAD "loggia-counts 1"
enum { MAX_LINE = 300, HOUR = 3600 };

void counts_write_head(struct buf *b, const char *router, const char *batch)
{
    buf_fmt(b, HEAD "\nrouter: %s\nbatch: %s\n", router, batch);
}

void counts_write_row(struct buf *b, const struct count_row *row)
{
    char hour[UTC_LEN];
    utc_write(row->hour_s, hour);
    buf_fmt(b, "count: %s %s %s %s %s %" PRIu32 " %" PRIu32 "\n", hour,
            row->kind == BUNDLE_SERVICE ? "service" : "notice", row->id, row->zone, row->lang,
            row->displays, row->taps);
}

/* Whether text is of the characters of set alone and fits room with its NUL; then it is copied. */
static bool take(const char *text, const char *set, char *out, size_t room)
{
    size_t len = text ? strspn(text, set) : 0;
    if (!len || len >= room || text[len])
        return false;
    memcpy(out, text, len + 1);
    return true;
}

#define LOWER "abcdefghijklmnopqrstuvwxyz"
#define UPPER "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGIT "0123456789"

static bool read_row(char *line, struct count_row *row)
{
    char *rest = line, *word[7];
    uint64_t displays, taps;
    for (size_t i = 0; i < sizeof word / sizeof *word; i++)
        if (!(word[i] = strsep(&rest, " ")))
            return false;
    *row = (struct count_row){0};
    if (rest || strlen(word[0]) != UTC_LEN - 1 || !utc_read(word[0], &row->hour_s) ||
        row->hour_s % HOUR)
        return false;
    row->kind = strcmp(word[1], "service") == 0 ? BUNDLE_SERVICE : BUNDLE_NOTICE;
    if (row->kind == BUNDLE_NOTICE && strcmp(word[1], "notice") != 0)
        return false;
    if (!bundle_id_ok(word[2]) ||
        !take(word[2], LOWER UPPER DIGIT "._-", row->id, sizeof row->id) ||
        !take(word[3], LOWER DIGIT "-", row->zone, sizeof row->zone) ||
        !take(word[4], LOWER DIGIT "-", row->lang, sizeof row->lang) ||
        !utc_read_number(word[5], UINT32_MAX, &displays) ||
        !utc_read_number(word[6], UINT32_MAX, &taps))
        return false;
    row->displays = (uint32_t)displays;
    row->taps = (uint32_t)taps;
    return true;
}

struct reader {
    const char *at, *end;
    unsigned number;
    char text[MAX_LINE + 1];
};

static bool next(struct reader *r)
{
    size_t left = (size_t)(r->end - r->at);
    const char *end = memchr(r->at, '\n', left < MAX_LINE + 1 ? left : MAX_LINE + 1);
    r->number++;
    r->text[0] = '\0';
    if (!end)
        return false;
    size_t len = (size_t)(end - r->at);
    memcpy(r->text, r->at, len);
    r->text[len] = '\0';
    r->at = end + 1;
    return strlen(r->text) == len;
}

static char *behind(struct reader *r, const char *head)
{
    size_t len = strlen(head);
    return next(r) && strncmp(r->text, head, len) == 0 ? r->text + len : NULL;
}

static bool fault(const struct reader *r, const char *expected, char *err, size_t err_len)
{
    snprintf(err, err_len, "line %u: found something else, expected %s", r->number, expected);
    return false;
}

bool counts_read(const char *data, size_t len, char router[static COUNTS_ROUTER_LEN],
                 char batch[static COUNTS_BATCH_LEN],
                 void (*fn)(void *arg, const struct count_row *row), void *arg, char *err,
                 size_t err_len)
{
    struct reader r = {.at = data, .end = data + len};
    struct count_row row;
    if (len > COUNTS_MAX_BYTES) {
        snprintf(err, err_len, "found %zu bytes, expected at most %d", len, COUNTS_MAX_BYTES);
        return false;
    }
    if (!next(&r) || strcmp(r.text, HEAD) != 0)
        return fault(&r, "\"" HEAD "\"", err, err_len);
    if (!take(behind(&r, "router: "), LOWER UPPER DIGIT "._-", router, COUNTS_ROUTER_LEN))
        return fault(&r, "\"router: NAME\"", err, err_len);
    if (!take(behind(&r, "batch: "), DIGIT "abcdef", batch, COUNTS_BATCH_LEN) ||
        strlen(batch) != COUNTS_BATCH_LEN - 1)
        return fault(&r, "\"batch: \" and 16 hexadecimal digits", err, err_len);
    for (unsigned n = 0; r.at < r.end; n++) {
        char *text = behind(&r, "count: ");
        if (n == COUNTS_MAX_LINES)
            return fault(&r, "at most 1500 sums", err, err_len);
        if (!text || !read_row(text, &row))
            return fault(&r, "\"count: HOUR KIND ID ZONE LANG DISPLAYS TAPS\"", err, err_len);
        fn(arg, &row);
    }
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is signed is read only after its signature was found good, but for the lines that say whose
 * signature it is. One file has one reading: fields in this order, each once, nothing between. */
#include "lib/current.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/utc.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD      "loggia-current 1"
#define SIGNATURE "signature: "
enum { DIGITS = 86 /* base64url of 64 bytes */, MAX_LINE = 160 };

bool current_write(struct buf *b, const struct current *c, const struct sign_key *keys, size_t n)
{
    char created[UTC_LEN], expires[UTC_LEN], sum[2 * SIGN_KEY_LEN + 1];
    size_t begin = b->len;
    utc_write(c->created_s, created);
    utc_write(c->expires_s, expires);
    crypto_hex(c->sha256, sizeof c->sha256, sum);
    if (!*created || !*expires || c->expires_s <= c->created_s || !c->serial || n < 1 ||
        n > CURRENT_MAX_KEYS)
        return false;
    buf_fmt(b,
            HEAD "\nserial: %" PRIu64 "\nsha256: %s\nlength: %" PRIu64
                 "\ncreated: %s\nexpires: %s\n",
            c->serial, sum, c->length, created, expires);
    size_t end = b->len;
    for (size_t i = 0; i < n && !b->failed; i++) {
        uint8_t signature[SIGN_SIGNATURE_LEN];
        char digits[DIGITS + 1];
        if (!keys[i].has_seed)
            return false;
        sign_make(&keys[i], b->data + begin, end - begin, signature);
        crypto_base64url(signature, sizeof signature, digits);
        buf_fmt(b, SIGNATURE "%s %s\n", keys[i].id, digits);
    }
    return !b->failed;
}

void current_bundle_name(const struct current *c, char out[static CURRENT_NAME_LEN])
{
    crypto_hex(c->sha256, sizeof c->sha256, out);
    strcat(out, ".bundle");
}

struct reader {
    const char *at, *end;
    unsigned line;
    char text[MAX_LINE + 1];
    char *err;
    size_t err_len;
};

static bool fault(struct reader *r, const char *expected)
{
    for (char *c = r->text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
    snprintf(r->err, r->err_len, "line %u: found \"%.60s\", expected %s", r->line, r->text,
             expected);
    return false;
}

/* The next line into text; false (with text "") at the end, or where it does not end in time. */
static bool next(struct reader *r)
{
    size_t left = (size_t)(r->end - r->at), len;
    const char *end = memchr(r->at, '\n', left);
    r->line++;
    r->text[0] = '\0';
    len = end ? (size_t)(end - r->at) : left;
    if (len > MAX_LINE || !end)
        return false;
    memcpy(r->text, r->at, len);
    r->text[len] = '\0';
    r->at = end + 1;
    return strlen(r->text) == len;
}

/* The value of the next line, which must be "NAME: VALUE". */
static const char *field(struct reader *r, const char *name)
{
    size_t len = strlen(name);
    bool there = next(r) && strncmp(r->text, name, len) == 0 && r->text[len] == ':' &&
                 r->text[len + 1] == ' ';
    return there ? r->text + len + 2 : NULL;
}

static bool read_number(struct reader *r, const char *name, uint64_t max, uint64_t *out)
{
    const char *value = field(r, name);
    char expected[40];
    if (value && utc_read_number(value, max, out) && *out)
        return true;
    snprintf(expected, sizeof expected, "\"%s: NUMBER\"", name);
    return fault(r, expected);
}

static bool read_moment(struct reader *r, const char *name, int64_t *out)
{
    const char *value = field(r, name);
    char expected[48];
    if (value && strlen(value) == UTC_LEN - 1 && utc_read(value, out))
        return true;
    snprintf(expected, sizeof expected, "\"%s: 2026-01-31T12:00:00Z\"", name);
    return fault(r, expected);
}

static bool read_sum(struct reader *r, uint8_t out[static SIGN_KEY_LEN])
{
    const char *value = field(r, "sha256");
    bool fine = value && strlen(value) == 2 * (size_t)SIGN_KEY_LEN &&
                strspn(value, "0123456789abcdef") == 2 * (size_t)SIGN_KEY_LEN;
    for (size_t i = 0; fine && i < SIGN_KEY_LEN; i++) {
        char pair[3] = {value[2 * i], value[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(pair, NULL, 16);
    }
    return fine || fault(r, "\"sha256: \" and 64 hexadecimal digits");
}

static bool read_fields(struct reader *r, struct current *c)
{
    if (!next(r) || strcmp(r->text, HEAD) != 0)
        return fault(r, "\"" HEAD "\"");
    if (!read_number(r, "serial", UINT64_MAX, &c->serial) || !read_sum(r, c->sha256) ||
        !read_number(r, "length", UINT32_MAX, &c->length) ||
        !read_moment(r, "created", &c->created_s) || !read_moment(r, "expires", &c->expires_s))
        return false;
    return c->expires_s > c->created_s || fault(r, "an end later than the beginning");
}

static const struct sign_key *find(const struct sign_key *keys, size_t n, const char *id)
{
    for (size_t i = 0; i < n; i++)
        if (strncmp(keys[i].id, id, SIGN_ID_LEN - 1) == 0)
            return &keys[i];
    return NULL;
}

/* The signatures from r on, over signed_len bytes of data. */
static enum current_fault judge(struct reader *r, const char *data, size_t signed_len,
                                const struct sign_key *keys, size_t n, char *key_id)
{
    enum current_fault fate = CURRENT_UNKNOWN_KEY;
    char names[CURRENT_MAX_KEYS * (SIGN_ID_LEN + 1) + 1] = "";
    unsigned seen = 0;
    while (r->at < r->end) {
        uint8_t signature[SIGN_SIGNATURE_LEN];
        const char *value = field(r, "signature");
        if (!value || seen++ == CURRENT_MAX_KEYS || strlen(value) != SIGN_ID_LEN + (size_t)DIGITS ||
            value[SIGN_ID_LEN - 1] != ' ' || strspn(value, "0123456789abcdef") != SIGN_ID_LEN - 1 ||
            crypto_base64url_decode(value + SIGN_ID_LEN, DIGITS, signature, sizeof signature) !=
                SIGN_SIGNATURE_LEN) {
            fault(r, "\"signature: KEYID BASE64URL\", at most 4 of them");
            return CURRENT_MALFORMED;
        }
        const struct sign_key *k = find(keys, n, value);
        snprintf(names + strlen(names), sizeof names - strlen(names), " %.16s", value);
        if (!k)
            continue;
        if (!sign_verify(k->public, data, signed_len, signature)) {
            snprintf(r->err, r->err_len, "the signature of key %s is not over these bytes", k->id);
            return CURRENT_BAD_SIGNATURE;
        }
        if (fate != CURRENT_GOOD && key_id)
            memcpy(key_id, k->id, SIGN_ID_LEN);
        fate = CURRENT_GOOD;
    }
    if (fate != CURRENT_GOOD)
        snprintf(r->err, r->err_len, "signed with%s, none of which is configured",
                 seen ? names : " no key");
    return fate;
}

enum current_fault current_read(const char *data, size_t len, const struct sign_key *keys, size_t n,
                                struct current *out, char key_id[SIGN_ID_LEN], char *err,
                                size_t err_len)
{
    struct reader r = {.at = data, .end = data + len, .err = err, .err_len = err_len};
    struct current c = {0};
    const char *mark = NULL;
    *out = (struct current){0};
    if (len > CURRENT_MAX_BYTES) {
        snprintf(err, err_len, "found %zu bytes, expected at most %d", len, CURRENT_MAX_BYTES);
        return CURRENT_MALFORMED;
    }
    mark = memmem(data, len, "\n" SIGNATURE, strlen("\n" SIGNATURE));
    size_t signed_len = mark ? (size_t)(mark - data) + 1 : len;
    r.at = data + signed_len;
    for (size_t i = 0; i < signed_len; i++)
        r.line += data[i] == '\n';
    enum current_fault fate = judge(&r, data, signed_len, keys, n, key_id);
    if (fate != CURRENT_GOOD)
        return fate;
    r = (struct reader){.at = data, .end = data + signed_len, .err = err, .err_len = err_len};
    if (!read_fields(&r, &c))
        return CURRENT_MALFORMED;
    if (r.at != r.end) {
        next(&r);
        fault(&r, "\"signature: KEYID BASE64URL\"");
        return CURRENT_MALFORMED;
    }
    *out = c;
    return CURRENT_GOOD;
}

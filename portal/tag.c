/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words of a tag, in the order in which they are written:
 *
 *   s=ID t=START e=END z=ZONE [i=INTERIM] [d=IDLE] [q=QUOTA] [b=UP,UPPKT,DOWN,DOWNPKT] [c=CLASS]
 * [u=CUI]
 *
 * What a session cannot do without comes first, what accounting would merely like to give back
 * comes last and is dropped first when 191 characters are too few. */
#include "portal/tag.h"
#include "lib/crypto.h"
#include <stdio.h>
#include <string.h>

struct line {
    char *text;
    size_t len;
    bool full;
};

static void put(struct line *l, const char *word)
{
    size_t n = strlen(word);
    bool blank = l->len > 0;
    if (l->full || l->len + blank + n >= GATE_TAG_LEN) {
        l->full = true;
        return;
    }
    if (blank)
        l->text[l->len++] = ' ';
    memcpy(l->text + l->len, word, n + 1);
    l->len += n;
}

static void put_number(struct line *l, char key, uint64_t value)
{
    char word[32];
    snprintf(word, sizeof word, "%c=%llu", key, (unsigned long long)value);
    if (value)
        put(l, word);
}

static void put_opaque(struct line *l, char key, const uint8_t *value, size_t len)
{
    char word[2 + (4 * TAG_OPAQUE + 2) / 3 + 1] = {key, '='};
    if (!len || len > TAG_OPAQUE)
        return;
    crypto_base64url(value, len, word + 2);
    put(l, word);
}

/* What reading would refuse must not cost the session its tag. */
static void put_lang(struct line *l, const char *lang)
{
    char word[TAG_LANG_LEN + 2];
    size_t n = strspn(lang, "abcdefghijklmnopqrstuvwxyz0123456789-");
    snprintf(word, sizeof word, "p=%s", n > 0 && !lang[n] ? lang : "x");
    if (*lang)
        put(l, word);
}

static void put_base(struct line *l, const struct gate_counters *b)
{
    char word[96];
    if (!b->up_bytes && !b->down_bytes && !b->up_packets && !b->down_packets)
        return;
    snprintf(word, sizeof word, "b=%llu,%llu,%llu,%llu", (unsigned long long)b->up_bytes,
             (unsigned long long)b->up_packets, (unsigned long long)b->down_bytes,
             (unsigned long long)b->down_packets);
    put(l, word);
}

enum tag_fit tag_write(const struct tag *tag, char out[static GATE_TAG_LEN])
{
    struct line l = {.text = out};
    char word[TAG_ZONE_LEN + 4];

    memset(out, 0, GATE_TAG_LEN);
    snprintf(word, sizeof word, "s=%s", tag->id);
    put(&l, word);
    put_number(&l, 't', (uint64_t)tag->start_s);
    put_number(&l, 'e', (uint64_t)tag->end_s);
    snprintf(word, sizeof word, "z=%s", tag->zone);
    put(&l, word);
    put_lang(&l, tag->lang);
    put_number(&l, 'i', tag->interim_s);
    put_number(&l, 'd', tag->idle_s);
    put_number(&l, 'q', tag->quota_bytes);
    put_base(&l, &tag->base);
    put_opaque(&l, 'c', tag->class_value, tag->class_len);
    if (l.full)
        return TAG_WITHOUT_CLASS;
    put_opaque(&l, 'u', tag->cui, tag->cui_len);
    return l.full ? TAG_WITHOUT_CUI : TAG_FITS;
}

/* A decimal number, the whole of text up to len; false on anything else or past max. */
static bool number(const char *text, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;
    if (len == 0 || len > 20)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned)(text[i] - '0');
        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return v <= max;
}

static bool name(const char *text, size_t len, bool hyphen, char *out, size_t room)
{
    if (len == 0 || len >= room)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                    (hyphen ? c == '-' : c >= 'A' && c <= 'Z');
        if (!fine)
            return false;
    }
    memcpy(out, text, len);
    out[len] = 0;
    return true;
}

static bool opaque(const char *text, size_t len, uint8_t *out, uint8_t *out_len)
{
    long n = crypto_base64url_decode(text, len, out, TAG_OPAQUE);
    if (n <= 0)
        return false;
    *out_len = (uint8_t)n;
    return true;
}

static bool base(const char *text, size_t len, struct gate_counters *b)
{
    uint64_t *fields[] = {&b->up_bytes, &b->up_packets, &b->down_bytes, &b->down_packets};
    const char *end = text + len;
    for (size_t i = 0; i < 4; i++) {
        const char *comma = i < 3 ? memchr(text, ',', (size_t)(end - text)) : end;
        if (!comma || !number(text, (size_t)(comma - text), INT64_MAX, fields[i]))
            return false;
        text = comma + 1;
    }
    return true;
}

static bool read_word(const char *word, size_t len, struct tag *t)
{
    const char *v = word + 2;
    uint64_t n = 0;
    if (len < 3 || word[1] != '=')
        return false;
    len -= 2;
    switch (word[0]) {
    case 's':
        return name(v, len, false, t->id, sizeof t->id);
    case 'z':
        return name(v, len, true, t->zone, sizeof t->zone);
    case 'p':
        return name(v, len, true, t->lang, sizeof t->lang);
    case 't':
        return number(v, len, INT64_MAX / 2000, (uint64_t *)&t->start_s);
    case 'e':
        return number(v, len, INT64_MAX / 2000, (uint64_t *)&t->end_s);
    case 'i':
        t->interim_s = number(v, len, UINT32_MAX, &n) ? (uint32_t)n : 0;
        return t->interim_s > 0;
    case 'd':
        t->idle_s = number(v, len, UINT32_MAX, &n) ? (uint32_t)n : 0;
        return t->idle_s > 0;
    case 'q':
        return number(v, len, UINT64_MAX, &t->quota_bytes);
    case 'b':
        return base(v, len, &t->base);
    case 'c':
        return opaque(v, len, t->class_value, &t->class_len);
    case 'u':
        return opaque(v, len, t->cui, &t->cui_len);
    default:
        return true;
    }
}

bool tag_read(const char text[static GATE_TAG_LEN], struct tag *out)
{
    uint32_t seen = 0;
    const uint32_t needed =
        1u << ('s' - 'a') | 1u << ('t' - 'a') | 1u << ('e' - 'a') | 1u << ('z' - 'a');

    memset(out, 0, sizeof *out);
    if (!memchr(text, 0, GATE_TAG_LEN))
        return false;
    while (*text) {
        size_t len = strcspn(text, " ");
        unsigned letter = (unsigned)(text[0] - 'a');
        if (letter > 25 || (seen & 1u << letter) || !read_word(text, len, out))
            return false;
        seen |= 1u << letter;
        text += len;
        if (*text == ' ')
            text++;
    }
    return (seen & needed) == needed && out->end_s >= out->start_s;
}

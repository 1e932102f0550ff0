/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNU gettext's .mo format (gettext manual, section "The Format of GNU MO Files"), read from
 * memory. Everything is checked once when the file is loaded: then looking up is a binary search
 * that trusts what it finds. A file that was cut off or overwritten must cost the city a language,
 * not the page. */
#include "lib/i18n_mo.h"
#include "lib/utf8.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC        0x950412DEU
#define MAGIC_OTHER  0xDE120495U
#define HEADER_BYTES 28
#define MAX_FORMS    8

struct mo {
    char *data;
    size_t len;
    bool swapped;
    uint32_t n, msgids, texts; /* messages; offsets of the two tables */
    unsigned long forms;
    char rule[PLURAL_MAX_TEXT + 1];
};

static uint32_t word(const struct mo *mo, size_t offset)
{
    uint32_t w;
    memcpy(&w, mo->data + offset, sizeof w);
    return mo->swapped ? __builtin_bswap32(w) : w;
}

/* The i-th string of a table; len may be NULL. */
static const char *string(const struct mo *mo, uint32_t table, uint32_t i, uint32_t *len)
{
    size_t entry = (size_t)table + (size_t)i * 8;
    if (len)
        *len = word(mo, entry);
    return mo->data + word(mo, entry + 4);
}

static bool strings_ok(const struct mo *mo, uint32_t table)
{
    if (table > mo->len || (mo->len - table) / 8 < mo->n)
        return false;
    for (uint32_t i = 0; i < mo->n; i++) {
        uint32_t len = word(mo, (size_t)table + (size_t)i * 8);
        uint32_t at = word(mo, (size_t)table + (size_t)i * 8 + 4);
        if (at >= mo->len || len >= mo->len - at || mo->data[at + len] != '\0' ||
            !utf8_valid(mo->data + at, len))
            return false;
    }
    return true;
}

static bool sorted(const struct mo *mo)
{
    for (uint32_t i = 1; i < mo->n; i++)
        if (strcmp(string(mo, mo->msgids, i - 1, NULL), string(mo, mo->msgids, i, NULL)) >= 0)
            return false;
    return true;
}

static const char *find(const struct mo *mo, const char *msgid, uint32_t *len)
{
    uint32_t low = 0, high = mo->n;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(msgid, string(mo, mo->msgids, middle, NULL));
        if (order == 0)
            return string(mo, mo->texts, middle, len);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

/* "Plural-Forms: nplurals=2; plural=(n != 1);" of the header entry; without one, English's rule. */
static bool read_rule(struct mo *mo, const char *header)
{
    const char *line = strstr(header, "Plural-Forms:");
    mo->forms = 2;
    snprintf(mo->rule, sizeof mo->rule, "n != 1");
    if (!line)
        return true;
    size_t line_len = strcspn(line, "\n");
    const char *count = strstr(line, "nplurals="), *rule = strstr(line, "plural=");
    /* "nplurals=" does not contain "plural=": there is an s between. */
    if (!count || !rule || count >= line + line_len || rule >= line + line_len)
        return false;
    mo->forms = strtoul(count + 9, NULL, 10);
    rule += 7;
    size_t len = strcspn(rule, ";\n");
    if (mo->forms < 1 || mo->forms > MAX_FORMS || len > PLURAL_MAX_TEXT)
        return false;
    memcpy(mo->rule, rule, len);
    mo->rule[len] = '\0';
    /* A rule may fail for some numbers only; those that pages show most are tried now. */
    for (unsigned long n = 0; n < 200; n++) {
        long form = plural_form(mo->rule, n);
        if (form < 0 || (unsigned long)form >= mo->forms)
            return false;
    }
    return true;
}

static const char *check(struct mo *mo)
{
    uint32_t magic;
    if (mo->len < HEADER_BYTES)
        return "too short for a catalogue";
    memcpy(&magic, mo->data, sizeof magic);
    if (magic != MAGIC && magic != MAGIC_OTHER)
        return "not a .mo file";
    mo->swapped = magic == MAGIC_OTHER;
    if (word(mo, 4) >> 16 != 0)
        return "a newer format";
    mo->n = word(mo, 8);
    mo->msgids = word(mo, 12);
    mo->texts = word(mo, 16);
    if (mo->n > MO_MAX_MESSAGES)
        return "too many messages";
    if (!strings_ok(mo, mo->msgids) || !strings_ok(mo, mo->texts))
        return "a string is outside the file or not UTF-8";
    if (!sorted(mo))
        return "messages are not in order";
    const char *header = find(mo, "", NULL);
    if (!header || !strstr(header, "charset=UTF-8"))
        return "the charset is not UTF-8";
    return read_rule(mo, header) ? NULL : "the plural rule cannot be understood";
}

struct mo *mo_new(char *data, size_t len, const char **why)
{
    struct mo *mo = calloc(1, sizeof *mo);
    if (!mo) {
        *why = "out of memory";
        free(data);
        return NULL;
    }
    mo->data = data;
    mo->len = len;
    *why = check(mo);
    if (*why) {
        mo_free(mo);
        return NULL;
    }
    return mo;
}

void mo_free(struct mo *mo)
{
    if (!mo)
        return;
    free(mo->data);
    free(mo);
}

const char *mo_text(const struct mo *mo, const char *msgid)
{
    const char *text = find(mo, msgid, NULL);
    return text && *text ? text : NULL;
}

const char *mo_plural(const struct mo *mo, const char *msgid, unsigned long n)
{
    uint32_t len;
    const char *text = find(mo, msgid, &len);
    if (!text)
        return NULL;
    const char *end = text + len;
    long form = plural_form(mo->rule, n);
    for (long i = 0; i < form && text < end; i++)
        text += strlen(text) + 1;
    return text < end && *text ? text : NULL;
}

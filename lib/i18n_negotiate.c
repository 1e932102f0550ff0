/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accept-Language (RFC 9110 section 12.5.4) to one of our languages, by RFC 4647's lookup. The
 * header is a stranger's: what is too long, too many or no language range is passed over. */
#include "lib/i18n.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

#define MAX_RANGES 32
#define MAX_RANGE  36 /* RFC 4646 section 4.3.1: longest expected tag is 35 */

struct range {
    char tag[MAX_RANGE]; /* lower case */
    int q;               /* thousandths */
};

/* "0.8" -> 800; -1 if it is no qvalue. */
static int read_q(const char *s, size_t len)
{
    if (len == 0 || len > 5 || (s[0] != '0' && s[0] != '1'))
        return -1;
    int q = (s[0] - '0') * 1000, unit = 100;
    for (size_t i = 1; i < len; i++) {
        if (i == 1 && s[i] == '.')
            continue;
        if (i == 1 || !isdigit((unsigned char)s[i]))
            return -1;
        q += (s[i] - '0') * unit;
        unit /= 10;
    }
    return q <= 1000 ? q : -1;
}

static const char *skip_blanks(const char *s, const char *end)
{
    while (s < end && (*s == ' ' || *s == '\t'))
        s++;
    return s;
}

/* One element "zh-Hans;q=0.7" of the list. */
static bool read_range(const char *s, const char *end, struct range *r)
{
    size_t n = 0;
    s = skip_blanks(s, end);
    for (; s < end && (isalnum((unsigned char)*s) || *s == '-' || *s == '*'); s++) {
        if (n == MAX_RANGE - 1)
            return false;
        r->tag[n++] = (char)tolower((unsigned char)*s);
    }
    r->tag[n] = '\0';
    r->q = 1000;
    s = skip_blanks(s, end);
    if (n == 0 || s == end)
        return n > 0;
    if (*s++ != ';')
        return false;
    s = skip_blanks(s, end);
    if (end - s < 2 || (*s != 'q' && *s != 'Q') || s[1] != '=')
        return false;
    s += 2;
    while (end > s && (end[-1] == ' ' || end[-1] == '\t'))
        end--;
    r->q = read_q(s, (size_t)(end - s));
    return r->q >= 0;
}

/* Sorted by q, in the order sent where equal. */
static size_t read_header(const char *header, struct range *ranges)
{
    size_t n = 0;
    for (const char *s = header, *end; *s && n < MAX_RANGES; s = *end ? end + 1 : end) {
        struct range r;
        end = s + strcspn(s, ",");
        if (!read_range(s, end, &r))
            continue;
        size_t at = n++;
        for (; at > 0 && ranges[at - 1].q < r.q; at--)
            ranges[at] = ranges[at - 1];
        ranges[at] = r;
    }
    return n;
}

/* The set's tag that is want, or the first one of want's language ("zh": zh-hans). */
static const char *match(const struct i18n *i, const char *want)
{
    const char *const *tags;
    size_t n = i18n_languages(i, &tags), len = strlen(want);
    for (size_t k = 0; k < n; k++)
        if (strcmp(tags[k], want) == 0)
            return tags[k];
    for (size_t k = 0; k < n; k++)
        if (strncmp(tags[k], want, len) == 0 && tags[k][len] == '-')
            return tags[k];
    return NULL;
}

/* Regions that say the script: without this zh-TW would find zh-hans where zh-hant is there too. */
static const char *with_script(const char *tag)
{
    static const char *const regions[][2] = {{"zh-tw", "zh-hant"}, {"zh-hk", "zh-hant"},
                                             {"zh-mo", "zh-hant"}, {"zh-cn", "zh-hans"},
                                             {"zh-sg", "zh-hans"}, {"zh-my", "zh-hans"}};
    for (size_t k = 0; k < sizeof regions / sizeof *regions; k++)
        if (strcmp(tag, regions[k][0]) == 0)
            return regions[k][1];
    return tag;
}

/* RFC 4647 section 3.4: the range, then shorter and shorter; a lone letter or digit goes along. */
static const char *lookup(const struct i18n *i, const char *range)
{
    char tag[MAX_RANGE];
    strcpy(tag, with_script(range)); /* both are shorter than MAX_RANGE */
    for (;;) {
        const char *found = match(i, tag);
        char *dash = strrchr(tag, '-');
        if (found || !dash)
            return found;
        *dash = '\0';
        if (dash - tag >= 2 && dash[-2] == '-')
            dash[-2] = '\0';
    }
}

const char *i18n_negotiate(const struct i18n *i, const char *accept_language)
{
    struct range ranges[MAX_RANGES];
    size_t n = accept_language ? read_header(accept_language, ranges) : 0;
    const char *const *tags;
    i18n_languages(i, &tags);
    for (size_t k = 0; k < n && ranges[k].q > 0; k++) {
        const char *found = ranges[k].tag[0] == '*' ? tags[0] : lookup(i, ranges[k].tag);
        if (found)
            return found;
    }
    return tags[0]; /* "it" where it is there: the set's first */
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which notices a page shows: a pure function of (notices, zone, now), so that the editor's
 * preview, the page and the tests agree, and nothing has to be kept up to date when a date passes.
 */
#include "lib/notice.h"
#include <string.h>

bool notice_in_zone(const struct notice *n, const char *zone)
{
    for (char **z = n->zones; *z; z++)
        if (strcmp(*z, "*") == 0 || strcmp(*z, zone) == 0)
            return true;
    return false;
}

/* A router without a battery wakes up in the past: then a notice too many is better than an
 * emergency too few. */
static bool in_time(const struct notice *n, int64_t now, bool clock_sane)
{
    if (!clock_sane)
        return n->until > NOTICE_EPOCH;
    return n->from <= now && now < n->until;
}

static bool before(const struct notice *a, const struct notice *b)
{
    if (a->priority != b->priority)
        return a->priority > b->priority;
    if (a->from != b->from)
        return a->from > b->from;
    return strcmp(a->id, b->id) < 0;
}

size_t notice_select(const struct notice_set *set, const char *zone, int64_t now, bool clock_sane,
                     const struct notice **out, size_t max)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        const struct notice *item = set->items[i];
        if (!notice_in_zone(item, zone) || !in_time(item, now, clock_sane))
            continue;
        if (n == max && (max == 0 || !before(item, out[n - 1])))
            continue;
        size_t at = n < max ? n++ : n - 1;
        for (; at > 0 && before(item, out[at - 1]); at--)
            out[at] = out[at - 1];
        out[at] = item;
    }
    return n;
}

static const struct notice_text *exact(const struct notice *n, const char *lang)
{
    for (size_t i = 0; i < n->n_texts; i++)
        if (strcmp(n->texts[i].lang, lang) == 0)
            return &n->texts[i];
    return NULL;
}

static const struct notice_text *same_base(const struct notice *n, const char *lang)
{
    size_t base = strcspn(lang, "-");
    const struct notice_text *found = NULL;
    for (size_t i = 0; i < n->n_texts && base > 0; i++) {
        const char *have = n->texts[i].lang;
        if (strncmp(have, lang, base) != 0 || (have[base] != '-' && have[base] != '\0'))
            continue;
        if (have[base] == '\0')
            return &n->texts[i];
        if (!found)
            found = &n->texts[i];
    }
    return found;
}

const struct notice_text *notice_text_for(const struct notice *n, const char *lang,
                                          const char *fallback)
{
    const char *wanted[] = {lang, fallback, "it"};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const struct notice_text *t = NULL;
        if (wanted[i] && !(t = exact(n, wanted[i])))
            t = same_base(n, wanted[i]);
        if (t)
            return t;
    }
    return &n->texts[0];
}

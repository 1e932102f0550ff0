/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is wrong with a draft. An error keeps it from the pages; a warning explains, and whoever
 * publishes decides. */
#include "lib/buf.h"
#include "lib/card.h"
#include "lib/utf8.h"
#include "noticeboard/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    SCREEN_CHARACTERS = 600, /* of text: what a small phone shows without scrolling for long */
    FAR_DAYS = 366,
    MAX_HOURS = 7 * 24,
    EMERGENCY_DAYS = 7 /* one that stays is not read any more, and the next one neither */
};

struct findings {
    struct draft_finding *out;
    size_t n;
};

static void add(struct findings *f, enum draft_code code, const char *what, int number)
{
    if (f->n == DRAFT_MAX_FINDINGS)
        return;
    f->out[f->n].code = code;
    f->out[f->n].number = number;
    size_t cut = utf8_cut(what, sizeof f->out->what - 1);
    memcpy(f->out[f->n].what, what, cut);
    f->out[f->n++].what[cut] = '\0';
}

/* --- texts
 * ---------------------------------------------------------------------------------------------- */
/* "[clicca qui](…)": whoever hears a page read aloud hears only the words of its links. */
static void vague_links(struct findings *f, const char *text)
{
    static const char *const vague[] = {"qui",       "clicca qui", "link",      "questo link",
                                        "here",      "click here", "read more", "leggi",
                                        "leggi qui", "more",       "vai",       "this link"};

    for (const char *open = strchr(text, '['); open; open = strchr(open + 1, '[')) {
        const char *close = strstr(open, "](");
        if (!close)
            break;
        size_t len = (size_t)(close - open - 1);
        for (size_t i = 0; i < sizeof vague / sizeof *vague; i++)
            if (strlen(vague[i]) == len && strncasecmp(open + 1, vague[i], len) == 0)
                add(f, DRAFT_VAGUE_LINK, vague[i], 0);
    }
}

static void check_language(struct findings *f, const struct draft *d, const char *lang,
                           bool is_card)
{
    const char *title = draft_text(d, "title", lang), *text = draft_text(d, "text", lang);
    size_t length = utf8_count(title), body = utf8_count(text);

    if (!*title && *text)
        add(f, DRAFT_TEXT_WITHOUT_TITLE, lang, 0);
    else if (!*title)
        add(f, DRAFT_LANGUAGE_MISSING, lang, 0);
    if (length > 120)
        add(f, DRAFT_TITLE_LONG, lang, (int)length);
    if (is_card) { /* a plain line */
        if (body > SERVICE_MAX_LINE)
            add(f, DRAFT_LINE_LONG, lang, (int)body);
        return;
    }
    if (body > SCREEN_CHARACTERS)
        add(f, DRAFT_LONG_FOR_SCREEN, lang, (int)body);
    vague_links(f, text);
    if (strstr(text, "](http://"))
        add(f, DRAFT_PLAIN_HTTP, "http://", 0);
}

static void check_texts(struct findings *f, const struct draft *d, const struct draft_place *p)
{
    if (d->broken)
        add(f, DRAFT_NOT_TEXT, "", 0);
    if (!*draft_title(d, p->conf)) {
        add(f, DRAFT_NO_TITLE, "", 0);
        return;
    }
    for (size_t i = 0; i < p->conf->n_languages; i++)
        check_language(f, d, p->conf->languages[i], p->is_card);
}

static size_t add_link(draft_url *out, size_t n, size_t max, const char *url, size_t len)
{
    if (!len || len >= sizeof *out || n == max)
        return n;
    for (size_t i = 0; i < n; i++)
        if (strlen(out[i]) == len && strncmp(out[i], url, len) == 0)
            return n;
    memcpy(out[n], url, len);
    out[n][len] = '\0';
    return n + 1;
}

size_t draft_links(const struct draft *d, draft_url *out, size_t max)
{
    const char *link = draft_get(d, "link");
    size_t n = add_link(out, 0, max, link, strlen(link));

    for (size_t i = 0; i < d->n; i++) {
        const char *at = strncmp(d->fields[i].name, "text.", 5) == 0 ? d->fields[i].value : "";
        while ((at = strstr(at, "](https://"))) {
            at += 2;
            n = add_link(out, n, max, at, strcspn(at, ") \t\r\n\"<>"));
        }
    }
    return n;
}

/* --- place, time, link
 * ------------------------------------------------------------------------------------ */
static void check_zones(struct findings *f, const struct draft *d, const struct draft_place *p,
                        int64_t from)
{
    const struct board_publisher *publisher =
        board_conf_publisher(p->administration, draft_get(d, "publisher"));
    int any = 0, most = (int)p->administration->max_notices;

    if (!publisher)
        add(f, DRAFT_NO_PUBLISHER, draft_get(d, "publisher"), 0);
    if (publisher && *draft_get(d, "everywhere") && !board_publisher_may_use(publisher, "*"))
        add(f, DRAFT_ZONE_FORBIDDEN, "*", 0);
    for (size_t i = 0; i < p->conf->n_zones; i++) {
        const struct board_zone *z = &p->conf->zones[i];
        if (!draft_in_zone(d, z->name))
            continue;
        any++;
        if (publisher && !*draft_get(d, "everywhere") &&
            !board_publisher_may_use(publisher, z->name))
            add(f, DRAFT_ZONE_FORBIDDEN, z->title, 0);
        bool counts = p->zone_load && !p->is_template && !p->is_card;
        int load = counts ? p->zone_load(p->arg, z->name, from) : 0;
        if (load >= most)
            add(f, DRAFT_MANY_IN_ZONE, z->title, load + 1);
    }
    if (!any)
        add(f, DRAFT_NO_ZONE, "", 0);
}

/* Returns when it begins. */
static int64_t check_times(struct findings *f, const struct draft *d, const struct draft_place *p)
{
    int64_t from = 0, until = 0;

    if (p->is_card) /* it stays */
        return p->now;
    if (p->is_template) {
        int hours = atoi(draft_get(d, "hours"));
        if (hours < 1 || hours > MAX_HOURS)
            add(f, DRAFT_NO_HOURS, draft_get(d, "hours"), MAX_HOURS);
        return p->now;
    }
    if (!draft_from(d, &from))
        add(f, DRAFT_BAD_DATE, draft_get(d, "from_day"), 0);
    if (!*draft_get(d, "until_day"))
        add(f, DRAFT_NO_UNTIL, "", 0);
    else if (!draft_until(d, &until))
        add(f, DRAFT_BAD_DATE, draft_get(d, "until_day"), 0);
    else if (until <= p->now)
        add(f, DRAFT_ENDED, draft_get(d, "until_day"), 0);
    else if (from && until <= from)
        add(f, DRAFT_ENDS_BEFORE, draft_get(d, "until_day"), 0);
    else if (until > p->now + (int64_t)FAR_DAYS * 86400)
        add(f, DRAFT_FAR_END, draft_get(d, "until_day"), FAR_DAYS);
    else if (draft_priority(d) == NOTICE_EMERGENCY &&
             until > (from > p->now ? from : p->now) + (int64_t)EMERGENCY_DAYS * 86400 + 86400)
        add(f, DRAFT_LONG_EMERGENCY, draft_get(d, "until_day"), EMERGENCY_DAYS);
    return from > p->now ? from : p->now;
}

static void check_link(struct findings *f, const struct draft *d, bool needed)
{
    const char *link = draft_get(d, "link");

    if (!*link && needed)
        add(f, DRAFT_NO_LINK, "", 0);
    if (!*link)
        return;
    if (!notice_link_ok(link))
        add(f, DRAFT_BAD_LINK, link, 0);
    else if (strncasecmp(link, "http://", 7) == 0)
        add(f, DRAFT_PLAIN_HTTP, link, 0);
}

static int compare(const void *a, const void *b)
{
    const struct draft_finding *x = a, *y = b;

    return (x->code > y->code) - (x->code < y->code);
}

bool draft_has_errors(const struct draft_finding *f, size_t n)
{
    return n && f[0].code < DRAFT_WARNINGS;
}

size_t draft_check(const struct draft *d, const struct draft_place *p,
                   struct draft_finding out[static DRAFT_MAX_FINDINGS])
{
    struct findings f = {out, 0};
    char err[160];
    struct buf b;

    check_texts(&f, d, p);
    check_zones(&f, d, p, check_times(&f, d, p));
    check_link(&f, d, p->is_card);
    qsort(out, f.n, sizeof *out, compare);
    if (draft_has_errors(out, f.n))
        return f.n;
    /* The last word is that of who will read it on the routers. */
    buf_init(&b, NOTICE_MAX_BYTES * 2);
    if (!draft_write(d, p, 0, p->now + 3600, &b, err, sizeof err)) {
        add(&f, DRAFT_UNREADABLE, err, 0);
        qsort(out, f.n, sizeof *out, compare);
    }
    buf_free(&b);
    return f.n;
}

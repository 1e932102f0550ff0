/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often notices and service cards were shown and tapped: sums, from a minimum on (suppress.c),
 * as a chart and as the table of the same numbers (the chart is for the eye alone). */
#include "noticeboard/suppress.h"
#include "noticeboard/web_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAYS = 30, MAX_ROWS = 1024, MAX_BARS = 60, FEW_BARS = 12 /* as wide as of so many */ };

struct table {
    struct visit *v;
    enum store_by by;
    size_t n;
    struct suppress_row rows[MAX_ROWS];
    char keys[MAX_ROWS][80];
    struct suppress_others others;
};

static bool note_title(void *arg, const struct store_notice *n)
{
    snprintf(arg, 120, "%.100s", n->title);
    return true;
}

/* A day, or the city's hour for one of UTC. */
static void moment(struct visit *v, enum store_by by, int64_t t, char out[static 128])
{
    time_t when = (time_t)(by == STORE_BY_HOUR ? v->now / 86400 * 86400 + t * 3600 : t);
    char text[16], day[80];
    struct tm tm;

    localtime_r(&when, &tm);
    strftime(text, sizeof text, by == STORE_BY_HOUR ? "%H:00" : "%Y-%m-%d", &tm);
    snprintf(out, 128, "%.100s", by == STORE_BY_HOUR ? text : words_day(v, text, day));
}

static void label(struct visit *v, enum store_by by, const struct store_count *c,
                  char out[static 128])
{
    const struct board_zone *z;
    const char *dash;

    switch (by) {
    case STORE_BY_NOTICE:
        snprintf(out, 128, "%.100s", c->notice);
        dash = strrchr(c->notice, '-');
        if (dash)
            store_notice_get(v->b->store, v->who.administration->id, strtoll(dash + 1, NULL, 10),
                             note_title, out);
        break;
    case STORE_BY_ZONE:
        z = board_conf_zone(v->b->conf, c->zone);
        snprintf(out, 128, "%.100s", z ? z->title : c->zone);
        break;
    case STORE_BY_LANG:
        snprintf(out, 128, "%.100s", page_language_name(v, c->lang));
        break;
    default:
        moment(v, by, c->hour, out);
    }
}

static bool note(void *arg, const struct store_count *c)
{
    struct table *t = arg;
    size_t i = t->n < MAX_ROWS ? t->n++ : MAX_ROWS - 1; /* the last ones in one */

    if (c->displays <= 0 && c->taps <= 0)
        return true;
    t->rows[i].displays += c->displays;
    t->rows[i].taps += c->taps;
    /* The label asks the store, whose statement this is: so only what it needs is kept here. */
    if (t->by == STORE_BY_DAY || t->by == STORE_BY_HOUR)
        snprintf(t->keys[i], sizeof t->keys[i], "%" PRId64, c->hour);
    else
        snprintf(t->keys[i], sizeof t->keys[i], "%.25s%.25s%.25s", c->notice, c->zone, c->lang);
    return true;
}

static void chart(struct table *t)
{
    struct visit *v = t->v;
    int64_t most = 1;
    int shown = 0, at = 0;

    for (size_t i = 0; i < t->n; i++) {
        shown += !t->rows[i].together;
        if (!t->rows[i].together && t->rows[i].displays > most)
            most = t->rows[i].displays;
    }
    double width = 600.0 / (shown > FEW_BARS ? shown : FEW_BARS);
    HTML("<svg class=\"chart\" viewBox=\"0 0 600 120\" preserveAspectRatio=\"none\" "
         "aria-hidden=\"true\" focusable=\"false\">");
    for (size_t i = 0; i < t->n; i++) {
        if (t->rows[i].together)
            continue;
        int height = (int)(116 * t->rows[i].displays / most) + 2;
        buf_fmt(&v->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
                (int)(at++ * width) + 1, 120 - height, width > 6 ? (int)width - 3 : (int)width,
                height);
    }
    HTML("</svg>");
}

static void line(struct visit *v, const char *name, int64_t displays, int64_t taps, bool hidden)
{
    HTML("<tr><th scope=\"row\">");
    TEXT(name);
    buf_fmt(&v->out, "</th><td class=\"num\">%" PRId64 "</td><td class=\"num\">", displays);
    if (hidden)
        TEXT(T("not told"));
    else
        buf_fmt(&v->out, "%" PRId64, taps);
    HTML("</td></tr>");
}

static void table(struct table *t, const char *caption, const char *head)
{
    struct visit *v = t->v;
    char name[128];

    HTML("<section class=\"scroll\" tabindex=\"0\"");
    page_attr(v, "aria-label", caption);
    HTML("><table><thead><tr>");
    page_element(v, "th scope=\"col\"", head);
    page_element(v, "th scope=\"col\" class=\"num\"", T("Shown"));
    page_element(v, "th scope=\"col\" class=\"num\"", T("Tapped"));
    HTML("</tr></thead><tbody>");
    for (size_t i = 0; i < t->n; i++) {
        const char *key = t->keys[i];
        struct store_count c = {.notice = key, .zone = key, .lang = key, .hour = atoll(key)};
        if (t->rows[i].together)
            continue;
        label(v, t->by, &c, name);
        line(v, name, t->rows[i].displays, t->rows[i].taps, t->rows[i].taps_hidden);
    }
    if (t->others.n)
        line(v, T("the others together"), t->others.displays, t->others.taps,
             t->others.taps_hidden);
    HTML("</tbody></table></section>");
}

static void section(struct visit *v, enum store_kind kind, enum store_by by, const char *title,
                    const char *head)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return;
    t->v = v;
    t->by = by;
    store_counts(v->b->store, v->who.administration->id, kind, NULL, v->now - (int64_t)DAYS * 86400,
                 by, note, t);
    HTML("<section class=\"card\">");
    page_element(v, "h2", title);
    if (suppress(t->rows, t->n, v->b->conf->count_minimum, MAX_BARS, &t->others)) {
        chart(t);
        table(t, title, head);
    } else {
        page_element(v, "p", T("Nothing to show yet."));
    }
    HTML("</section>");
    free(t);
}

void counts_page(struct visit *v)
{
    char minimum[16];

    page_begin(v, T("Counts"));
    snprintf(minimum, sizeof minimum, "%u", v->b->conf->count_minimum);
    HTML("<p>");
    FILL(T("Of the last 30 days. Nobody is followed: there are only sums, and none below {n}."),
         {"n", minimum, false});
    HTML(" ");
    FILL(T("What is less is put together with the next larger ones into one line, at least two of "
           "them and at least {n}, so that nobody can reckon a small sum from the others; taps for "
           "which that is not possible are not told."),
         {"n", minimum, false});
    HTML("</p>");
    section(v, STORE_NOTICE, STORE_BY_NOTICE, T("By notice"), T("Notice"));
    section(v, STORE_SERVICE, STORE_BY_NOTICE, T("By service"), T("Service"));
    section(v, STORE_NOTICE, STORE_BY_DAY, T("By day"), T("Day"));
    section(v, STORE_NOTICE, STORE_BY_HOUR, T("By hour of the day"), T("Hour"));
    section(v, STORE_NOTICE, STORE_BY_ZONE, T("By place"), T("Place"));
    section(v, STORE_NOTICE, STORE_BY_LANG, T("By language"), T("Language"));
    page_end(v);
    visit_send(v, 200);
}

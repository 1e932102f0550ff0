/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often notices were shown and tapped: sums, from a minimum on, as a chart and as the table of
 * the same numbers (the chart is for the eye alone). */
#include "noticeboard/web_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DAYS = 30, MAX_BARS = 60, FEW_BARS = 12 /* as wide as of so many */ };

struct table {
    struct visit *v;
    enum store_by by;
    int rows, hidden;
    struct {
        char label[128];
        int64_t displays, taps;
    } bars[MAX_BARS];
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

    if (c->displays < (int64_t)t->v->b->conf->count_minimum) {
        t->hidden++;
        return true;
    }
    if (t->rows == MAX_BARS)
        return false;
    /* The label asks the store, whose statement this is: so only what it needs is kept here. */
    snprintf(t->bars[t->rows].label, sizeof t->bars[0].label, "%s%s%s", c->notice, c->zone,
             c->lang);
    t->bars[t->rows].displays = c->displays;
    t->bars[t->rows].taps =
        c->taps < (int64_t)t->v->b->conf->count_minimum ? -1 : c->taps; /* too few to tell */
    if (t->by == STORE_BY_DAY || t->by == STORE_BY_HOUR)
        snprintf(t->bars[t->rows].label, sizeof t->bars[0].label, "%" PRId64, c->hour);
    t->rows++;
    return true;
}

static void name_bars(struct table *t)
{
    for (int i = 0; i < t->rows; i++) {
        char raw[128];
        memcpy(raw, t->bars[i].label, sizeof raw);
        struct store_count c = {.notice = raw, .zone = raw, .lang = raw, .hour = atoll(raw)};
        label(t->v, t->by, &c, t->bars[i].label);
    }
}

static void chart(struct table *t)
{
    struct visit *v = t->v;
    int64_t most = 1;
    double width = 600.0 / (t->rows > FEW_BARS ? t->rows : FEW_BARS);

    for (int i = 0; i < t->rows; i++)
        if (t->bars[i].displays > most)
            most = t->bars[i].displays;
    HTML("<svg class=\"chart\" viewBox=\"0 0 600 120\" preserveAspectRatio=\"none\" "
         "aria-hidden=\"true\" focusable=\"false\">");
    for (int i = 0; i < t->rows; i++) {
        int height = (int)(116 * t->bars[i].displays / most) + 2;
        buf_fmt(&v->out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>",
                (int)(i * width) + 1, 120 - height, width > 6 ? (int)width - 3 : (int)width,
                height);
    }
    HTML("</svg>");
}

static void table(struct table *t, const char *caption, const char *head)
{
    struct visit *v = t->v;

    HTML("<section class=\"scroll\" tabindex=\"0\"");
    page_attr(v, "aria-label", caption);
    HTML("><table><thead><tr>");
    page_element(v, "th scope=\"col\"", head);
    page_element(v, "th scope=\"col\" class=\"num\"", T("Shown"));
    page_element(v, "th scope=\"col\" class=\"num\"", T("Tapped"));
    HTML("</tr></thead><tbody>");
    for (int i = 0; i < t->rows; i++) {
        HTML("<tr><th scope=\"row\">");
        TEXT(t->bars[i].label);
        buf_fmt(&v->out, "</th><td class=\"num\">%" PRId64 "</td><td class=\"num\">",
                t->bars[i].displays);
        if (t->bars[i].taps < 0)
            TEXT(T("few"));
        else
            buf_fmt(&v->out, "%" PRId64, t->bars[i].taps);
        HTML("</td></tr>");
    }
    HTML("</tbody></table></section>");
}

static void section(struct visit *v, enum store_by by, const char *title, const char *head)
{
    struct table *t = calloc(1, sizeof *t);

    if (!t)
        return;
    t->v = v;
    t->by = by;
    store_counts(v->b->store, v->who.administration->id, NULL, v->now - (int64_t)DAYS * 86400, by,
                 note, t);
    name_bars(t);
    HTML("<section class=\"card\">");
    page_element(v, "h2", title);
    if (t->rows) {
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
    HTML("</p>");
    section(v, STORE_BY_NOTICE, T("By notice"), T("Notice"));
    section(v, STORE_BY_DAY, T("By day"), T("Day"));
    section(v, STORE_BY_HOUR, T("By hour of the day"), T("Hour"));
    section(v, STORE_BY_ZONE, T("By place"), T("Place"));
    section(v, STORE_BY_LANG, T("By language"), T("Language"));
    page_end(v);
    visit_send(v, 200);
}

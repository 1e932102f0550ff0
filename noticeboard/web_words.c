/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is, and what will happen, in words: the city's own time with its summer time. */
#include "noticeboard/publish.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const char *const weekdays[] = {N_("Sunday"),   N_("Monday"), N_("Tuesday"), N_("Wednesday"),
                                       N_("Thursday"), N_("Friday"), N_("Saturday")};
static const char *const months[] = {
    N_("January"), N_("February"), N_("March"),     N_("April"),   N_("May"),      N_("June"),
    N_("July"),    N_("August"),   N_("September"), N_("October"), N_("November"), N_("December")};

void words_moment(const struct visit *v, struct buf *b, int64_t t, bool is_end)
{
    char day[16], year[16], hour[16];
    time_t when = (time_t)t;
    struct tm tm;

    if (!localtime_r(&when, &tm))
        return;
    bool midnight = is_end && tm.tm_hour == 0 && tm.tm_min == 0;
    if (midnight) { /* the end of the day before */
        when--;
        localtime_r(&when, &tm);
    }
    snprintf(day, sizeof day, "%d", tm.tm_mday);
    snprintf(year, sizeof year, "%d", tm.tm_year + 1900);
    snprintf(hour, sizeof hour, "%02d:%02d", midnight ? 24 : tm.tm_hour, midnight ? 0 : tm.tm_min);
    page_fill_plain(b, T("{weekday} {day} {month} {year} at {hour}"),
                    ARGS({"weekday", T(weekdays[tm.tm_wday]), false}, {"day", day, false},
                         {"month", T(months[tm.tm_mon]), false}, {"year", year, false},
                         {"hour", hour, false}));
}

/* ",a,b,c," as "A, B and C". */
void words_zones(const struct visit *v, struct buf *b, const char *zones)
{
    const struct board_conf *c = v->b->conf;
    const char *titles[BOARD_MAX_ZONES];
    size_t n = 0;
    char mark[48];

    if (strcmp(zones, ",*,") == 0) {
        buf_str(b, T("all places"));
        return;
    }
    for (size_t i = 0; i < c->n_zones; i++) {
        snprintf(mark, sizeof mark, ",%.32s,", c->zones[i].name);
        if (strstr(zones, mark))
            titles[n++] = c->zones[i].title;
    }
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_str(b, i + 1 == n ? T(" and ") : ", ");
        buf_str(b, titles[i]);
    }
    if (!n)
        buf_str(b, T("no place"));
}

void words_sentence(const struct visit *v, struct buf *b, const char *zones, int64_t from,
                    int64_t until, bool shown)
{
    struct buf place, start, end;
    const char *text;

    buf_init(&place, 8192);
    buf_init(&start, 256);
    buf_init(&end, 256);
    words_zones(v, &place, zones);
    words_moment(v, &end, until, true);
    if (from > v->now)
        words_moment(v, &start, from, false);
    if (until <= v->now)
        text = shown ? T("It was in {zones}, and ended on {end}.")
                     : T("It would be in {zones}, but its end, {end}, has passed.");
    else if (from > v->now)
        text = T("It appears on {start} in {zones}, and ends on {end}.");
    else
        text = shown ? T("It is in {zones} now, and ends on {end}.")
                     : T("It appears at once in {zones}, and ends on {end}.");
    page_fill_plain(b, text,
                    ARGS({"zones", place.data ? place.data : "", false},
                         {"start", start.data ? start.data : "", false},
                         {"end", end.data ? end.data : "", false}));
    buf_free(&place);
    buf_free(&start);
    buf_free(&end);
}

const char *words_state(const struct visit *v, const struct store_notice *n)
{
    bool shown = n->live && n->ends > v->now;

    switch (n->state) {
    case STORE_DRAFT:
        return !n->live                    ? T("draft")
               : n->kind == STORE_TEMPLATE ? T("ready; a change is a draft")
                                           : T("published; a change is a draft");
    case STORE_WAITING:
        return !n->live                    ? T("waits for approval")
               : n->kind == STORE_TEMPLATE ? T("ready; a change waits for approval")
                                           : T("published; a change waits for approval");
    case STORE_RETURNED:
        return T("sent back to be changed");
    case STORE_WITHDRAWN:
        return T("withdrawn");
    default:
        if (n->kind == STORE_TEMPLATE)
            return T("ready");
        return !shown               ? T("ended")
               : n->starts > v->now ? T("published, appears later")
                                    : T("on the pages");
    }
}

const char *words_priority(const struct visit *v, int priority)
{
    static const char *const names[] = {N_("News"), N_("Service"), N_("Warning"), N_("Emergency")};

    return T(names[priority & 3]);
}

void words_routers(struct visit *v)
{
    struct publish_status s;
    char have[16], all[16];

    publish_status(v->b->publish, &s);
    if (*s.error) {
        HTML("<div class=\"box alert\" role=\"alert\"><p>");
        FILL(T("What you publish is kept, but is not on its way to the routers: {why}"),
             {"why", s.error, false});
        HTML("</p></div>");
        return;
    }
    snprintf(have, sizeof have, "%u", s.current);
    snprintf(all, sizeof all, "%u", s.routers);
    HTML("<p class=\"fine\">");
    if (!s.routers)
        TEXT(T("No router has asked this board today."));
    else
        FILL(s.current == s.routers
                 ? T("All routers that asked today ({all}) have the last change.")
                 : T("{have} of {all} routers have the last change; the others get it when they "
                     "ask."),
             {"have", have, false}, {"all", all, false});
    HTML("</p>");
}

/* {what} and {n} stand for what a finding is about. */
static const char *const findings[] = {
    [DRAFT_NO_TITLE] = N_("There is no title yet: write one in at least one language."),
    [DRAFT_TITLE_LONG] = N_("The title in {what} has {n} characters; 120 are the most."),
    [DRAFT_TEXT_WITHOUT_TITLE] = N_("There is a text in {what} without a title."),
    [DRAFT_NOT_TEXT] =
        N_("Some characters could not be read and were left out. Look the text over."),
    [DRAFT_TOO_LONG] = N_("All texts together are too long."),
    [DRAFT_NO_UNTIL] = N_("Say when it ends: every notice has an end."),
    [DRAFT_BAD_DATE] = N_("“{what}” is no day that a calendar has, or the hour is none."),
    [DRAFT_ENDED] = N_("The end, {what}, has passed already."),
    [DRAFT_ENDS_BEFORE] = N_("It would end, {what}, before it begins."),
    [DRAFT_NO_HOURS] = N_("Say for how many hours it stays, 1 to {n}."),
    [DRAFT_NO_ZONE] = N_("Choose at least one place."),
    [DRAFT_ZONE_FORBIDDEN] = N_("This publisher may not use the place {what}."),
    [DRAFT_BAD_LINK] = N_("“{what}” is no address: expected https://…, mailto:… or tel:…"),
    [DRAFT_NO_LINK] = N_("A card leads somewhere: type its link."),
    [DRAFT_LINE_LONG] =
        N_("The text in {what} has {n} characters; a card has one line of at most 160."),
    [DRAFT_NO_PUBLISHER] = N_("Choose whose notice it is."),
    [DRAFT_UNREADABLE] = N_("The pages could not read it: {what}"),
    [DRAFT_LANGUAGE_MISSING] = N_("{what} is missing: whoever reads {what} sees another language."),
    [DRAFT_VAGUE_LINK] =
        N_("The words of a link, “{what}”, do not say where it leads: whoever hears the page needs "
           "that."),
    [DRAFT_PLAIN_HTTP] = N_("The link {what} is not secure (http): use https if the site has it."),
    [DRAFT_LONG_FOR_SCREEN] =
        N_("The text in {what} has {n} characters: more than a phone shows at once. The first "
           "sentences should say what matters."),
    [DRAFT_MANY_IN_ZONE] =
        N_("In {what} there would be {n} notices at the same time: few will be read."),
    [DRAFT_FAR_END] = N_("It ends on {what}, more than a year from now. Is that meant?"),
    [DRAFT_LINK_INSIDE] = N_("The link leads into a network that is not public, where a phone may "
                             "not come: {what}"),
    [DRAFT_LONG_EMERGENCY] =
        N_("An emergency that stays until {what}, more than {n} days, is not read any more: end it "
           "sooner, and prolong it if need be."),
    [DRAFT_LINK_DEAD] = N_("The link does not answer: {what}"),
};

const char *words_day(const struct visit *v, const char *iso, char out[static 80])
{
    char day[16], year[16];
    int y, m, d, used = 0;
    struct buf b;

    if (sscanf(iso, "%4d-%2d-%2d%n", &y, &m, &d, &used) != 3 || iso[used] || m < 1 || m > 12)
        return iso;
    snprintf(day, sizeof day, "%d", d);
    snprintf(year, sizeof year, "%d", y);
    buf_init(&b, 80);
    page_fill_plain(
        &b, T("{day} {month} {year}"),
        ARGS({"day", day, false}, {"month", T(months[m - 1]), false}, {"year", year, false}));
    snprintf(out, 80, "%.79s", b.data ? b.data : iso);
    buf_free(&b);
    return out;
}

void words_finding(const struct visit *v, struct buf *b, const struct draft_finding *f)
{
    char number[16], day[80];
    bool language = f->code == DRAFT_TITLE_LONG || f->code == DRAFT_TEXT_WITHOUT_TITLE ||
                    f->code == DRAFT_LINE_LONG || f->code == DRAFT_LANGUAGE_MISSING ||
                    f->code == DRAFT_LONG_FOR_SCREEN;
    const char *what = language                    ? page_language_name(v, f->what)
                       : strcmp(f->what, "*") == 0 ? T("all places")
                       : f->code == DRAFT_BAD_DATE ? f->what
                                                   : words_day(v, f->what, day);

    snprintf(number, sizeof number, "%d", f->number);
    page_fill_plain(b, T(findings[f->code]), ARGS({"what", what, false}, {"n", number, false}));
}

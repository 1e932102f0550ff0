/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Notices on a page: emergencies stand open above the button, the others are a list of headlines
 * that open without script (<details>), so that a first screen shows what there is. On the news
 * page all stand open. Each is first written to a buffer of its own: what does not fit keeps its
 * headline, and the least urgent ones, for which not even that is left, are counted and linked. */
#include "lib/logo.h"
#include "lib/page_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_BODY       6000 /* HTML of one notice, where others wait behind it */
#define MAX_ALERTS     3
#define MAX_ALERT_BODY 900    /* longer ones stand in the list, with a link from the top */
#define ROOM_FOR_MORE  1200   /* the section's own lines, and how many are left out */
#define MAX_HTML       100000 /* more than this no page could show: not even kept */
#define LOGO_HEIGHT    28     /* CSS pixels at the usual text size; page_style.c has it in rem */

static const struct notice_text *text_of(const struct page *p, const struct notice *n)
{
    return notice_text_for(n, p->lang, "en");
}

void page_lang(const struct page *p, struct buf *b, const struct notice_text *t)
{
    if (strcmp(t->lang, p->lang) == 0)
        return;
    buf_str(b, " lang=\"");
    buf_html(b, t->lang);
    buf_str(b, "\"");
    if (i18n_rtl(t->lang) != i18n_rtl(p->lang))
        buf_str(b, i18n_rtl(t->lang) ? " dir=\"rtl\"" : " dir=\"ltr\"");
}

/* The notice's id as an HTML id. */
static void anchor(struct buf *b, const struct notice *n)
{
    buf_str(b, "n-");
    for (const char *c = n->id; *c; c++) {
        bool fine = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("-_.", *c);
        buf_add(b, fine ? c : "-", 1);
    }
}

/* The publisher of n, if more than its name is known. */
static const struct publisher *publisher_of(const struct page *p, const struct notice *n)
{
    for (size_t i = 0; i < p->view->n_publishers; i++)
        if (strcmp(p->view->publishers[i]->name, n->publisher) == 0)
            return p->view->publishers[i];
    return NULL;
}

static const struct publisher *coloured(const struct page *p, const struct notice *n)
{
    const struct publisher *who = publisher_of(p, n);
    return who && who->has_colour ? who : NULL;
}

void page_colours(struct page *p)
{
    const struct page_view *v = p->view;
    for (size_t i = 0; i < v->n_notices; i++) {
        const struct publisher *who = coloured(p, v->notices[i]);
        bool told = false; /* at an earlier notice */
        for (size_t k = 0; who && k < i && !told; k++)
            told = coloured(p, v->notices[k]) == who;
        if (who && !told)
            buf_fmt(p->out, ".c%06x{background:#%06x;color:#%06x}", (unsigned)who->colour,
                    (unsigned)who->colour, (unsigned)card_ink(who->colour));
    }
}

/* Its size is said, so that nothing moves when it comes. Without words of its own it says what the
 * name beside it does, and who listens to the page does not hear that twice (WCAG 2.1, 1.1.1). */
static void logo(struct buf *b, const struct publisher *who)
{
    if (!who || !who->logo || !who->logo_width || !who->logo_height)
        return;
    unsigned width = (LOGO_HEIGHT * who->logo_width + who->logo_height / 2) / who->logo_height;
    buf_str(b, "<img class=\"logo\" src=\"" LOGO_PATH);
    buf_html(b, who->logo);
    buf_str(b, "\" alt=\"");
    buf_html(b, who->logo_alt ? who->logo_alt : "");
    buf_fmt(b, "\" width=\"%u\" height=\"%d\"> ", width ? width : 1, LOGO_HEIGHT);
}

/* Whose name it is, with its logo and in its colours if they are known. */
static void publisher(const struct page *p, struct buf *b, const struct notice *n)
{
    const struct publisher *who = coloured(p, n);
    buf_str(b, "<span class=\"by\" lang=\"it\">");
    logo(b, publisher_of(p, n));
    if (who)
        buf_fmt(b, "<span class=\"pub c%06x\">", (unsigned)who->colour);
    buf_html(b, n->publisher);
    buf_str(b, who ? "</span></span>" : "</span>");
}

/* For news that was imported: who said it first. */
static void source(const struct page *p, struct buf *b, const struct notice *n)
{
    if (!n->source)
        return;
    buf_str(b, "<p class=\"by\">");
    page_fill(b, T("Source: {name}"), ARGS({"name", n->source, false}));
    buf_str(b, "</p>");
}

static void last_day(const struct page *p, struct buf *b, const struct notice *n)
{
    struct buf date;
    buf_init(&date, 512);
    page_date(p, &date, n->until);
    buf_str(b, "<p class=\"by\">");
    if (date.data && !date.failed)
        buf_html(b, date.data);
    buf_str(b, "</p>");
    buf_free(&date);
}

/* What the link says: where it leads. The host of a web address, the number, the mailbox. */
static void link_words(const struct page *p, struct buf *b, const char *link)
{
    char *target = strdup(strchr(link, ':') + 1);
    if (!target) {
        b->failed = true;
        return;
    }
    const char *words = T("More at {place}"), *place = target;
    if (strncasecmp(link, "tel:", 4) == 0) {
        words = T("Call {place}");
    } else if (strncasecmp(link, "mailto:", 7) == 0) {
        words = T("Write to {place}");
        target[strcspn(target, "?")] = '\0';
    } else {
        place += 2;
        target[2 + strcspn(place, "/?#")] = '\0';
        place += strncmp(place, "www.", 4) == 0 ? 4 : 0;
    }
    page_fill(b, words, ARGS({"place", place, false}));
    free(target);
}

/* Telephone numbers and mail addresses stay what they are: a phone may not follow a redirect to
 * them, and an emergency's number must work. */
void page_outward(const struct page *p, struct buf *b, const struct notice *n, bool service)
{
    if (p->view->count_taps && strncasecmp(n->link, "http", 4) == 0) {
        buf_str(b, service ? "/service/" : "/go/");
        buf_urlencode(b, n->id);
        buf_fmt(b, "?lang=%s", p->lang);
    } else {
        buf_html(b, n->link);
    }
}

static void outward_link(const struct page *p, struct buf *b, const struct notice *n)
{
    if (!n->link || !notice_link_ok(n->link))
        return;
    buf_str(b, "<p><a class=\"more\" href=\"");
    page_outward(p, b, n, false);
    buf_str(b, "\">");
    link_words(p, b, n->link);
    buf_str(b, "</a></p>");
}

/* Text, last day and link; empty if the text is longer than max as HTML. */
static void body(const struct page *p, struct buf *b, const struct notice *n, int heading,
                 size_t max)
{
    const struct notice_text *t = text_of(p, n);
    struct buf html;
    buf_init(&html, MAX_HTML);
    notice_render_at(&html, t->markdown, heading);
    if (!html.failed && html.len <= max) {
        buf_str(b, "<div class=\"md\"");
        page_lang(p, b, t);
        buf_str(b, ">");
        if (html.len)
            buf_add(b, html.data, html.len);
        buf_str(b, "</div>");
        source(p, b, n);
        last_day(p, b, n);
        outward_link(p, b, n);
    }
    buf_free(&html);
}

static void heading(const struct page *p, struct buf *b, const struct notice *n,
                    const char *element)
{
    const struct notice_text *t = text_of(p, n);
    buf_fmt(b, "<%s", element);
    page_lang(p, b, t);
    buf_str(b, ">");
    buf_html(b, t->title);
    buf_fmt(b, "</%s>", element);
}

/* On the news page the titles are the outline's second level, elsewhere "News" stands above them.
 */
static bool is_news(const struct page *p)
{
    return p->view->kind == PAGE_NEWS;
}

static bool emergency(const struct notice *n)
{
    return n->priority == NOTICE_EMERGENCY;
}

/* Initialises b; false if the text is too long to stand above the button. */
static bool alert_body(const struct page *p, struct buf *b, const struct notice *n)
{
    buf_init(b, MAX_ALERT_BODY + 8192);
    body(p, b, n, 3, MAX_ALERT_BODY);
    return b->len && !b->failed;
}

static void alert(const struct page *p, struct buf *b, const struct notice *n)
{
    struct buf inner;
    bool fits = alert_body(p, &inner, n);
    buf_str(b, "<article><span class=\"tag\">");
    buf_html(b, T("Emergency"));
    buf_str(b, "</span>");
    heading(p, b, n, "h2");
    publisher(p, b, n);
    if (fits) {
        buf_add(b, inner.data, inner.len);
    } else {
        buf_str(b, "<p><a class=\"more\" href=\"#");
        anchor(b, n);
        buf_str(b, "\">");
        buf_html(b, T("Read all of it"));
        buf_str(b, "</a></p>");
    }
    buf_str(b, "</article>");
    buf_free(&inner);
}

/* Whether page_alerts shows all of n, so that the list need not. */
static bool shown_above(const struct page *p, const struct notice *n)
{
    struct buf inner;
    bool fits;
    if (is_news(p) || !emergency(n))
        return false;
    for (size_t i = 0; i < p->view->n_notices && i < MAX_ALERTS; i++) {
        if (p->view->notices[i] != n)
            continue;
        fits = alert_body(p, &inner, n);
        buf_free(&inner);
        return fits;
    }
    return false;
}

void page_alerts(struct page *p)
{
    const struct page_view *v = p->view;
    size_t n = 0;
    while (n < v->n_notices && n < MAX_ALERTS && emergency(v->notices[n]))
        n++;
    if (n == 0)
        return;
    HTML("<section class=\"box alert\" role=\"alert\">");
    for (size_t i = 0; i < n; i++)
        alert(p, p->out, v->notices[i]);
    HTML("</section>");
}

/* The word that says what the coloured edge says. */
static void tag(const struct page *p, struct buf *b, const struct notice *n)
{
    if (n->priority < NOTICE_WARNING)
        return;
    buf_fmt(b, "<span class=\"tag t%d\">", (int)n->priority);
    buf_html(b, emergency(n) ? T("Emergency") : T("Warning"));
    buf_str(b, "</span>");
}

/* A headline that leads to the news page, where its text is. */
static void headline_only(const struct page *p, struct buf *b, const struct notice *n)
{
    buf_fmt(b, "<div class=\"notice p%d\" id=\"", (int)n->priority);
    anchor(b, n);
    buf_str(b, "\">");
    tag(p, b, n);
    heading(p, b, n, is_news(p) ? "h2" : "h3");
    publisher(p, b, n);
    if (is_news(p)) {
        buf_str(b, "<p class=\"fine\">");
        buf_html(b, T("This text is too long to be shown here."));
        buf_str(b, "</p>");
        outward_link(p, b, n);
    } else {
        buf_fmt(b, "<p><a class=\"more\" href=\"/news?lang=%s#", p->lang);
        anchor(b, n);
        buf_str(b, "\">");
        buf_html(b, T("Read all of it"));
        buf_str(b, "</a></p>");
    }
    buf_str(b, "</div>");
}

static void whole(const struct page *p, struct buf *b, const struct notice *n, const char *inner)
{
    bool open = is_news(p);
    if (open)
        buf_fmt(b, "<article class=\"notice p%d\" id=\"", (int)n->priority);
    else
        buf_fmt(b, "<details class=\"p%d\"%s id=\"", (int)n->priority,
                n->priority >= NOTICE_WARNING || p->view->n_notices == 1 ? " open" : "");
    anchor(b, n);
    buf_str(b, open ? "\">" : "\"><summary>");
    tag(p, b, n);
    heading(p, b, n, is_news(p) ? "h2" : "h3");
    publisher(p, b, n);
    buf_str(b, open ? "<div class=\"body\">" : "</summary><div class=\"body\">");
    buf_str(b, inner);
    buf_str(b, open ? "</div></article>" : "</div></details>");
}

/* One notice in both its forms. */
struct item {
    struct buf whole, brief;
    bool shown, open;
};

static void prepare(const struct page *p, struct item *item, const struct notice *n)
{
    struct buf inner;
    item->shown = item->open = false;
    buf_init(&inner, PAGE_MAX_BYTES);
    buf_init(&item->whole, PAGE_MAX_BYTES);
    buf_init(&item->brief, PAGE_MAX_BYTES);
    body(p, &inner, n, is_news(p) ? 3 : 4, is_news(p) ? 2 * MAX_BODY : MAX_BODY);
    if (inner.len && !inner.failed)
        whole(p, &item->whole, n, inner.data);
    buf_free(&inner);
    headline_only(p, &item->brief, n);
}

/* Headlines first, as many as there is room for; then, in the same order, their texts. */
static void share_room(struct item *items, size_t n, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < n; i++) {
        items[i].shown = !items[i].brief.failed && items[i].brief.len <= room - used;
        if (items[i].shown)
            used += items[i].brief.len;
    }
    for (size_t i = 0; i < n; i++) {
        const struct item *it = &items[i];
        size_t others = used - it->brief.len;
        if (!it->shown || !it->whole.len || it->whole.failed || it->whole.len > room - others)
            continue;
        items[i].open = true;
        used = others + it->whole.len;
    }
}

static void left_out_line(struct page *p, struct buf *b, size_t left_out)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", left_out);
    if (is_news(p))
        buf_str(b, "<p class=\"fine\">");
    else
        buf_fmt(b, "<p><a class=\"more\" href=\"/news?lang=%s\">", p->lang);
    page_fill(b, TN("{n} more notice", "{n} more notices", left_out), ARGS({"n", number, false}));
    buf_str(b, is_news(p) ? "</p>" : "</a></p>");
}

/* The section around the list. Short pages say where the news is from; the news page says it above.
 */
static void section(struct page *p, const struct buf *list)
{
    if (is_news(p)) {
        buf_add(p->out, list->data, list->len);
        return;
    }
    HTML("<section class=\"news\" aria-labelledby=\"nh\"><h2 id=\"nh\">");
    FILL(T("News for {zone}"), {"zone", p->view->zone_title, false});
    HTML("</h2>");
    if (p->view->kind == PAGE_SPLASH) {
        HTML("<p class=\"fine\">");
        TEXT(T("Links open once you are online."));
        HTML("</p>");
    }
    buf_add(p->out, list->data, list->len);
    HTML("</section>");
}

static void say_shown(const struct page *p, size_t i, bool shown)
{
    if (p->view->shown)
        p->view->shown[i] = shown;
}

/* The services take what they need first, a third of the room at most (half on the news page), so
 * that neither pushes the other off the page. */
static size_t services_room(const struct page *p, size_t room)
{
    return is_news(p) ? room / 2 : room / 3;
}

void page_notices(struct page *p)
{
    const struct page_view *v = p->view;
    struct item items[PAGE_MAX_NOTICES];
    size_t which[PAGE_MAX_NOTICES];
    size_t n = 0, left_out = 0, room = p->room > ROOM_FOR_MORE ? p->room - ROOM_FOR_MORE : 0;
    struct buf list, services;
    buf_init(&list, PAGE_MAX_BYTES);
    buf_init(&services, PAGE_MAX_BYTES);
    page_services(p, &services, services_room(p, room));
    room -= services.failed ? 0 : services.len;
    for (size_t i = 0; i < v->n_notices; i++) {
        bool above = room > 0 && shown_above(p, v->notices[i]);
        say_shown(p, i, above);
        if (above)
            continue;
        if (room > 0 && n < PAGE_MAX_NOTICES) {
            which[n] = i;
            prepare(p, &items[n++], v->notices[i]);
        } else {
            left_out++;
        }
    }
    share_room(items, n, room);
    for (size_t i = 0; i < n; i++) {
        const struct buf *form = items[i].open ? &items[i].whole : &items[i].brief;
        if (items[i].shown)
            buf_add(&list, form->data, form->len);
        else
            left_out++;
        say_shown(p, which[i], items[i].shown);
        buf_free(&items[i].whole);
        buf_free(&items[i].brief);
    }
    if (left_out)
        left_out_line(p, &list, left_out);
    if (list.len && !list.failed)
        section(p, &list);
    if (services.len && !services.failed)
        buf_add(p->out, services.data, services.len);
    buf_free(&list);
    buf_free(&services);
}

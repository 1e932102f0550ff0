/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The first page: what there is to do (approve, look again at what has grown old), then the
 * notices, a page at a time from the newest, found by words. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AGED_S = 30 * 86400, MAX_TO_DO = 5 };

static const struct {
    const char *name, *title;
    enum store_list list;
} tabs[] = {
    {"shown", N_("On the pages"), STORE_LIST_SHOWN},
    {"waiting", N_("Waiting for approval"), STORE_LIST_WAITING},
    {"drafts", N_("Drafts"), STORE_LIST_DRAFTS},
    {"ended", N_("Ended"), STORE_LIST_ENDED},
    {"all", N_("All"), STORE_LIST_ALL},
};
enum { TABS = sizeof tabs / sizeof *tabs };

struct rows {
    struct visit *v;
    const char *heading; /* of each */
    bool to_do;          /* only what the visitor can do something about, */
    enum store_list list;
    const char *title, *words; /* under these */
    int n;
    int64_t last;
    bool more;
};

static void row(struct visit *v, const struct store_notice *n, const char *heading, bool ageing)
{
    static const char *const tones[] = {"", " s", " w", " e"};
    struct buf b;

    buf_init(&b, 8192);
    HTML("<li>");
    buf_fmt(&v->out, "<%s><a href=\"/%s/%lld\">", heading, kind_path(n->kind), (long long)n->id);
    TEXT(*n->title ? n->title : T("(without a title)"));
    buf_fmt(&v->out, "</a></%s><p>", heading);
    buf_fmt(&v->out, "<span class=\"tag%s\">", tones[n->priority & 3]);
    TEXT(n->kind == STORE_SERVICE ? T("Card") : words_priority(v, n->priority));
    HTML("</span> ");
    TEXT(words_state(v, n));
    HTML("</p><p class=\"fine\">");
    if (n->kind == STORE_NOTICE) {
        if (n->state == STORE_WITHDRAWN)
            words_zones(v, &b, n->zones);
        else if (n->ends)
            words_sentence(v, &b, n->zones, n->starts, n->ends, n->state == STORE_APPROVED);
    } else {
        words_zones(v, &b, n->zones);
    }
    TEXT(b.data ? b.data : "");
    HTML("</p><p class=\"fine\">");
    buf_free(&b);
    buf_init(&b, 256);
    words_moment(v, &b, n->changed, false);
    const struct board_publisher *p = board_conf_publisher(v->who.administration, n->publisher);
    FILL(T("{publisher}; last changed by {who}, {when}"),
         {"publisher", p ? p->name : n->publisher, false}, {"who", n->editor, false},
         {"when", b.data ? b.data : "", false});
    HTML("</p>");
    if (ageing)
        still_true_part(v, n->id);
    HTML("</li>");
    buf_free(&b);
}

static void to_do_begin(struct rows *r)
{
    struct visit *v = r->v;

    HTML("<section class=\"box note\">");
    page_element(v, "h2", r->title);
    page_element(v, "p", r->words);
    HTML("<ul class=\"list\">");
}

/* Nobody waits for whoever wrote it. */
static bool can_do(const struct rows *r, const struct store_notice *n)
{
    return r->list == STORE_LIST_WAITING
               ? visit_may_publish(r->v, n->kind, n->id, n->version, n->publisher)
               : visit_may_write(r->v, n->kind, n->publisher);
}

static bool note(void *arg, const struct store_notice *n)
{
    struct rows *r = arg;

    if (!visit_may_see(r->v, n->kind, n->publisher))
        return true;
    if (r->to_do && !can_do(r, n))
        return true;
    if (r->n == (r->to_do ? MAX_TO_DO : WEB_PAGE_ROWS)) {
        r->more = true;
        return false;
    }
    r->n++;
    r->last = n->id;
    if (r->to_do && r->n == 1)
        to_do_begin(r);
    row(r->v, n, r->heading, r->to_do && r->list == STORE_LIST_AGEING);
    return true;
}

static struct store_query query(const struct visit *v, enum store_list list)
{
    return (struct store_query){.administration = v->who.administration->id,
                                .publishers = who_publishers(&v->who),
                                .list = list,
                                .now = v->now,
                                .aged = v->now - AGED_S,
                                .max = WEB_PAGE_ROWS + 1};
}

/* A short list under a heading; nothing where there is none. */
static void to_do(struct visit *v, enum store_list list, const char *title, const char *words)
{
    struct store_query q = query(v, list);
    struct rows r = {
        .v = v, .heading = "h3", .list = list, .to_do = true, .title = title, .words = words};
    const enum store_kind last = list == STORE_LIST_WAITING ? STORE_SERVICE : STORE_NOTICE;

    for (q.kind = STORE_NOTICE; q.kind <= last; q.kind++)
        store_list(v->b->store, &q, note, &r);
    if (r.n)
        HTML("</ul></section>");
}

static void search_form(struct visit *v, size_t tab)
{
    HTML("<form method=\"get\" action=\"/\" class=\"row\" role=\"search\">");
    page_hidden(v, "show", tabs[tab].name);
    HTML("<p><label>");
    TEXT(T("Words to look for"));
    HTML("<input type=\"search\" name=\"q\" maxlength=\"100\"");
    page_attr(v, "value", visit_query(v, "q"));
    HTML("></label></p><button type=\"submit\" class=\"second\">");
    TEXT(T("Search"));
    HTML("</button></form>");
}

static void tab_links(struct visit *v, size_t tab)
{
    HTML("<nav");
    page_attr(v, "aria-label", T("Which notices"));
    HTML("><ul class=\"tabs\">");
    for (size_t i = 0; i < TABS; i++) {
        buf_fmt(&v->out, "<li><a href=\"/?show=%s&amp;q=", tabs[i].name);
        buf_urlencode(&v->out, visit_query(v, "q"));
        buf_fmt(&v->out, "\"%s>", i == tab ? " aria-current=\"page\"" : "");
        TEXT(T(tabs[i].title));
        HTML("</a></li>");
    }
    HTML("</ul></nav>");
}

static void all_rows(struct visit *v, size_t tab)
{
    struct store_query q = query(v, tabs[tab].list);
    struct rows r = {.v = v, .heading = "h3"};

    q.words = visit_query(v, "q");
    q.before = strtoll(visit_query(v, "before"), NULL, 10);
    HTML("<ul class=\"list\">");
    if (!store_list(v->b->store, &q, note, &r))
        HTML("<!-- -->");
    HTML("</ul>");
    if (!r.n)
        page_element(v, "p", T("There is none."));
    if (r.more) {
        buf_fmt(&v->out, "<p><a class=\"btn second\" href=\"/?show=%s&amp;before=%lld&amp;q=",
                tabs[tab].name, (long long)r.last);
        buf_urlencode(&v->out, visit_query(v, "q"));
        HTML("\">");
        TEXT(T("Older ones"));
        HTML("</a></p>");
    }
}

void list_page(struct visit *v)
{
    size_t tab = *visit_query(v, "q") ? TABS - 1 : 0;

    for (size_t i = 0; i < TABS; i++)
        if (strcmp(visit_query(v, "show"), tabs[i].name) == 0)
            tab = i;
    page_begin(v, T("Notices"));
    HTML("<p class=\"row\"><a class=\"btn big\" href=\"/new\">");
    TEXT(T("Write a notice"));
    HTML("</a> <a class=\"btn big danger\" href=\"/emergency\">");
    TEXT(T("Emergency"));
    HTML("</a></p>");
    if (!*visit_query(v, "q") && !*visit_query(v, "before") && tab == 0) {
        to_do(v, STORE_LIST_WAITING, T("Somebody waits for you"),
              T("These are on no page until a second person has agreed."));
        to_do(v, STORE_LIST_AGEING, T("Still true?"),
              T("These have been on the pages for more than 30 days without a change."));
    }
    words_routers(v);
    search_form(v, tab);
    tab_links(v, tab);
    HTML("<h2>");
    TEXT(T(tabs[tab].title));
    HTML("</h2>");
    all_rows(v, tab);
    page_end(v);
    visit_send(v, 200);
}

void templates_page(struct visit *v)
{
    struct store_query q = query(v, STORE_LIST_ALL);
    struct rows r = {.v = v, .heading = "h2"};

    if (v->who.role < BOARD_APPROVER) {
        visit_not_found(v);
        return;
    }
    q.kind = STORE_TEMPLATE;
    page_begin(v, T("Templates for emergencies"));
    page_element(v, "p",
                 T("What is prepared here is on the pages with two clicks, and ends by itself."));
    if (v->who.administration->approval)
        page_element(v, "p",
                     T("A template is ready once a second person has agreed to it. Whoever raises "
                       "the alarm with it later asks nobody any more."));
    if (v->who.role >= BOARD_ADMIN) {
        HTML("<p><a class=\"btn\" href=\"/templates/new\">");
        TEXT(T("Prepare a template"));
        HTML("</a></p>");
    }
    HTML("<ul class=\"list\">");
    store_list(v->b->store, &q, note, &r);
    HTML("</ul>");
    if (!r.n)
        page_element(v, "p", T("There is none."));
    page_end(v);
    visit_send(v, 200);
}

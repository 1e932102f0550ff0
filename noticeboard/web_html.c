/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The frame of every page: whose board it is, where one can go, who one is. One stylesheet, one
 * script that no page needs. */
#include "noticeboard/web_internal.h"

#include <string.h>

void page_attr(struct visit *v, const char *name, const char *value)
{
    buf_fmt(&v->out, " %s=\"", name);
    TEXT(value);
    HTML("\"");
}

void page_element(struct visit *v, const char *element, const char *text)
{
    buf_fmt(&v->out, "<%s>", element);
    TEXT(text);
    buf_fmt(&v->out, "</%.*s>", (int)strcspn(element, " "), element);
}

void page_hidden(struct visit *v, const char *name, const char *value)
{
    HTML("<input type=\"hidden\"");
    page_attr(v, "name", name);
    page_attr(v, "value", value);
    HTML(">");
}

void page_form(struct visit *v, const char *action, const char *classes)
{
    char token[32];

    HTML("<form method=\"post\"");
    page_attr(v, "action", action);
    if (classes)
        page_attr(v, "class", classes);
    HTML(">");
    session_token(v, token);
    page_hidden(v, "token", token);
}

void page_box(struct visit *v, const char *kind, const char *text)
{
    HTML("<div");
    buf_fmt(&v->out, " class=\"box %s\"%s>", kind,
            strcmp(kind, "alert") == 0 ? " role=\"alert\"" : " role=\"status\"");
    page_element(v, "p", text);
    HTML("</div>");
}

const char *page_language_name(const struct visit *v, const char *tag)
{
    return i18n_has(v->b->citizen, tag) ? i18n_language_name(v->b->citizen, tag) : tag;
}

static void link_to(struct visit *v, const char *path, const char *text)
{
    bool here = strcmp(v->path, path) == 0;

    HTML("<li><a");
    page_attr(v, "href", path);
    HTML(here ? " aria-current=\"page\">" : ">");
    TEXT(text);
    HTML("</a></li>");
}

static void navigation(struct visit *v)
{
    HTML("<nav");
    page_attr(v, "aria-label", T("Pages of the board"));
    HTML("><ul class=\"nav\">");
    link_to(v, "/", T("Notices"));
    link_to(v, "/services", T("Services"));
    link_to(v, "/counts", T("Counts"));
    if (v->who.role >= BOARD_APPROVER)
        link_to(v, "/templates", T("Templates"));
    if (v->who.role >= BOARD_ADMIN)
        link_to(v, "/feeds", T("Feeds"));
    HTML("</ul></nav>");
}

static void languages(struct visit *v)
{
    const char *const *tags;
    size_t n = i18n_languages(v->b->words, &tags);

    if (v->post)
        return;
    HTML("<nav");
    page_attr(v, "aria-label", T("Languages"));
    HTML("><ul class=\"langs\">");
    for (size_t i = 0; i < n; i++) {
        HTML("<li>");
        if (strcmp(tags[i], v->lang) == 0) {
            buf_fmt(&v->out, "<span aria-current=\"true\">");
            TEXT(i18n_language_name(v->b->words, tags[i]));
            HTML("</span>");
        } else {
            buf_fmt(&v->out, "<a href=\"?lang=%s\" lang=\"%s\" hreflang=\"%s\">", tags[i], tags[i],
                    tags[i]);
            TEXT(i18n_language_name(v->b->words, tags[i]));
            HTML("</a>");
        }
        HTML("</li>");
    }
    HTML("</ul></nav>");
}

static void person(struct visit *v)
{
    char token[32];

    if (!v->known)
        return;
    session_token(v, token);
    HTML("<form method=\"post\" action=\"/sign-out\" class=\"out\">");
    page_hidden(v, "token", token);
    HTML("<span>");
    TEXT(v->who.shown);
    HTML("</span> <button type=\"submit\" class=\"plain\">");
    TEXT(T("Sign out"));
    HTML("</button></form>");
}

void page_begin(struct visit *v, const char *title)
{
    HTML("<!DOCTYPE html>\n<html");
    page_attr(v, "lang", v->lang);
    if (i18n_rtl(v->lang))
        HTML(" dir=\"rtl\"");
    HTML("><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, "
         "initial-scale=1\"><title>");
    FILL(T("{title} – noticeboard of {network}"), {"title", title, false},
         {"network", v->b->conf->name, false});
    HTML("</title><link rel=\"stylesheet\" href=\"/style.css\">");
    if (v->known)
        buf_fmt(&v->out, "<link rel=\"stylesheet\" href=\"/colour/%s.css\">",
                v->who.administration->id);
    HTML("<link rel=\"icon\" href=\"data:,\"><script src=\"/board.js\" "
         "defer></script></head><body><a class=\"skip\" href=\"#main\">");
    TEXT(T("Skip to the content"));
    HTML("</a><header class=\"band\"><div class=\"w\"><div class=\"id\">");
    HTML("<div><span class=\"n\">");
    TEXT(v->known ? v->who.administration->name : v->b->conf->name);
    HTML("</span><span class=\"z\">");
    FILL(T("Noticeboard of {network}"), {"network", v->b->conf->name, false});
    HTML("</span></div></div>");
    person(v);
    HTML("</div></header>");
    if (v->known) {
        HTML("<div class=\"bar\"><div class=\"w\">");
        navigation(v);
        HTML("</div></div>");
    }
    HTML("<main id=\"main\" class=\"w\"><h1>");
    TEXT(title);
    HTML("</h1>");
}

void page_end(struct visit *v)
{
    HTML("</main><footer class=\"w\">");
    languages(v);
    HTML("</footer></body></html>\n");
}

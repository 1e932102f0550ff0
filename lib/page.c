/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The document around each page: head, the band with the network's name, <main>, the foot. It is
 * what a phone's captive pop-up shows, on the worst line of the city: one document with its style
 * inside, no script, no cookie, nothing from elsewhere, and never more than PAGE_MAX_BYTES.
 *
 * The size is kept by writing what must be there first (into buffers of their own: head, foot, and
 * <main> without notices), and giving the notices what is left. Whatever came from outside (names,
 * notices, reasons) goes through buf_html or through cmark's safe rendering, never through buf_str.
 */
#include "lib/page_internal.h"
#include <string.h>

#define MAX_IN_HEADER 3 /* other languages that fit beside the name; more are in the foot alone */

const char *page_csp(void)
{
    return "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; form-action "
           "'self'; "
           "base-uri 'none'; frame-ancestors 'none'";
}

void page_link(struct page *p, const char *path, const char *fragment, const char *text)
{
    buf_fmt(p->out, "<a href=\"%s?lang=%s%s\">", path, p->lang, fragment);
    TEXT(text);
    HTML("</a>");
}

static void head(struct page *p)
{
    const struct page_view *v = p->view;
    buf_fmt(p->out, "<!DOCTYPE html><html lang=\"%s\" dir=\"%s\"><head><meta charset=\"utf-8\">",
            p->lang, i18n_rtl(p->lang) ? "rtl" : "ltr");
    HTML("<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
         "<meta name=\"color-scheme\" content=\"light dark\">"
         "<meta name=\"theme-color\" content=\"#0066cc\" media=\"(prefers-color-scheme:light)\">"
         "<meta name=\"theme-color\" content=\"#0a3a6b\" media=\"(prefers-color-scheme:dark)\">"
         "<meta name=\"referrer\" content=\"no-referrer\">"
         "<meta name=\"format-detection\" content=\"telephone=no\">"
         "<link rel=\"icon\" href=\"data:,\"><title>");
    if (v->kind == PAGE_SPLASH) {
        TEXT(v->network);
        HTML(" – ");
        TEXT(v->zone_title);
    } else {
        TEXT(page_heading(p));
        HTML(" – ");
        TEXT(v->network);
    }
    HTML("</title><style>");
    HTML(page_style);
    page_colours(p);
    HTML("</style></head>");
}

static void languages(struct page *p, bool all)
{
    const char *const *tags;
    size_t n = i18n_languages(p->i18n, &tags);
    for (size_t i = 0; i < n; i++) {
        bool current = strcmp(tags[i], p->lang) == 0;
        if (current && !all)
            continue;
        HTML("<li>");
        if (current) {
            HTML("<span aria-current=\"true\">");
            TEXT(i18n_language_name(p->i18n, tags[i]));
            HTML("</span></li>");
            continue;
        }
        HTML("<a href=\"");
        TEXT(p->view->path && *p->view->path == '/' ? p->view->path : "/");
        buf_fmt(p->out, "?lang=%s\" hreflang=\"%s\" lang=\"%s\" dir=\"%s\">", tags[i], tags[i],
                tags[i], i18n_rtl(tags[i]) ? "rtl" : "ltr");
        TEXT(i18n_language_name(p->i18n, tags[i]));
        HTML("</a></li>");
    }
}

/* The band: where you are. On the splash that is the page's heading. */
static void band(struct page *p)
{
    const struct page_view *v = p->view;
    const char *const *tags;
    size_t n = i18n_languages(p->i18n, &tags);
    bool splash = v->kind == PAGE_SPLASH;
    HTML("<body><header class=\"band\"><div class=\"w\">");
    if (splash)
        HTML("<div class=\"id\">");
    else
        buf_fmt(p->out, "<a class=\"id\" href=\"/?lang=%s\">", p->lang);
    HTML(page_logo);
    HTML(splash ? "<div><h1>" : "<span><span class=\"n\">");
    TEXT(v->network);
    HTML(splash ? "</h1><p class=\"z\">" : "</span><span class=\"z\">");
    TEXT(v->zone_title);
    HTML(splash ? "</p></div></div>" : "</span></span></a>");
    if (n > 1 && n - 1 <= MAX_IN_HEADER) {
        HTML("<nav aria-label=\"");
        TEXT(T("Other languages"));
        HTML("\"><ul class=\"langs\">");
        languages(p, false);
        HTML("</ul></nav>");
    }
    HTML("</div></header><main class=\"w\">");
}

static void foot(struct page *p)
{
    const struct page_view *v = p->view;
    const char *const *tags;
    HTML("</main><footer><div class=\"w\"><nav aria-label=\"");
    TEXT(T("About this service"));
    HTML("\"><ul><li>");
    page_link(p, "/news", "", T("News"));
    HTML("</li><li>");
    page_link(p, "/terms", "", T("Terms of use"));
    HTML("</li><li>");
    page_link(p, "/privacy", "", T("Privacy"));
    HTML("</li><li>");
    page_link(p, "/terms", "#accessibility", T("Accessibility"));
    HTML("</li></ul></nav>");
    if (i18n_languages(p->i18n, &tags) > 1) {
        HTML("<nav aria-label=\"");
        TEXT(T("Languages"));
        HTML("\"><ul class=\"langs\">");
        languages(p, true);
        HTML("</ul></nav>");
    }
    if (v->kind == PAGE_ONLINE && v->portal_url) {
        const char *address = strstr(v->portal_url, "://");
        HTML("<p class=\"fine\">");
        FILL(T("To come back to this page: {address}"),
             {"address", address ? address + 3 : v->portal_url, false});
        HTML("</p>");
    }
    HTML("</div></footer></body></html>\n");
}

/* Writes the whole document into out with room bytes for what has a variable length. */
static void document(struct page *p, struct buf *out, size_t room)
{
    p->out = out;
    p->room = room;
    head(p);
    band(p);
    page_main(p);
    foot(p);
}

void page_render(struct buf *b, const struct i18n *i18n, const struct page_view *view)
{
    struct page_view v = *view;
    const char *lang = i18n_has(i18n, v.lang) ? v.lang : i18n_negotiate(i18n, NULL);
    struct page p = {.i18n = i18n, .lang = lang, .view = &v};
    bool legal = v.kind == PAGE_TERMS || v.kind == PAGE_PRIVACY;
    size_t max = legal || b->max < PAGE_MAX_BYTES ? b->max : PAGE_MAX_BYTES;
    struct buf bare;
    v.network = v.network ? v.network : "Wi-Fi";
    v.zone_title = v.zone_title ? v.zone_title : "";
    buf_init(&bare, max);
    document(&p, &bare, 0);
    document(&p, b, bare.failed || bare.len >= max ? 0 : max - bare.len);
    buf_free(&bare);
}

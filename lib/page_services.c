/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The services directory under the notices: what the city offers online, one card a line. Each card
 * is one link, large enough for a thumb; its icon says nothing that its words do not. What does not
 * fit beside the notices is counted and linked to the news page, as with them. */
#include "lib/page_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* 24 × 24, strokes alone: currentColor, so that they suit both schemes. */
static const struct {
    const char *name, *path;
} icons[] = {
    {"info", "M12 11v6M12 7v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z"},
    {"library", "M4 4h5v16H4zM9 4h4v16H9zM14 5l4-1 3 15-4 1z"},
    {"office", "M4 21V8l8-5 8 5v13zM9 21v-6h6v6M8 11h2M14 11h2"},
    {"payment", "M3 6h18v12H3zM3 10h18M6 15h4"},
    {"transport", "M5 4h14v13H5zM5 11h14M8 20v-3M16 20v-3M8 14h1M15 14h1"},
    {"data", "M5 20V10M12 20V4M19 20v-7M3 20h18"},
    {"help", "M9 9a3 3 0 1 1 4 3c-1 .5-1 1-1 2M12 17v.5M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z"},
    {"health", "M9 3h6v6h6v6h-6v6H9v-6H3V9h6z"},
    {"school", "M2 9l10-5 10 5-10 5zM6 11v5c3 3 9 3 12 0v-5M22 9v6"},
    {"culture", "M3 9l9-6 9 6zM5 9v9M10 9v9M14 9v9M19 9v9M3 20h18"},
    {"phone", "M6 3h3l2 5-2 2a12 12 0 0 0 5 5l2-2 5 2v3c0 2-1 3-3 3C10 21 3 14 3 6c0-2 1-3 3-3z"},
    {"map", "M12 21c5-6 7-9 7-12a7 7 0 0 0-14 0c0 3 2 6 7 12zM12 6a3 3 0 1 0 0 6 3 3 0 0 0 0-6z"},
    {"waste", "M4 7h16M9 7V4h6v3M6 7l1 14h10l1-14M10 11v6M14 11v6"},
    {"water", "M12 3c4 5 6 8 6 11a6 6 0 0 1-12 0c0-3 2-6 6-11z"},
    {"sport", "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM5 6c4 3 4 9 0 12M19 6c-4 3-4 9 0 12"},
    {"work", "M3 8h18v12H3zM8 8V4h8v4M3 13h18"},
};

static void icon(struct buf *b, const char *name)
{
    const char *path = icons[0].path;
    for (size_t i = 0; i < sizeof icons / sizeof *icons; i++)
        if (strcmp(icons[i].name, name) == 0)
            path = icons[i].path;
    buf_fmt(b,
            "<svg viewBox=\"0 0 24 24\" aria-hidden=\"true\" focusable=\"false\"><path d=\"%s\"/>"
            "</svg>",
            path);
}

static void card(const struct page *p, struct buf *b, const struct service *s)
{
    const struct notice_text *t = notice_text_for(&s->card, p->lang, "en");
    buf_str(b, "<li><a href=\"");
    page_outward(p, b, &s->card, true);
    buf_str(b, "\">");
    icon(b, s->icon);
    buf_str(b, "<span");
    page_lang(p, b, t);
    buf_str(b, "><b>");
    buf_html(b, t->title);
    buf_str(b, "</b>");
    if (*t->markdown) {
        buf_str(b, " <span>");
        buf_html(b, t->markdown);
        buf_str(b, "</span>");
    }
    if (strcmp(t->lang, p->lang) != 0) {
        buf_str(b, " <i>");
        buf_html(b, i18n_language_name(p->i18n, t->lang));
        buf_str(b, "</i>");
    }
    buf_str(b, "</span></a></li>");
}

static void left_out_line(const struct page *p, struct buf *b, size_t n)
{
    char number[24];
    snprintf(number, sizeof number, "%zu", n);
    if (p->view->kind == PAGE_NEWS)
        buf_str(b, "<p class=\"fine\">");
    else
        buf_fmt(b, "<p><a class=\"more\" href=\"/news?lang=%s#sh\">", p->lang);
    page_fill(b, TN("{n} more service", "{n} more services", n), ARGS({"n", number, false}));
    buf_str(b, p->view->kind == PAGE_NEWS ? "</p>" : "</a></p>");
}

void page_services(const struct page *p, struct buf *b, size_t room)
{
    const struct page_view *v = p->view;
    size_t shown = 0, most = v->kind == PAGE_NEWS ? PAGE_MAX_SERVICES : PAGE_FEW_SERVICES;
    if (v->services_shown)
        *v->services_shown = 0;
    if (v->n_services == 0 || room < PAGE_SERVICES_EXTRA)
        return;
    buf_str(b, "<section class=\"svc\" aria-labelledby=\"sh\"><h2 id=\"sh\">");
    buf_html(b, T("Online services"));
    buf_str(b, "</h2><ul>");
    for (; shown < v->n_services && shown < most; shown++) {
        struct buf one;
        buf_init(&one, PAGE_MAX_BYTES);
        card(p, &one, v->services[shown]);
        bool fits = !one.failed && b->len + one.len + PAGE_SERVICES_EXTRA / 2 <= room;
        if (fits)
            buf_add(b, one.data, one.len);
        buf_free(&one);
        if (!fits)
            break;
    }
    buf_str(b, "</ul>");
    if (shown < v->n_services)
        left_out_line(p, b, v->n_services - shown);
    buf_str(b, "</section>");
    if (v->services_shown)
        *v->services_shown = shown;
}

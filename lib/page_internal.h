/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between page.c (the document) and the files that write its parts. Nobody else includes this.
 *
 * Texts are marked for xgettext: T("…") and TN("one", "many", n) translate, N_("…") only marks.
 * Placeholders are {names}, never printf's: a damaged catalogue must not read the stack. */
#ifndef LOGGIA_LIB_PAGE_INTERNAL_H
#define LOGGIA_LIB_PAGE_INTERNAL_H

#include "lib/buf.h"
#include "lib/card.h"
#include "lib/fill.h"
#include "lib/i18n.h"
#include "lib/page.h"

struct page {
    struct buf *out;
    const struct i18n *i18n;
    const char *lang;
    const struct page_view *view;
    size_t room; /* bytes that what comes last may still take: notices, terms */
};

#define N_(text)          text
#define T(text)           i18n_text(p->i18n, p->lang, text)
#define TN(one, many, n_) i18n_plural(p->i18n, p->lang, one, many, n_)

#define ARGS(...)       ((const struct page_arg[]){__VA_ARGS__, {NULL, NULL, false}})
#define FILL(text, ...) page_fill(p->out, text, ARGS(__VA_ARGS__))
#define TEXT(text)      buf_html(p->out, text)
#define HTML(html)      buf_str(p->out, html)

/* page_text.c: plain words, no markup. */
void page_bytes(const struct page *p, struct buf *b, uint64_t bytes);
void page_rate(const struct page *p, struct buf *b, uint64_t Bps);
void page_date(const struct page *p, struct buf *b, int64_t until);

/* page.c: a link to a path of ours that keeps the language. */
void page_link(struct page *p, const char *path, const char *fragment, const char *text);

/* page_notices.c */
void page_alerts(struct page *p);  /* emergencies, role=alert; nothing if there are none */
void page_colours(struct page *p); /* the style of the notices' publishers */
void page_notices(struct page *p); /* the list, within p->room */

/* " lang=… dir=…" where the text is in another language than the page. */
void page_lang(const struct page *p, struct buf *b, const struct notice_text *t);
/* The value of href that leads where n's link does: by way of the portal where taps are counted. */
void page_outward(const struct page *p, struct buf *b, const struct notice *n, bool service);

/* page_services.c: the directory within room bytes; nothing if there is none. */
#define PAGE_SERVICES_EXTRA 600 /* bytes of the section's own */
void page_services(const struct page *p, struct buf *b, size_t room);

/* page_kinds.c: <main> of each kind. */
void page_main(struct page *p);
/* The heading where it is not the network's name; a text, for <title> too. */
const char *page_heading(const struct page *p);

/* page_legal.c */
void page_terms(struct page *p);
void page_privacy(struct page *p);

/* page_error.c: what the citizen reads. */
const char *page_error_title(const struct page *p, enum page_error e);
const char *page_error_words(const struct page *p, enum page_error e);

/* page_style.c */
extern const char page_style[];
extern const char page_logo[]; /* inline SVG */

#endif

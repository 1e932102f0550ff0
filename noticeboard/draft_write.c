/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that a draft becomes: a notice (lib/notice.h) or a service card (lib/card.h). What is
 * written is read again by the reader that routers have; only what passes is written at all. */
#include "lib/buf.h"
#include "lib/card.h"
#include "noticeboard/draft.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool lang_ok(const char *lang)
{
    return strlen(lang) >= 2 && strlen(lang) < sizeof((struct notice_text *)0)->lang;
}

/* n's texts point into the draft; only the arrays are made here. */
static bool fill(struct notice *n, const struct draft *d, const struct draft_place *p)
{
    const struct board_conf *c = p->conf;
    size_t zones = 0;
    static char all[] = "*";

    n->zones = calloc(c->n_zones + 2, sizeof *n->zones);
    n->texts = calloc(NOTICE_MAX_LANGS, sizeof *n->texts);
    if (!n->zones || !n->texts)
        return false;
    if (*draft_get(d, "everywhere"))
        n->zones[zones++] = all;
    for (size_t i = 0; !*draft_get(d, "everywhere") && i < c->n_zones; i++)
        if (draft_in_zone(d, c->zones[i].name))
            n->zones[zones++] = c->zones[i].name;
    for (size_t i = 0; i < d->n && n->n_texts < NOTICE_MAX_LANGS; i++) {
        const char *lang = d->fields[i].name + 6;
        if (strncmp(d->fields[i].name, "title.", 6) != 0 || !*d->fields[i].value || !lang_ok(lang))
            continue;
        struct notice_text *t = &n->texts[n->n_texts++];
        snprintf(t->lang, sizeof t->lang, "%s", lang);
        t->title = (char *)(uintptr_t)d->fields[i].value;
        t->markdown = (char *)(uintptr_t)draft_text(d, "text", lang);
    }
    return true;
}

static bool write_notice(const struct draft *d, const struct draft_place *p, int64_t from,
                         int64_t until, struct buf *out, char *err, size_t err_len)
{
    const struct board_publisher *publisher =
        board_conf_publisher(p->administration, draft_get(d, "publisher"));
    static char id[] = "draft", nobody[] = "?";
    struct notice n = {.id = id, .priority = draft_priority(d)}, *back;
    const char *link = draft_get(d, "link"), *source = draft_get(d, "source");
    bool fine = false;

    snprintf(err, err_len, "no memory");
    n.publisher = publisher ? publisher->name : nobody;
    n.link = *link ? (char *)(uintptr_t)link : NULL;
    n.source = *source ? (char *)(uintptr_t)source : NULL;
    n.from = from;
    n.until = until;
    if (!p->is_template && !p->is_card) {
        draft_from(d, &n.from);
        draft_until(d, &n.until);
    }
    if (fill(&n, d, p)) {
        notice_write(out, &n);
        back =
            out->data && !out->failed ? notice_parse(id, out->data, out->len, err, err_len) : NULL;
        if (out->failed)
            snprintf(err, err_len, "too long");
        fine = back != NULL;
        notice_free(back);
    }
    free(n.zones);
    free(n.texts);
    return fine;
}

/* A card is a notice's header without dates, then each language. */
static bool write_card(const struct draft *d, const struct draft_place *p, struct buf *out,
                       char *err, size_t err_len)
{
    struct service s = {.icon = service_icons[0], .order = draft_order(d)}, *back = NULL;
    struct notice *n = NULL;
    struct buf text;

    for (const char *const *icon = service_icons; *icon; icon++)
        if (strcmp(*icon, draft_get(d, "icon")) == 0)
            s.icon = *icon;
    buf_init(&text, NOTICE_MAX_BYTES * 2);
    if (!*draft_get(d, "link"))
        snprintf(err, err_len, "no link");
    else if (write_notice(d, p, 0, p->now + 3600, &text, err, err_len))
        n = notice_parse("card", text.data, text.len, err, err_len);
    if (n) {
        s.card = *n;
        service_write(out, &s);
        back = out->failed ? NULL : service_parse("card", out->data, out->len, err, err_len);
        service_free(back);
    }
    notice_free(n);
    buf_free(&text);
    return back != NULL;
}

bool draft_write(const struct draft *d, const struct draft_place *p, int64_t from, int64_t until,
                 struct buf *out, char *err, size_t err_len)
{
    return p->is_card ? write_card(d, p, out, err, err_len)
                      : write_notice(d, p, from, until, out, err, err_len);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The preview is the truth: lib/page.c, which routers show citizens, with this draft among what is
 * published in the zone. Dates that begin later are shown as if they had begun. */
#include "lib/page.h"
#include "noticeboard/logo.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_CARDS = 64 };

/* Every publisher's name, colour and logo, as the bundle has them. */
struct names {
    struct publisher cards[BOARD_MAX_PUBLISHERS];
    const struct publisher *list[BOARD_MAX_PUBLISHERS];
    size_t n;
};

struct gathering {
    struct service *cards[MAX_CARDS];
    size_t n_cards;
    struct notice_set set;
    struct notice *mine;
    char publisher[40];
    int64_t except, now;
    enum store_kind kind;
};

static bool add_published(void *arg, const struct store_item *item)
{
    struct gathering *g = arg;
    char err[100];

    if (item->id == g->except || g->set.n == NOTICE_MAX_COUNT)
        return true;
    struct notice *n = notice_parse(item->name, item->text, item->len, err, sizeof err);
    if (n)
        g->set.items[g->set.n++] = n;
    return true;
}

static bool add_card(void *arg, const struct store_item *item)
{
    struct gathering *g = arg;
    char err[100];

    if (item->id == g->except)
        return true;
    struct service *card = service_parse(item->name, item->text, item->len, err, sizeof err);
    if (card)
        g->cards[g->n_cards++] = card;
    return g->n_cards < MAX_CARDS;
}

static bool add_mine(void *arg, const struct store_notice *n)
{
    struct gathering *g = arg;
    char err[100];

    g->kind = n->kind;
    snprintf(g->publisher, sizeof g->publisher, "%s", n->publisher);
    if (n->text && n->kind == STORE_SERVICE)
        g->cards[g->n_cards] = service_parse("draft", n->text, strlen(n->text), err, sizeof err);
    else if (n->text)
        g->mine = notice_parse("draft", n->text, strlen(n->text), err, sizeof err);
    g->n_cards += g->cards[g->n_cards] != NULL;
    if (g->mine && n->kind == STORE_TEMPLATE) /* as it will be once it is used */
        g->mine->until = g->now + 3600;
    return true;
}

static void gather_names(const struct board_conf *c, struct names *out)
{
    for (size_t i = 0; i < c->n_administrations; i++)
        for (size_t k = 0; k < c->administrations[i].n_publishers && out->n < BOARD_MAX_PUBLISHERS;
             k++) {
            const struct board_administration *a = &c->administrations[i];
            out->cards[out->n] = board_publisher_card(a, &a->publishers[k]);
            out->list[out->n] = &out->cards[out->n];
            out->n++;
        }
}

static void render(struct visit *v, struct gathering *g, const char *zone)
{
    struct names names = {.n = 0};
    const struct notice *shown[PAGE_MAX_NOTICES];
    const struct service *services[MAX_CARDS];
    const struct board_zone *z = board_conf_zone(v->b->conf, zone);
    const char *lang = visit_query(v, "show");
    struct page_view view = {.kind = PAGE_SPLASH,
                             .lang = i18n_has(v->b->citizen, lang) ? lang : "it",
                             .network = v->b->conf->name,
                             .zone_title = z ? z->title : "",
                             .portal_url = v->b->conf->url,
                             .path = "/",
                             .notices = shown,
                             .token = "",
                             .terms_id = "1"};

    if (g->mine && g->mine->from > v->now)
        g->mine->from = v->now;
    if (g->mine)
        g->set.items[g->set.n++] = g->mine;
    view.n_notices = notice_select(&g->set, zone, v->now, true, shown, PAGE_MAX_NOTICES);
    view.services = services;
    view.n_services = service_select(g->cards, g->n_cards, zone, services, MAX_CARDS);
    gather_names(v->b->conf, &names);
    view.publishers = names.list;
    view.n_publishers = names.n;
    page_render(&v->out, v->b->citizen, &view);
}

void preview_page(struct visit *v, int64_t id, enum store_kind kind)
{
    struct gathering g = {.except = id, .now = v->now};
    /* As the routers send it, but that our own page may frame it and no form of it may be sent. */
    static const char csp[] =
        "default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; "
        "form-action 'none'; base-uri 'none'; frame-ancestors 'self'; sandbox";

    g.set.items = calloc(NOTICE_MAX_COUNT + 1, sizeof *g.set.items);
    if (!g.set.items ||
        !store_notice_get(v->b->store, v->who.administration->id, id, add_mine, &g) ||
        g.kind != kind || !visit_may_see(v, kind, g.publisher)) {
        notice_free(g.mine);
        service_free(g.cards[0]);
        free(g.set.items);
        visit_not_found(v);
        return;
    }
    store_published(v->b->store, v->now, add_published, &g);
    store_published_services(v->b->store, add_card, &g);
    render(v, &g, visit_query(v, "zone"));
    for (size_t i = 0; i < g.set.n; i++)
        notice_free(g.set.items[i]);
    for (size_t i = 0; i < g.n_cards; i++)
        service_free(g.cards[i]);
    free(g.set.items);
    visit_preview(v, csp);
}

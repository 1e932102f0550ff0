/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every page shows beside its own: names, notices, services, the token; and the page itself,
 * which for the splash and the news is mostly one that was made before (page_cache.c). */
#include "lib/buf.h"
#include "lib/card.h"
#include "lib/loop.h"
#include "portal/board.h"
#include "portal/page_cache.h"
#include "portal/privacy.h"
#include "portal/secure.h"
#include "portal/web.h"
#include <stdlib.h>
#include <string.h>

/* The zone's title may have been changed by a reload; its name and interfaces may not. */
static const char *zone_title(const struct visit *v)
{
    const struct conf *live = v->p->live;
    if (!v->d || !v->d->zone)
        return live->network;
    for (size_t i = 0; i < live->n_zones; i++)
        if (strcmp(live->zones[i].name, v->d->zone->name) == 0)
            return live->zones[i].title;
    return v->d->zone->title;
}

static const char *zone_name(const struct visit *v)
{
    return v->d && v->d->zone ? v->d->zone->name : "";
}

void view_fill(struct visit *v, struct page_view *view, struct view_room *room)
{
    struct portal *p = v->p;
    bool sane;

    texts_now(p->texts, &sane);
    room->token[0] = '\0';
    if (v->d)
        token_make(p->key, &v->d->mac, device_terms_id(v->d), loop_now_ms() / 1000, room->token);
    view->lang = v->lang;
    view->network = p->live->network;
    view->zone_title = zone_title(v);
    view->portal_url = visit_portal_url(v, room->url);
    if (p->live->last_password && visit_is_secure(v))
        view->login = PAGE_LOGIN_FORM;
    else if (p->live->last_password && secure_ready(p->secure))
        view->login = PAGE_LOGIN_LINK;
    view->contact = p->live->privacy.contact;
    view->accessibility_url = p->live->accessibility_url;
    if (!view->path)
        view->path = "/";
    view->token = room->token;
    view->terms_id = v->d ? device_terms_id(v->d) : p->live->terms_id;
    view->notices_stale_clock = !sane;
    view->count_taps = p->board != NULL;
    view->shown = room->shown;
    view->services_shown = &room->services_shown;
    room->services_shown = 0;
}

/* What a page takes longer to find than to show from the cache. */
static void fill_lists(struct visit *v, struct page_view *view, struct view_room *room)
{
    struct portal *p = v->p;
    const struct conf_zone *zone = v->d ? device_live_zone(v->d) : NULL;
    privacy_facts(p->live, zone ? &zone->guest : &p->live->guest, view->login != PAGE_LOGIN_NONE,
                  &room->privacy);
    view->privacy = &room->privacy;
    view->notices = room->notices;
    view->n_notices = texts_notices(p->texts, zone_name(v), room->notices, PAGE_MAX_NOTICES);
    view->services = room->services;
    view->n_services = texts_services(p->texts, zone_name(v), room->services, PAGE_MAX_SERVICES);
    view->n_publishers = texts_publishers(p->texts, &view->publishers);
    memset(room->shown, 0, sizeof room->shown);
}

static char *render(struct visit *v, struct page_view *view, struct view_room *room, size_t *len)
{
    struct buf b;
    fill_lists(v, view, room);
    buf_init(&b, PAGE_MAX_BYTES * 2);
    page_render(&b, v->p->i18n, view);
    return buf_take(&b, len);
}

static size_t displayed(const struct page_view *view, const struct view_room *room,
                        struct page_counted out[static PAGE_CACHE_COUNTED])
{
    size_t n = 0;
    for (size_t i = 0; i < view->n_notices; i++)
        if (room->shown[i])
            out[n++] = (struct page_counted){BUNDLE_NOTICE, view->notices[i]->id};
    for (size_t i = 0; i < room->services_shown; i++)
        out[n++] = (struct page_counted){BUNDLE_SERVICE, view->services[i]->card.id};
    return n;
}

static void count(struct visit *v, const struct page_counted *what, size_t n)
{
    if (!v->d || !v->d->zone || strcmp(http_method(v->req), "GET") != 0)
        return;
    for (size_t i = 0; i < n; i++)
        board_count(v->p->board, what[i].kind, what[i].id, v->d->zone->name, v->lang, 1, 0);
}

static char *rendered(struct visit *v, struct page_view *view, struct view_room *room, size_t *len)
{
    struct page_counted what[PAGE_CACHE_COUNTED];
    char *html = render(v, view, room, len);
    if (view->kind == PAGE_ONLINE || view->kind == PAGE_SPLASH || view->kind == PAGE_NEWS)
        count(v, what, displayed(view, room, what));
    return html;
}

/* The page for every device of this zone, from the cache or into it. NULL: it failed. */
static const struct page_kept *for_everybody(struct visit *v, struct page_view *view,
                                             struct view_room *room)
{
    struct portal *p = v->p;
    bool sane;
    int64_t now_s = texts_now(p->texts, &sane);
    uint64_t generation = texts_generation(p->texts);
    struct page_key key = {.kind = view->kind,
                           .login = view->login,
                           .https = strncmp(room->url, "https", 5) == 0,
                           .clock_sane = sane,
                           .lang = v->lang,
                           .zone = v->d->zone->name};
    const struct page_kept *found = page_cache_find(p->pages, &key, generation, now_s);
    size_t len;
    if (found)
        return found;
    view->token = page_cache_placeholder(p->pages);
    char *html = render(v, view, room, &len);
    view->token = room->token;
    struct page_kept *kept = html ? page_cache_keep(p->pages, &key, generation, now_s,
                                                    texts_next_change(p->texts, now_s), html, len)
                                  : NULL;
    if (kept)
        kept->n_counted = displayed(view, room, kept->counted);
    return kept;
}

char *view_html(struct visit *v, struct page_view *view, struct view_room *room, size_t *len)
{
    bool common = (view->kind == PAGE_SPLASH || view->kind == PAGE_NEWS) && v->d && v->d->zone &&
                  view->error == PAGE_E_NONE;
    const struct page_kept *kept = common ? for_everybody(v, view, room) : NULL;
    if (!kept)
        return rendered(v, view, room, len);
    count(v, kept->counted, kept->n_counted);
    *len = kept->len;
    return page_cache_page(kept, room->token);
}

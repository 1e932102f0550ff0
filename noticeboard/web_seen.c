/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One notice, template or card as it is now, copied from the store's row; what is wrong with it;
 * and writing its next version. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct draft *draft_of(const char *form, const char *text, const char *publisher)
{
    struct draft *d = NULL;
    char err[100];

    if (form && *form)
        return draft_new(form, strlen(form));
    if (!text) /* saved with nothing in it */
        return draft_new("", 0);
    struct notice *parsed =
        notice_parse("draft", text, strlen(text), err, sizeof err); /* imported */
    if (parsed)
        d = draft_from_notice(parsed, publisher);
    notice_free(parsed);
    return d;
}

static bool copy(void *arg, const struct store_notice *n)
{
    struct seen *s = arg;

    s->there = true;
    s->n = *n;
    snprintf(s->publisher, sizeof s->publisher, "%s", n->publisher);
    snprintf(s->title, sizeof s->title, "%s", n->title);
    snprintf(s->editor, sizeof s->editor, "%s", n->editor);
    snprintf(s->zones, sizeof s->zones, "%s", n->zones);
    snprintf(s->feed, sizeof s->feed, "%s", n->feed ? n->feed : "");
    snprintf(s->confirmer, sizeof s->confirmer, "%s", n->confirmer ? n->confirmer : "");
    s->n.confirmer = s->confirmer;
    s->whole = n->text != NULL;
    s->d = draft_of(n->form, n->text, n->publisher);
    s->n.publisher = s->publisher;
    s->n.title = s->title;
    s->n.author = NULL;
    s->n.editor = s->editor;
    s->n.zones = s->zones;
    s->n.feed = *s->feed ? s->feed : NULL;
    s->n.form = s->n.text = s->n.live_text = s->n.guid = NULL;
    return true;
}

bool seen_load(struct visit *v, int64_t id, enum store_kind kind, struct seen *s)
{
    memset(s, 0, sizeof *s);
    store_notice_get(v->b->store, v->who.administration->id, id, copy, s);
    if (s->there && s->d && s->n.kind == kind && visit_may_see(v, kind, s->publisher))
        return true;
    draft_free(s->d);
    s->d = NULL;
    return false;
}

bool visit_look(struct visit *v, int64_t id, enum store_kind kind, struct seen *s)
{
    if (seen_load(v, id, kind, s))
        return true;
    visit_not_found(v);
    return false;
}

bool seen_open(const struct seen *s)
{
    return s->n.state == STORE_DRAFT || s->n.state == STORE_WAITING || s->n.state == STORE_RETURNED;
}

bool seen_unagreed(const struct visit *v, const struct seen *s)
{
    return s->n.kind == STORE_TEMPLATE && s->n.state == STORE_APPROVED &&
           !visit_agreed(v, s->n.id, s->n.version);
}

struct older {
    struct draft *d;
    const char *publisher; /* of what was imported: its form does not say */
};

static bool copy_version(void *arg, const struct store_version *ver)
{
    struct older *o = arg;

    if (*ver->form || ver->text)
        o->d = draft_of(ver->form, ver->text, o->publisher);
    return true;
}

struct draft *seen_version(struct visit *v, const struct seen *s, int number)
{
    struct older o = {.publisher = s->publisher};

    store_version_get(v->b->store, v->who.administration->id, s->n.id, number, copy_version, &o);
    return o.d;
}

const char *kind_path(enum store_kind kind)
{
    return kind == STORE_TEMPLATE ? "templates" : kind == STORE_SERVICE ? "services" : "notice";
}

/* --- checks
 * --------------------------------------------------------------------------------------------- */
struct load_of {
    struct store *store;
    int64_t except;
};
static struct load_of load_now; /* of the visit that is being answered: there is one at a time */

static int zone_load(void *arg, const char *zone, int64_t at)
{
    const struct load_of *l = arg;

    return store_zone_load(l->store, zone, at, l->except);
}

struct draft_place visit_place(struct visit *v, enum store_kind kind)
{
    load_now = (struct load_of){v->b->store, 0};
    return (struct draft_place){.conf = v->b->conf,
                                .administration = v->who.administration,
                                .is_template = kind == STORE_TEMPLATE,
                                .is_card = kind == STORE_SERVICE,
                                .now = v->now,
                                .zone_load = zone_load,
                                .arg = &load_now};
}

size_t seen_check(struct visit *v, const struct seen *s,
                  struct draft_finding out[static DRAFT_MAX_FINDINGS])
{
    struct draft_place place = visit_place(v, s->n.kind);

    load_now.except = s->n.id;
    size_t n = draft_check(s->d, &place, out);
    draft_url links[WEB_LINKS];
    size_t n_links = draft_links(s->d, links, WEB_LINKS);
    for (size_t i = 0; i < n_links && n < DRAFT_MAX_FINDINGS; i++) {
        const char *dead = links_dead(v->b->links, links[i]);
        bool inside = links_inside(v->b->links, links[i]);
        if (!dead && !inside)
            continue;
        out[n].code = inside ? DRAFT_LINK_INSIDE : DRAFT_LINK_DEAD;
        out[n].number = 0;
        snprintf(out[n].what, sizeof out->what, "%.90s", links[i]);
        if (!inside)
            snprintf(out[n].what, sizeof out->what, "%.90s (%.60s)", links[i], dead);
        n++;
    }
    return n;
}

/* --- the next version
 * --------------------------------------------------------------------------------------------- */
int64_t visit_put(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind,
                  enum store_state state, int version, const char *note)
{
    struct draft_place place = visit_place(v, kind);
    struct buf form, words, zones, text;
    char err[200];
    struct store_notice n = {.id = id,
                             .administration = v->who.administration->id,
                             .publisher = draft_get(d, "publisher"),
                             .kind = kind,
                             .state = state,
                             .title = draft_title(d, v->b->conf),
                             .priority = (int)draft_priority(d),
                             .place = (int)draft_order(d)};

    buf_init(&form, DRAFT_MAX_BYTES * 3);
    buf_init(&words, DRAFT_MAX_BYTES);
    buf_init(&zones, 16384);
    buf_init(&text, NOTICE_MAX_BYTES * 2);
    draft_form(d, &form);
    draft_words(d, &words);
    draft_zones(d, v->b->conf, &zones);
    draft_from(d, &n.starts);
    draft_until(d, &n.ends);
    if (kind != STORE_NOTICE)
        n.ends = STORE_NO_END;
    n.starts = n.starts ? n.starts : v->now;
    bool whole = draft_write(d, &place, 0, v->now + 3600, &text, err, sizeof err);
    n.form = form.data ? form.data : "";
    n.text = whole && text.len <= NOTICE_MAX_BYTES ? text.data : NULL;
    n.zones = zones.data;
    int64_t put = store_notice_put(v->b->store, &n, words.data ? words.data : "", v->who.name, note,
                                   version, v->now);
    buf_free(&form);
    buf_free(&words);
    buf_free(&zones);
    buf_free(&text);
    return put;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An emergency takes two clicks: "Emergency" on the first page, and the template's own button here.
 * An admin wrote the template beforehand; where it takes a second person that one has agreed to the
 * template, so that here nobody waits for another and nobody speaks alone. What is used is the
 * version in force, whatever is being changed in it. It ends by itself. */
#include "lib/log.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Whoever is alone at 18:55: every writer where one person is enough, else an approver. */
static bool may_alarm(const struct visit *v, const char *publisher)
{
    return who_role(&v->who, publisher) >=
           (v->who.administration->approval ? BOARD_APPROVER : BOARD_WRITER);
}

struct chosen {
    struct draft *d; /* of the version in force */
    int live;
    char publisher[40];
};

static bool note_facts(void *arg, const struct store_notice *n)
{
    struct chosen *c = arg;

    c->live = n->kind == STORE_TEMPLATE ? n->live : 0;
    snprintf(c->publisher, sizeof c->publisher, "%s", n->publisher);
    return true;
}

static bool note_form(void *arg, const struct store_version *ver)
{
    struct chosen *c = arg;

    c->d = ver->text ? draft_new(ver->form, strlen(ver->form)) : NULL;
    if (c->d) /* that of the version, not of a change to it */
        snprintf(c->publisher, sizeof c->publisher, "%s", draft_get(c->d, "publisher"));
    return true;
}

/* A template's version in force; d is NULL where there is none. */
static struct chosen choose(const struct visit *v, int64_t id)
{
    struct chosen c = {.d = NULL};

    store_notice_get(v->b->store, v->who.administration->id, id, note_facts, &c);
    if (c.live)
        store_version_get(v->b->store, v->who.administration->id, id, c.live, note_form, &c);
    return c;
}

struct offering {
    const struct visit *v;
    int n;
    int64_t ids[20];
};

static bool note_id(void *arg, const struct store_notice *n)
{
    struct offering *o = arg;

    if (o->n < 20 && n->state != STORE_WITHDRAWN && may_alarm(o->v, n->publisher))
        o->ids[o->n++] = n->id;
    return true;
}

static void offer(struct visit *v, int64_t id, const struct chosen *c)
{
    const char *first = v->b->conf->languages[0], *title = draft_title(c->d, v->b->conf);
    struct buf b, zones;
    char path[64];

    buf_init(&b, 16384);
    buf_init(&zones, 16384);
    draft_zones(c->d, v->b->conf, &zones);
    words_zones(v, &b, zones.data ? zones.data : "");
    snprintf(path, sizeof path, "/emergency/%lld", (long long)id);
    HTML("<li>");
    page_element(v, "h2", title);
    HTML("<p lang=\"");
    TEXT(first);
    HTML("\">");
    TEXT(draft_text(c->d, "text", first));
    HTML("</p><p>");
    FILL(T("In {zones}, for {hours} hours."), {"zones", b.data ? b.data : "", false},
         {"hours", draft_get(c->d, "hours"), false});
    HTML("</p>");
    page_form(v, path, NULL);
    HTML("<button type=\"submit\" class=\"big danger\">");
    FILL(T("Publish now: {title}"), {"title", title, false});
    HTML("</button></form></li>");
    buf_free(&b);
    buf_free(&zones);
}

/* Those that may be used now; of the others how many there are. */
static int offers(struct visit *v, int *not_ready)
{
    struct store_query q = {.administration = v->who.administration->id,
                            .kind = STORE_TEMPLATE,
                            .list = STORE_LIST_ALL,
                            .now = v->now,
                            .max = 100};
    struct offering o = {.v = v};
    int shown = 0;

    store_list(v->b->store, &q, note_id, &o);
    HTML("<ul class=\"list\">");
    for (int i = 0; i < o.n; i++) {
        struct chosen c = choose(v, o.ids[i]);
        bool ready = c.d && visit_agreed(v, o.ids[i], c.live);
        if (ready)
            offer(v, o.ids[i], &c);
        shown += ready;
        draft_free(c.d);
    }
    HTML("</ul>");
    *not_ready = o.n - shown;
    return shown;
}

void emergency_page(struct visit *v)
{
    int not_ready = 0;

    page_begin(v, T("Emergency"));
    page_element(
        v, "p",
        T("One more click and it stands above everything else, on every page of its places."));
    if (!offers(v, &not_ready))
        page_box(
            v, "note",
            T("No template is ready. Write a notice and choose “Emergency”; and ask an admin to "
              "prepare templates for the next time."));
    if (not_ready && v->who.administration->approval)
        page_box(v, "note",
                 T("Some templates are not ready: they are not complete, or a second person has "
                   "not agreed to them yet."));
    else if (not_ready)
        page_box(v, "note",
                 T("Some templates are not ready: they are not complete, and an admin has to mend "
                   "them."));
    HTML("<p><a href=\"/new\">");
    TEXT(T("Write a notice"));
    HTML("</a></p>");
    page_end(v);
    visit_send(v, 200);
}

enum { SAME_ALARM_S = 60 };

/* What is looked for among what is shown. */
struct alarm {
    const char *publisher, *title, *zones;
    int64_t since, id;
};

static bool note_same(void *arg, const struct store_notice *n)
{
    struct alarm *a = arg;

    if (n->priority == NOTICE_EMERGENCY && n->changed >= a->since && n->state == STORE_APPROVED &&
        strcmp(n->publisher, a->publisher) == 0 && strcmp(n->title, a->title) == 0 &&
        strcmp(n->zones, a->zones) == 0)
        a->id = n->id;
    return a->id == 0;
}

/* Another template may have the same title. */
static bool same_words(struct visit *v, int64_t notice, const struct draft *d)
{
    struct seen s;

    if (!seen_load(v, notice, STORE_NOTICE, &s))
        return false;
    bool same = true;
    for (size_t i = 0; same && i < d->n; i++) {
        const char *name = d->fields[i].name;
        if (strncmp(name, "title.", 6) == 0 || strncmp(name, "text.", 5) == 0 ||
            strcmp(name, "link") == 0)
            same = strcmp(draft_get(s.d, name), d->fields[i].value) == 0;
    }
    draft_free(s.d);
    return same;
}

/* A hand that trembles clicks twice, and two people click at once: it stands on the pages once.
 * Returns the notice, or 0. */
static int64_t already(struct visit *v, const struct draft *d, const char *publisher)
{
    struct buf zones;
    struct store_query q = {.administration = v->who.administration->id,
                            .kind = STORE_NOTICE,
                            .list = STORE_LIST_SHOWN,
                            .now = v->now,
                            .max = 100};

    buf_init(&zones, 16384);
    draft_zones(d, v->b->conf, &zones);
    struct alarm a = {publisher, draft_title(d, v->b->conf), zones.data ? zones.data : "",
                      v->now - SAME_ALARM_S, 0};
    store_list(v->b->store, &q, note_same, &a);
    buf_free(&zones);
    return a.id && same_words(v, a.id, d) ? a.id : 0;
}

static void to_alarm(struct visit *v, int64_t notice)
{
    char path[64];

    snprintf(path, sizeof path, "/notice/%lld?done=published", (long long)notice);
    visit_see_other(v, path);
}

void emergency_post(struct visit *v, int64_t id)
{
    struct chosen c = choose(v, id);
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct draft_place place = visit_place(v, STORE_NOTICE);
    struct draft *d = NULL;
    int64_t put = 0;

    if (c.d)
        d = draft_with_times(c.d, 0,
                             (v->now + 59) / 60 * 60 + 3600 * atoi(draft_get(c.d, "hours")));
    if (!d || !may_alarm(v, c.publisher)) {
        visit_refuse(v, 403, T("Not yours"),
                     T("Your account may not do that. Nothing was changed."));
    } else if (!visit_agreed(v, id, c.live)) {
        visit_refuse(v, 409, T("Not yet"),
                     T("A second person has not agreed to this template yet."));
    } else if (draft_has_errors(f, draft_check(d, &place, f))) {
        visit_refuse(v, 409, T("Not yet"),
                     T("This template is not complete: an admin has to mend it."));
    } else if ((put = already(v, d, c.publisher))) {
        to_alarm(v, put);
    } else if ((put = visit_put(v, d, 0, STORE_NOTICE, STORE_APPROVED, 0, NULL)) <= 0) {
        visit_store_failed(v, "emergency");
    } else {
        log_msg(LOG_NOTICE, "event=notice deed=emergency notice=%s-%lld who=%s",
                v->who.administration->id, (long long)put, v->who.name);
        to_alarm(v, put);
    }
    draft_free(d);
    draft_free(c.d);
}

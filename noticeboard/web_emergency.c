/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An emergency takes two clicks: "Emergency" on the first page, and the template's own button here.
 * An admin wrote the template beforehand, where it takes a second person also with one; so here
 * nobody waits for another. It ends by itself. */
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

struct offering {
    struct visit *v;
    int n;
    int64_t ids[20];
};

static bool note_id(void *arg, const struct store_notice *n)
{
    struct offering *o = arg;

    if (o->n < 20 && may_alarm(o->v, n->publisher))
        o->ids[o->n++] = n->id;
    return true;
}

static bool offer(void *arg, const struct store_notice *n)
{
    struct offering *o = arg;
    struct visit *v = o->v;
    struct draft *d = n->form ? draft_new(n->form, strlen(n->form)) : NULL;
    const char *first = v->b->conf->languages[0];
    struct buf b;
    char path[64];

    if (!d)
        return true;
    buf_init(&b, 16384);
    words_zones(v, &b, n->zones);
    snprintf(path, sizeof path, "/emergency/%lld", (long long)n->id);
    HTML("<li>");
    page_element(v, "h2", n->title);
    HTML("<p lang=\"");
    TEXT(first);
    HTML("\">");
    TEXT(draft_text(d, "text", first));
    HTML("</p><p>");
    FILL(T("In {zones}, for {hours} hours."), {"zones", b.data ? b.data : "", false},
         {"hours", draft_get(d, "hours"), false});
    HTML("</p>");
    if (n->text) {
        page_form(v, path, NULL);
        HTML("<button type=\"submit\" class=\"big danger\">");
        FILL(T("Publish now: {title}"), {"title", n->title, false});
        HTML("</button></form>");
    } else {
        page_box(v, "note", T("This template is not complete: an admin has to mend it."));
    }
    HTML("</li>");
    buf_free(&b);
    draft_free(d);
    return true;
}

void emergency_page(struct visit *v)
{
    struct store_query q = {.administration = v->who.administration->id,
                            .kind = STORE_TEMPLATE,
                            .list = STORE_LIST_ALL,
                            .now = v->now,
                            .max = 20};
    struct offering o = {.v = v};

    page_begin(v, T("Emergency"));
    page_element(
        v, "p",
        T("One more click and it stands above everything else, on every page of its places."));
    store_list(v->b->store, &q, note_id, &o);
    HTML("<ul class=\"list\">");
    for (int i = 0; i < o.n; i++)
        store_notice_get(v->b->store, v->who.administration->id, o.ids[i], offer, &o);
    HTML("</ul>");
    if (!o.n)
        page_box(
            v, "note",
            T("No template is prepared. Write a notice and choose “Emergency”; and ask an admin to "
              "prepare templates for the next time."));
    HTML("<p><a href=\"/new\">");
    TEXT(T("Write a notice"));
    HTML("</a></p>");
    page_end(v);
    visit_send(v, 200);
}

struct chosen {
    struct draft *d;
    bool template;
    char publisher[40];
};

static bool choose(void *arg, const struct store_notice *n)
{
    struct chosen *c = arg;

    c->template = n->kind == STORE_TEMPLATE && n->text;
    snprintf(c->publisher, sizeof c->publisher, "%s", n->publisher);
    c->d = n->form ? draft_new(n->form, strlen(n->form)) : NULL;
    return true;
}

void emergency_post(struct visit *v, int64_t id)
{
    struct chosen c = {.d = NULL};
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct draft_place place = visit_place(v, STORE_NOTICE);
    struct draft *d = NULL;
    int64_t put = 0;
    char path[64];

    store_notice_get(v->b->store, v->who.administration->id, id, choose, &c);
    if (c.d && c.template)
        d = draft_with_times(c.d, 0,
                             (v->now + 59) / 60 * 60 + 3600 * atoi(draft_get(c.d, "hours")));
    if (!d || !may_alarm(v, c.publisher)) {
        visit_refuse(v, 403, T("Not yours"),
                     T("Your account may not do that. Nothing was changed."));
    } else if (draft_has_errors(f, draft_check(d, &place, f))) {
        visit_refuse(v, 409, T("Not yet"),
                     T("This template is not complete: an admin has to mend it."));
    } else if ((put = visit_put(v, d, 0, STORE_NOTICE, STORE_APPROVED, 0, NULL)) <= 0) {
        visit_store_failed(v, "emergency");
    } else {
        log_msg(LOG_NOTICE, "event=notice deed=emergency notice=%s-%lld who=%s",
                v->who.administration->id, (long long)put, v->who.name);
        snprintf(path, sizeof path, "/notice/%lld?done=published", (long long)put);
        visit_see_other(v, path);
    }
    draft_free(d);
    draft_free(c.d);
}

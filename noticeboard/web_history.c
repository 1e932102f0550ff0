/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every version of a notice, a template or a card: who made it, when, and the way back to it. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VERSIONS = 50 };

struct history {
    struct visit *v;
    const struct seen *s;
    const char *form; /* of the latest; NULL: nothing was typed */
};

static const char *deed(const struct visit *v, enum store_kind kind, enum store_state state)
{
    static const char *const names[] = {N_("saved a draft"), N_("sent it for approval"),
                                        N_("published it"), N_("sent it back"), N_("withdrew it")};

    return kind == STORE_TEMPLATE && state == STORE_APPROVED ? T("made it ready") : T(names[state]);
}

/* An older one whose words are another's: what is there already needs no way back. */
static bool worth_restoring(const struct history *h, const struct store_version *ver)
{
    return ver->text && ver->number != h->s->n.version &&
           visit_may_write(h->v, h->s->n.kind, h->s->publisher) &&
           (h->s->n.live != h->s->n.version || !h->form || strcmp(ver->form, h->form) != 0);
}

static bool history_row(void *arg, const struct store_version *ver)
{
    struct history *h = arg;
    struct visit *v = h->v;
    struct buf b;
    char path[64], number[16];

    buf_init(&b, 256);
    words_moment(v, &b, ver->at, false);
    buf_fmt(&v->out, "<tr><td class=\"num\">%d</td><td>", ver->number);
    TEXT(b.data ? b.data : "");
    HTML("</td><td>");
    TEXT(ver->who);
    HTML("</td><td>");
    TEXT(deed(v, h->s->n.kind, ver->state));
    if (ver->number == h->s->n.live) {
        HTML(" <span class=\"tag s\">");
        TEXT(h->s->n.kind == STORE_TEMPLATE ? T("ready") : T("on the pages"));
        HTML("</span>");
    }
    if (ver->note) {
        HTML("<br>");
        TEXT(ver->note);
    }
    HTML("</td><td>");
    if (worth_restoring(h, ver)) {
        snprintf(path, sizeof path, "/%s/%lld/restore", kind_path(h->s->n.kind),
                 (long long)h->s->n.id);
        page_form(v, path, NULL);
        snprintf(number, sizeof number, "%d", h->s->n.version);
        page_hidden(v, "version", number);
        snprintf(number, sizeof number, "%d", ver->number);
        page_hidden(v, "number", number);
        HTML("<button type=\"submit\" class=\"second\">");
        FILL(T("Put version {n} back"), {"n", number, false});
        HTML("</button></form>");
    }
    HTML("</td></tr>");
    buf_free(&b);
    return true;
}

void history_part(struct visit *v, const struct seen *s)
{
    struct buf form;
    struct history h = {v, s, NULL};
    static const char *const heads[] = {N_("Version"), N_("When"), N_("Who"), N_("What"),
                                        N_("Undo")};

    buf_init(&form, DRAFT_MAX_BYTES * 3);
    draft_form(s->d, &form);
    h.form = form.failed ? NULL : form.data;
    HTML("<section>");
    page_element(v, "h2", T("History"));
    HTML("<section class=\"scroll\" tabindex=\"0\"");
    page_attr(v, "aria-label", T("History"));
    HTML("><table><thead><tr>");
    for (size_t i = 0; i < 5; i++)
        page_element(v, "th scope=\"col\"", T(heads[i]));
    HTML("</tr></thead><tbody>");
    store_versions(v->b->store, v->who.administration->id, s->n.id, MAX_VERSIONS, history_row, &h);
    HTML("</tbody></table></section></section>");
    buf_free(&form);
}

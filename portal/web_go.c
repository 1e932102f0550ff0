/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GET /go/NOTICE and /service/SERVICE: the way out to what a notice or a card leads to, so that
 * taps can be counted as sums. Where it leads is looked up under its id, never taken from the
 * request, so that nobody can use the portal to send people anywhere else. What is no longer shown
 * leads to the news. */
#include "portal/board.h"
#include "portal/web.h"
#include <string.h>

static void go(struct visit *v, const char *prefix, bool service)
{
    const char *id = http_path(v->req) + strlen(prefix);
    const char *link = bundle_id_ok(id) ? texts_link(v->p->texts, service, id) : NULL;
    if (!link) {
        visit_see_other(v, "/news");
        return;
    }
    if (v->d && v->d->zone && strcmp(http_method(v->req), "GET") == 0)
        board_count(v->p->board, service ? BUNDLE_SERVICE : BUNDLE_NOTICE, id, v->d->zone->name,
                    v->lang, 0, 1);
    visit_redirect(v, 303, link);
}

void show_go(struct visit *v)
{
    go(v, GO_NOTICE, false);
}

void show_go_service(struct visit *v)
{
    go(v, GO_SERVICE, true);
}

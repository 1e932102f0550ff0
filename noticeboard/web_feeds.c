/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the feeds of an administration do, for its admins: what stands still is seen here before a
 * citizen misses it. Of a feed's address only the host is shown: the rest may hold a key. */
#include "noticeboard/importer.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <string.h>

static void moment(struct visit *v, int64_t t, const char *none)
{
    struct buf b;

    HTML("<td>");
    if (t) {
        buf_init(&b, 256);
        words_moment(v, &b, t, false);
        TEXT(b.data ? b.data : "");
        buf_free(&b);
    } else {
        TEXT(none);
    }
    HTML("</td>");
}

static void state(struct visit *v, const struct store_feed *f)
{
    char number[16];

    HTML("<td>");
    if (f->error && f->failures) {
        snprintf(number, sizeof number, "%d", f->failures);
        HTML("<span class=\"tag w\">");
        FILL(T("failures in a row: {n}"), {"n", number, false});
        HTML("</span><br>");
        TEXT(f->error);
    } else if (f->error) {
        TEXT(f->error);
    } else {
        TEXT(f->succeeded ? T("fine") : "–");
    }
    HTML("</td>");
}

/* publisher NULL: the directory of files, where each file names its own. */
static void row(struct visit *v, const char *id, const char *title, const char *host,
                const char *publisher)
{
    char name[80];
    struct store_feed f;

    snprintf(name, sizeof name, "%.39s/%.39s", v->who.administration->id, id);
    store_feed_get(v->b->store, name, &f);
    HTML("<tr><th scope=\"row\">");
    TEXT(title);
    if (host) {
        HTML("<br><span class=\"fine\">");
        TEXT(host);
        HTML("</span>");
    }
    HTML("</th><td>");
    TEXT(publisher ? publisher : "–");
    HTML("</td>");
    moment(v, f.tried, T("not yet"));
    state(v, &f);
    moment(v, f.succeeded, T("never"));
    buf_fmt(&v->out, "<td class=\"num\">%d</td>", f.items);
    moment(v, f.due > v->now ? f.due : 0, T("soon"));
    HTML("</tr>");
}

static void rows(struct visit *v)
{
    const struct board_administration *a = v->who.administration;

    for (size_t i = 0; i < a->n_feeds; i++) {
        const struct board_feed *f = &a->feeds[i];
        const struct board_publisher *p = board_conf_publisher(a, f->publisher);
        const char *host = strstr(f->url, "://");
        char shown[128];
        host = host ? host + 3 : f->url;
        snprintf(shown, sizeof shown, "%.*s", (int)strcspn(host, "/?#"), host);
        const char *at = strrchr(shown, '@');
        row(v, f->id, f->id, at ? at + 1 : shown, p ? p->name : f->publisher);
    }
    if (a->notices_directory)
        row(v, IMPORTER_FILES, T("Files in the directory"), NULL, NULL);
}

void feeds_page(struct visit *v)
{
    static const char *const heads[] = {
        N_("Feed"),      N_("In whose name"), N_("Last look"), N_("What came of it"),
        N_("Last good"), N_("Items"),         N_("Next look")};
    const struct board_administration *a = v->who.administration;

    if (v->who.role < BOARD_ADMIN) {
        visit_not_found(v);
        return;
    }
    page_begin(v, T("Feeds"));
    page_element(v, "p",
                 T("News that come by themselves from other sites. Whoever looks after the "
                   "board sets them up."));
    if (!a->n_feeds && !a->notices_directory) {
        page_box(v, "note", T("There is none yet."));
    } else {
        HTML("<section class=\"scroll\" tabindex=\"0\"");
        page_attr(v, "aria-label", T("Feeds"));
        HTML("><table><thead><tr>");
        for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
            page_element(v, "th scope=\"col\"", T(heads[i]));
        HTML("</tr></thead><tbody>");
        rows(v);
        HTML("</tbody></table></section>");
    }
    page_end(v);
    visit_send(v, 200);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a notice is written: one form, top to bottom: what, where, when, how important. It is kept
 * whatever it holds; the page behind it says what will happen and shows it as a phone will. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- the page
 * ------------------------------------------------------------------------------------------------
 */
const char *edit_save_words(const struct visit *v)
{
    return v->who.administration->approval ? T("Save, and send it to a second person")
                                           : T("Save it: it is ready");
}

void edit_errors_part(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct draft_place place = visit_place(v, kind);
    size_t n = id ? draft_check(d, &place, f) : 0;

    if (draft_has_errors(f, n))
        findings_part(v, f, n);
}

void edit_page(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind,
               int version, const char *kept)
{
    const char *title = kind == STORE_TEMPLATE ? T("Template for an emergency")
                        : id                   ? T("Change the notice")
                                               : T("Write a notice");
    char number[16];

    if (kind == STORE_SERVICE) {
        service_form(v, d, id, version, kept);
        return;
    }
    page_begin(v, title);
    if (kept)
        page_box(v, "note", kept);
    edit_errors_part(v, d, id, kind);
    page_form(v, v->path, "editor");
    snprintf(number, sizeof number, "%d", version);
    page_hidden(v, "version", number);
    HTML("<div class=\"box\">");
    edit_publisher_part(v, d, kind);
    edit_source_part(v, d);
    edit_languages_part(v, d);
    edit_link_part(v, d);
    edit_zones_part(v, d, kind);
    edit_times_part(v, d, kind);
    edit_priority_part(v, d);
    HTML("<p class=\"row\"><button type=\"submit\" class=\"big\" name=\"then\" value=\"look\">");
    TEXT(kind == STORE_NOTICE ? T("Go on: see what will happen") : edit_save_words(v));
    HTML("</button> ");
    HTML("<button type=\"submit\" class=\"second\" name=\"then\" value=\"keep\">");
    TEXT(T("Save as a draft"));
    HTML("</button> ");
    HTML("<a href=\"/\">");
    TEXT(T("Leave without saving"));
    HTML("</a></p></div></form>");
    page_end(v);
    visit_send(v, 200);
}

/* A new one ends in a week, and is everywhere it may be if there is only one place. */
static struct draft *new_draft(struct visit *v, enum store_kind kind)
{
    char form[200], day[16], zone[64] = "";
    time_t week = (time_t)v->now + 7 * 86400;
    struct tm tm;

    if (kind == STORE_SERVICE) /* what the city offers is offered everywhere */
        return draft_new("everywhere=1", 12);
    localtime_r(&week, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    if (v->b->conf->n_zones == 1)
        snprintf(zone, sizeof zone, "&zone.%.32s=1", v->b->conf->zones[0].name);
    snprintf(form, sizeof form, "until_day=%s&priority=%s%s", day,
             kind == STORE_TEMPLATE ? "emergency" : "info", zone);
    return draft_new(form, strlen(form));
}

void edit_get(struct visit *v, int64_t id, enum store_kind kind)
{
    struct seen s = {.d = NULL};

    if (kind != STORE_NOTICE && v->who.role < BOARD_ADMIN) {
        visit_not_found(v);
        return;
    }
    if (id)
        seen_load(v, id, kind, &s);
    else
        s.d = new_draft(v, kind);
    if (s.d && (!id || visit_may_write(v, kind, s.publisher)))
        edit_page(v, s.d, id, kind, s.n.version,
                  s.n.feed ? T("This notice came from a feed. A change of yours stays until the "
                               "feed changes it again.")
                           : NULL);
    else
        visit_not_found(v);
    draft_free(s.d);
}

/* --- saving
 * ---------------------------------------------------------------------------------------------------
 */
/* Both the publisher that it has and the one that it gets must be the editor's own. The draft gets
 * the source that the notice has, and version the number of its latest version. */
static bool may_save(struct visit *v, struct draft *d, int64_t id, enum store_kind kind,
                     int *version)
{
    struct seen s = {.d = NULL};

    if (!visit_may_write(v, kind, draft_get(d, "publisher")))
        return false;
    bool may = !id || (seen_load(v, id, kind, &s) && visit_may_write(v, kind, s.publisher));
    *version = s.n.version;
    may = may && draft_set_source(d, s.d ? draft_get(s.d, "source") : NULL);
    draft_free(s.d);
    return may;
}

static const char *changed_words(const struct visit *v)
{
    return T("Somebody else has changed this meanwhile. Here is what you typed: save it "
             "again to put it in the place of theirs. Theirs stays in the history.");
}

void edit_again(struct visit *v, struct draft *d, int64_t id, enum store_kind kind, int version)
{
    int latest = 0;

    bool may = may_save(v, d, id, kind, &latest);
    if (!may) /* saving will say so; what was typed is not thrown away before */
        draft_set_source(d, NULL);
    edit_page(v, d, id, kind, may ? latest : 0,
              may && version != latest
                  ? changed_words(v)
                  : T("You are signed in again, and here is what you typed. It is not saved yet."));
}

/* A notice is looked at first. What is saved of a template or a card goes as far as it may at once:
 * in force, to a second person, or, with an error in it or where that is wished, not further. */
static enum store_state state_of(struct visit *v, const struct draft *d, enum store_kind kind)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct draft_place place = visit_place(v, kind);

    if (kind == STORE_NOTICE || strcmp(visit_field(v, "then"), "keep") == 0 ||
        draft_has_errors(f, draft_check(d, &place, f)))
        return STORE_DRAFT;
    return v->who.administration->approval ? STORE_WAITING : STORE_APPROVED;
}

static void saved_notice(struct visit *v, int64_t id)
{
    char path[64];

    snprintf(path, sizeof path, "/notice/%lld", (long long)id);
    visit_see_other(v, strcmp(visit_field(v, "then"), "keep") == 0 ? "/?show=drafts" : path);
}

void edit_post(struct visit *v, int64_t id, enum store_kind kind)
{
    static const char *const saved[] = {
        [STORE_DRAFT] = "saved", [STORE_WAITING] = "sent", [STORE_APPROVED] = "published"};
    size_t len = 0;
    const char *body = http_body(v->req, &len);
    struct draft *d = draft_new(body ? body : "", len);
    int latest = 0;

    if (!d) {
        visit_refuse(v, 413, T("Too long"),
                     T("All texts together are too long. Go back and cut some."));
        return;
    }
    if (!may_save(v, d, id, kind, &latest)) {
        draft_free(d);
        visit_refuse(v, 403, T("Not yours"),
                     T("Your account may not write in this name. Nothing was changed."));
        return;
    }
    enum store_state state = state_of(v, d, kind);
    int64_t put = visit_put(v, d, id, kind, state, visit_version(v), NULL);
    if (put == -1)
        edit_page(v, d, id, kind, latest, changed_words(v));
    else if (put > 0 && kind == STORE_NOTICE)
        saved_notice(v, put);
    else
        deed_done(v, kind, put, saved[state]);
    draft_free(d);
}

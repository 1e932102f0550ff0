/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One notice: what will happen in words, what is wrong with it, how a phone shows it, what one may
 * do with it, and its history. Everything that a button does here is looked at again when the
 * button's POST comes: the state that was seen, the rights, the checks. */
#include "lib/log.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_VERSIONS = 50, MAX_PHONES = 4 };

/* A copy that outlives the store's row. */
struct seen {
    bool there;
    struct store_notice n;
    struct draft *d;
    char publisher[40], title[512], editor[80], zones[9000], feed[80];
    bool whole, has_live;
};

static bool copy(void *arg, const struct store_notice *n)
{
    struct seen *s = arg;
    char err[100];

    s->there = true;
    s->n = *n;
    snprintf(s->publisher, sizeof s->publisher, "%s", n->publisher);
    snprintf(s->title, sizeof s->title, "%s", n->title);
    snprintf(s->editor, sizeof s->editor, "%s", n->editor);
    snprintf(s->zones, sizeof s->zones, "%s", n->zones);
    snprintf(s->feed, sizeof s->feed, "%s", n->feed ? n->feed : "");
    s->whole = n->text != NULL;
    s->has_live = n->live_text != NULL;
    if (n->form && *n->form) {
        s->d = draft_new(n->form, strlen(n->form));
    } else if (n->text) {
        struct notice *parsed = notice_parse("draft", n->text, strlen(n->text), err, sizeof err);
        s->d = parsed ? draft_from_notice(parsed, n->publisher) : NULL;
        notice_free(parsed);
    } else { /* saved with nothing in it */
        s->d = draft_new("", 0);
    }
    s->n.publisher = s->publisher;
    s->n.title = s->title;
    s->n.author = NULL;
    s->n.editor = s->editor;
    s->n.zones = s->zones;
    s->n.feed = *s->feed ? s->feed : NULL;
    s->n.form = s->n.text = s->n.live_text = s->n.guid = NULL;
    return true;
}

/* False, and the visit is answered, if it is not there or not the visitor's. */
static bool look(struct visit *v, int64_t id, enum store_kind kind, struct seen *s)
{
    memset(s, 0, sizeof *s);
    store_notice_get(v->b->store, v->who.administration->id, id, copy, s);
    if (s->there && s->d && s->n.kind == kind && who_role(&v->who, s->publisher) >= 0)
        return true;
    draft_free(s->d);
    visit_not_found(v);
    return false;
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
                                .now = v->now,
                                .zone_load = zone_load,
                                .arg = &load_now};
}

static size_t check(struct visit *v, const struct seen *s,
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

static void findings(struct visit *v, const struct draft_finding *f, size_t n)
{
    bool errors = draft_has_errors(f, n);

    if (!n) {
        page_box(v, "good", T("All checks are fine."));
        return;
    }
    buf_fmt(&v->out, "<section class=\"box %s\"%s>", errors ? "alert" : "note",
            errors ? " role=\"alert\"" : "");
    page_element(v, "h2", errors ? T("This must be mended first") : T("Look at this once more"));
    HTML("<ul>");
    for (size_t i = 0; i < n; i++) {
        struct buf b;
        if (errors && f[i].code >= DRAFT_WARNINGS)
            break;
        buf_init(&b, 2048);
        words_finding(v, &b, &f[i]);
        page_element(v, "li", b.data ? b.data : "");
        buf_free(&b);
    }
    HTML("</ul></section>");
}

/* --- the preview
 * ------------------------------------------------------------------------------------------ */
static const char *first_zone(const struct visit *v, const struct draft *d)
{
    for (size_t i = 0; i < v->b->conf->n_zones; i++)
        if (draft_in_zone(d, v->b->conf->zones[i].name))
            return v->b->conf->zones[i].name;
    return "";
}

static void zone_choice(struct visit *v, const struct seen *s, const char *zone)
{
    HTML("<form method=\"get\" class=\"row\"><p><label>");
    TEXT(T("Seen in"));
    HTML("<select name=\"zone\">");
    for (size_t i = 0; i < v->b->conf->n_zones; i++) {
        const struct board_zone *z = &v->b->conf->zones[i];
        HTML("<option");
        page_attr(v, "value", z->name);
        HTML(strcmp(zone, z->name) == 0 ? " selected>" : ">");
        TEXT(z->title);
        if (!draft_in_zone(s->d, z->name)) {
            HTML(" – ");
            TEXT(T("not there"));
        }
        HTML("</option>");
    }
    HTML("</select></label></p><button type=\"submit\" class=\"second\">");
    TEXT(T("Show"));
    HTML("</button></form>");
}

static void phones(struct visit *v, const struct seen *s)
{
    const struct board_conf *c = v->b->conf;
    const char *zone = visit_query(v, "zone");

    if (!board_conf_zone(c, zone))
        zone = first_zone(v, s->d);
    HTML("<section>");
    page_element(v, "h2", T("As a phone will show it"));
    zone_choice(v, s, zone);
    HTML("<div class=\"phones\">");
    for (size_t i = 0; i < c->n_languages && i < MAX_PHONES; i++) {
        HTML("<figure class=\"phone\"><figcaption>");
        TEXT(page_language_name(v, c->languages[i]));
        HTML("</figcaption><iframe");
        buf_fmt(&v->out, " src=\"/notice/%lld/preview?show=%s&amp;zone=%s\"", (long long)s->n.id,
                c->languages[i], zone);
        struct buf b;
        buf_init(&b, 256);
        page_fill_plain(&b, T("Preview: {language}"),
                        ARGS({"language", page_language_name(v, c->languages[i]), false}));
        page_attr(v, "title", b.data ? b.data : "");
        buf_free(&b);
        HTML("></iframe></figure>");
    }
    HTML("</div></section>");
}

/* --- deeds
 * ----------------------------------------------------------------------------------------------------
 */
static void button(struct visit *v, int64_t id, const char *action, int version,
                   const char *classes, const char *text)
{
    char path[64], number[16];

    snprintf(path, sizeof path, "/notice/%lld/%s", (long long)id, action);
    snprintf(number, sizeof number, "%d", version);
    page_form(v, path, NULL);
    page_hidden(v, "version", number);
    HTML("<button type=\"submit\"");
    page_attr(v, "class", classes);
    HTML(">");
    TEXT(text);
    HTML("</button></form>");
}

static void return_form(struct visit *v, const struct seen *s)
{
    char path[64], number[16];

    snprintf(path, sizeof path, "/notice/%lld/return", (long long)s->n.id);
    snprintf(number, sizeof number, "%d", s->n.version);
    HTML("<details class=\"card\"><summary>");
    TEXT(T("Send it back to be changed"));
    HTML("</summary>");
    page_form(v, path, NULL);
    page_hidden(v, "version", number);
    HTML("<p><label>");
    TEXT(T("What should be different"));
    HTML("<input type=\"text\" name=\"note\" maxlength=\"300\" required></label></p><p><button "
         "type=\"submit\" class=\"second\">");
    TEXT(T("Send back"));
    HTML("</button></p></form></details>");
}

static bool open_version(const struct seen *s)
{
    return s->n.state == STORE_DRAFT || s->n.state == STORE_WAITING || s->n.state == STORE_RETURNED;
}

static void deeds(struct visit *v, const struct seen *s, bool errors)
{
    bool publish = visit_may_publish(v, s->n.id, s->n.version, s->publisher);
    char edit[64];

    HTML("<div class=\"row\">");
    if (open_version(s) && !errors) {
        if (publish)
            button(v, s->n.id, "publish", s->n.version, "big",
                   s->n.state == STORE_WAITING ? T("Agree, and publish it") : T("Publish it"));
        else if (s->n.state != STORE_WAITING)
            button(v, s->n.id, "send", s->n.version, "big", T("Send it to a second person"));
    }
    snprintf(edit, sizeof edit, "/notice/%lld/edit", (long long)s->n.id);
    HTML("<a class=\"btn second\"");
    page_attr(v, "href", edit);
    HTML(">");
    TEXT(T("Change it"));
    HTML("</a> ");
    if (s->n.live)
        button(v, s->n.id, "withdraw", s->n.version, "danger", T("Withdraw it at once"));
    else if (open_version(s))
        button(v, s->n.id, "withdraw", s->n.version, "second", T("Throw the draft away"));
    HTML("</div>");
    if (s->n.state == STORE_WAITING && !publish)
        page_box(v, "note",
                 T("It waits for a second person; whoever wrote it cannot agree to it."));
    if (s->n.state == STORE_WAITING && publish)
        return_form(v, s);
}

/* --- history
 * ----------------------------------------------------------------------------------------------------
 */
struct history {
    struct visit *v;
    const struct seen *s;
};

static const char *deed(const struct visit *v, enum store_state state)
{
    static const char *const names[] = {N_("saved a draft"), N_("sent it for approval"),
                                        N_("published it"), N_("sent it back"), N_("withdrew it")};

    return T(names[state]);
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
    TEXT(deed(v, ver->state));
    if (ver->number == h->s->n.live) {
        HTML(" <span class=\"tag s\">");
        TEXT(T("on the pages"));
        HTML("</span>");
    }
    if (ver->note) {
        HTML("<br>");
        TEXT(ver->note);
    }
    HTML("</td><td>");
    if (ver->text && ver->number != h->s->n.version && who_may_write(&v->who, h->s->publisher)) {
        snprintf(path, sizeof path, "/notice/%lld/restore", (long long)h->s->n.id);
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

static void history(struct visit *v, const struct seen *s)
{
    struct history h = {v, s};
    static const char *const heads[] = {N_("Version"), N_("When"), N_("Who"), N_("What"),
                                        N_("Undo")};

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
}

/* --- the page
 * ----------------------------------------------------------------------------------------------------
 */
static void page_now(struct visit *v, int64_t id)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct seen s;
    struct buf b;

    if (!look(v, id, STORE_NOTICE, &s))
        return;
    size_t n = open_version(&s) || s.n.live ? check(v, &s, f) : 0;
    page_begin(v, *s.title ? s.title : T("(without a title)"));
    if (*visit_query(v, "done"))
        page_box(v, "good",
                 T("Done. Routers have it within seconds; one that cannot be reached gets it "
                   "as soon as it can."));
    HTML("<div class=\"card\"><p><span class=\"tag\">");
    TEXT(words_priority(v, s.n.priority));
    HTML("</span> ");
    TEXT(words_state(v, &s.n));
    HTML("</p>");
    if (s.n.ends && s.n.state != STORE_WITHDRAWN) {
        buf_init(&b, 16384);
        words_sentence(v, &b, s.zones, s.n.starts, s.n.ends, s.n.state == STORE_APPROVED);
        HTML("<p class=\"lead\">");
        TEXT(b.data ? b.data : "");
        HTML("</p>");
        buf_free(&b);
    }
    if (s.n.feed) {
        HTML("<p class=\"fine\">");
        FILL(T("It came from the feed {feed}."), {"feed", s.n.feed, false});
        HTML("</p>");
    }
    if (s.n.live)
        words_routers(v);
    HTML("</div>");
    if (open_version(&s))
        findings(v, f, n);
    deeds(v, &s, draft_has_errors(f, n));
    if (s.whole)
        phones(v, &s);
    history(v, &s);
    page_end(v);
    draft_free(s.d);
    visit_send(v, 200);
}

static void link_known(void *arg)
{
    struct visit *v = arg;
    int64_t id = v->waiting;

    if (v->next_link < v->n_links) {
        links_ask(v->b->links, v->links[v->next_link++], link_known, v);
        return;
    }
    v->waiting = 0;
    v->who.administration = board_conf_administration(v->b->conf, v->who.administration_id);
    if (v->who.administration)
        page_now(v, id);
    else
        visit_not_found(v);
}

/* Before something is published its links are asked for, all at once; that takes seconds at most
 * (links.c). */
void notice_page(struct visit *v, int64_t id)
{
    struct seen s;

    if (!look(v, id, STORE_NOTICE, &s))
        return;
    if (open_version(&s))
        v->n_links = draft_links(s.d, v->links, WEB_LINKS);
    draft_free(s.d);
    v->waiting = id;
    for (size_t i = 1; i < v->n_links; i++)
        links_ask(v->b->links, v->links[i], NULL, NULL);
    link_known(v);
}

/* --- what the buttons do
 * -------------------------------------------------------------------------------------------- */
static void done(struct visit *v, int64_t id, int64_t put, const char *deed_name)
{
    char path[64];

    if (put == -1) {
        visit_refuse(v, 409, T("Changed meanwhile"),
                     T("Somebody else has changed this notice since you looked at it. Nothing was "
                       "done: look at it again."));
        return;
    }
    if (put <= 0) {
        visit_store_failed(v, deed_name);
        return;
    }
    log_msg(LOG_NOTICE, "event=notice deed=%s notice=%s-%lld who=%s", deed_name,
            v->who.administration->id, (long long)id, v->who.name);
    snprintf(path, sizeof path, "/notice/%lld?done=%s", (long long)id, deed_name);
    visit_see_other(v, path);
}

static void not_allowed(struct visit *v)
{
    visit_refuse(v, 403, T("Not yours"), T("Your account may not do that. Nothing was changed."));
}

static void publish(struct visit *v, const struct seen *s, int version)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    size_t n = check(v, s, f);

    if (!open_version(s) || !visit_may_publish(v, s->n.id, s->n.version, s->publisher))
        not_allowed(v);
    else if (draft_has_errors(f, n))
        visit_refuse(v, 409, T("Not yet"), T("Something in it must be mended first."));
    else
        done(v, s->n.id, visit_put(v, s->d, s->n.id, STORE_NOTICE, STORE_APPROVED, version, NULL),
             "published");
}

static void send_on(struct visit *v, const struct seen *s, int version)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];

    if (!who_may_write(&v->who, s->publisher))
        not_allowed(v);
    else if (draft_has_errors(f, check(v, s, f)))
        visit_refuse(v, 409, T("Not yet"), T("Something in it must be mended first."));
    else
        done(v, s->n.id, visit_put(v, s->d, s->n.id, STORE_NOTICE, STORE_WAITING, version, NULL),
             "sent");
}

static void send_back(struct visit *v, const struct seen *s, int version)
{
    char note[320];

    if (s->n.state != STORE_WAITING || !visit_may_publish(v, s->n.id, s->n.version, s->publisher)) {
        not_allowed(v);
        return;
    }
    snprintf(note, sizeof note, "%.300s", visit_field(v, "note"));
    done(v, s->n.id, visit_put(v, s->d, s->n.id, STORE_NOTICE, STORE_RETURNED, version, note),
         "returned");
}

/* At once, and whoever may write may do it: what is wrong on a page is worse than what is missing.
 */
static void withdraw(struct visit *v, const struct seen *s)
{
    if (who_may_write(&v->who, s->publisher))
        done(v, s->n.id, visit_put(v, s->d, s->n.id, STORE_NOTICE, STORE_WITHDRAWN, 0, NULL),
             "withdrawn");
    else
        not_allowed(v);
}

struct older {
    struct draft *d;
    char who[80];
    const char *publisher; /* of what was imported: its form does not say */
};

static bool copy_version(void *arg, const struct store_version *ver)
{
    struct older *o = arg;
    char err[100];

    snprintf(o->who, sizeof o->who, "%s", ver->who);
    if (*ver->form) {
        o->d = draft_new(ver->form, strlen(ver->form));
    } else if (ver->text) {
        struct notice *parsed =
            notice_parse("draft", ver->text, strlen(ver->text), err, sizeof err);
        o->d = parsed ? draft_from_notice(parsed, o->publisher) : NULL;
        notice_free(parsed);
    }
    return true;
}

/* Back to an older version: published where that may be done alone, else sent to a second person;
 * where it has ended meanwhile a draft, to be given another end. */
static void restore(struct visit *v, struct seen *s, int version)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct older o = {.publisher = s->publisher};
    int number = atoi(visit_field(v, "number"));
    char note[40];

    store_version_get(v->b->store, v->who.administration->id, s->n.id, number, copy_version, &o);
    if (!o.d || !who_may_write(&v->who, s->publisher) ||
        !who_may_write(&v->who, draft_get(o.d, "publisher"))) {
        draft_free(o.d);
        not_allowed(v);
        return;
    }
    draft_free(s->d);
    s->d = o.d;
    bool fine = !draft_has_errors(f, check(v, s, f));
    enum store_state state = !fine                                                 ? STORE_DRAFT
                             : visit_may_publish(v, s->n.id, number, s->publisher) ? STORE_APPROVED
                                                                                   : STORE_WAITING;
    snprintf(note, sizeof note, "<- %d", number);
    done(v, s->n.id, visit_put(v, s->d, s->n.id, STORE_NOTICE, state, version, note), "restored");
}

void notice_post(struct visit *v, int64_t id, const char *action)
{
    struct seen s;

    if (!look(v, id, STORE_NOTICE, &s))
        return;
    int version = visit_version(v);
    if (strcmp(action, "publish") == 0)
        publish(v, &s, version);
    else if (strcmp(action, "send") == 0)
        send_on(v, &s, version);
    else if (strcmp(action, "return") == 0)
        send_back(v, &s, version);
    else if (strcmp(action, "withdraw") == 0)
        withdraw(v, &s);
    else if (strcmp(action, "restore") == 0)
        restore(v, &s, version);
    else
        visit_not_found(v);
    draft_free(s.d);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a notice is written: one form, top to bottom: what, where, when, how important. It is kept
 * whatever it holds; the page behind it says what will happen and shows it as a phone will. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- reading what there is
 * ------------------------------------------------------------------------------ */
struct loaded {
    struct draft *d;
    int version;
    char publisher[40], author[80], editor[80];
    enum store_kind kind;
    bool imported;
};

static bool load(void *arg, const struct store_notice *n)
{
    struct loaded *l = arg;
    char err[100];

    l->version = n->version;
    l->kind = n->kind;
    l->imported = n->feed != NULL;
    snprintf(l->publisher, sizeof l->publisher, "%s", n->publisher);
    snprintf(l->editor, sizeof l->editor, "%s", n->editor);
    if (n->form && *n->form) {
        l->d = draft_new(n->form, strlen(n->form));
    } else if (n->text) { /* imported: there was no form */
        struct notice *parsed = notice_parse("draft", n->text, strlen(n->text), err, sizeof err);
        if (parsed)
            l->d = draft_from_notice(parsed, n->publisher);
        notice_free(parsed);
    } else { /* saved with nothing in it */
        l->d = draft_new("", 0);
    }
    return true;
}

/* --- the parts of the form
 * ----------------------------------------------------------------------------------- */
static void publisher_field(struct visit *v, const struct draft *d)
{
    const struct board_administration *a = v->who.administration;
    const struct board_publisher *only = NULL;
    size_t n = 0;

    for (size_t i = 0; i < a->n_publishers; i++)
        if (who_may_write(&v->who, a->publishers[i].id)) {
            only = &a->publishers[i];
            n++;
        }
    if (n == 1) {
        page_hidden(v, "publisher", only->id);
        return;
    }
    HTML("<p><label>");
    TEXT(T("In whose name"));
    HTML("<select name=\"publisher\">");
    for (size_t i = 0; i < a->n_publishers; i++) {
        if (!who_may_write(&v->who, a->publishers[i].id))
            continue;
        HTML("<option");
        page_attr(v, "value", a->publishers[i].id);
        HTML(strcmp(draft_get(d, "publisher"), a->publishers[i].id) == 0 ? " selected>" : ">");
        TEXT(a->publishers[i].name);
        HTML("</option>");
    }
    HTML("</select></label></p>");
}

static void tools(struct visit *v, const char *lang)
{
    static const char *const kinds[][2] = {
        {"bold", N_("Bold")}, {"link", N_("Link")}, {"list", N_("List")}};

    buf_fmt(&v->out, "<div class=\"tools\" data-for=\"text-%s\" hidden>", lang);
    for (size_t i = 0; i < 3; i++) {
        buf_fmt(&v->out, "<button type=\"button\" class=\"second\" data-kind=\"%s\">", kinds[i][0]);
        TEXT(T(kinds[i][1]));
        HTML("</button>");
    }
    HTML("</div>");
}

static void language_part(struct visit *v, const struct draft *d, const char *lang)
{
    const char *title = draft_text(d, "title", lang), *text = draft_text(d, "text", lang);
    const char *dir = i18n_rtl(lang) ? "rtl" : "ltr";

    buf_fmt(&v->out, "<fieldset class=\"card%s\"><legend>", *title ? "" : " missing");
    TEXT(page_language_name(v, lang));
    if (!*title) {
        HTML(" <span class=\"tag w\">");
        TEXT(T("missing"));
        HTML("</span>");
    }
    buf_fmt(&v->out, "</legend><p><label for=\"title-%s\">", lang);
    TEXT(T("Title"));
    buf_fmt(&v->out, "</label> <span class=\"hint\" id=\"count-%s\" data-text=\"", lang);
    TEXT(T("{n} of {most} characters"));
    HTML("\">");
    TEXT(T("at most 120 characters"));
    buf_fmt(&v->out,
            "</span><input type=\"text\" id=\"title-%s\" name=\"title.%s\" maxlength=\"120\" "
            "lang=\"%s\" dir=\"%s\" "
            "data-count=\"count-%s\" aria-describedby=\"count-%s\"",
            lang, lang, lang, dir, lang, lang);
    page_attr(v, "value", title);
    buf_fmt(&v->out, "></p><div><label for=\"text-%s\">", lang);
    TEXT(T("Text"));
    buf_fmt(&v->out, "</label><span class=\"hint\" id=\"hint-%s\">", lang);
    TEXT(T("**bold**, [words](https://…), lists with “- ”"));
    HTML("</span>");
    tools(v, lang);
    buf_fmt(&v->out,
            "<textarea id=\"text-%s\" name=\"text.%s\" rows=\"6\" maxlength=\"4000\" lang=\"%s\" "
            "dir=\"%s\" aria-describedby=\"hint-%s\">\n",
            lang, lang, lang, dir, lang);
    TEXT(text);
    HTML("</textarea></div></fieldset>");
}

/* The board's languages, and those that the draft has besides. */
static void languages_part(struct visit *v, const struct draft *d)
{
    const struct board_conf *c = v->b->conf;

    HTML("<div class=\"cols\">");
    for (size_t i = 0; i < c->n_languages; i++)
        language_part(v, d, c->languages[i]);
    for (size_t i = 0; i < d->n; i++) {
        const char *lang = d->fields[i].name + 6;
        bool known = strncmp(d->fields[i].name, "title.", 6) != 0 || strlen(lang) > 15;
        for (size_t k = 0; !known && k < c->n_languages; k++)
            known = strcmp(c->languages[k], lang) == 0;
        if (!known)
            language_part(v, d, lang);
    }
    HTML("</div>");
}

static void checkbox(struct visit *v, const char *name, const char *text, bool on)
{
    HTML("<label class=\"pick\"><input type=\"checkbox\" value=\"1\"");
    page_attr(v, "name", name);
    HTML(on ? " checked> " : "> ");
    HTML("<span>");
    TEXT(text);
    HTML("</span></label>");
}

/* Whether any publisher of who may use the zone. */
static bool zone_usable(const struct visit *v, const char *zone)
{
    const struct board_administration *a = v->who.administration;

    for (size_t i = 0; i < a->n_publishers; i++)
        if (who_may_write(&v->who, a->publishers[i].id) &&
            board_publisher_may_use(&a->publishers[i], zone))
            return true;
    return false;
}

static void zones_part(struct visit *v, const struct draft *d)
{
    const struct board_conf *c = v->b->conf;
    char name[48];

    HTML("<fieldset class=\"card\"><legend>");
    TEXT(T("Where"));
    HTML("</legend>");
    if (zone_usable(v, "*"))
        checkbox(v, "everywhere", T("In all places, new ones too"), *draft_get(d, "everywhere"));
    HTML("<div class=\"cols\">");
    for (size_t i = 0; i < c->n_zones; i++) {
        snprintf(name, sizeof name, "zone.%s", c->zones[i].name);
        if (zone_usable(v, c->zones[i].name) || *draft_get(d, name))
            checkbox(v, name, c->zones[i].title, *draft_get(d, name));
    }
    HTML("</div></fieldset>");
}

static void time_field(struct visit *v, const struct draft *d, const char *name, const char *type,
                       const char *label)
{
    HTML("<p><label>");
    TEXT(label);
    buf_fmt(&v->out, "<input type=\"%s\" name=\"%s\"", type, name);
    page_attr(v, "value", draft_get(d, name));
    HTML("></label></p>");
}

static void times_part(struct visit *v, const struct draft *d, enum store_kind kind)
{
    HTML("<fieldset class=\"card\"><legend>");
    TEXT(T("When"));
    HTML("</legend>");
    if (kind == STORE_TEMPLATE) {
        HTML("<p><label>");
        TEXT(T("It ends by itself after so many hours"));
        HTML("<input type=\"number\" name=\"hours\" min=\"1\" max=\"168\"");
        page_attr(v, "value", *draft_get(d, "hours") ? draft_get(d, "hours") : "6");
        HTML("></label></p></fieldset>");
        return;
    }
    HTML("<div class=\"times\">");
    time_field(v, d, "from_day", "date", T("From (empty: at once)"));
    time_field(v, d, "from_hour", "time", T("at (hour)"));
    HTML("</div><div class=\"times\">");
    time_field(v, d, "until_day", "date", T("Until (with this day)"));
    time_field(v, d, "until_hour", "time", T("at (empty: end of the day)"));
    HTML("</div></fieldset>");
}

static void priority_part(struct visit *v, const struct draft *d)
{
    static const struct {
        const char *value, *words;
    } rows[] = {{"info", N_("News: good to know")},
                {"service", N_("Service: something works differently")},
                {"warning", N_("Warning: be careful")},
                {"emergency", N_("Emergency: danger, above everything else")}};
    int chosen = (int)draft_priority(d);

    HTML("<fieldset class=\"card\"><legend>");
    TEXT(T("How important"));
    HTML("</legend>");
    for (int i = 0; i < 4; i++) {
        buf_fmt(
            &v->out,
            "<label class=\"pick\"><input type=\"radio\" name=\"priority\" value=\"%s\"%s> <span>",
            rows[i].value, i == chosen ? " checked" : "");
        TEXT(T(rows[i].words));
        HTML("</span></label>");
    }
    HTML("</fieldset>");
}

static void link_part(struct visit *v, const struct draft *d)
{
    HTML("<p class=\"card\"><label for=\"link\">");
    TEXT(T("One link or telephone number"));
    HTML("</label><span class=\"hint\" id=\"hint-link\">");
    TEXT(T("https://…, tel:+39…, or mailto:…; may stay empty"));
    HTML(
        "</span><input type=\"text\" id=\"link\" name=\"link\" maxlength=\"500\" inputmode=\"url\" "
        "aria-describedby=\"hint-link\"");
    page_attr(v, "value", draft_get(d, "link"));
    HTML("></p>");
}

/* Whose news it is does not change with its words. */
static void source_part(struct visit *v, const struct draft *d)
{
    if (!*draft_get(d, "source"))
        return;
    HTML("<p class=\"card\"><label for=\"source\">");
    TEXT(T("Official source"));
    HTML("</label><span class=\"hint\" id=\"hint-source\">");
    TEXT(T("It stands on the notice, whatever you change."));
    HTML("</span><input type=\"text\" id=\"source\" readonly aria-describedby=\"hint-source\"");
    page_attr(v, "value", draft_get(d, "source"));
    HTML("></p>");
}

/* --- the page
 * ------------------------------------------------------------------------------------------------
 */
void edit_page(struct visit *v, const struct draft *d, int64_t id, enum store_kind kind,
               int version, const char *kept)
{
    const char *title = kind == STORE_TEMPLATE ? T("Template for an emergency")
                        : id                   ? T("Change the notice")
                                               : T("Write a notice");
    char number[16];

    page_begin(v, title);
    if (kept)
        page_box(v, "note", kept);
    page_form(v, v->path, "editor");
    snprintf(number, sizeof number, "%d", version);
    page_hidden(v, "version", number);
    HTML("<div class=\"box\">");
    publisher_field(v, d);
    source_part(v, d);
    languages_part(v, d);
    link_part(v, d);
    zones_part(v, d);
    times_part(v, d, kind);
    priority_part(v, d);
    HTML("<p class=\"row\"><button type=\"submit\" class=\"big\" name=\"then\" value=\"look\">");
    TEXT(kind == STORE_TEMPLATE ? T("Save the template") : T("Go on: see what will happen"));
    HTML("</button> ");
    if (kind == STORE_NOTICE) {
        HTML("<button type=\"submit\" class=\"second\" name=\"then\" value=\"keep\">");
        TEXT(T("Save as a draft"));
        HTML("</button> ");
    }
    HTML("<a href=\"/\">");
    TEXT(T("Leave without saving"));
    HTML("</a></p></div></form>");
    page_end(v);
    visit_send(v, 200);
}

/* A new one ends in a week, and is everywhere it may be if there is only one place. */
static struct draft *new_draft(struct visit *v, enum store_kind kind)
{
    char form[200], day[16];
    time_t week = (time_t)v->now + 7 * 86400;
    struct tm tm;

    localtime_r(&week, &tm);
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    snprintf(form, sizeof form, "until_day=%s&priority=%s%s%s", day,
             kind == STORE_TEMPLATE ? "emergency" : "info",
             v->b->conf->n_zones == 1 ? "&zone." : "",
             v->b->conf->n_zones == 1 ? v->b->conf->zones[0].name : "");
    if (v->b->conf->n_zones == 1)
        strcat(form, "=1");
    return draft_new(form, strlen(form));
}

void edit_get(struct visit *v, int64_t id, enum store_kind kind)
{
    struct loaded l = {.kind = kind};

    if (kind == STORE_TEMPLATE && v->who.role < BOARD_ADMIN) {
        visit_not_found(v);
        return;
    }
    if (id)
        store_notice_get(v->b->store, v->who.administration->id, id, load, &l);
    else
        l.d = new_draft(v, kind);
    if (!l.d || l.kind != kind || (id && !who_may_write(&v->who, l.publisher))) {
        draft_free(l.d);
        visit_not_found(v);
        return;
    }
    edit_page(v, l.d, id, kind, l.version,
              l.imported ? T("This notice came from a feed. A change of yours stays until the feed "
                             "changes it again.")
                         : NULL);
    draft_free(l.d);
}

/* --- saving
 * ---------------------------------------------------------------------------------------------------
 */
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
                             .priority = (int)draft_priority(d)};

    buf_init(&form, DRAFT_MAX_BYTES * 3);
    buf_init(&words, DRAFT_MAX_BYTES);
    buf_init(&zones, 16384);
    buf_init(&text, NOTICE_MAX_BYTES * 2);
    draft_form(d, &form);
    draft_words(d, &words);
    draft_zones(d, v->b->conf, &zones);
    draft_from(d, &n.starts);
    draft_until(d, &n.ends);
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

/* Both the publisher that it has and the one that it gets must be the editor's own. The draft gets
 * the source that the notice has, and version the number of its latest version. */
static bool may_save(struct visit *v, struct draft *d, int64_t id, enum store_kind kind,
                     int *version)
{
    struct loaded l = {.kind = kind};

    if (kind == STORE_TEMPLATE && v->who.role < BOARD_ADMIN)
        return false;
    if (!who_may_write(&v->who, draft_get(d, "publisher")))
        return false;
    if (id)
        store_notice_get(v->b->store, v->who.administration->id, id, load, &l);
    bool may = !id || (l.d && l.kind == kind && who_may_write(&v->who, l.publisher));
    *version = l.version;
    may = may && draft_set_source(d, l.d ? draft_get(l.d, "source") : NULL);
    draft_free(l.d);
    return may;
}

static const char *changed_words(const struct visit *v)
{
    return T("Somebody else has changed this notice meanwhile. Here is what you typed: save it "
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

void edit_post(struct visit *v, int64_t id, enum store_kind kind)
{
    size_t len = 0;
    const char *body = http_body(v->req, &len);
    struct draft *d = draft_new(body ? body : "", len);
    char path[64];
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
    int64_t put = visit_put(v, d, id, kind, STORE_DRAFT, visit_version(v), NULL);
    if (put == -1) {
        edit_page(v, d, id, kind, latest, changed_words(v));
    } else if (put > 0) {
        snprintf(path, sizeof path, "/notice/%lld", (long long)put);
        visit_see_other(v, kind == STORE_TEMPLATE                        ? "/templates"
                           : strcmp(visit_field(v, "then"), "keep") == 0 ? "/?show=drafts"
                                                                         : path);
    } else {
        visit_store_failed(v, "notice");
    }
    draft_free(d);
}

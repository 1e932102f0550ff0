/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of what the city offers online: cards under the notices. A card is published when
 * it is saved; only admins of an administration change them. */
#include "lib/card.h"
#include "lib/log.h"
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As lib/card.c has them. */
static const char *const pictures[] = {
    N_("information"), N_("library"),   N_("office"),    N_("payments"),
    N_("transport"),   N_("open data"), N_("help"),      N_("health"),
    N_("school"),      N_("culture"),   N_("telephone"), N_("map"),
    N_("waste"),       N_("water"),     N_("sport"),     N_("work")};
enum { PICTURES = sizeof pictures / sizeof *pictures };

static bool row(void *arg, const struct store_service *s)
{
    struct visit *v = arg;

    bool mine = who_role(&v->who, s->publisher) >= BOARD_ADMIN;
    if (mine)
        buf_fmt(&v->out, "<li><h2><a href=\"/services/%lld\">", (long long)s->id);
    else
        HTML("<li><h2>");
    TEXT(s->title);
    HTML(mine ? "</a></h2><p class=\"fine\">" : "</h2><p class=\"fine\">");
    FILL(T("last changed by {who}"), {"who", s->editor, false});
    if (!s->shown) {
        HTML(" <span class=\"tag w\">");
        TEXT(T("not shown"));
        HTML("</span>");
    }
    HTML("</p></li>");
    return true;
}

void services_page(struct visit *v)
{
    page_begin(v, T("Services"));
    page_element(v, "p",
                 T("What the city offers online: cards under the notices, on every page of "
                   "their places."));
    if (v->who.role >= BOARD_ADMIN) {
        HTML("<p><a class=\"btn\" href=\"/services/new\">");
        TEXT(T("New card"));
        HTML("</a></p>");
    }
    HTML("<ul class=\"list\">");
    store_services(v->b->store, v->who.administration->id, row, v);
    HTML("</ul>");
    page_end(v);
    visit_send(v, 200);
}

/* --- one card
 * ------------------------------------------------------------------------------------------------
 */
struct card {
    struct draft *d; /* title.LANG, text.LANG: the line; link, zones, publisher */
    char icon[40], publisher[40];
    int order;
    bool shown, there;
};

static bool read_card(void *arg, const struct store_service *s)
{
    struct card *c = arg;
    const char *icon = strstr(s->form, "icon=");

    c->there = true;
    c->d = draft_new(s->form, strlen(s->form));
    c->order = s->order;
    c->shown = s->shown;
    snprintf(c->publisher, sizeof c->publisher, "%s", s->publisher);
    if (icon)
        snprintf(c->icon, sizeof c->icon, "%.*s", (int)strcspn(icon + 5, "&"), icon + 5);
    return true;
}

static void input(struct visit *v, const char *name, const char *label, const char *value,
                  const char *more)
{
    HTML("<p><label>");
    TEXT(label);
    HTML(strstr(more, " type=") ? "<input" : "<input type=\"text\"");
    page_attr(v, "name", name);
    page_attr(v, "value", value);
    HTML(more);
    HTML("></label></p>");
}

static void texts(struct visit *v, const struct card *c)
{
    char name[48], more[80];

    HTML("<div class=\"cols\">");
    for (size_t i = 0; i < v->b->conf->n_languages; i++) {
        const char *lang = v->b->conf->languages[i];
        HTML("<fieldset class=\"card\"><legend>");
        TEXT(page_language_name(v, lang));
        HTML("</legend>");
        snprintf(more, sizeof more, " lang=\"%s\" dir=\"%s\" maxlength=\"120\"", lang,
                 i18n_rtl(lang) ? "rtl" : "ltr");
        snprintf(name, sizeof name, "title.%s", lang);
        input(v, name, T("Title"), draft_text(c->d, "title", lang), more);
        snprintf(more, sizeof more, " lang=\"%s\" dir=\"%s\" maxlength=\"160\"", lang,
                 i18n_rtl(lang) ? "rtl" : "ltr");
        snprintf(name, sizeof name, "text.%s", lang);
        input(v, name, T("One line"), draft_text(c->d, "text", lang), more);
        HTML("</fieldset>");
    }
    HTML("</div>");
}

static void icons(struct visit *v, const struct card *c)
{
    HTML("<p><label>");
    TEXT(T("Picture"));
    HTML("<select name=\"icon\">");
    for (size_t i = 0; service_icons[i]; i++) {
        HTML("<option");
        page_attr(v, "value", service_icons[i]);
        HTML(strcmp(service_icons[i], c->icon) == 0 ? " selected>" : ">");
        TEXT(i < PICTURES ? T(pictures[i]) : service_icons[i]);
        HTML("</option>");
    }
    HTML("</select></label></p>");
}

static void places(struct visit *v, const struct card *c)
{
    char name[48];

    HTML("<fieldset><legend>");
    TEXT(T("Where"));
    HTML("</legend><label class=\"pick\"><input type=\"checkbox\" name=\"everywhere\" value=\"1\"");
    HTML(*draft_get(c->d, "everywhere") ? " checked> <span>" : "> <span>");
    TEXT(T("In all places, new ones too"));
    HTML("</span></label><div class=\"cols\">");
    for (size_t i = 0; i < v->b->conf->n_zones; i++) {
        snprintf(name, sizeof name, "zone.%s", v->b->conf->zones[i].name);
        HTML("<label class=\"pick\"><input type=\"checkbox\" value=\"1\"");
        page_attr(v, "name", name);
        HTML(*draft_get(c->d, name) ? " checked> <span>" : "> <span>");
        TEXT(v->b->conf->zones[i].title);
        HTML("</span></label>");
    }
    HTML("</div></fieldset>");
}

static void publishers(struct visit *v, const struct card *c)
{
    const struct board_administration *a = v->who.administration;

    HTML("<p><label>");
    TEXT(T("In whose name"));
    HTML("<select name=\"publisher\">");
    for (size_t i = 0; i < a->n_publishers; i++) {
        if (who_role(&v->who, a->publishers[i].id) < BOARD_ADMIN)
            continue;
        HTML("<option");
        page_attr(v, "value", a->publishers[i].id);
        HTML(strcmp(draft_get(c->d, "publisher"), a->publishers[i].id) == 0 ? " selected>" : ">");
        TEXT(a->publishers[i].name);
        HTML("</option>");
    }
    HTML("</select></label></p>");
}

static void card_form(struct visit *v, int64_t id, const struct card *c, const char *error,
                      const char *kept)
{
    char path[64], number[16];

    page_begin(v, id ? T("Change the card") : T("New card"));
    if (error)
        page_box(v, "alert", error);
    if (kept)
        page_box(v, "note", kept);
    if (id)
        snprintf(path, sizeof path, "/services/%lld", (long long)id);
    else
        snprintf(path, sizeof path, "/services/new");
    page_form(v, path, "card");
    texts(v, c);
    input(v, "link", T("Link"), draft_get(c->d, "link"), " maxlength=\"500\" inputmode=\"url\"");
    icons(v, c);
    publishers(v, c);
    places(v, c);
    snprintf(number, sizeof number, "%d", c->order);
    input(v, "order", T("Place in the row (small numbers first)"), number,
          " type=\"number\" min=\"0\" max=\"9999\"");
    HTML("<label class=\"pick\"><input type=\"checkbox\" name=\"shown\" value=\"1\"");
    HTML(c->shown ? " checked> <span>" : "> <span>");
    TEXT(T("Show it"));
    HTML("</span></label><p><button type=\"submit\" class=\"big\">");
    TEXT(T("Save, and show it on the pages"));
    HTML("</button></p></form>");
    if (id) {
        snprintf(path, sizeof path, "/services/%lld/delete", (long long)id);
        page_form(v, path, NULL);
        HTML("<button type=\"submit\" class=\"second\">");
        TEXT(T("Delete the card"));
        HTML("</button></form>");
    }
    page_end(v);
    visit_send(v, error ? 400 : 200);
}

void service_page(struct visit *v, int64_t id)
{
    struct card c = {.order = 100, .shown = true};

    if (id)
        store_service_get(v->b->store, v->who.administration->id, id, read_card, &c);
    else
        c.d = draft_new("everywhere=1", 12);
    if (!c.d || v->who.role < BOARD_ADMIN || (id && who_role(&v->who, c.publisher) < BOARD_ADMIN))
        visit_not_found(v);
    else
        card_form(v, id, &c, NULL, NULL);
    draft_free(c.d);
}

/* The card's file: a notice's header without dates, then each language (lib/card.h). */
static bool write_card(struct visit *v, const struct card *c, struct buf *out, char *err,
                       size_t err_len)
{
    struct draft_place place = visit_place(v, STORE_TEMPLATE);
    struct service s = {.icon = c->icon, .order = (unsigned)c->order}, *back;
    struct buf text;
    bool fine = false;

    buf_init(&text, NOTICE_MAX_BYTES * 2);
    snprintf(err, err_len, "no memory");
    if (draft_write(c->d, &place, 0, v->now + 3600, &text, err, err_len)) {
        struct notice *n = notice_parse("card", text.data, text.len, err, err_len);
        if (n) {
            s.card = *n;
            service_write(out, &s);
            back = out->failed ? NULL : service_parse("card", out->data, out->len, err, err_len);
            fine = back != NULL;
            service_free(back);
        }
        notice_free(n);
    }
    buf_free(&text);
    return fine;
}

static bool zones_allowed(const struct visit *v, const struct card *c)
{
    const struct board_publisher *p =
        board_conf_publisher(v->who.administration, draft_get(c->d, "publisher"));
    bool any = *draft_get(c->d, "everywhere") && p && board_publisher_may_use(p, "*");

    if (!p || (*draft_get(c->d, "everywhere") && !any))
        return false;
    for (size_t i = 0; !any && i < v->b->conf->n_zones; i++)
        if (draft_in_zone(c->d, v->b->conf->zones[i].name) &&
            !board_publisher_may_use(p, v->b->conf->zones[i].name))
            return false;
    return true;
}

/* What of a card's form is not a draft's. */
static void read_fields(struct card *c, const struct form_field *fields, size_t n)
{
    snprintf(c->icon, sizeof c->icon, "%s", service_icons[0]);
    c->order = 0;
    c->shown = false;
    for (size_t i = 0; i < n; i++) {
        const char *value = fields[i].value;
        for (const char *const *icon = service_icons; *icon; icon++)
            if (strcmp(fields[i].name, "icon") == 0 && strcmp(*icon, value) == 0)
                snprintf(c->icon, sizeof c->icon, "%s", *icon);
        if (strcmp(fields[i].name, "order") == 0)
            c->order = atoi(value);
        if (strcmp(fields[i].name, "shown") == 0)
            c->shown = *value != '\0';
    }
    c->order = c->order < 0 ? 0 : c->order > SERVICE_MAX_ORDER ? SERVICE_MAX_ORDER : c->order;
}

void service_again(struct visit *v, int64_t id, const char *kept)
{
    struct form_field *fields = calloc(WEB_MAX_FIELDS, sizeof *fields);
    char *text = strdup(kept);
    struct card c = {.d = draft_new(kept, strlen(kept))};

    if (!c.d || v->who.role < BOARD_ADMIN || !fields || !text) {
        visit_not_found(v);
    } else {
        read_fields(&c, fields, form_decode_into(text, fields, WEB_MAX_FIELDS));
        card_form(v, id, &c, NULL,
                  T("You are signed in again, and here is what you typed. It is not saved yet."));
    }
    draft_free(c.d);
    free(fields);
    free(text);
}

static void save(struct visit *v, int64_t id, struct card *c)
{
    struct buf text, form;
    char err[200] = "";

    buf_init(&text, NOTICE_MAX_BYTES * 2);
    buf_init(&form, DRAFT_MAX_BYTES * 3);
    draft_form(c->d, &form);
    buf_fmt(&form, "&icon=%s", c->icon);
    if (!zones_allowed(v, c)) {
        card_form(v, id, c, T("This publisher may not use all of these places."), NULL);
    } else if (!write_card(v, c, &text, err, sizeof err)) {
        card_form(v, id, c, err, NULL);
    } else {
        struct store_service s = {.id = id,
                                  .administration = v->who.administration->id,
                                  .publisher = draft_get(c->d, "publisher"),
                                  .title = draft_title(c->d, v->b->conf),
                                  .form = form.data,
                                  .text = text.data,
                                  .order = c->order,
                                  .shown = c->shown};
        if (store_service_put(v->b->store, &s, v->who.name, v->now) > 0)
            visit_see_other(v, "/services");
        else
            visit_store_failed(v, "service");
    }
    buf_free(&text);
    buf_free(&form);
}

void service_post(struct visit *v, int64_t id, bool delete)
{
    struct card old = {.shown = false}, c = {.shown = false};
    size_t len = 0;
    const char *body = http_body(v->req, &len);
    bool may = v->who.role >= BOARD_ADMIN;

    if (id) {
        store_service_get(v->b->store, v->who.administration->id, id, read_card, &old);
        may = may && old.there && who_role(&v->who, old.publisher) >= BOARD_ADMIN;
        draft_free(old.d);
    }
    c.d = draft_new(body ? body : "", len);
    may = may && c.d && (delete || who_role(&v->who, draft_get(c.d, "publisher")) >= BOARD_ADMIN);
    if (!may) {
        visit_refuse(v, 403, T("Not yours"),
                     T("Your account may not do that. Nothing was changed."));
    } else if (delete) {
        if (store_service_delete(v->b->store, v->who.administration->id, id))
            visit_see_other(v, "/services");
        else
            visit_store_failed(v, "service");
    } else {
        read_fields(&c, v->fields, v->n_fields);
        save(v, id, &c);
    }
    draft_free(c.d);
}

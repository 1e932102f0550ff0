/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parts of the form in which a notice, a template or a card is written. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <string.h>

void edit_publisher_part(struct visit *v, const struct draft *d, enum store_kind kind)
{
    const struct board_administration *a = v->who.administration;
    const struct board_publisher *only = NULL;
    size_t n = 0;

    for (size_t i = 0; i < a->n_publishers; i++)
        if (visit_may_write(v, kind, a->publishers[i].id)) {
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
        if (!visit_may_write(v, kind, a->publishers[i].id))
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
void edit_languages_part(struct visit *v, const struct draft *d)
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
static bool zone_usable(const struct visit *v, enum store_kind kind, const char *zone)
{
    const struct board_administration *a = v->who.administration;

    for (size_t i = 0; i < a->n_publishers; i++)
        if (visit_may_write(v, kind, a->publishers[i].id) &&
            board_publisher_may_use(&a->publishers[i], zone))
            return true;
    return false;
}

void edit_zones_part(struct visit *v, const struct draft *d, enum store_kind kind)
{
    const struct board_conf *c = v->b->conf;
    char name[48];

    HTML("<fieldset class=\"card\"><legend>");
    TEXT(T("Where"));
    HTML("</legend>");
    if (zone_usable(v, kind, "*"))
        checkbox(v, "everywhere", T("In all places, new ones too"), *draft_get(d, "everywhere"));
    HTML("<div class=\"cols\">");
    for (size_t i = 0; i < c->n_zones; i++) {
        snprintf(name, sizeof name, "zone.%s", c->zones[i].name);
        if (zone_usable(v, kind, c->zones[i].name) || *draft_get(d, name))
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

void edit_times_part(struct visit *v, const struct draft *d, enum store_kind kind)
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

void edit_priority_part(struct visit *v, const struct draft *d)
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

void edit_link_part(struct visit *v, const struct draft *d)
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
void edit_source_part(struct visit *v, const struct draft *d)
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

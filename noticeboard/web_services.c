/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of what the city offers online: cards under the notices. A card has versions, a
 * history and a second person as a notice has (web_notice.c, web_deeds.c); only admins of an
 * administration write them. */
#include "lib/card.h"
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

static bool row(void *arg, const struct store_notice *n)
{
    struct visit *v = arg;
    struct buf b;

    if (!visit_may_see(v, STORE_SERVICE, n->publisher))
        return true;
    buf_init(&b, 256);
    words_moment(v, &b, n->changed, false);
    buf_fmt(&v->out, "<li><h2><a href=\"/services/%lld\">", (long long)n->id);
    TEXT(*n->title ? n->title : T("(without a title)"));
    buf_fmt(&v->out, "</a></h2><p><span class=\"tag%s\">", n->live ? " s" : " w");
    TEXT(words_state(v, n));
    HTML("</span></p><p class=\"fine\">");
    const struct board_publisher *p = board_conf_publisher(v->who.administration, n->publisher);
    FILL(T("{publisher}; last changed by {who}, {when}"),
         {"publisher", p ? p->name : n->publisher, false}, {"who", n->editor, false},
         {"when", b.data ? b.data : "", false});
    HTML("</p></li>");
    buf_free(&b);
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

/* --- the form
 * ------------------------------------------------------------------------------------------------
 */
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

static void texts(struct visit *v, const struct draft *d)
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
        input(v, name, T("Title"), draft_text(d, "title", lang), more);
        snprintf(more, sizeof more, " lang=\"%s\" dir=\"%s\" maxlength=\"160\"", lang,
                 i18n_rtl(lang) ? "rtl" : "ltr");
        snprintf(name, sizeof name, "text.%s", lang);
        input(v, name, T("One line"), draft_text(d, "text", lang), more);
        HTML("</fieldset>");
    }
    HTML("</div>");
}

static void icons(struct visit *v, const struct draft *d)
{
    HTML("<p><label>");
    TEXT(T("Picture"));
    HTML("<select name=\"icon\">");
    for (size_t i = 0; service_icons[i]; i++) {
        HTML("<option");
        page_attr(v, "value", service_icons[i]);
        HTML(strcmp(service_icons[i], draft_get(d, "icon")) == 0 ? " selected>" : ">");
        TEXT(i < PICTURES ? T(pictures[i]) : service_icons[i]);
        HTML("</option>");
    }
    HTML("</select></label></p>");
}

void service_form(struct visit *v, const struct draft *d, int64_t id, int version, const char *kept)
{
    char number[16];

    page_begin(v, id ? T("Change the card") : T("New card"));
    if (kept)
        page_box(v, "note", kept);
    edit_errors_part(v, d, id, STORE_SERVICE);
    page_form(v, v->path, "card editor");
    snprintf(number, sizeof number, "%d", version);
    page_hidden(v, "version", number);
    edit_publisher_part(v, d, STORE_SERVICE);
    texts(v, d);
    input(v, "link", T("Link"), draft_get(d, "link"), " maxlength=\"500\" inputmode=\"url\"");
    icons(v, d);
    edit_zones_part(v, d, STORE_SERVICE);
    snprintf(number, sizeof number, "%u", draft_order(d));
    input(v, "order", T("Place in the row (small numbers first)"), number,
          " type=\"number\" min=\"0\" max=\"9999\"");
    HTML("<p class=\"row\"><button type=\"submit\" class=\"big\">");
    TEXT(v->who.administration->approval ? edit_save_words(v)
                                         : T("Save, and show it on the pages"));
    HTML("</button> <button type=\"submit\" class=\"second\" name=\"then\" value=\"keep\">");
    TEXT(T("Save as a draft"));
    HTML("</button> <a href=\"/services\">");
    TEXT(T("Leave without saving"));
    HTML("</a></p></form>");
    page_end(v);
    visit_send(v, 200);
}

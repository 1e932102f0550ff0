/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One notice, template or card: what will happen in words, what is wrong with it, how a phone shows
 * it, what one may do with it (web_deeds.c does it), and its history. */
#include "noticeboard/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_PHONES = 4 };

void findings_part(struct visit *v, const struct draft_finding *f, size_t n)
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
        buf_fmt(&v->out, " src=\"/%s/%lld/preview?show=%s&amp;zone=%s\"", kind_path(s->n.kind),
                (long long)s->n.id, c->languages[i], zone);
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
static void button(struct visit *v, const struct seen *s, const char *action, const char *classes,
                   const char *text)
{
    char path[64], number[16];

    snprintf(path, sizeof path, "/%s/%lld/%s", kind_path(s->n.kind), (long long)s->n.id, action);
    snprintf(number, sizeof number, "%d", s->n.version);
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

    snprintf(path, sizeof path, "/%s/%lld/return", kind_path(s->n.kind), (long long)s->n.id);
    snprintf(number, sizeof number, "%d", s->n.version);
    HTML(*v->note ? "<details class=\"card\" open><summary>" : "<details class=\"card\"><summary>");
    TEXT(T("Send it back to be changed"));
    HTML("</summary>");
    if (*v->note)
        page_box(v, "note",
                 T("You are signed in again, and here is what you typed. It is not saved yet."));
    page_form(v, path, NULL);
    page_hidden(v, "version", number);
    HTML("<p><label>");
    TEXT(T("What should be different"));
    HTML("<input type=\"text\" name=\"note\" maxlength=\"300\" required");
    page_attr(v, "value", v->note);
    HTML("></label></p><p><button type=\"submit\" class=\"second\">");
    TEXT(T("Send back"));
    HTML("</button></p></form></details>");
}

static const char *publish_words(const struct visit *v, const struct seen *s)
{
    bool template = s->n.kind == STORE_TEMPLATE;

    if (s->n.state == STORE_WAITING || seen_unagreed(v, s))
        return template ? T("Agree: it is ready") : T("Agree, and publish it");
    return template ? T("Make it ready") : T("Publish it");
}

static void withdraw_button(struct visit *v, const struct seen *s)
{
    bool template = s->n.kind == STORE_TEMPLATE;

    if (s->n.live)
        button(v, s, "withdraw", template ? "second" : "danger",
               template ? T("Throw the template away") : T("Withdraw it at once"));
    else if (seen_open(s))
        button(v, s, "withdraw", "second", T("Throw the draft away"));
}

static void deeds(struct visit *v, const struct seen *s, bool errors)
{
    bool publish = visit_may_publish(v, s->n.kind, s->n.id, s->n.version, s->publisher);
    bool write = visit_may_write(v, s->n.kind, s->publisher);
    bool waits = s->n.state == STORE_WAITING || seen_unagreed(v, s);
    char edit[64];

    HTML("<div class=\"row\">");
    if ((seen_open(s) || waits) && !errors) {
        if (publish)
            button(v, s, "publish", "big", publish_words(v, s));
        else if (!waits && write)
            button(v, s, "send", "big", T("Send it to a second person"));
    }
    if (write) {
        snprintf(edit, sizeof edit, "/%s/%lld/edit", kind_path(s->n.kind), (long long)s->n.id);
        HTML("<a class=\"btn second\"");
        page_attr(v, "href", edit);
        HTML(">");
        TEXT(T("Change it"));
        HTML("</a> ");
        withdraw_button(v, s);
    }
    HTML("</div>");
    if (waits && !publish)
        page_box(v, "note",
                 T("It waits for a second person; whoever wrote it cannot agree to it."));
    if (s->n.state == STORE_WAITING && publish)
        return_form(v, s);
}

/* --- the page
 * ----------------------------------------------------------------------------------------------------
 */
/* What has just been done, once it was. */
static void done_part(struct visit *v, const struct seen *s)
{
    const char *deed = visit_query(v, "done");
    bool on_pages = s->n.kind != STORE_TEMPLATE && strcmp(deed, "confirmed") != 0 &&
                    (s->n.state == STORE_APPROVED || strcmp(deed, "withdrawn") == 0);

    if (!*deed)
        return;
    if (on_pages)
        page_box(v, "good",
                 T("Done. Routers have it within seconds; one that cannot be reached gets it "
                   "as soon as it can."));
    else if (s->n.state == STORE_WAITING)
        page_box(v, "good",
                 T("Sent. A second person finds it on their first page; until they agree nothing "
                   "changes on the pages."));
    else
        page_box(v, "good", T("Done."));
}

/* In words what a template or a card is for. */
static void stands_part(struct visit *v, const struct seen *s)
{
    struct buf b;

    buf_init(&b, 16384);
    words_zones(v, &b, s->zones);
    HTML("<p class=\"lead\">");
    if (s->n.kind == STORE_TEMPLATE)
        FILL(T("In {zones}, for {hours} hours."), {"zones", b.data ? b.data : "", false},
             {"hours", draft_get(s->d, "hours"), false});
    else
        FILL(T("A card in {zones}, until it is withdrawn."),
             {"zones", b.data ? b.data : "", false});
    HTML("</p>");
    buf_free(&b);
    if (s->n.kind == STORE_TEMPLATE && v->who.administration->approval)
        page_element(v, "p",
                     T("A template is ready once a second person has agreed to it. Whoever raises "
                       "the alarm with it later asks nobody any more."));
}

static void sentence_part(struct visit *v, const struct seen *s)
{
    struct buf b;

    if (!s->n.ends || s->n.state == STORE_WITHDRAWN)
        return;
    buf_init(&b, 16384);
    words_sentence(v, &b, s->zones, s->n.starts, s->n.ends, s->n.state == STORE_APPROVED);
    HTML("<p class=\"lead\">");
    TEXT(b.data ? b.data : "");
    HTML("</p>");
    buf_free(&b);
}

static void confirmed_part(struct visit *v, const struct seen *s)
{
    struct buf b;

    buf_init(&b, 256);
    words_moment(v, &b, s->n.confirmed, false);
    HTML("<p class=\"fine\">");
    FILL(T("{who} has looked at it again, {when}: still true."), {"who", s->confirmer, false},
         {"when", b.data ? b.data : "", false});
    HTML("</p>");
    buf_free(&b);
}

void still_true_part(struct visit *v, int64_t id)
{
    struct seen s = {.n = {.id = id, .kind = STORE_NOTICE}};

    button(v, &s, "confirm", "second", T("Yes, it is still true"));
}

static void facts_part(struct visit *v, const struct seen *s)
{
    HTML("<div class=\"card\"><p>");
    if (s->n.kind != STORE_SERVICE) {
        HTML("<span class=\"tag\">");
        TEXT(words_priority(v, s->n.priority));
        HTML("</span> ");
    }
    TEXT(seen_unagreed(v, s) ? T("nobody but its writer has agreed to it yet")
                             : words_state(v, &s->n));
    HTML("</p>");
    if (s->n.kind == STORE_NOTICE)
        sentence_part(v, s);
    else if (s->n.state != STORE_WITHDRAWN)
        stands_part(v, s);
    if (s->n.feed) {
        HTML("<p class=\"fine\">");
        FILL(T("It came from the feed {feed}."), {"feed", s->n.feed, false});
        HTML("</p>");
    }
    if (s->n.confirmed > 0 && s->n.live)
        confirmed_part(v, s);
    if (s->n.live && s->n.kind != STORE_TEMPLATE)
        words_routers(v);
    HTML("</div>");
}

static void page_now(struct visit *v, int64_t id, enum store_kind kind)
{
    struct draft_finding f[DRAFT_MAX_FINDINGS];
    struct seen s;

    if (!visit_look(v, id, kind, &s))
        return;
    size_t n = seen_open(&s) || s.n.live ? seen_check(v, &s, f) : 0;
    page_begin(v, *s.title ? s.title : T("(without a title)"));
    done_part(v, &s);
    facts_part(v, &s);
    if (seen_open(&s))
        findings_part(v, f, n);
    deeds(v, &s, draft_has_errors(f, n));
    if (s.whole)
        phones(v, &s);
    history_part(v, &s);
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
        page_now(v, id, v->waiting_kind);
    else
        visit_not_found(v);
}

/* Before something is published its links are asked for, all at once; that takes seconds at most
 * (links.c). */
void seen_page(struct visit *v, int64_t id, enum store_kind kind)
{
    struct seen s;

    if (!visit_look(v, id, kind, &s))
        return;
    if (seen_open(&s))
        v->n_links = draft_links(s.d, v->links, WEB_LINKS);
    draft_free(s.d);
    v->waiting = id;
    v->waiting_kind = kind;
    for (size_t i = 1; i < v->n_links; i++)
        links_ask(v->b->links, v->links[i], NULL, NULL);
    link_known(v);
}

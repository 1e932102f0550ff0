/* SPDX-License-Identifier: GPL-2.0-or-later */
/* <main> of each kind of page. The splash has one thing to do and says so first; the page of those
 * who are online says for how long, and what leaving and forgetting mean before they are tapped. */
#include "lib/page_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const char check_mark[] = "<svg viewBox=\"0 0 64 64\" aria-hidden=\"true\" "
                                 "focusable=\"false\"><circle cx=\"32\" cy=\"32\" "
                                 "r=\"29\" fill=\"none\" stroke=\"currentColor\" "
                                 "stroke-width=\"5\"/><path d=\"m19 33 9 9 18-19\" "
                                 "fill=\"none\" stroke=\"currentColor\" stroke-width=\"5\"/></svg>";

static void paragraph(struct page *p, const char *class, const char *text)
{
    buf_fmt(p->out, "<p class=\"%s\">", class);
    FILL(text, {"network", p->view->network, false}, {"zone", p->view->zone_title, false});
    HTML("</p>");
}

static void hidden(struct page *p, const char *name, const char *value)
{
    buf_fmt(p->out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
    TEXT(value ? value : "");
    HTML("\">");
}

/* A form of one button. */
static void form(struct page *p, const char *action, const char *class, const char *button)
{
    buf_fmt(p->out, "<form method=\"post\" action=\"%s\">", action);
    hidden(p, "token", p->view->token);
    if (strcmp(action, "/join") == 0)
        hidden(p, "terms", p->view->terms_id);
    hidden(p, "lang", p->lang);
    buf_fmt(p->out, "<button type=\"submit\"%s>", class);
    TEXT(button);
    HTML("</button></form>");
}

static void terms_line(struct page *p)
{
    char open[64];
    snprintf(open, sizeof open, "<a href=\"/terms?lang=%.15s\">", p->lang);
    HTML("<p class=\"fine\">");
    FILL(T("By tapping the button you accept the {link}terms of use{end}. No registration, no "
           "password."),
         {"link", open, true}, {"end", "</a>", true});
    HTML("</p>");
}

/* What went wrong, as a note above what can be done about it. */
static void error_note(struct page *p)
{
    char code[8];
    enum page_error e = p->view->error;
    if (e == PAGE_E_NONE)
        return;
    HTML("<div class=\"box note\" role=\"alert\"><p><strong>");
    TEXT(page_error_title(p, e));
    HTML("</strong></p><p>");
    FILL(page_error_words(p, e), {"network", p->view->network, false});
    HTML(" <span class=\"code\">");
    TEXT(page_error_code(e, code));
    HTML("</span></p></div>");
}

static void clock_note(struct page *p)
{
    if (p->view->notices_stale_clock && p->view->n_notices > 0)
        paragraph(p, "fine",
                  T("The clock of this access point is not set yet: some notices may be out of "
                    "date."));
}

/* One field of the form, with its label above it. */
static void field(struct page *p, const char *name, const char *label, const char *attributes)
{
    buf_fmt(p->out, "<label for=\"%s\">", name);
    TEXT(label);
    buf_fmt(p->out, "</label><input id=\"%s\" name=\"%s\" maxlength=\"128\" required %s>", name,
            name, attributes);
}

/* The last password. Folded, because hardly anybody has one; open when it was just wrong. */
static void login_form(struct page *p)
{
    bool wrong = p->view->error == PAGE_E_LOGIN;
    buf_fmt(p->out, "<details class=\"login\"%s><summary><h2>", wrong ? " open" : "");
    TEXT(T("I have an old account"));
    HTML("</h2></summary><div class=\"body\"><p class=\"fine\" id=\"old\">");
    TEXT(T("Did an administration give you a user name and a password for its Wi-Fi? Type them one "
           "last time: this device will be recognised from then on, with all you are entitled to. "
           "The terms of use are the same."));
    HTML("</p><form method=\"post\" action=\"/login\" aria-describedby=\"old\">");
    hidden(p, "token", p->view->token);
    hidden(p, "lang", p->lang);
    field(p, "user", T("User name (or name@administration)"),
          "type=\"text\" autocomplete=\"username\" autocapitalize=\"none\" spellcheck=\"false\"");
    field(p, "password", T("Password"), "type=\"password\" autocomplete=\"current-password\"");
    HTML("<button type=\"submit\" class=\"second\">");
    TEXT(T("Go online with my account"));
    HTML("</button></form></div></details>");
}

static void login(struct page *p)
{
    const struct page_view *v = p->view;
    if (v->login == PAGE_LOGIN_FORM) {
        login_form(p);
    } else if (v->login == PAGE_LOGIN_LINK && v->portal_url) {
        HTML("<p><a class=\"more\" href=\"");
        TEXT(v->portal_url);
        buf_fmt(p->out, "/?lang=%s\">", p->lang);
        TEXT(T("I have an old account"));
        HTML("</a></p>");
    }
}

static void splash(struct page *p)
{
    page_alerts(p);
    error_note(p);
    HTML("<div>");
    form(p, "/join", "", T("Go online"));
    terms_line(p);
    HTML("</div>");
    login(p);
    page_notices(p);
    clock_note(p);
}

static void row(struct page *p, const char *term, const struct buf *value)
{
    HTML("<div><dt>");
    TEXT(term);
    HTML("</dt><dd>");
    TEXT(value->data && !value->failed ? value->data : "");
    HTML("</dd></div>");
}

static void speed_row(struct page *p)
{
    const struct page_view *v = p->view;
    struct buf down, up, words;
    if (!v->down_Bps && !v->up_Bps)
        return;
    buf_init(&down, 128);
    buf_init(&up, 128);
    buf_init(&words, 512);
    page_rate(p, &down, v->down_Bps);
    page_rate(p, &up, v->up_Bps);
    const char *text = !v->up_Bps     ? T("up to {down} in download")
                       : !v->down_Bps ? T("up to {up} in upload")
                                      : T("up to {down} in download, {up} in upload");
    page_fill_plain(&words, text, ARGS({"down", down.data, false}, {"up", up.data, false}));
    row(p, T("Speed"), &words);
    buf_free(&down);
    buf_free(&up);
    buf_free(&words);
}

static void quota_row(struct page *p)
{
    const struct page_view *v = p->view;
    struct buf used, quota;
    buf_init(&used, 128);
    buf_init(&quota, 128);
    page_bytes(p, &used, v->used_bytes);
    page_bytes(p, &quota, v->quota_bytes);
    HTML("<div><dt id=\"ud\">");
    TEXT(T("Data used"));
    HTML("</dt><dd>");
    if (v->quota_bytes) {
        FILL(T("{used} of {quota}"), {"used", used.data, false}, {"quota", quota.data, false});
        uint64_t percent = v->used_bytes >= v->quota_bytes
                               ? 100
                               : (uint64_t)((double)v->used_bytes * 100.0 / (double)v->quota_bytes);
        buf_fmt(p->out,
                "<progress aria-labelledby=\"ud\" max=\"100\" value=\"%" PRIu64 "\">%" PRIu64
                " %%</progress>",
                percent, percent);
    } else {
        TEXT(used.data ? used.data : "");
    }
    HTML("</dd></div>");
    buf_free(&used);
    buf_free(&quota);
}

/* The two ways out: a button each and, in front of it, what it does. */
static void ways_out(struct page *p)
{
    static const struct {
        const char *title, *words, *action, *button;
    } ways[] = {
        {N_("Leaving?"),
         N_("“Disconnect” ends your connection now. Next time you will see the first page again, "
            "and "
            "one tap brings you back."),
         "/leave", N_("Disconnect")},
        {N_("Do not want to be remembered?"),
         N_("“Forget this device” ends your connection and deletes the pass by which every square "
            "of the city recognises this device."),
         "/forget", N_("Forget this device")},
    };
    HTML("<div class=\"box\">");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        HTML("<h2>");
        TEXT(T(ways[i].title));
        HTML("</h2>");
        paragraph(p, "fine", T(ways[i].words));
        form(p, ways[i].action, " class=\"second\"", T(ways[i].button));
    }
    HTML("</div>");
}

static void online(struct page *p)
{
    const struct page_view *v = p->view;
    struct buf left;
    page_alerts(p);
    HTML("<div class=\"hero\">");
    HTML(check_mark);
    HTML("<h1>");
    TEXT(page_heading(p));
    HTML("</h1>");
    if (v->remaining_s) {
        buf_init(&left, 512);
        page_duration(&left, p->i18n, p->lang, v->remaining_s);
        HTML("<p class=\"big\">");
        FILL(T("Time left: {begin}{time}{end}"), {"time", left.data, false},
             {"begin", "<span>", true}, {"end", "</span>", true});
        HTML("</p>");
        buf_free(&left);
    }
    HTML("</div>");
    error_note(p);
    if (v->down_Bps || v->up_Bps || v->used_bytes || v->quota_bytes) {
        HTML("<dl class=\"box\">");
        speed_row(p);
        quota_row(p);
        HTML("</dl>");
    }
    ways_out(p);
    page_notices(p);
    clock_note(p);
}

static void home_link(struct page *p, const char *text)
{
    buf_fmt(p->out, "<p><a class=\"btn\" href=\"/?lang=%s\">", p->lang);
    TEXT(text);
    HTML("</a></p>");
}

static void left(struct page *p)
{
    paragraph(p, "lead",
              T("Your connection has ended. Thank you for using {network}: the news of the city "
                "stays here for you."));
    if (p->view->token) {
        HTML("<div>");
        form(p, "/join", "", T("Go online again"));
        terms_line(p);
        HTML("</div>");
    } else {
        home_link(p, T("Back to the first page"));
    }
    page_notices(p);
}

static void forgotten(struct page *p)
{
    paragraph(p, "lead",
              T("The pass of this device has been deleted and your connection has ended. If you "
                "come back, {network} will greet you like the first time."));
    home_link(p, T("Back to the first page"));
}

/* Reason codes that directories use, in words; anything else is shown as it came. */
static const char *reason_words(const struct page *p, const char *reason)
{
    static const struct {
        const char *code, *words;
    } known[] = {
        {"suspended", N_("Access has been suspended for this device or for its owner.")},
        {"banned", N_("This device has been excluded because the terms of use were not kept.")},
        {"expired", N_("The entitlement of this device has expired.")},
        {"quota", N_("The amount of data for this period has been used up.")},
        {"time", N_("The connection time for this period has been used up.")},
        {"unavailable",
         N_("The administration that has to say yes does not answer now. Please try again in a few "
            "minutes.")},
        {"attempts",
         N_("Too many wrong passwords. For safety, the next attempt is possible in ten minutes.")},
        {"denied", N_("The administration that knows this device does not let it in.")},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (reason && strcasecmp(reason, known[i].code) == 0)
            return T(known[i].words);
    return reason && *reason ? reason : T(known[sizeof known / sizeof *known - 1].words);
}

static void denied(struct page *p)
{
    const struct page_view *v = p->view;
    page_alerts(p);
    HTML("<div class=\"box note\" role=\"alert\"><p class=\"lead\">");
    TEXT(reason_words(p, v->reason));
    HTML("</p></div><p>");
    if (v->contact)
        FILL(T("If you think this is a mistake, contact: {contact}"),
             {"contact", v->contact, false});
    else
        TEXT(T("If you think this is a mistake, contact the public relations office (URP) of your "
               "Comune, or of the administration you are registered with."));
    HTML("</p>");
    page_notices(p);
}

static void error(struct page *p)
{
    const struct page_view *v = p->view;
    char code[8];
    HTML("<p class=\"lead\" role=\"alert\">");
    FILL(page_error_words(p, v->error), {"network", v->network, false});
    HTML("</p>");
    home_link(p, v->error == PAGE_E_NOT_FOUND ? T("Back to the first page") : T("Try again"));
    HTML("<p class=\"fine\">");
    FILL(T("If you ask for help, say this code: {code}"),
         {"code", page_error_code(v->error, code), false});
    if (v->contact) {
        HTML("<br>");
        FILL(T("Who helps: {contact}"), {"contact", v->contact, false});
    }
    HTML("</p>");
}

static void news(struct page *p)
{
    if (p->view->n_notices == 0)
        paragraph(p, "lead", T("There is no news right now."));
    page_notices(p);
    clock_note(p);
}

const char *page_heading(const struct page *p)
{
    switch (p->view->kind) {
    case PAGE_ONLINE:
        return T("You are online");
    case PAGE_LEFT:
        return T("You have left");
    case PAGE_FORGOTTEN:
        return T("Device forgotten");
    case PAGE_DENIED:
        return T("You cannot connect");
    case PAGE_TERMS:
        return T("Terms of use");
    case PAGE_PRIVACY:
        return T("Privacy");
    case PAGE_NEWS:
        return T("News and notices");
    case PAGE_ERROR:
        return page_error_title(p, p->view->error);
    default:
        return p->view->network;
    }
}

void page_main(struct page *p)
{
    static void (*const kinds[])(struct page *) = {
        [PAGE_SPLASH] = splash,        [PAGE_ONLINE] = online, [PAGE_LEFT] = left,
        [PAGE_FORGOTTEN] = forgotten,  [PAGE_DENIED] = denied, [PAGE_TERMS] = page_terms,
        [PAGE_PRIVACY] = page_privacy, [PAGE_NEWS] = news,     [PAGE_ERROR] = error,
    };
    enum page_kind kind = p->view->kind;
    if (kind != PAGE_SPLASH && kind != PAGE_ONLINE) {
        HTML("<h1>");
        TEXT(page_heading(p));
        HTML("</h1>");
    }
    kinds[kind](p);
}

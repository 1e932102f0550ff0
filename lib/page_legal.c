/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terms of use and privacy, in plain language. The terms are the administration's own text where it
 * has one, else these. What the privacy page says is what the programs do (the wire is told in
 * HACKING.md): what is true everywhere is here always, what depends on the installation only as
 * struct page_privacy says, which the portal takes from the configuration in force. */
#include "lib/page_internal.h"
#include <stdio.h>
#include <string.h>

struct article {
    const char *title, *words;
};

static const struct article terms[] = {
    {N_("A service for everyone"),
     N_("{network} is the open Wi-Fi of the city. It is free, and needs neither registration nor "
        "password: one tap and you are online.")},
    {N_("What we ask of you"),
     N_("Use it lawfully and with respect for others. Do not disturb the network or other people's "
        "devices, do not send spam, do not share what is not yours to share. What you do online "
        "is your responsibility.")},
    {N_("What you can expect"),
     N_("We do our best, but we cannot guarantee that the connection is always there or always "
        "fast: "
        "time, speed and amount of data may be limited so that there is enough for all. Do not "
        "rely on it in an emergency: call 112.")},
    {N_("Look after yourself"),
     N_("This is an open network, as in any public place: others nearby could see traffic that is "
        "not encrypted. Prefer sites whose address begins with https:// and keep your device up "
        "to date.")},
    {N_("If the rules are not kept"),
     N_("Whoever misuses the network may be disconnected, for a time or for good. Where the law "
        "requires it, we help the authorities.")},
    {N_("Your data"),
     N_("We do not ask who you are. Which technical data we keep, and why, is on the page "
        "{link}Privacy{end}.")},
};

static const struct article privacy_always[] = {
    {N_("Who you are"),
     N_("We do not ask. No name, no telephone number, no e-mail address, no account.")},
    {N_("What we do not record"), N_("The sites you visit, and what you write or read.")},
    {N_("These pages"), N_("They use no cookies, no scripts and nothing from third parties.")},
};

/* Where the city's servers decide. */
static const struct article privacy_centre[] = {
    {N_("How we recognise your device"),
     N_("By the address of its Wi-Fi card (MAC). This router needs it in clear while you are "
        "connected, and tells it to the city's servers; in the city's archive and in the logs "
        "there is only a code computed from it with a secret key (a pseudonym).")},
    {N_("Whom we ask"),
     N_("To know whether your device has particular entitlements or restrictions, we ask the "
        "directories of the federated administrations, which see only what they already hold.")},
    {N_("What we record"),
     N_("Begin and end of each connection, the access point, and the amount of data, as a "
        "number.")},
    {N_("The pass"),
     N_("After your first tap, the city remembers your device, so that you need not tap in every "
        "square. “Forget this device” deletes the pass.")},
};

/* Where this router decides alone. */
static const struct article privacy_alone[] = {
    {N_("How we recognise your device"),
     N_("By the address of its Wi-Fi card (MAC). Only this router knows it and tells it to nobody; "
        "in its logs there is only a code computed from it with a secret key (a pseudonym).")},
    {N_("What we record"), N_("Nothing that lasts: how much data your connection has used is "
                              "forgotten when it ends.")},
};

static const struct article privacy_old_account = {
    N_("If you use an old account"),
    N_("The user name and the password reach this router encrypted; it asks the administration "
       "that "
       "knows them. The password is not kept; the device is linked to the account until you "
       "forget it.")};

static const struct article privacy_counted = {
    N_("What is counted"),
    N_("How often a notice was shown and its link tapped is counted as a sum for each square, hour "
       "and language. No device and no person is in it.")};

static const struct article privacy_detailed_log = {
    N_("Right now: a detailed log"),
    N_("Somebody is looking for a fault on this router: until that is done, addresses of devices "
       "may be in its log in clear.")};

static void articles(struct page *p, const struct article *a, size_t n, const char *const tags[4])
{
    char open[64];
    snprintf(open, sizeof open, "<a href=\"/privacy?lang=%.15s\">", p->lang);
    for (size_t i = 0; i < n; i++) {
        HTML(tags[0]);
        TEXT(T(a[i].title));
        HTML(tags[1]);
        FILL(T(a[i].words), {"network", p->view->network, false}, {"link", open, true},
             {"end", "</a>", true});
        HTML(tags[2]);
    }
}

static void accessibility(struct page *p)
{
    const struct page_view *v = p->view;
    HTML("<section id=\"accessibility\" class=\"legal\"><h2>");
    TEXT(T("Accessibility"));
    HTML("</h2><p>");
    TEXT(T("These pages are made to be used by everyone: with a screen reader, with the keyboard, "
           "with large text, on small screens, without scripts. The standard we follow is WCAG "
           "2.1, level AA."));
    HTML("</p><p>");
    if (v->contact)
        FILL(T("If something does not work for you, tell us: {contact}"),
             {"contact", v->contact, false});
    else
        TEXT(T("If something does not work for you, tell the public relations office (URP) of your "
               "Comune."));
    HTML("</p>");
    if (v->accessibility_url && notice_link_ok(v->accessibility_url)) {
        HTML("<p><a class=\"more\" href=\"");
        TEXT(v->accessibility_url);
        HTML("\">");
        TEXT(T("Accessibility statement of the administration"));
        HTML("</a></p>");
    }
    HTML("</section>");
}

/* The administration's own text; if not even the caller's bound has room for it, that is said. */
static void own_terms(struct page *p)
{
    struct buf html;
    buf_init(&html, p->room);
    notice_render_at(&html, p->view->terms, 2);
    HTML("<div class=\"legal md\">");
    if (!html.failed && html.len)
        buf_add(p->out, html.data, html.len);
    else
        TEXT(T("This text is too long to be shown here."));
    HTML("</div>");
    buf_free(&html);
}

void page_terms(struct page *p)
{
    static const char *const tags[] = {"<h2>", "</h2><p>", "</p>", NULL};
    if (p->view->terms) {
        own_terms(p);
    } else {
        HTML("<div class=\"legal\">");
        articles(p, terms, sizeof terms / sizeof *terms, tags);
        HTML("</div>");
    }
    if (p->view->terms_id) {
        HTML("<p class=\"fine\">");
        FILL(T("Version: {version}"), {"version", p->view->terms_id, false});
        HTML("</p>");
    }
    accessibility(p);
}

/* --- privacy ------------------------------------------------------------------------------------
 */

static const char *const privacy_tags[] = {"<div><dt>", "</dt><dd>", "</dd></div>", NULL};

static void fact(struct page *p, const char *title, const char *words, uint32_t seconds)
{
    struct buf time;
    if (seconds == 0)
        return;
    buf_init(&time, 256);
    page_duration(&time, p->i18n, p->lang, seconds);
    HTML(privacy_tags[0]);
    TEXT(title);
    HTML(privacy_tags[1]);
    FILL(words, {"time", time.data, false});
    HTML(privacy_tags[2]);
    buf_free(&time);
}

static void controller(struct page *p, const char *who)
{
    if (!who)
        return;
    HTML(privacy_tags[0]);
    TEXT(T("Who answers for your data"));
    HTML(privacy_tags[1]);
    FILL(T("The data controller is {controller}."), {"controller", who, false});
    HTML(privacy_tags[2]);
}

/* How long what is kept, in the order in which a person would ask. */
static void durations(struct page *p, const struct page_privacy *f)
{
    fact(p, T("How long a connection lasts"),
         T("At most {time} for a visitor; then the device is recognised anew."), f->session_s);
    fact(p, T("When you go away"),
         T("A visitor's connection ends by itself after {time} without traffic."), f->idle_s);
    fact(p, T("How often we count"),
         T("While a visitor is online, the amount of data is noted every {time}."), f->interim_s);
    fact(p, T("How long we keep it"), T("The records of connections are erased after {time}."),
         f->retention_s);
    fact(p, T("The pass"),
         T("After your tap, this router remembers your device for {time}. “Forget this device” "
           "deletes the pass."),
         f->pass_s);
}

void page_privacy(struct page *p)
{
    const struct page_privacy *f = p->view->privacy;
    HTML("<dl class=\"box legal\">");
    if (f)
        controller(p, f->controller);
    articles(p, privacy_always, sizeof privacy_always / sizeof *privacy_always, privacy_tags);
    if (f && f->detailed_log)
        articles(p, &privacy_detailed_log, 1, privacy_tags);
    if (f && f->centre)
        articles(p, privacy_centre, sizeof privacy_centre / sizeof *privacy_centre, privacy_tags);
    else if (f)
        articles(p, privacy_alone, sizeof privacy_alone / sizeof *privacy_alone, privacy_tags);
    if (f && f->old_accounts)
        articles(p, &privacy_old_account, 1, privacy_tags);
    if (f && f->counted)
        articles(p, &privacy_counted, 1, privacy_tags);
    if (f)
        durations(p, f);
    HTML("</dl><p>");
    if (p->view->contact)
        FILL(T("For questions about your data: {contact}"), {"contact", p->view->contact, false});
    else
        TEXT(T("For questions about your data, write to the data protection officer of your "
               "Comune."));
    HTML("</p>");
}

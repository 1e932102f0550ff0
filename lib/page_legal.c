/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Terms of use and privacy, in plain language. The terms are the administration's own text where it
 * has one, else these; what the privacy page says is what the programs do (see DESIGN of the wire
 * in HACKING.md), and figures that an admin sets come from his configuration through the caller. */
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

static const struct article privacy[] = {
    {N_("Who you are"),
     N_("We do not ask. No name, no telephone number, no e-mail address, no account.")},
    {N_("How we recognise your device"),
     N_("By the address of its Wi-Fi card (MAC). This router needs it in clear while you are "
        "connected; in the city's archive and in the logs there is only a code computed from it "
        "with a secret key (a pseudonym).")},
    {N_("Whom we ask"),
     N_("To know whether your device has particular entitlements or restrictions, we ask the "
        "directories of the federated administrations, which see only what they already hold.")},
    {N_("What we record"),
     N_("Begin and end of each connection, the access point, and the amount of data, as a number. "
        "Not the sites you visit, and not what you write or read.")},
    {N_("The pass"),
     N_("After your first tap, the city remembers your device, so that you need not tap in every "
        "square. “Forget this device” deletes the pass.")},
    {N_("These pages"), N_("They use no cookies, no scripts and nothing from third parties.")},
};

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

void page_privacy(struct page *p)
{
    static const char *const tags[] = {"<div><dt>", "</dt><dd>", "</dd></div>", NULL};
    HTML("<dl class=\"box legal\">");
    articles(p, privacy, sizeof privacy / sizeof *privacy, tags);
    if (p->view->privacy_html && strlen(p->view->privacy_html) < p->room)
        HTML(p->view->privacy_html);
    HTML("</dl><p>");
    if (p->view->contact)
        FILL(T("For questions about your data: {contact}"), {"contact", p->view->contact, false});
    else
        TEXT(T("For questions about your data, write to the data protection officer of your "
               "Comune."));
    HTML("</p>");
}

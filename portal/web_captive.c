/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request for some other host: a captive probe, or a person's first address. A device that is not
 * open is sent to the portal (302; never 511, never a faked success). Where the city has not yet
 * said whether it knows the device the answer is held for a moment, because a device that joins
 * silently meanwhile is then sent back to the very address, gets the true answer there, and nobody
 * sees a splash page. */
#include "portal/redirect.h"
#include "portal/web.h"
#include <stdio.h>

/* To https where the certificate is good: the pop-ups of iOS, Android and Windows show such a page
 * like any other, browsers do not warn that a form is sent in clear, the secure page is the one
 * that has the last-password form, and it is the address that the API tells (RFC 8908 asks for
 * TLS), so that a device meets one portal and not two. Where it is not good, http: a pop-up shows a
 * certificate error as an empty page. Typed by hand, http is always there, for a device whose clock
 * or roots are too old. */
static void to_portal(struct visit *v)
{
    char base[VISIT_URL_LEN], location[VISIT_URL_LEN + 1];
    snprintf(location, sizeof location, "%s/", visit_portal_url(v, base));
    v->p->counts.redirects++;
    visit_redirect(v, 302, location);
}

static void decide(struct visit *v, bool in_time)
{
    char location[REDIRECT_MAX_URL + 300];
    (void)in_time;
    if (v->d && session_is_open(&v->d->session) &&
        redirect_to_itself(http_header(v->req, "Host"), http_target(v->req), location,
                           sizeof location))
        visit_redirect(v, 302, location);
    else
        to_portal(v);
}

void captive_handle(struct visit *v)
{
    if (!v->d) {
        to_portal(v);
        return;
    }
    sessions_appeared(v->d, true);
    visit_settle(v, PORTAL_HOLD_MS, decide);
}

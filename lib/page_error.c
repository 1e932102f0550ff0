/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every error a citizen can meet: one row each. The citizen reads what to do; the admin, who is
 * told the code on the telephone, asks loggiactl explain what happened and what mends it. */
#include "lib/page_internal.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct row {
    enum page_error code;
    const char *title, *words; /* the citizen's: translated */
    const char *what, *mend;   /* the admin's: English */
} rows[] = {
    {PAGE_E_NO_DEVICE, N_("We cannot recognise your device"),
     N_("Your device reaches us through something that hides it: a repeater, a VPN or a proxy. "
        "Connect directly to the network {network}, switch VPN and proxy off, and try again."),
     "The address the request came from has no MAC in the router's neighbour table: the device is "
     "behind another router, a proxy, or the request came from the router itself.",
     "Look for a routed hop or a proxy between the device and the LAN interface named in the zone; "
     "compare `ip neigh` on the router with the address in the log."},
    {PAGE_E_TOKEN, N_("The page had grown old"),
     N_("It had been open for a while. Nothing is wrong: just tap the button again."),
     "The form's token was older than its lifetime, or was made for another device or by another "
     "key.",
     "Once is normal (a page left open). If everybody gets it, the router's clock jumps or the "
     "token key in the state directory changes at every start: check that the directory is kept."},
    {PAGE_E_NOT_FOUND, N_("This page does not exist"),
     N_("The address may be misspelt, or the page is no longer there."),
     "A path was asked for that the portal has not.",
     "Nothing, unless a link of yours leads there."},
    {PAGE_E_BAD_REQUEST, N_("We did not understand the request"),
     N_("Your browser sent something we did not expect. Go back to the first page and try again."),
     "The request was not HTTP as the portal takes it: a missing form field, a method that the "
     "path "
     "has not, or a malformed head.",
     "Look at the log lines of that second; a proxy that changes requests is the usual cause."},
    {PAGE_E_LOGIN, N_("User name or password not right"),
     N_("Please check both and try again, or go online without them: the first button is for "
        "everyone."),
     "The centre refused a last password.",
     "Nothing, unless the person is sure: then look in the centre's log which directory was asked, "
     "and whether the realm was meant (user@realm)."},
    {PAGE_E_TRIES, N_("Too many attempts"),
     N_("The password was wrong too often. Please wait ten minutes; meanwhile you can go online "
        "without it, like everyone."),
     "Five wrong last passwords of one device, or a hundred of all, within ten minutes.",
     "Look at the metric loggia_logins_refused_total: many at once mean that somebody guesses."},
    {PAGE_E_CENTRE_DOWN, N_("The access service is not answering"),
     N_("The city's servers cannot be reached right now. Please try again in a few minutes."),
     "No RADIUS server answered within the time that radius.timeout allows.",
     "Check with `loggiactl status` which servers are dead, then the route, the firewall (UDP 1812 "
     "and 1813) and the shared secret: a wrong secret looks like silence."},
    {PAGE_E_REFUSED, N_("We could not let you in"),
     N_("The access service said no and did not say why. Try again in a while; if it happens "
        "again, "
        "tell us the code below."),
     "The centre answered a tap with Access-Reject and no Reply-Message.",
     "Look in the centre's log for this router's NAS-Identifier at that time: a policy rejects "
     "without saying why."},
    {PAGE_E_GATE_DOWN, N_("This access point is restarting"),
     N_("It takes a few seconds. Please try again in a moment."),
     "loggiad has no connection to loggia-gate, or the kernel refused the change.",
     "Check that loggia-gate runs and what it logged; both must be of the same version."},
    {PAGE_E_FULL, N_("This access point is full"),
     N_("Too many devices are connected here right now. Please try again in a while, or move to "
        "another square."),
     "The router has max_clients devices open.",
     "Raise max_clients if the router's memory allows it (about 1 kB each), or add a router."},
    {PAGE_E_UPLINK_DOWN, N_("The internet cannot be reached from here"),
     N_("You are connected to the access point, but its line to the internet is down. It is not "
        "your "
        "device's fault. Please try again later."),
     "The router's uplink does not answer.",
     "Check the uplink interface, the default route and the provider's line."},
    {PAGE_E_INTERNAL, N_("Something went wrong on our side"),
     N_("It is not your device's fault. Please try again in a moment."),
     "The portal could not make its answer: out of memory, or a fault of ours.",
     "Keep the log lines of that second and report them."},
};

static const struct row *row_of(enum page_error e)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].code == e)
            return &rows[i];
    return &rows[sizeof rows / sizeof *rows - 1];
}

const char *page_error_code(enum page_error e, char buf[static 8])
{
    snprintf(buf, 8, "LG-%03u", (unsigned)e % 1000);
    return buf;
}

bool page_error_explain(const char *code, const char **what, const char **mend)
{
    char have[8];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcasecmp(code, page_error_code(rows[i].code, have)) == 0) {
            *what = rows[i].what;
            *mend = rows[i].mend;
            return true;
        }
    return false;
}

const char *page_error_title(const struct page *p, enum page_error e)
{
    return T(row_of(e)->title);
}

const char *page_error_words(const struct page *p, enum page_error e)
{
    return T(row_of(e)->words);
}

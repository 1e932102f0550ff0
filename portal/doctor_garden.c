/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The walled garden: that dnsmasq writes into the gate's sets what its names lead to, and that no
 * host by which devices ask whether they are captive shares an address with it. */
#include "portal/doctor.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

enum { DNS_PORT = 53 };

static const int types[] = {DNS_TYPE_A, DNS_TYPE_AAAA};

static bool server(const struct doctor *d, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (void *)out;

    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < d->n_lan; i++) {
        if (d->lan[i].family != AF_INET)
            continue;
        in->sin_family = AF_INET;
        in->sin_port = htons(DNS_PORT);
        in->sin_addr = d->lan[i].v4;
        return true;
    }
    return false;
}

/* The first of name's addresses that is (or is not) in the garden. */
static bool any(struct doctor *d, const struct sockaddr_storage *dns, const char *name, bool open,
                size_t *asked, char shown[static INET6_ADDRSTRLEN])
{
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct dns_answer a;
        if (!dns_ask((const void *)dns, name, (uint16_t)types[t], &a))
            continue;
        for (size_t i = 0; i < a.n; i++) {
            inet_ntop(types[t] == DNS_TYPE_A ? AF_INET : AF_INET6, &a.addresses[i], shown,
                      INET6_ADDRSTRLEN);
            json_t *r = ctl_ask(d->fd, json_pack("{s:s, s:s}", "cmd", "garden", "address", shown));
            bool known = ctl_fine(r),
                 found = known && json_is_true(json_object_get(r, "open")) == open;
            json_decref(r);
            *asked += known;
            if (found)
                return true;
        }
    }
    return false;
}

static bool written(struct doctor *d, const struct sockaddr_storage *dns)
{
    const struct conf *c = d->conf;
    bool all = true;

    for (size_t i = 0; i < c->n_walled_garden; i++) {
        const char *name = config_garden_domain(c->walled_garden[i]);
        char address[INET6_ADDRSTRLEN];
        size_t asked = 0;
        if (!any(d, dns, name, false, &asked, address))
            continue; /* or it has no address itself, as a name for those below it may */
        doctor_say(d, "walled-garden", DOCTOR_BAD,
                   "who is not online cannot reach what the walled garden promises",
                   "loggiactl garden >/etc/dnsmasq.d/loggia-garden.conf && systemctl restart "
                   "dnsmasq",
                   "%s leads to %s, which dnsmasq has not let through", name, address);
        all = false;
    }
    return all;
}

static bool apart(struct doctor *d, const struct sockaddr_storage *dns)
{
    for (const char *const *host = config_captive_hosts; *host; host++) {
        char address[INET6_ADDRSTRLEN];
        size_t asked = 0;
        if (!any(d, dns, *host, true, &asked, address))
            continue;
        doctor_say(d, "walled-garden", DOCTOR_BAD,
                   "devices reach it, believe that they are online, and show no splash page",
                   "take the name out of walled_garden that shares this address, then: loggiactl "
                   "garden",
                   "%s leads to %s, which is in the walled garden", *host, address);
        return false;
    }
    return true;
}

void doctor_garden(struct doctor *d)
{
    struct sockaddr_storage dns;

    if (d->conf->n_walled_garden == 0 || d->fd < 0 || !server(d, &dns))
        return;
    bool fine = written(d, &dns);
    if (apart(d, &dns) && fine)
        doctor_say(d, "walled-garden", DOCTOR_OK, NULL, NULL, "%zu names are let through",
                   d->conf->n_walled_garden);
}

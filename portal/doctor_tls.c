/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The certificate of the secure pages, looked at as phones look at it, and before they do: its
 * name, its days, its key, its chain (lib/cert.c). Whether a phone knows the authority at its end
 * cannot be told from here. */
#include "lib/cert.h"
#include "lib/crypto.h"
#include "portal/doctor.h"
#include <stdio.h>
#include <time.h>

enum { SOON_S = 21 * 86400 };

static const char why_refused[] = "phones refuse the secure pages, and do not say why";
static const char renew[] = "renew it (certbot renew, or your authority), then: loggiactl reload";

static void dates(struct doctor *d, const struct cert_facts *f)
{
    const char *file = d->conf->tls.certificate;
    time_t end = (time_t)f->not_after_s, now = time(NULL);
    struct tm tm;
    char when[32];

    strftime(when, sizeof when, "%Y-%m-%d", gmtime_r(&end, &tm));
    if (f->not_before_s > now)
        doctor_say(d, "certificate", DOCTOR_BAD, why_refused,
                   "date: is the clock right? If it is, wait", "%s is not valid yet", file);
    else if (end <= now)
        doctor_say(d, "certificate", DOCTOR_BAD, why_refused, renew, "%s expired on %s", file,
                   when);
    else if (end - now < SOON_S)
        doctor_say(d, "certificate", DOCTOR_WARN, "from that day on phones refuse the secure pages",
                   renew, "%s expires on %s", file, when);
    else
        doctor_say(d, "certificate", DOCTOR_OK, NULL, NULL, "for %s, valid until %s, issued by %s",
                   d->conf->portal_name, when, f->issuer);
}

static void chain(struct doctor *d, const struct cert_facts *f)
{
    const char *file = d->conf->tls.certificate;

    if (f->chain > 1)
        return;
    if (f->self_signed)
        doctor_say(d, "certificate", DOCTOR_BAD, why_refused,
                   "get one from an authority that phones know (certbot certonly)",
                   "%s has signed itself", file);
    else
        doctor_say(d, "certificate", DOCTOR_BAD,
                   "phones that have not met its authority's middle certificate refuse it",
                   "use the full chain (certbot: fullchain.pem)",
                   "%s holds one certificate and not its chain", file);
}

void doctor_tls(struct doctor *d)
{
    char err[256] = "", *certificate, *key = NULL;
    struct cert_facts f;

    if (!d->conf->has_tls) {
        doctor_say(d, "certificate", DOCTOR_OK, NULL, NULL,
                   "no section tls: no secure pages, no API, no last password");
        return;
    }
    certificate = cert_file_read(d->conf->tls.certificate, false, err, sizeof err);
    if (!certificate)
        doctor_say(d, "certificate", DOCTOR_BAD, "there are no secure pages and no API",
                   "make it a PEM file that loggiad's user may read", "%s %s",
                   d->conf->tls.certificate, err);
    else if (!(key = cert_file_read(d->conf->tls.key, true, err, sizeof err)))
        doctor_say(d, "certificate", DOCTOR_BAD, "there are no secure pages and no API",
                   "make it a PEM file, chown root:loggia, chmod 0640", "%s %s", d->conf->tls.key,
                   err);
    else if (!cert_check(certificate, key, d->conf->portal_name, &f, err, sizeof err))
        doctor_say(d, "certificate", DOCTOR_BAD, why_refused,
                   "put the full chain of a certificate for portal_name there, and its key",
                   "%s: %s", d->conf->tls.certificate, err);
    else {
        dates(d, &f);
        chain(d, &f);
    }
    crypto_secret_free(key);
    crypto_secret_free(certificate);
}

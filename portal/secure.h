/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal over TLS: the same pages, the API of RFC 8908 and the last-password form. */
#ifndef LOGGIA_PORTAL_SECURE_H
#define LOGGIA_PORTAL_SECURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct portal;
struct secure;
struct cert_facts;
struct http_stats;

/* While we may still be root: reads the pair and binds the port. A pair that cannot be used is
 * logged and the listener waits for a better one; NULL with the reason in err only if the port
 * cannot be had or memory is out. */
struct secure *secure_new(struct portal *p, char *err, size_t err_len);
/* With the rights that the process keeps: watches the two files' directories. */
void secure_start(struct secure *s);
void secure_reload(struct secure *s); /* the configuration, or SIGHUP; NULL is fine */
void secure_free(struct secure *s);

/* Whether phones can be sent to https:// now: it listens, and its certificate's dates are right.
 * NULL: false. */
bool secure_ready(const struct secure *s);
/* NULL without a certificate. */
const struct cert_facts *secure_certificate(const struct secure *s);
void secure_stats(const struct secure *s, struct http_stats *out); /* zeros without a listener */

#endif

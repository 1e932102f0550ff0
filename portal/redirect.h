/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a captive request is sent. Pure; what it reads was written by strangers. */
#ifndef LOGGIA_PORTAL_REDIRECT_H
#define LOGGIA_PORTAL_REDIRECT_H

#include <stdbool.h>
#include <stddef.h>

#define REDIRECT_MAX_URL 2048

/* Is a Host value (RFC 9110 section 7.2) the portal itself? Any case, with or without a port or the
 * root's dot. NULL is not. */
bool redirect_is_portal(const char *host, const char *portal_name);

/* Writes "http://HOST/PATH?QUERY", the address that was asked for. target is the request target as
 * sent. False, and out empty, where either holds what a URL of ours must not repeat. */
bool redirect_to_itself(const char *host, const char *target, char *out, size_t room);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A Location header is the one place where words of a request come back in an answer, so both parts
 * pass a list of what may be there, not of what may not: no control character, no blank, no quote,
 * nothing beyond ASCII ever gets through. */
#include "portal/redirect.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { MAX_HOST = 255 + 6 /* a DNS name, and a port */ };

static bool alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool redirect_is_portal(const char *host, const char *portal_name)
{
    size_t n = strlen(portal_name);
    if (!host || strncasecmp(host, portal_name, n) != 0)
        return false;
    host += n;
    if (*host == '.')
        host++;
    if (*host == ':')
        host += 1 + strspn(host + 1, "0123456789");
    return *host == 0;
}

/* A name or IPv4 literal, or an IPv6 literal in brackets; then perhaps a port. */
static bool host_fine(const char *host)
{
    size_t n = strnlen(host, MAX_HOST + 1);
    const char *p = host;
    if (n == 0 || n > MAX_HOST)
        return false;
    if (*p == '[') {
        p += 1 + strspn(p + 1, "0123456789abcdefABCDEF:.");
        if (*p++ != ']')
            return false;
    } else {
        if (!alnum(*p))
            return false;
        while (alnum(*p) || *p == '-' || *p == '.' || *p == '_')
            p++;
    }
    if (*p == ':') {
        size_t digits = strspn(p + 1, "0123456789");
        if (digits == 0 || digits > 5)
            return false;
        p += 1 + digits;
    }
    return *p == 0;
}

/* RFC 3986: pchar, "/" and "?", and the few brackets and bars that browsers send unescaped. */
static bool target_fine(const char *target)
{
    if (*target != '/')
        return false;
    for (const char *p = target; *p; p++)
        if (!alnum(*p) && !strchr("-._~!$&'()*+,;=:@/?%[]|", *p))
            return false;
    return true;
}

bool redirect_to_itself(const char *host, const char *target, char *out, size_t room)
{
    *out = 0;
    if (!host || !target || strnlen(target, REDIRECT_MAX_URL) == REDIRECT_MAX_URL)
        return false;
    if (!host_fine(host) || !target_fine(target))
        return false;
    int n = snprintf(out, room, "http://%s%s", host, target);
    if (n > 0 && (size_t)n < room)
        return true;
    *out = 0;
    return false;
}

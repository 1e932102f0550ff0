/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is asked, in attributes: HACKING.md's table. Pure.
 *
 * Attributes are the standard's own (RFC 2865, 2869, 4372), with RFC 3580's forms of the two
 * station identifiers. NAS-Identifier names the router; NAS-IP-Address is left out, because a
 * router behind an operator's NAT has none that means anything in the centre, and RFC 2865
 * section 4.1 asks for one of the two. Chargeable-User-Identity is sent as one NUL, which is how a
 * NAS says that it would like to be told one (RFC 4372 section 2.1). */
#include "lib/config.h"
#include "portal/radius_internal.h"
#include <stdio.h>
#include <string.h>

enum { LOGIN = 1, FRAMED = 2, CALL_CHECK = 10 }; /* Service-Type */
enum { WIRELESS_802_11 = 19 };                   /* NAS-Port-Type */
enum { MAX_PASSWORD = 128, MAX_USER = RADIUS_MAX_VALUE };

static uint32_t service_of(enum radius_kind kind)
{
    switch (kind) {
    case RADIUS_TAP:
        return FRAMED;
    case RADIUS_PASSWORD:
        return LOGIN;
    case RADIUS_SILENT:
    case RADIUS_FORGET:
        break;
    }
    return CALL_CHECK;
}

static void add_connect_info(struct radius_packet *p, const struct radius_ask *ask)
{
    char text[RADIUS_MAX_VALUE + 1];

    if (ask->kind == RADIUS_FORGET) {
        radius_add_text(p, RADIUS_CONNECT_INFO, "forget");
    } else if (ask->kind == RADIUS_TAP) {
        snprintf(text, sizeof text, "terms=%s lang=%s", ask->terms_id ? ask->terms_id : "",
                 ask->lang ? ask->lang : "");
        radius_add_text(p, RADIUS_CONNECT_INFO, text);
    }
}

static void add_optional(struct radius_packet *p, uint8_t type, const char *text)
{
    if (text != NULL)
        radius_add_text(p, type, text);
}

bool radius_request_begin(struct radius_packet *p, const struct conf *conf,
                          const struct radius_ask *ask, char mac_text[static MAC_TEXT_LEN],
                          const char **password)
{
    static const uint8_t nobody[16], nul[1];
    const char *user = mac_text_radius(&ask->mac, mac_text);

    *password = mac_text;
    if (ask->kind == RADIUS_PASSWORD) {
        if (ask->user == NULL || ask->password == NULL || ask->user[0] == '\0' ||
            strlen(ask->user) > MAX_USER || strlen(ask->password) > MAX_PASSWORD)
            return false;
        user = ask->user;
        *password = ask->password;
    }
    radius_begin(p, RADIUS_ACCESS_REQUEST, 0, nobody);
    radius_add_text(p, RADIUS_USER_NAME, user);
    radius_add_u32(p, RADIUS_SERVICE_TYPE, service_of(ask->kind));
    radius_add_text(p, RADIUS_CALLING_STATION_ID, mac_text);
    add_optional(p, RADIUS_CALLED_STATION_ID, ask->called_station);
    add_optional(p, RADIUS_NAS_IDENTIFIER, conf->nas_identifier);
    radius_add_u32(p, RADIUS_NAS_PORT_TYPE, WIRELESS_802_11);
    add_optional(p, RADIUS_NAS_PORT_ID, ask->zone);
    add_optional(p, RADIUS_ACCT_SESSION_ID, ask->acct_session_id);
    radius_add(p, 0, RADIUS_CUI, nul, sizeof nul);
    add_connect_info(p, ask);
    return !p->failed;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disconnect-Request and CoA-Request (RFC 5176): what is asked, of whom, and whether a router like
 * this one can do it. Pure.
 *
 * All attributes of a request must be understood and all that name a router or a session must agree
 * with one (sections 3 and 3.4): a server that asks for more than we do must hear so, rather than
 * believe that it was done. A session is named by Acct-Session-Id, Calling-Station-Id, or a
 * User-Name that is the device's address (as in our own requests); others tell nothing more.
 *
 * NAS-Identifier is what names this router in the centre. Only where it is missing do
 * NAS-IP-Address and NAS-IPv6-Address count: behind an operator's NAT they are not an address of
 * ours. */
#include "portal/dynauth.h"
#include "portal/radius_internal.h"
#include <stdio.h>
#include <string.h>

enum { /* attributes that only occur here */
       NAS_PORT = 5,
       STATE = 24,
       PROXY_STATE = 33,
       EAP_MESSAGE = 79,
       NAS_IPV6_ADDRESS = 95
};

enum use { UNKNOWN, TEXT, NUMBER, ADDRESS, IGNORED, NOT_OURS, CHANGE_NUMBER };

static enum use standard_use(uint8_t type)
{
    switch (type) {
    case RADIUS_USER_NAME:
    case RADIUS_CALLING_STATION_ID:
    case RADIUS_NAS_IDENTIFIER:
    case RADIUS_ACCT_SESSION_ID:
    case RADIUS_CUI:
        return TEXT;
    case RADIUS_EVENT_TIMESTAMP:
        return NUMBER;
    case RADIUS_NAS_IP_ADDRESS:
    case NAS_IPV6_ADDRESS:
        return ADDRESS;
    case NAS_PORT: /* these say again what the session is already known by, or mean nothing here */
    case RADIUS_NAS_PORT_ID:
    case RADIUS_NAS_PORT_TYPE:
    case RADIUS_CALLED_STATION_ID:
    case RADIUS_CLASS:
    case RADIUS_REPLY_MESSAGE:
    case RADIUS_ACCT_TERMINATE_CAUSE:
    case RADIUS_MESSAGE_AUTHENTICATOR:
    case PROXY_STATE:
        return IGNORED;
    case RADIUS_SERVICE_TYPE: /* sections 3.1 and 3.2: Authorize Only and its State */
    case STATE:
        return NOT_OURS;
    case RADIUS_SESSION_TIMEOUT:
    case RADIUS_IDLE_TIMEOUT:
    case RADIUS_ACCT_INTERIM_INTERVAL:
        return CHANGE_NUMBER;
    default:
        return UNKNOWN;
    }
}

static enum use use_of(const struct radius_attr_view *a)
{
    if (a->vendor == 0)
        return standard_use(a->type);
    if (a->vendor == RADIUS_VENDOR_WISPR &&
        (a->type == RADIUS_WISPR_MAX_UP || a->type == RADIUS_WISPR_MAX_DOWN))
        return CHANGE_NUMBER;
    if (a->vendor == RADIUS_VENDOR_CHILLISPOT &&
        (a->type == RADIUS_CHILLI_MAX_TOTAL_OCTETS || a->type == RADIUS_CHILLI_MAX_TOTAL_GIGAWORDS))
        return CHANGE_NUMBER;
    return UNKNOWN;
}

/* Several words for one device must mean the same one. */
static enum dynauth_cause take_mac(const struct radius_attr_view *a, struct dynauth_request *out)
{
    char text[MAC_TEXT_LEN];
    struct mac mac;
    bool is_one = a->len < sizeof text;

    if (is_one) {
        memcpy(text, a->value, a->len);
        text[a->len] = '\0';
        is_one = mac_parse(text, &mac) && mac_is_device(&mac);
    }
    if (!is_one) /* a person's name: not how we know a session */
        return a->type == RADIUS_USER_NAME ? DYNAUTH_FINE : DYNAUTH_INVALID_VALUE;
    if (out->has_mac && !mac_equal(&mac, &out->mac))
        return DYNAUTH_NOT_FOUND;
    out->mac = mac;
    out->has_mac = true;
    return DYNAUTH_FINE;
}

static enum dynauth_cause take_session_id(const struct radius_attr_view *a,
                                          struct dynauth_request *out)
{
    if (a->len == 0 || memchr(a->value, 0, a->len))
        return DYNAUTH_INVALID_VALUE;
    if (a->len >= sizeof out->session_id) /* none of ours is so long */
        return DYNAUTH_NOT_FOUND;
    if (out->session_id[0])
        return DYNAUTH_INVALID_REQUEST;
    memcpy(out->session_id, a->value, a->len);
    return DYNAUTH_FINE;
}

static enum dynauth_cause take_text(const struct radius_attr_view *a, const char *nas_identifier,
                                    struct dynauth_request *out)
{
    switch (a->type) {
    case RADIUS_ACCT_SESSION_ID:
        return take_session_id(a, out);
    case RADIUS_NAS_IDENTIFIER:
        return a->len == strlen(nas_identifier) && memcmp(a->value, nas_identifier, a->len) == 0
                   ? DYNAUTH_FINE
                   : DYNAUTH_NAS_MISMATCH;
    case RADIUS_CUI:
        out->cui_len = a->len;
        memcpy(out->cui, a->value, a->len);
        return DYNAUTH_FINE;
    default:
        return take_mac(a, out);
    }
}

static enum dynauth_cause take_address(const struct radius_attr_view *a,
                                       struct dynauth_request *out)
{
    if (a->len != (a->type == RADIUS_NAS_IP_ADDRESS ? 4 : 16))
        return DYNAUTH_INVALID_VALUE;
    out->nas_ip_len = a->len;
    memcpy(out->nas_ip, a->value, a->len);
    return DYNAUTH_FINE;
}

static enum dynauth_cause take(const struct radius_attr_view *a, const char *nas_identifier,
                               struct dynauth_request *out, bool *changes)
{
    switch (use_of(a)) {
    case TEXT:
        return take_text(a, nas_identifier, out);
    case ADDRESS:
        return take_address(a, out);
    case NUMBER:
        return a->len == 4 ? DYNAUTH_FINE : DYNAUTH_INVALID_VALUE;
    case CHANGE_NUMBER:
        *changes = true;
        if (out->disconnect) /* section 3.6: there is nothing to change in what ends */
            return DYNAUTH_UNSUPPORTED_ATTRIBUTE;
        return a->len == 4 ? DYNAUTH_FINE : DYNAUTH_INVALID_VALUE;
    case NOT_OURS:
        return DYNAUTH_UNSUPPORTED_SERVICE;
    case IGNORED:
        return DYNAUTH_FINE;
    case UNKNOWN:
        break;
    }
    return DYNAUTH_UNSUPPORTED_ATTRIBUTE;
}

enum dynauth_cause dynauth_read(const uint8_t *data, size_t len, const char *nas_identifier,
                                struct dynauth_request *out)
{
    enum dynauth_cause first = DYNAUTH_FINE;
    struct radius_attr_view a;
    bool changes = false;
    size_t at = 0;

    memset(out, 0, sizeof *out);
    out->disconnect = data[0] == RADIUS_DISCONNECT_REQUEST;
    out->has_time = radius_get_u32(data, len, 0, RADIUS_EVENT_TIMESTAMP, &out->time_s);
    while (radius_next(data, len, &at, &a)) {
        enum dynauth_cause cause = take(&a, nas_identifier, out, &changes);
        if (cause == DYNAUTH_NAS_MISMATCH || first == DYNAUTH_FINE) /* not for us: says the most */
            first = cause;
    }
    if (first != DYNAUTH_FINE)
        return first;
    if (!out->has_mac && !out->session_id[0])
        return DYNAUTH_MISSING_ATTRIBUTE;
    if (!out->disconnect && !changes)
        return DYNAUTH_MISSING_ATTRIBUTE;
    if (radius_find(data, len, 0, RADIUS_NAS_IDENTIFIER, &a))
        out->nas_ip_len = 0;
    radius_grant_read(data, len, &out->change);
    return DYNAUTH_FINE;
}

bool dynauth_answer(struct radius_packet *p, const uint8_t *request, size_t len,
                    enum dynauth_cause cause, const char *secret)
{
    bool disconnect = request[0] == RADIUS_DISCONNECT_REQUEST, fine = cause == DYNAUTH_FINE;
    struct radius_attr_view a;
    size_t at = 0;

    radius_begin(p,
                 disconnect ? (fine ? RADIUS_DISCONNECT_ACK : RADIUS_DISCONNECT_NAK)
                 : fine     ? RADIUS_COA_ACK
                            : RADIUS_COA_NAK,
                 request[1], request + 4);
    if (!fine)
        radius_add_u32(p, RADIUS_ERROR_CAUSE, cause);
    while (radius_next(request, len, &at, &a)) /* section 3.1: all of them, unchanged, in order */
        if (a.vendor == 0 && a.type == PROXY_STATE)
            radius_add(p, 0, PROXY_STATE, a.value, a.len);
    return radius_sign_reply(p, request + 4, secret);
}

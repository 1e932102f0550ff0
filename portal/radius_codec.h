/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RADIUS packets (RFC 2865, 2866, 2869, 5176): bytes in, attributes out, and the other way round.
 * Pure. Tested against libfreeradius-radius as the oracle. */
#ifndef LOGGIA_PORTAL_RADIUS_CODEC_H
#define LOGGIA_PORTAL_RADIUS_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RADIUS_MAX_PACKET 4096 /* RFC 2865 section 3 */
#define RADIUS_MAX_VALUE  253

enum radius_code {
    RADIUS_ACCESS_REQUEST = 1,
    RADIUS_ACCESS_ACCEPT = 2,
    RADIUS_ACCESS_REJECT = 3,
    RADIUS_ACCOUNTING_REQUEST = 4,
    RADIUS_ACCOUNTING_RESPONSE = 5,
    RADIUS_ACCESS_CHALLENGE = 11,
    RADIUS_STATUS_SERVER = 12,
    RADIUS_DISCONNECT_REQUEST = 40,
    RADIUS_DISCONNECT_ACK = 41,
    RADIUS_DISCONNECT_NAK = 42,
    RADIUS_COA_REQUEST = 43,
    RADIUS_COA_ACK = 44,
    RADIUS_COA_NAK = 45
};

/* Attributes by (vendor, type); vendor 0 is the standard space. */
enum radius_attr {
    RADIUS_USER_NAME = 1,
    RADIUS_USER_PASSWORD = 2,
    RADIUS_NAS_IP_ADDRESS = 4,
    RADIUS_SERVICE_TYPE = 6,
    RADIUS_FRAMED_IP_ADDRESS = 8,
    RADIUS_REPLY_MESSAGE = 18,
    RADIUS_CLASS = 25,
    RADIUS_SESSION_TIMEOUT = 27,
    RADIUS_IDLE_TIMEOUT = 28,
    RADIUS_CALLED_STATION_ID = 30,
    RADIUS_CALLING_STATION_ID = 31,
    RADIUS_NAS_IDENTIFIER = 32,
    RADIUS_ACCT_STATUS_TYPE = 40,
    RADIUS_ACCT_DELAY_TIME = 41,
    RADIUS_ACCT_INPUT_OCTETS = 42,
    RADIUS_ACCT_OUTPUT_OCTETS = 43,
    RADIUS_ACCT_SESSION_ID = 44,
    RADIUS_ACCT_AUTHENTIC = 45,
    RADIUS_ACCT_SESSION_TIME = 46,
    RADIUS_ACCT_INPUT_PACKETS = 47,
    RADIUS_ACCT_OUTPUT_PACKETS = 48,
    RADIUS_ACCT_TERMINATE_CAUSE = 49,
    RADIUS_ACCT_INPUT_GIGAWORDS = 52,
    RADIUS_ACCT_OUTPUT_GIGAWORDS = 53,
    RADIUS_EVENT_TIMESTAMP = 55,
    RADIUS_NAS_PORT_TYPE = 61,
    RADIUS_CONNECT_INFO = 77,
    RADIUS_MESSAGE_AUTHENTICATOR = 80,
    RADIUS_ACCT_INTERIM_INTERVAL = 85,
    RADIUS_NAS_PORT_ID = 87,
    RADIUS_CUI = 89,
    RADIUS_ERROR_CAUSE = 101
};
enum {
    RADIUS_VENDOR_WISPR = 14122,
    RADIUS_WISPR_MAX_UP = 7,
    RADIUS_WISPR_MAX_DOWN = 8 /* bit/s */
};
enum {
    RADIUS_VENDOR_CHILLISPOT = 14559,
    RADIUS_CHILLI_MAX_TOTAL_OCTETS = 3,
    RADIUS_CHILLI_MAX_TOTAL_GIGAWORDS = 23
};

struct radius_attr_view {
    uint32_t vendor;
    uint8_t type, len; /* of value */
    const uint8_t *value;
};

/* --- writing ---------------------------------------------------------------------------------- */
struct radius_packet {
    uint8_t data[RADIUS_MAX_PACKET];
    size_t len;
    bool failed; /* did not fit, or a value was too long */
};

/* Begins a packet. A Message-Authenticator of zeros comes first, to be filled in when the packet is
 * signed: in all codes but the two of accounting, whose authenticator is keyed (RFC 2866). */
void radius_begin(struct radius_packet *p, enum radius_code code, uint8_t id,
                  const uint8_t authenticator[static 16]);
/* The same, with the code and the attributes of a packet begun before (and not yet signed): how one
 * question is put to several servers, or again. */
void radius_begin_from(struct radius_packet *p, const uint8_t *begun, size_t len, uint8_t id,
                       const uint8_t authenticator[static 16]);
/* Adds an attribute. An empty value is left out (RFC 2865 section 5: it must not be sent). */
void radius_add(struct radius_packet *p, uint32_t vendor, uint8_t type, const void *value,
                size_t len);
void radius_add_text(struct radius_packet *p, uint8_t type, const char *text); /* cut at 253 */
void radius_add_u32(struct radius_packet *p, uint8_t type, uint32_t value);
/* RFC 2865 section 5.2; needs the final request authenticator, so it is known at radius_begin. At
 * most 128 bytes. */
void radius_add_password(struct radius_packet *p, const char *password, const char *secret);
/* Fills in length, Message-Authenticator (where one was begun) and, for accounting, CoA and
 * Disconnect requests, the authenticator (RFC 2866 section 3). False if failed. */
bool radius_sign(struct radius_packet *p, const char *secret);
/* The same for a reply to request_authenticator (RFC 2865 section 3). */
bool radius_sign_reply(struct radius_packet *p, const uint8_t request_authenticator[static 16],
                       const char *secret);

/* --- reading ---------------------------------------------------------------------------------- */
enum radius_fault { /* why a packet was dropped; each is a counter */
                    RADIUS_FINE,
                    RADIUS_MALFORMED, /* lengths */
                    RADIUS_BAD_AUTHENTICATOR,
                    RADIUS_NO_MESSAGE_AUTHENTICATOR, /* on an Access reply: CVE-2024-3596 */
                    RADIUS_BAD_MESSAGE_AUTHENTICATOR,
                    RADIUS_UNEXPECTED, /* code or id that nobody asked for */
                    RADIUS_FAULTS
};
const char *radius_fault_name(enum radius_fault f);

/* Lengths only: header, every attribute, the inside of the two vendors' attributes named above. */
enum radius_fault radius_check_form(const uint8_t *data, size_t len);
/* A reply against its request's authenticator and the secret, in constant time. Access replies must
 * carry a right Message-Authenticator, in any position; accounting replies may leave it out. */
enum radius_fault radius_check_reply(const uint8_t *data, size_t len,
                                     const uint8_t request_authenticator[static 16],
                                     const char *secret);
/* A request from a server (Disconnect, CoA: RFC 5176 section 3.3): authenticator and a required
 * Message-Authenticator. */
enum radius_fault radius_check_request(const uint8_t *data, size_t len, const char *secret);

/* Walks the attributes of a well-formed packet; *at begins at 0. Vendor attributes come out one by
 * one; what is inside one that does not follow RFC 2865's advice on its format comes out whole, as
 * (vendor 0, type 26). False at the end. */
bool radius_next(const uint8_t *data, size_t len, size_t *at, struct radius_attr_view *out);
bool radius_find(const uint8_t *data, size_t len, uint32_t vendor, uint8_t type,
                 struct radius_attr_view *out);
bool radius_get_u32(const uint8_t *data, size_t len, uint32_t vendor, uint8_t type, uint32_t *out);

#endif

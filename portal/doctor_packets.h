/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two kinds of packet that the doctor reads from the network, so from strangers. Pure. */
#ifndef LOGGIA_PORTAL_DOCTOR_PACKETS_H
#define LOGGIA_PORTAL_DOCTOR_PACKETS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DNS_MAX_ADDRESSES 16
enum { DNS_TYPE_A = 1, DNS_TYPE_NS = 2, DNS_TYPE_AAAA = 28 };
struct dns_answer {
    int rcode;
    size_t n;
    struct in6_addr addresses[DNS_MAX_ADDRESSES]; /* IPv4 in the first four bytes */
    unsigned took_ms;
};
/* The query for a name. Its length, or 0 if the name is none. */
size_t dns_query(uint8_t out[static 512], uint16_t id, const char *name, uint16_t type);
/* False if it is no answer to that query, or ends within a record. */
bool dns_parse(const uint8_t *data, size_t len, uint16_t id, uint16_t type, struct dns_answer *out);

/* A DHCPINFORM of ourselves (RFC 2131 section 4.4.3), asking for option 114. Its length. */
size_t dhcp_inform(uint8_t out[static 576], uint32_t xid, const uint8_t mac[static 6],
                   struct in_addr self);
/* The value of an option in a reply of that xid; NULL: it is not there. *is_reply: the packet is
 * one at all. */
const uint8_t *dhcp_option(const uint8_t *data, size_t len, uint32_t xid, uint8_t option,
                           size_t *value_len, bool *is_reply);
enum { DHCP_OPTION_PORTAL = 114 };

#endif

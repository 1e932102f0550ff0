/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a stranger sent, as far as it says "this address is mine". */
#include "netfilter/claims.h"

#include <netinet/in.h>
#include <string.h>

#define ARP_LEN          28
#define IPV6_HEADER      40
#define ADVERT_LEN       24
#define NEIGHBOUR_ADVERT 136

static const uint8_t arp_head[] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4, and their lengths */

bool claims_parse(const uint8_t *packet, size_t len, struct gate_address *out)
{
    if (len >= ARP_LEN && !memcmp(packet, arp_head, sizeof arp_head)) {
        out->family = 4;
        memcpy(out->ip, packet + 14, 4);
        return true;
    }
    if (len >= IPV6_HEADER + ADVERT_LEN && packet[0] >> 4 == 6 && packet[6] == IPPROTO_ICMPV6 &&
        packet[IPV6_HEADER] == NEIGHBOUR_ADVERT) {
        out->family = 6;
        memcpy(out->ip, packet + IPV6_HEADER + 8, 16);
        return true;
    }
    return false;
}

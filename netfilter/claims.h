/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure: which address a packet claims. */
#ifndef LOGGIA_NETFILTER_CLAIMS_H
#define LOGGIA_NETFILTER_CLAIMS_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* packet begins at its network header and may be cut: an ARP message over Ethernet and IPv4 (RFC
 * 826), or a neighbour advertisement (RFC 4861 section 4.4) without extension headers. Fills in
 * family and ip; false: it is neither. */
bool claims_parse(const uint8_t *packet, size_t len, struct gate_address *out);

#endif

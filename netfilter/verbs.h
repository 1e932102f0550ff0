/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decoder of what loggiad sends: pure, and fuzzed. */
#ifndef LOGGIA_NETFILTER_VERBS_H
#define LOGGIA_NETFILTER_VERBS_H

#include "lib/gate_proto.h"
#include <stddef.h>

#define GATE_TIMEOUT_MAX_S (31U * 24 * 3600)

/* GATE_OK: *out is a request whose every field is in range. GATE_INVALID: a request that is to be
 * answered so. -1: not a request at all; the connection ends. */
int verbs_decode(const void *packet, size_t len, struct gate_request *out);
const char *verbs_name(unsigned verb);

#endif

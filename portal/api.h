/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The body of an answer of the Captive Portal API (RFC 8908 section 5). Pure. */
#ifndef LOGGIA_PORTAL_API_H
#define LOGGIA_PORTAL_API_H

#include <stdbool.h>
#include <stdint.h>

#define API_MAX_BYTES 4096 /* what clients read */

struct api_state {
    const char *portal_name;
    bool captive;
    bool has_seconds, has_bytes; /* of the session, while there is one */
    uint64_t seconds, bytes;
};

/* Freed by the caller; NULL if memory is out. */
char *api_json(const struct api_state *s);

#endif

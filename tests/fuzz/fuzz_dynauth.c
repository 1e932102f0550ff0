/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request from the centre (RFC 5176), as a stranger could write it: what is checked first, what
 * is read, and the answer that any of it gets. The right secret is given to it by signing it here.
 */
#include "portal/dynauth.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void answers(const uint8_t *data, size_t len, enum dynauth_cause cause)
{
    struct radius_packet p;
    if (dynauth_answer(&p, data, len, cause, "secret") &&
        radius_check_reply(p.data, p.len, data + 4, "secret") != RADIUS_FINE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct dynauth_request r;

    radius_check_request(data, len, "secret");
    if (radius_check_form(data, len) != RADIUS_FINE)
        return 0;
    size_t stated = (size_t)data[2] << 8 | data[3];
    enum dynauth_cause cause = dynauth_read(data, stated, "router", &r);
    if (cause == DYNAUTH_FINE && !r.has_mac && !r.session_id[0])
        abort();
    if (!memchr(r.session_id, 0, sizeof r.session_id) || (r.has_mac && !mac_is_device(&r.mac)))
        abort();
    answers(data, stated, DYNAUTH_FINE);
    answers(data, stated, cause ? cause : DYNAUTH_NOT_FOUND);
    return 0;
}

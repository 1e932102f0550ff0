/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A RADIUS packet from the network: form, authentication, attributes. */
#include "portal/radius_codec.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t authenticator[16] = {1, 2, 3};
    radius_check_reply(data, len, authenticator, "secret");
    radius_check_request(data, len, "secret");
    if (radius_check_form(data, len) != RADIUS_FINE)
        return 0;
    struct radius_attr_view v;
    size_t at = 0, walked = 0;
    while (radius_next(data, len, &at, &v))
        if (v.value < data || v.value + v.len > data + len || ++walked > RADIUS_MAX_PACKET)
            abort();
    uint32_t number;
    radius_get_u32(data, len, 0, RADIUS_SESSION_TIMEOUT, &number);
    radius_get_u32(data, len, RADIUS_VENDOR_WISPR, RADIUS_WISPR_MAX_UP, &number);
    return 0;
}

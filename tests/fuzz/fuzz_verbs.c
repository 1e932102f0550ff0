/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a broken or captured loggiad could send to the gate. */
#include "netfilter/verbs.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gate_request out;
    /* libFuzzer seldom makes the one size that counts: pad or cut as well as the packet as it is */
    char packet[sizeof out] = {0};
    memcpy(packet, data, len < sizeof packet ? len : sizeof packet);
    if (len != sizeof packet && verbs_decode(data, len, &out) != -1)
        abort();
    if (verbs_decode(packet, sizeof packet, &out) != GATE_OK)
        return 0;
    if (!out.seq || !out.verb || out.verb > GATE_LAST_VERB || !*verbs_name(out.verb))
        abort();
    if (out.verb == GATE_OPEN) {
        if (!memchr(out.entry.tag, 0, GATE_TAG_LEN) || !out.entry.timeout_s ||
            out.entry.timeout_s > GATE_TIMEOUT_MAX_S || !mac_is_device(&out.entry.mac))
            abort();
        for (const char *p = out.entry.tag; *p; p++)
            if (*p < ' ' || *p > '~')
                abort();
    }
    return 0;
}

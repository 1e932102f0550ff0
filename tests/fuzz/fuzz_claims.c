/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What somebody on the LAN could send who claims the router's address. */
#include "netfilter/claims.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct gate_address a;
    uint8_t *exact = malloc(len ? len : 1); /* so that a byte too many is seen */
    if (!exact)
        return 0;
    memset(&a, 0, sizeof a);
    memcpy(exact, data, len);
    bool found = claims_parse(exact, len, &a);
    free(exact);
    if (found != (a.family != 0) || (found && a.family != 4 && a.family != 6))
        abort();
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pictures as strangers may have made them: whatever is let through is within the bounds and has a
 * name that is one; whatever is not has a reason. */
#include "lib/logo.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char err[200] = "", name[LOGO_NAME_LEN], text[64];
    uint8_t sum[32] = {0};
    enum logo_kind kind;
    struct logo logo;
    size_t n = len < sizeof text - 1 ? len : sizeof text - 1;

    if (n) {
        memcpy(text, data, n);
        memcpy(sum, data, n < sizeof sum ? n : sizeof sum);
    }
    text[n] = '\0';
    logo_name_ok(text, &kind);
    if (!logo_read(data, len, &logo, err, sizeof err)) {
        if (!*err)
            abort();
        return 0;
    }
    logo_name(sum, logo.kind, name);
    if (len > LOGO_MAX_BYTES || !logo.width || !logo.height || logo.width > LOGO_MAX_SIDE ||
        logo.height > LOGO_MAX_SIDE || !logo_name_ok(name, &kind) || kind != logo.kind)
        abort();
    return 0;
}

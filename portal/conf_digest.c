/* SPDX-License-Identifier: GPL-2.0-or-later */
/* SHA-256 (as an HMAC under a fixed name, which is what lib/crypto.h offers) of the file's bytes.
 */
#include "portal/conf_digest.h"
#include "lib/crypto.h"
#include <stdio.h>
#include <stdlib.h>

enum { MAX_BYTES = 256 * 1024 };

bool conf_digest(const char *path, char out[static CONF_DIGEST_LEN])
{
    static const char name[] = "loggia-conf";
    uint8_t sum[SHA256_LEN];
    char *text = malloc(MAX_BYTES + 1);
    FILE *f = text ? fopen(path, "re") : NULL;
    size_t n = f ? fread(text, 1, MAX_BYTES + 1, f) : 0;
    bool fine = f && !ferror(f) && n <= MAX_BYTES;

    out[0] = 0;
    if (fine) {
        const struct crypto_slice all = {text, n};
        crypto_hmac_sha256(name, sizeof name - 1, &all, 1, sum);
        crypto_hex(sum, sizeof sum, out);
    }
    if (f)
        fclose(f);
    free(text);
    return fine;
}

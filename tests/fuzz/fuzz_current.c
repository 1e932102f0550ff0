/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `current` from strangers. The input with the test's own signature appended must give what is
 * written the same again; the input as it is can only be good if the seeds' key signed it. */
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/current.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct sign_key key;

static void check(const char *data, size_t len)
{
    char err[256] = "", id[SIGN_ID_LEN] = "";
    struct current c;
    struct buf again;
    if (current_read(data, len, &key, 1, &c, id, err, sizeof err) != CURRENT_GOOD) {
        if (!*err || c.serial)
            abort(); /* a refusal says why and gives nothing */
        return;
    }
    if (strcmp(id, key.id) != 0)
        abort();
    buf_init(&again, CURRENT_MAX_BYTES);
    if (!current_write(&again, &c, &key, 1) || again.len > len ||
        memcmp(again.data, data, again.len) != 0)
        abort();
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t signature[SIGN_SIGNATURE_LEN];
    char digits[100];
    struct buf b;
    if (!key.has_seed) {
        char err[200];
        if (!sign_key_parse("loggia-ed25519-private 8139770ea87d175f "
                            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                            &key, err, sizeof err))
            sign_key_new(&key);
    }
    check((const char *)data, len);
    if (len && data[len - 1] == '\n') {
        buf_init(&b, len + 200);
        buf_add(&b, (const char *)data, len);
        sign_make(&key, data, len, signature);
        crypto_base64url(signature, sizeof signature, digits);
        buf_fmt(&b, "signature: %s %s\n", key.id, digits);
        check(b.data, b.len);
        buf_free(&b);
    }
    return 0;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The second file of nettle's room: signatures are in its other library (hogweed, on gmp), which
 * the centre's module need not load. */
#include "lib/sign.h"
#include <nettle/eddsa.h>
#include <nettle/sha2.h>

_Static_assert(SIGN_KEY_LEN == ED25519_KEY_SIZE && SIGN_SIGNATURE_LEN == ED25519_SIGNATURE_SIZE &&
                   SIGN_KEY_LEN == SHA256_DIGEST_SIZE,
               "as the header says");

void sign_public(const uint8_t seed[static SIGN_KEY_LEN], uint8_t out[static SIGN_KEY_LEN])
{
    ed25519_sha512_public_key(out, seed);
}

void sign_make(const struct sign_key *k, const void *data, size_t len,
               uint8_t out[static SIGN_SIGNATURE_LEN])
{
    ed25519_sha512_sign(k->public, k->seed, len, data, out);
}

bool sign_verify(const uint8_t key[static SIGN_KEY_LEN], const void *data, size_t len,
                 const uint8_t signature[static SIGN_SIGNATURE_LEN])
{
    return ed25519_sha512_verify(key, len, data, signature);
}

void sign_sha256(const void *data, size_t len, uint8_t out[static SIGN_KEY_LEN])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    sha256_update(&ctx, len, data);
    sha256_digest(&ctx, SIGN_KEY_LEN, out);
}

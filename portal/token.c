/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token = base64url(issued || HMAC-SHA256(key, "loggia-form" issued MAC terms)[0..15]), issued
 * being the time in seconds, 32 bits, big-endian. It wraps after 136 years of uptime. */
#include "portal/token.h"
#include "lib/crypto.h"
#include <string.h>

enum { ISSUED_LEN = 4, SEAL_LEN = 16, RAW_LEN = ISSUED_LEN + SEAL_LEN };

static void seal(const uint8_t key[static TOKEN_KEY_LEN], const struct mac *mac,
                 const char *terms_id, const uint8_t issued[static ISSUED_LEN],
                 uint8_t out[static SHA256_LEN])
{
    const struct crypto_slice parts[] = {
        {"loggia-form", sizeof "loggia-form"},
        {issued, ISSUED_LEN},
        {mac->b, sizeof mac->b},
        {terms_id, strlen(terms_id)},
    };
    crypto_hmac_sha256(key, TOKEN_KEY_LEN, parts, sizeof parts / sizeof *parts, out);
}

void token_make(const uint8_t key[static TOKEN_KEY_LEN], const struct mac *mac,
                const char *terms_id, uint64_t now_s, char out[static TOKEN_LEN])
{
    uint8_t raw[RAW_LEN] = {(uint8_t)(now_s >> 24), (uint8_t)(now_s >> 16), (uint8_t)(now_s >> 8),
                            (uint8_t)now_s};
    uint8_t digest[SHA256_LEN];

    seal(key, mac, terms_id, raw, digest);
    memcpy(raw + ISSUED_LEN, digest, SEAL_LEN);
    crypto_base64url(raw, sizeof raw, out);
}

bool token_check(const uint8_t key[static TOKEN_KEY_LEN], const struct mac *mac,
                 const char *terms_id, uint64_t now_s, const char *text)
{
    uint8_t raw[RAW_LEN], digest[SHA256_LEN];

    if (!text || strnlen(text, TOKEN_LEN) != TOKEN_LEN - 1 ||
        crypto_base64url_decode(text, TOKEN_LEN - 1, raw, sizeof raw) != RAW_LEN)
        return false;
    uint32_t issued =
        (uint32_t)raw[0] << 24 | (uint32_t)raw[1] << 16 | (uint32_t)raw[2] << 8 | raw[3];
    uint32_t age = (uint32_t)now_s - issued; /* a token from the future is very old */
    seal(key, mac, terms_id, raw, digest);
    return crypto_equal(raw + ISSUED_LEN, digest, SEAL_LEN) & (age <= TOKEN_LIFETIME_S);
}

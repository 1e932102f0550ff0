/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/crypto_password.h"
#include "lib/crypto.h"

#include <nettle/pbkdf2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 600000, MOST_ROUNDS = 10000000, SALT_LEN = 16 };
#define HEAD "pbkdf2-sha256:"

static void derive(const char *password, unsigned rounds, const uint8_t salt[static SALT_LEN],
                   uint8_t out[static SHA256_LEN])
{
    pbkdf2_hmac_sha256(strlen(password), (const uint8_t *)password, rounds, SALT_LEN, salt,
                       SHA256_LEN, out);
}

void crypto_password_hash(const char *password, char out[static CRYPTO_PASSWORD_LEN])
{
    uint8_t salt[SALT_LEN], hash[SHA256_LEN];
    int at = snprintf(out, CRYPTO_PASSWORD_LEN, HEAD "%d:", (int)ROUNDS);

    crypto_random(salt, sizeof salt);
    derive(password, ROUNDS, salt, hash);
    at += (int)crypto_base64url(salt, sizeof salt, out + at);
    out[at++] = ':';
    crypto_base64url(hash, sizeof hash, out + at);
    crypto_wipe(hash, sizeof hash);
}

/* Rounds, salt and hash of a stored one. */
static bool take_apart(const char *stored, unsigned *rounds, uint8_t salt[static SALT_LEN],
                       uint8_t hash[static SHA256_LEN])
{
    char *end;

    if (!stored || strncmp(stored, HEAD, sizeof HEAD - 1) != 0)
        return false;
    unsigned long n = strtoul(stored + sizeof HEAD - 1, &end, 10);
    const char *colon = *end == ':' ? strchr(end + 1, ':') : NULL;
    if (n < 1 || n > MOST_ROUNDS || !colon)
        return false;
    *rounds = (unsigned)n;
    return crypto_base64url_decode(end + 1, (size_t)(colon - end - 1), salt, SALT_LEN) ==
               SALT_LEN &&
           crypto_base64url_decode(colon + 1, strlen(colon + 1), hash, SHA256_LEN) == SHA256_LEN;
}

bool crypto_password_check(const char *password, const char *stored)
{
    uint8_t salt[SALT_LEN] = {0}, hash[SHA256_LEN] = {0}, found[SHA256_LEN];
    unsigned rounds = ROUNDS;
    bool known = take_apart(stored, &rounds, salt, hash);

    derive(password, rounds, salt, found);
    bool fine = crypto_equal(found, hash, sizeof hash) && known;
    crypto_wipe(found, sizeof found);
    return fine;
}

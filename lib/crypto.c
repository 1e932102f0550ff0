/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for nettle. Small on purpose: digests over slices, so that nobody copies a secret into a
 * buffer only to hash it; a comparison whose time says nothing; two encodings. Reading secrets from
 * files is secret.c. */
#include "lib/crypto.h"
#include "lib/mac.h"

#include <errno.h>
#include <nettle/gcm.h>
#include <nettle/hmac.h>
#include <nettle/md5.h>
#include <nettle/memops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void crypto_md5(const struct crypto_slice *parts, size_t n, uint8_t out[static MD5_LEN])
{
    struct md5_ctx ctx;

    md5_init(&ctx);
    for (size_t i = 0; i < n; i++)
        md5_update(&ctx, parts[i].len, parts[i].data);
    md5_digest(&ctx, MD5_LEN, out);
    crypto_wipe(&ctx, sizeof ctx);
}

void crypto_hmac_md5(const void *key, size_t key_len, const struct crypto_slice *parts, size_t n,
                     uint8_t out[static MD5_LEN])
{
    struct hmac_md5_ctx ctx;

    hmac_md5_set_key(&ctx, key_len, key);
    for (size_t i = 0; i < n; i++)
        hmac_md5_update(&ctx, parts[i].len, parts[i].data);
    hmac_md5_digest(&ctx, MD5_LEN, out);
    crypto_wipe(&ctx, sizeof ctx);
}

void crypto_hmac_sha256(const void *key, size_t key_len, const struct crypto_slice *parts, size_t n,
                        uint8_t out[static SHA256_LEN])
{
    struct hmac_sha256_ctx ctx;

    hmac_sha256_set_key(&ctx, key_len, key);
    for (size_t i = 0; i < n; i++)
        hmac_sha256_update(&ctx, parts[i].len, parts[i].data);
    hmac_sha256_digest(&ctx, SHA256_LEN, out);
    crypto_wipe(&ctx, sizeof ctx);
}

struct crypto_keyed {
    struct hmac_sha256_ctx ctx;
};

struct crypto_keyed *crypto_keyed_new(const void *key, size_t key_len)
{
    struct crypto_keyed *k = malloc(sizeof *k);
    if (k)
        hmac_sha256_set_key(&k->ctx, key_len, key);
    return k;
}

void crypto_keyed_free(struct crypto_keyed *k)
{
    if (k)
        crypto_wipe(k, sizeof *k);
    free(k);
}

void crypto_keyed_sha256(const struct crypto_keyed *k, const struct crypto_slice *parts, size_t n,
                         uint8_t out[static SHA256_LEN])
{
    struct hmac_sha256_ctx ctx = k->ctx;

    for (size_t i = 0; i < n; i++)
        hmac_sha256_update(&ctx, parts[i].len, parts[i].data);
    hmac_sha256_digest(&ctx, SHA256_LEN, out);
    crypto_wipe(&ctx, sizeof ctx);
}

#define NONCE_LEN GCM_IV_SIZE
#define TAG_LEN   GCM_DIGEST_SIZE
_Static_assert(CRYPTO_SEAL_EXTRA == NONCE_LEN + TAG_LEN, "as the header says");

static void gcm_begin(struct gcm_aes256_ctx *ctx, const uint8_t *key, const uint8_t *nonce,
                      const struct crypto_slice *place)
{
    gcm_aes256_set_key(ctx, key);
    gcm_aes256_set_iv(ctx, NONCE_LEN, nonce);
    gcm_aes256_update(ctx, place->len, place->data);
}

void crypto_seal(const uint8_t key[static SHA256_LEN], const struct crypto_slice *place,
                 const void *plain, size_t len, uint8_t *out)
{
    struct gcm_aes256_ctx ctx;

    crypto_random(out, NONCE_LEN);
    gcm_begin(&ctx, key, out, place);
    gcm_aes256_encrypt(&ctx, len, out + NONCE_LEN, plain);
    gcm_aes256_digest(&ctx, TAG_LEN, out + NONCE_LEN + len);
    crypto_wipe(&ctx, sizeof ctx);
}

bool crypto_unseal(const uint8_t key[static SHA256_LEN], const struct crypto_slice *place,
                   const void *sealed, size_t len, uint8_t *out)
{
    const uint8_t *in = sealed;
    uint8_t tag[TAG_LEN];
    struct gcm_aes256_ctx ctx;

    if (len < CRYPTO_SEAL_EXTRA)
        return false;
    len -= CRYPTO_SEAL_EXTRA;
    gcm_begin(&ctx, key, in, place);
    gcm_aes256_decrypt(&ctx, len, out, in + NONCE_LEN);
    gcm_aes256_digest(&ctx, TAG_LEN, tag);
    crypto_wipe(&ctx, sizeof ctx);
    bool ours = crypto_equal(tag, in + NONCE_LEN + len, TAG_LEN);
    if (!ours)
        crypto_wipe(out, len);
    return ours;
}

bool crypto_equal(const void *a, const void *b, size_t len)
{
    return memeql_sec(a, b, len);
}

void crypto_wipe(void *p, size_t len)
{
    explicit_bzero(p, len);
}

void crypto_random(void *out, size_t len)
{
    uint8_t *at = out;

    while (len) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort(); /* going on with a guessable key would be worse than not running */
        at += got;
        len -= (size_t)got;
    }
}

void crypto_hex(const void *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *bytes = in;

    for (size_t i = 0; i < len; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
    *out = '\0';
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

size_t crypto_base64url(const void *in, size_t len, char *out)
{
    const uint8_t *bytes = in;
    char *at = out;
    uint32_t bits = 0;
    int have = 0;

    for (size_t i = 0; i < len; i++) {
        bits = bits << 8 | bytes[i];
        for (have += 8; have >= 6; have -= 6)
            *at++ = alphabet[bits >> (have - 6) & 63];
    }
    if (have)
        *at++ = alphabet[bits << (6 - have) & 63];
    *at = '\0';
    return (size_t)(at - out);
}

static int base64url_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

long crypto_base64url_decode(const char *in, size_t in_len, uint8_t *out, size_t room)
{
    uint32_t bits = 0;
    int have = 0;
    size_t len = 0;

    if (in_len % 4 == 1)
        return -1;
    for (size_t i = 0; i < in_len; i++) {
        int value = base64url_value(in[i]);
        if (value < 0)
            return -1;
        bits = bits << 6 | (uint32_t)value;
        have += 6;
        if (have >= 8) {
            if (len == room)
                return -1;
            have -= 8;
            out[len++] = (uint8_t)(bits >> have);
        }
    }
    /* Bits left over must be 0 (RFC 4648 section 3.5): one value has one text. */
    if (bits & ((1U << have) - 1))
        return -1;
    return (long)len;
}

void crypto_device_hash(const void *key, size_t key_len, const struct mac *mac,
                        char out[static DEVICE_HASH_LEN])
{
    const uint8_t *b = mac->b;
    uint8_t digest[SHA256_LEN];
    char text[40];
    int len = snprintf(text, sizeof text, "loggia-device:%02x-%02x-%02x-%02x-%02x-%02x", b[0], b[1],
                       b[2], b[3], b[4], b[5]);
    struct crypto_slice part = {text, (size_t)len};

    crypto_hmac_sha256(key, key_len, &part, 1, digest);
    crypto_hex(digest, (DEVICE_HASH_LEN - 1) / 2, out);
    crypto_wipe(digest, sizeof digest);
}

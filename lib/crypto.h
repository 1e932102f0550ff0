/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for nettle: digests, keyed hashes, comparison of secrets, randomness. */
#ifndef LOGGIA_LIB_CRYPTO_H
#define LOGGIA_LIB_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MD5_LEN    16
#define SHA256_LEN 32

struct crypto_slice {
    const void *data;
    size_t len;
};

/* Digests of the slices one behind the other. MD5 is here for RADIUS alone (RFC 2865, RFC 2869). */
void crypto_md5(const struct crypto_slice *parts, size_t n, uint8_t out[static MD5_LEN]);
void crypto_hmac_md5(const void *key, size_t key_len, const struct crypto_slice *parts, size_t n,
                     uint8_t out[static MD5_LEN]);
void crypto_hmac_sha256(const void *key, size_t key_len, const struct crypto_slice *parts, size_t n,
                        uint8_t out[static SHA256_LEN]);

/* HMAC-SHA256 with one key, again and again: what depends on the key alone is done once. Any
 * threads. NULL: out of memory. crypto_keyed_free wipes. */
struct crypto_keyed;
struct crypto_keyed *crypto_keyed_new(const void *key, size_t key_len);
void crypto_keyed_free(struct crypto_keyed *k);
void crypto_keyed_sha256(const struct crypto_keyed *k, const struct crypto_slice *parts, size_t n,
                         uint8_t out[static SHA256_LEN]);

/* AES-256-GCM with a random nonce: what is sealed can be read and changed by nobody without the
 * key, nor moved to another place than the one that `place` names. */
#define CRYPTO_SEAL_EXTRA 28 /* sealed text is so much longer: nonce in front, tag behind */
void crypto_seal(const uint8_t key[static SHA256_LEN], const struct crypto_slice *place,
                 const void *plain, size_t len, uint8_t *out /* len + CRYPTO_SEAL_EXTRA */);
/* False, and out is wiped, if it was not sealed with this key for this place. */
bool crypto_unseal(const uint8_t key[static SHA256_LEN], const struct crypto_slice *place,
                   const void *sealed, size_t len, uint8_t *out /* len - CRYPTO_SEAL_EXTRA */);

/* Constant time in len. */
bool crypto_equal(const void *a, const void *b, size_t len);
/* Wipes; is not optimised away. */
void crypto_wipe(void *p, size_t len);
/* From getrandom(2); ends the program if the kernel has none (it never has none after boot). */
void crypto_random(void *out, size_t len);

/* Lower-case hexadecimal and unpadded base64url (RFC 4648 section 5); out gets a NUL. */
void crypto_hex(const void *in, size_t len, char *out /* 2 * len + 1 */);
size_t crypto_base64url(const void *in, size_t len, char *out /* (4 * len + 2) / 3 + 1 */);
/* Bytes written, or -1 on a character, length or left-over bit that base64url has not, or no room.
 */
long crypto_base64url_decode(const char *in, size_t in_len, uint8_t *out, size_t room);

/* The pseudonym under which a device is stored in the centre and logged: the first 16 bytes of
 * HMAC-SHA256(key, "loggia-device:" "aa-bb-cc-dd-ee-ff") in hexadecimal. */
#define DEVICE_HASH_LEN 33 /* with its NUL */
struct mac;
void crypto_device_hash(const void *key, size_t key_len, const struct mac *mac,
                        char out[static DEVICE_HASH_LEN]);

/* Reads a secret (one line, trailing newline and blanks removed) from a file of at most 4 KiB.
 * NULL on error, with the reason ("cannot open: …", "is empty", "others may read it (mode 0644),
 * expected 0640 or tighter") in err. The caller frees with crypto_secret_free. */
char *crypto_secret_read(const char *path, char *err, size_t err_len);
void crypto_secret_free(char *secret);

#endif

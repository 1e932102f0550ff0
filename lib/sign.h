/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ed25519 (RFC 8032) over what the noticeboard publishes, and its keys as files of one line each:
 *
 *   NAME.pub  "loggia-ed25519 KEYID BASE64URL"          the public key, for every router
 *   NAME.key  "loggia-ed25519-private KEYID BASE64URL"  the seed, mode 0600, for the board alone
 *
 * KEYID is the first 8 bytes of SHA-256 of the public key, in hexadecimal: a name that cannot be
 * given to another key by mistake. */
#ifndef LOGGIA_LIB_SIGN_H
#define LOGGIA_LIB_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIGN_KEY_LEN       32
#define SIGN_SIGNATURE_LEN 64
#define SIGN_ID_LEN        17  /* with its NUL */
#define SIGN_LINE_MAX      128 /* a key's line, with its NUL */

struct sign_key {
    char id[SIGN_ID_LEN];
    uint8_t public[SIGN_KEY_LEN];
    uint8_t seed[SIGN_KEY_LEN]; /* zero without has_seed */
    bool has_seed;
};

void sign_key_new(struct sign_key *out); /* from the kernel's randomness */
/* The line without its end. */
void sign_public_line(const struct sign_key *k, char out[static SIGN_LINE_MAX]);
/* Either kind of line. False with what was found and expected; a seed never stands in err. */
bool sign_key_parse(const char *line, struct sign_key *out, char *err, size_t err_len);

/* Reads either kind of file. Of a private one the mode is looked at as in crypto_secret_read. False
 * with "FILE: …" in err. */
bool sign_key_read(const char *path, struct sign_key *out, char *err, size_t err_len);
/* Makes NAME.key (0600) and NAME.pub (0644); refuses to write over either. */
bool sign_key_write(const struct sign_key *k, const char *name, char *err, size_t err_len);
void sign_key_wipe(struct sign_key *k);

void sign_public(const uint8_t seed[static SIGN_KEY_LEN], uint8_t out[static SIGN_KEY_LEN]);
void sign_make(const struct sign_key *k, const void *data, size_t len,
               uint8_t out[static SIGN_SIGNATURE_LEN]);
bool sign_verify(const uint8_t key[static SIGN_KEY_LEN], const void *data, size_t len,
                 const uint8_t signature[static SIGN_SIGNATURE_LEN]);
void sign_sha256(const void *data, size_t len, uint8_t out[static SIGN_KEY_LEN]);

#endif

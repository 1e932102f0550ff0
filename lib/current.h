/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The small file `current` of a published noticeboard: which bundle counts now, signed. Detached
 * from the bundle, so that the bundle is immutable and can lie in any cache for ever, and asking
 * whether something changed costs a few hundred bytes. loggia-bundle(5) is its description.
 *
 *   loggia-current 1
 *   serial: 42
 *   sha256: 64 hexadecimal digits          (the bundle is the file SHA256.bundle beside it)
 *   length: 18231                          (of the bundle)
 *   created: 2026-11-25T23:00:00Z          (when this was signed; a lower bound of now)
 *   expires: 2026-12-02T23:00:00Z          (who still serves it then replays it)
 *   signature: KEYID BASE64URL             (over every byte above the first signature line)
 *   signature: KEYID BASE64URL             (while keys overlap)
 *
 * Pure: bytes in, values or a reason out. */
#ifndef LOGGIA_LIB_CURRENT_H
#define LOGGIA_LIB_CURRENT_H

#include "lib/sign.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CURRENT_MAX_BYTES 2048
#define CURRENT_MAX_KEYS  4 /* signatures in a file, and keys a router knows */

struct buf;

struct current {
    uint64_t serial; /* from 1 */
    uint8_t sha256[SIGN_KEY_LEN];
    uint64_t length;
    int64_t created_s, expires_s; /* Unix time */
};

enum current_fault {
    CURRENT_GOOD,
    CURRENT_MALFORMED,
    CURRENT_UNKNOWN_KEY,  /* no signature is of a key that we know */
    CURRENT_BAD_SIGNATURE /* of a key that we know, but over other bytes */
};

/* Appends the file to b, signed with each of keys (1 … CURRENT_MAX_KEYS, with their seeds). False
 * if c has a value that cannot be written, or b is full. */
bool current_write(struct buf *b, const struct current *c, const struct sign_key *keys, size_t n);

/* One good signature of a known key is enough, so that either key may be taken out of use; a wrong
 * one of a known key is refused even beside a good one. key_id (NULL: not wanted) is the key that
 * signed. On a fault out is zero and err says "line N: found …, expected …" or which keys it was
 * signed with. Neither dates nor serial are judged here. */
enum current_fault current_read(const char *data, size_t len, const struct sign_key *keys, size_t n,
                                struct current *out, char key_id[SIGN_ID_LEN], char *err,
                                size_t err_len);

/* "HEX.bundle", the bundle's file beside it. */
#define CURRENT_NAME_LEN (2 * SIGN_KEY_LEN + sizeof ".bundle")
void current_bundle_name(const struct current *c, char out[static CURRENT_NAME_LEN]);

#endif

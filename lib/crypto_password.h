/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passwords that are kept: PBKDF2-HMAC-SHA256 (RFC 8018) with a salt of its own and as many rounds
 * as make a guess expensive. Slow on purpose (tenths of a second): never called on a loop. */
#ifndef LOGGIA_LIB_CRYPTO_PASSWORD_H
#define LOGGIA_LIB_CRYPTO_PASSWORD_H

#include <stdbool.h>

#define CRYPTO_PASSWORD_LEN 128

/* "pbkdf2-sha256:ROUNDS:SALT:HASH". */
void crypto_password_hash(const char *password, char out[static CRYPTO_PASSWORD_LEN]);
/* stored NULL or damaged: false, after the same time. */
bool crypto_password_check(const char *password, const char *stored);

#endif

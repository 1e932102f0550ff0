/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon's own key: 32 random bytes that outlive a restart, so that a page that was shown before
 * it still works after it. */
#ifndef LOGGIA_LIB_KEYFILE_H
#define LOGGIA_LIB_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KEYFILE_LEN 32

/* Reads or makes dir/token.key. False with err if it cannot be kept: key then holds a new random
 * one. */
bool keyfile_load(const char *dir, uint8_t key[static KEYFILE_LEN], char *err, size_t err_len);
/* Writes it again. */
bool keyfile_keep(const char *dir, const uint8_t key[static KEYFILE_LEN]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bundle: all that a noticeboard says now, in one file (loggia-bundle(5)). Lines of text with
 * counted bytes between them, so that a notice stands in it as it would in a directory:
 *
 *   loggia-bundle 1
 *   serial: 42
 *   created: 2026-11-25T23:00:00Z
 *   expires: 2026-12-02T23:00:00Z
 *   board: Prato
 *
 *   publisher comune 54
 *   …54 bytes (lib/card.h), newline
 *   notice orari-biblioteca 612
 *   …612 bytes (lib/notice.h), newline
 *   service biblioteca 240
 *   …240 bytes (lib/card.h), newline
 *   logo 3f0c…d1.png 1893
 *   …1893 bytes (lib/logo.h), newline
 *
 * Pure. What stands in the parts is not looked at here: who shows it reads it part by part, and
 * leaves out what it cannot read. Who a bundle is from is said by `current` (lib/current.h). */
#ifndef LOGGIA_LIB_BUNDLE_H
#define LOGGIA_LIB_BUNDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUNDLE_MAX_BYTES      (4u << 20)
#define BUNDLE_MAX_NOTICES    4096
#define BUNDLE_MAX_SERVICES   256
#define BUNDLE_MAX_PUBLISHERS 128
#define BUNDLE_MAX_LOGOS      64
#define BUNDLE_MAX_PART       16384 /* bytes of one part: NOTICE_MAX_BYTES */
#define BUNDLE_ID_LEN         101   /* with its NUL: a-z A-Z 0-9 . _ -, not beginning with . */
#define BUNDLE_BOARD_LEN      161

struct buf;

enum bundle_kind { BUNDLE_PUBLISHER, BUNDLE_NOTICE, BUNDLE_SERVICE, BUNDLE_LOGO, BUNDLE_KINDS };

struct bundle_part {
    enum bundle_kind kind;
    char id[BUNDLE_ID_LEN]; /* unique in its kind */
    const char *data;       /* len bytes, no NUL; of whoever made the bundle, or in the text read */
    size_t len;
};

struct bundle {
    uint64_t serial; /* from 1; grows with each bundle of a board */
    int64_t created_s, expires_s;
    char board[BUNDLE_BOARD_LEN]; /* its name, for people; UTF-8 */
    struct bundle_part *parts;    /* publishers, then notices, services, logos */
    size_t n;
};

/* Whether id may name a part. */
bool bundle_id_ok(const char *id);

/* Appends the file to b. False with the reason in err if something does not fit the bounds, an id
 * comes twice, or the kinds are not in order. */
bool bundle_write(struct buf *b, const struct bundle *bundle, char *err, size_t err_len);

/* NULL with "line N: found …, expected …" in err. The parts point into data, which must outlive the
 * bundle. */
struct bundle *bundle_read(const char *data, size_t len, char *err, size_t err_len);
void bundle_free(struct bundle *bundle); /* of bundle_read; NULL is fine */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A publisher's logo: a small picture that stands beside its name. PNG, JPEG or WebP, told by its
 * own first bytes and never by a file's name; no SVG, which can hold a script. What is looked at is
 * the frame (sizes, lengths, that nothing stands behind its end, that it does not move), not the
 * pixels: those are for the phone's browser, and their number is bounded here. Pure. */
#ifndef LOGGIA_LIB_LOGO_H
#define LOGGIA_LIB_LOGO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOGO_PATH       "/logo/" /* where routers and the board serve them, under their names */
#define LOGO_MAX_BYTES  16384    /* BUNDLE_MAX_PART */
#define LOGO_MAX_SIDE   512      /* pixels */
#define LOGO_MAX_ASPECT 5        /* as wide as so many times its height, or as high */
#define LOGO_NAME_LEN   38       /* with its NUL: 32 hexadecimal digits and .png, .jpg or .webp */

enum logo_kind { LOGO_PNG, LOGO_JPEG, LOGO_WEBP };

struct logo {
    enum logo_kind kind;
    unsigned width, height; /* pixels */
};

/* False with "found …, expected …" in err. */
bool logo_read(const void *data, size_t len, struct logo *out, char *err, size_t err_len);
/* Its name, by what it holds: the first half of its SHA-256, so that it may be cached for ever. */
void logo_name(const uint8_t sha256[static 32], enum logo_kind kind,
               char out[static LOGO_NAME_LEN]);
/* Whether text is such a name; kind may be NULL. */
bool logo_name_ok(const char *text, enum logo_kind *kind);
const char *logo_type(enum logo_kind kind); /* "image/png", … */

#endif

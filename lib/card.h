/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two other things that a bundle carries beside notices. Files in the notices' own style, read
 * by the same reader with the same rules (UTF-8, no control characters, errors with their line).
 *
 * A service is a card of the directory under the notices:
 *
 *   zones: *                                     (or names, as in a notice)
 *   link: https://biblioteca.prato.example/      (https:, http:, mailto: or tel:)
 *   icon: library                                (one of service_icons; default info)
 *   order: 10                                    (0 … 9999; default 100; least first)
 *   publisher: Comune di Prato                   (optional)
 *   --- it
 *   # Biblioteca
 *   Cataloghi, orari e sale studio.              (one line of plain text, at most 160 characters)
 *
 * A publisher is whose name stands at a notice, and how it looks:
 *
 *   name: Comune di Prato                        (what the notices' `publisher:` says)
 *   colour: #0066cc                              (optional; see card_ink)
 *   logo: 3f0c…d1.png                            (optional; a picture of the bundle, lib/logo.h)
 *   logo_alt: Lo stemma di Prato                 (optional; what it shows, for who cannot see it)
 */
#ifndef LOGGIA_LIB_CARD_H
#define LOGGIA_LIB_CARD_H

#include "lib/notice.h"

#define SERVICE_MAX_LINE    160 /* characters */
#define SERVICE_MAX_ORDER   9999
#define PUBLISHER_MAX_BYTES 1024
#define PUBLISHER_MAX_ALT   160 /* characters */

extern const char *const service_icons[]; /* ends with NULL */

struct service {
    struct notice card; /* until is the end of time; markdown is the plain line */
    const char *icon;   /* one of service_icons */
    unsigned order;
};

struct publisher {
    char *id;
    char *name;
    uint32_t colour; /* 0xRRGGBB */
    bool has_colour;
    char *logo, *logo_alt;            /* NULL: none */
    unsigned logo_width, logo_height; /* pixels; 0: the picture itself is not there (yet) */
};

/* As notice_parse: NULL with "line N: found …, expected …". */
struct service *service_parse(const char *id, const char *data, size_t len, char *err,
                              size_t err_len);
void service_free(struct service *s);
void service_write(struct buf *b, const struct service *s);
struct publisher *publisher_parse(const char *id, const char *data, size_t len, char *err,
                                  size_t err_len);
void publisher_free(struct publisher *p);
void publisher_write(struct buf *b, const struct publisher *p);

/* Fills out (room max) with the services of zone, by order, then id. Returns how many. */
size_t service_select(struct service *const *all, size_t n, const char *zone,
                      const struct service **out, size_t max);

/* WCAG 2.1's contrast between two colours (1.4.3), times 100: 100 … 2100. */
unsigned card_contrast(uint32_t a, uint32_t b);
/* White or black, whichever can be read better on colour: one of them has a contrast of at least
 * 4.58, so that no colour an administration chooses makes its name unreadable. */
uint32_t card_ink(uint32_t colour);
bool card_colour_parse(const char *text, uint32_t *out); /* "#0066cc" */

#endif

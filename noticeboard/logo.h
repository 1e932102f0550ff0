/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A publisher as the routers get it: name, colour, logo. The bundle and the preview are made of the
 * same card. */
#ifndef LOGGIA_NOTICEBOARD_LOGO_H
#define LOGGIA_NOTICEBOARD_LOGO_H

#include "lib/card.h"
#include "lib/logo.h"
#include "noticeboard/conf.h"

#define BOARD_LOGOS_BYTES 131072 /* of all together: each router fetches them with each edition */

struct board_logo {
    char name[LOGO_NAME_LEN];
    struct logo frame;
    char *data;
    size_t len;
};

/* NULL with "found …, expected …" in err. */
struct board_logo *board_logo_load(const char *path, char *err, size_t err_len);
void board_logo_free(struct board_logo *l); /* NULL is fine */

/* The one of that name, of any publisher; NULL: none. */
const struct board_logo *board_logo_named(const struct board_conf *c, const char *name);

/* What a bundle says of v; the texts stay v's. */
struct publisher board_publisher_card(const struct board_administration *a,
                                      const struct board_publisher *v);

#endif

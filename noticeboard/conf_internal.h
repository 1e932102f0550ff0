/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between conf.c, conf_check.c and conf_schema.c. Nobody else includes it. */
#ifndef LOGGIA_NOTICEBOARD_CONF_INTERNAL_H
#define LOGGIA_NOTICEBOARD_CONF_INTERNAL_H

#include "lib/config_internal.h"
#include "noticeboard/conf.h"

enum board_place {
    BOARD_PLACE_ROOT,
    BOARD_PLACE_TLS,
    BOARD_PLACE_ZONE,
    BOARD_PLACE_ADMINISTRATION,
    BOARD_PLACE_PUBLISHER, /* what is inside of another comes after it */
    BOARD_PLACE_DIRECTORY,
    BOARD_PLACE_ROLE,
    BOARD_PLACE_FEED,
    BOARD_PLACES
};
extern const struct config_schema board_schema;

struct board_builder {
    struct config_builder common;
    struct board_conf *conf;
    /* Sections by what they became, to find their lines again. */
    int administration[BOARD_MAX_ADMINISTRATIONS];
    int tls;
};

/* conf_check.c: notes what does not agree, all of it. */
void board_conf_check(struct board_builder *b);

/* A fault at the line of the section's option, or of the section if it has none such. */
void board_conf_wrong(struct board_builder *b, int section, const char *option, const char *fmt,
                      ...) __attribute__((format(printf, 4, 5)));

#endif

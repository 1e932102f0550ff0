/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between conf.c and conf_schema.c. Nobody else includes it. */
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

#endif

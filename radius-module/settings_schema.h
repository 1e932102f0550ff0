/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The form of a row of the module's options; the rows are in settings_schema.c. */
#ifndef LOGGIA_RADIUS_MODULE_SETTINGS_SCHEMA_H
#define LOGGIA_RADIUS_MODULE_SETTINGS_SCHEMA_H

#include <stddef.h>
#include <stdint.h>

enum option_type {
    TYPE_TEXT,
    TYPE_U32,
    TYPE_U64,
    TYPE_BOOL,   /* words: yes|no|true|false|… even ones mean yes */
    TYPE_CHOICE, /* words */
    TYPE_FILTER,
    TYPE_MAC,
    TYPE_SERVER,      /* may come several times */
    TYPE_REALM,       /* may come several times */
    TYPE_PROFILE_MAP, /* may come several times */
    TYPE_GROUP_MAP    /* may come several times */
};

enum option_base { BASE_SETTINGS, BASE_PROFILE, BASE_AUTHORITY, BASE_RESOLVE };

struct option_row {
    const char *section, *sub, *name;
    enum option_type type;
    enum option_base base;
    size_t offset;
    uint64_t min, max;
    const char *dflt, *unit, *words, *text;
};

extern const struct option_row settings_schema[]; /* a row without a name is behind the last */

#endif

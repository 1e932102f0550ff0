/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that read the configuration: scan (text -> tokens), parse (tokens -> tree, by
 * libconfuse), schema (what options there are), check (tree -> struct conf). Nobody else includes
 * it. */
#ifndef LOGGIA_LIB_CONFIG_INTERNAL_H
#define LOGGIA_LIB_CONFIG_INTERNAL_H

#include "lib/config.h"

#define CONFIG_MAX_BYTES    (256 * 1024)
#define CONFIG_MAX_FAULTS   200
#define CONFIG_MAX_SECTIONS 128
#define CONFIG_MAX_VALUES   4096

/* --- faults: collected, then reported in the order of their lines ---------------------------- */
struct config_fault {
    int line;
    char *text;
};
struct config_faults {
    struct config_fault items[CONFIG_MAX_FAULTS];
    size_t n;
    bool any; /* also if there was no memory for the text */
};
/* fmt says "found X, expected Y". */
void config_fault(struct config_faults *f, int line, const char *option, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#define CONFIG_SHOWN 80
/* A value as it is shown in a fault: quoted, control characters as \xNN, cut. Returns out. */
const char *config_show(const char *value, char out[static CONFIG_SHOWN]);

/* --- scan ------------------------------------------------------------------------------------ */
struct config_token {
    char kind; /* 'w': word or quoted text; or one of = + { } , ('+' is +=) */
    bool bad;  /* already reported */
    int line;
    int parent;       /* the { of the section around it, or -1 */
    int pair;         /* { and }: the other one */
    bool list;        /* {: of a list, not of a section */
    const char *text; /* into the source; a quoted text with its quotes */
    size_t len;
};
struct config_tokens {
    struct config_token *items;
    int n;
    bool broken; /* braces do not match: no sense in parsing */
};
/* False without memory. The tokens point into text. */
bool config_scan(const char *text, size_t len, struct config_tokens *out, struct config_faults *f);

/* --- tree ------------------------------------------------------------------------------------ */
enum config_place {
    PLACE_ROOT,
    PLACE_ZONE,
    PLACE_GUEST,
    PLACE_TLS,
    PLACE_PRIVACY,
    PLACE_METRICS,
    PLACE_RADIUS,
    PLACE_SERVER,
    PLACES
};

struct config_section {
    enum config_place place;
    char *title;      /* NULL where there is none */
    int line, parent; /* parent: index, root is 0 */
    int open;         /* token */
};
struct config_value {
    int section; /* index */
    const char *name;
    char *text;
    int line;
    bool first;  /* of its statement */
    bool bad;    /* already reported */
    bool append; /* += */
};
struct config_tree {
    struct config_section sections[CONFIG_MAX_SECTIONS];
    int n_sections;
    struct config_value values[CONFIG_MAX_VALUES];
    int n_values;
    bool complete; /* read to the end: what is missing is really missing */
};
void config_tree_clear(struct config_tree *t);

/* --- schema ---------------------------------------------------------------------------------- */
enum config_type {
    TYPE_TEXT,     /* what people read; min and max are bytes */
    TYPE_WORD,     /* letters, digits, . _ - */
    TYPE_DNS_NAME, /* at least two labels, no IP literal */
    TYPE_LANGUAGE,
    TYPE_PATH,    /* absolute; max is bytes */
    TYPE_SECRET,  /* a path; its value is never shown */
    TYPE_ADDRESS, /* IPv4 or IPv6 literal */
    TYPE_NUMBER,
    TYPE_DURATION, /* seconds: 30, "90s", "10m", "2h", "1d" */
    TYPE_CHOICE,   /* one of choices; stored as its place in the row, from 0 */
    TYPE_INTERFACES,
    TYPE_SERVICES /* "tcp/22" */
};
struct config_option {
    enum config_place place;
    const char *name;
    enum config_type type;
    uint64_t min, max;
    bool zero; /* 0 is allowed beside min … max */
    bool required;
    const char *def; /* as it would be written; NULL: none */
    const char *unit, *text;
    size_t offset, size; /* in struct conf, conf_zone, conf_profile or conf_radius_server */
    size_t count_offset; /* lists: of n_… */
    const char *choices; /* "no|yes" */
};
extern const struct config_option config_options[];
extern const size_t config_n_options;
/* A section's name in the file, its title's rule and what it is; PLACE_ROOT has no name. */
struct config_place_info {
    const char *name, *text;
    enum config_place parent;
    bool titled, many;
};
extern const struct config_place_info config_places[PLACES];

const struct config_option *config_option_find(enum config_place place, const char *name);
/* The nearest option or section name, or NULL if none is near. */
const char *config_did_you_mean(enum config_place place, const char *name);
/* "an absolute path", "1 … 65535" … */
void config_expected(const struct config_option *o, char *out, size_t len);

/* Checks text and stores it at base + offset (scalars are replaced, lists grow). False: not valid.
 */
bool config_store(const struct config_option *o, const char *text, void *base);

/* --- parse and check ------------------------------------------------------------------------- */
/* The tree is filled as far as the file could be read. False without memory. */
bool config_parse_tree(const struct config_tokens *tokens, struct config_tree *tree,
                       struct config_faults *f);
/* Never NULL but without memory; what is wrong is in f. */
struct conf *config_build(const struct config_tree *tree, int flags, struct config_faults *f);

#endif

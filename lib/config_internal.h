/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files that read a configuration: scan (text -> tokens), parse (tokens -> tree, by
 * libconfuse), schema (what options there are), build and check (tree -> struct). A program with a
 * file of its own brings a schema and a builder (board.conf's are in noticeboard/); nobody else
 * includes this. */
#ifndef LOGGIA_LIB_CONFIG_INTERNAL_H
#define LOGGIA_LIB_CONFIG_INTERNAL_H

#include "lib/config.h"

#define CONFIG_MAX_BYTES    (256 * 1024)
#define CONFIG_MAX_FAULTS   200
#define CONFIG_MAX_SECTIONS 1024
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
    PLACE_BOARD,
    PLACE_RADIUS,
    PLACE_SERVER,
    PLACES
};
#define CONFIG_MAX_PLACES 16 /* of any schema; place 0 is the root of each */

struct config_section {
    int place;
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
    const struct config_schema *schema;
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
    TYPE_SERVICES, /* "tcp/22" */
    TYPE_DOMAINS,  /* "comune.prato.it", "*.prato.it" */
    TYPE_PATHS,    /* list of absolute paths */
    TYPE_NAMES,    /* list of sections' titles, or "*" */
    TYPE_COLOUR,   /* "#0066cc" */
    TYPE_LANGUAGES /* list of them */
};
struct config_option {
    int place;
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
/* A section's name in the file, its title's rule and what it is; PLACE_ROOT has no name. */
struct config_place_info {
    const char *name, *text;
    int parent;
    bool titled, many;
};
struct config_schema {
    const struct config_option *options;
    size_t n_options;
    const struct config_place_info *places;
    int n_places;
};
extern const struct config_schema config_router; /* loggia.conf */

const struct config_option *config_option_find(const struct config_schema *schema, int place,
                                               const char *name);
bool config_is_list(const struct config_option *o);
/* The nearest option or section name, or NULL if none is near. */
const char *config_did_you_mean(const struct config_schema *schema, int place, const char *name);
/* "an absolute path", "1 … 65535" … */
void config_expected(const struct config_option *o, char *out, size_t len);
void config_describe_schema(const struct config_schema *schema, FILE *out);
/* Frees the texts and lists of one place, by its rows. */
void config_free_place(const struct config_schema *schema, int place, void *base);

/* Checks text and stores it at base + offset (scalars are replaced, lists grow). False: not valid.
 */
bool config_store(const struct config_option *o, const char *text, void *base);
/* 1 to 32 of a-z, 0-9 and -. */
bool config_title_ok(const char *title);

/* --- parse ----------------------------------------------------------------------------------- */
/* The tree is filled as far as the file could be read. False without memory. */
bool config_parse_tree(const struct config_tokens *tokens, struct config_tree *tree,
                       struct config_faults *f);

/* --- build: what is the same for every schema ------------------------------------------------ */
#define CONFIG_NAME_LEN 128
struct config_builder {
    const struct config_tree *tree;
    struct config_faults *faults;
    void *base[CONFIG_MAX_SECTIONS]; /* where a section's values go; NULL: nowhere */
};
/* "radius.server centre.address", "network". Returns out. */
const char *config_option_name(const struct config_tree *t, int section, const char *option,
                               char out[static CONFIG_NAME_LEN]);
/* The title's letters, and that the section is there once. */
void config_check_title(struct config_builder *b, int section);
void config_store_defaults(struct config_builder *b, int place, void *base);
/* Every value against its row, into its section's base. */
void config_check_values(struct config_builder *b);
void config_check_required(struct config_builder *b);
bool config_is_set(const struct config_builder *b, int section, const char *option);
/* The line of an option's first value, or of its section. */
int config_line_of(const struct config_builder *b, int section, const char *option);

/* --- the whole way ---------------------------------------------------------------------------- */
struct config_program {
    const struct config_schema *schema;
    /* Never NULL but without memory; what is wrong is in f. */
    void *(*build)(const struct config_tree *tree, int flags, struct config_faults *f);
    void (*free)(void *conf);
};
void *config_read_text(const struct config_program *program, const char *name, const char *text,
                       size_t len, int flags, void (*report)(void *arg, const char *line),
                       void *arg);
void *config_read_file(const struct config_program *program, const char *path, int flags,
                       void (*report)(void *arg, const char *line), void *arg);

#endif

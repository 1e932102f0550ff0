/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/loggia/board.conf: who may speak on the city's pages. The zones of the city, and one section
 * for each administration that shares the board: its publishers, the zones each of them may use,
 * the directory by which its editors sign in, the groups that make somebody a writer, an approver
 * or an admin, and the feeds that it already publishes elsewhere. Read by lib/config's machinery:
 * the same syntax and the same errors as loggia.conf. */
#ifndef LOGGIA_NOTICEBOARD_CONF_H
#define LOGGIA_NOTICEBOARD_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BOARD_MAX_ZONES           256
#define BOARD_MAX_ADMINISTRATIONS 64
#define BOARD_MAX_PUBLISHERS      128 /* of all administrations together */
#define BOARD_MAX_ROLES           32  /* of one administration, and so for the next */
#define BOARD_MAX_FEEDS           32
#define BOARD_MAX_LANGUAGES       16
#define BOARD_MAX_KEYS            2

struct board_zone {
    char *name;  /* the section's title, what notices and routers name */
    char *title; /* what people read; never NULL */
};

struct board_logo; /* logo.h */

struct board_publisher {
    char *id, *name, *colour;
    char *logo, *logo_alt;      /* a file, and what it shows; NULL: the administration's */
    struct board_logo *picture; /* logo, read */
    char **zones;               /* n_zones of them, or "*" */
    size_t n_zones;
};

enum board_role { BOARD_WRITER, BOARD_APPROVER, BOARD_ADMIN };

struct board_grant {   /* section role */
    char *id, *group;  /* a DN, or the group's cn alone */
    uint32_t role;     /* enum board_role */
    char **publishers; /* "*": all of the administration */
    size_t n_publishers;
};

struct board_directory {
    char *uri, *base, *filter, *group_base, *group_filter, *bind_dn, *password_file, *password,
        *ca_file;
    uint32_t start_tls; /* 1: yes */
    uint32_t timeout_ms;
};

struct board_feed {
    char *id, *url, *publisher, *language, *ca_file;
    char **zones;
    size_t n_zones;
    uint32_t approval; /* 1: an item waits until somebody approves it */
    uint32_t poll_s;
    uint32_t days; /* an item without an end of its own is shown so long */
    char *areas;   /* CAP: "IT901; Bisenzio", only what concerns one of them; NULL: everything */
};

struct board_administration {
    char *id, *name, *colour;
    char *logo, *logo_alt; /* of its publishers without one of their own */
    struct board_logo *picture;
    char *notices_directory; /* files dropped there are notices too; NULL: none */
    uint32_t approval;       /* 1: a second person has to agree */
    uint32_t max_notices;    /* more in one zone at the same time: a warning */
    struct board_publisher *publishers;
    size_t n_publishers;
    bool has_directory;
    struct board_directory directory;
    struct board_grant *grants;
    size_t n_grants;
    struct board_feed *feeds;
    size_t n_feeds;
};

struct board_conf {
    char *name;    /* "Prato Wi-Fi": the network, as the preview and the pages show it */
    char *url;     /* the board's own address without a last slash */
    char *address; /* it listens at; NULL: any */
    uint16_t port;
    char *trusted_proxy; /* whose X-Forwarded-For and -Proto are believed; NULL: nobody's */
    char *state_directory, *out_directory, *locale_directory, *user;
    char *language;   /* fallback, "it" */
    char **languages; /* what the editor asks for, most wanted first */
    size_t n_languages;
    char **keys; /* files of the signing keys, the newest first */
    size_t n_keys;
    char *token_file, *token; /* what routers show to POST counts */
    uint32_t bundle_life_s, keep_s;
    uint32_t session_s, idle_s;         /* of an editor's sign-in */
    uint32_t recheck_s, recheck_keep_s; /* of what an editor may do */
    uint32_t count_minimum;
    uint32_t log_level;
    bool has_tls;
    struct {
        char *certificate, *key;
    } tls;
    struct board_zone *zones;
    size_t n_zones;
    struct board_administration *administrations;
    size_t n_administrations;
};

enum { BOARD_SECRETS = 1 /* read secret files too */, BOARD_PICTURES = 2 /* and logos */ };

/* As config_load: all errors through report, NULL if there was any. */
struct board_conf *board_conf_load(const char *path, int flags,
                                   void (*report)(void *arg, const char *line), void *arg);
struct board_conf *board_conf_parse(const char *name, const char *text, size_t len, int flags,
                                    void (*report)(void *arg, const char *line), void *arg);
void board_conf_free(struct board_conf *c);
void board_conf_describe(FILE *out);

/* NULL where there is none. */
const struct board_administration *board_conf_administration(const struct board_conf *c,
                                                             const char *id);
const struct board_publisher *board_conf_publisher(const struct board_administration *a,
                                                   const char *id);
const struct board_zone *board_conf_zone(const struct board_conf *c, const char *name);
const struct board_feed *board_conf_feed(const struct board_administration *a, const char *id);
bool board_publisher_may_use(const struct board_publisher *p, const char *zone);
bool board_grant_covers(const struct board_grant *g, const char *publisher);

#endif

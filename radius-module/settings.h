/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's configuration as one schema table: every option a row with type, range, default,
 * unit and text. Whoever reads a file (the shim walks FreeRADIUS's sections) hands each pair over;
 * checking, defaults and the reference in the documentation come from the table. */
#ifndef LOGGIA_RADIUS_MODULE_SETTINGS_H
#define LOGGIA_RADIUS_MODULE_SETTINGS_H

#include "radius-module/federation.h"
#include <stdio.h>

#define SETTINGS_MAX_ERROR 256

struct settings_authority { /* names that are resolved when all is read */
    char *default_profile;
    uint32_t unavailable;
    uint32_t port, stale_s;
    char *profile_of[MAPPING_MAX_PROFILES], *group_of[MAPPING_MAX_PROFILES];
};

/* Who runs a router, unless said otherwise: the default of `operator`, which the shim knows by
 * heart. */
#define SETTINGS_OPERATOR "%{%{Operator-Name}:-%{NAS-Identifier}}"

struct settings {
    struct fed_conf fed;
    char *key_file, *guest, *operator_name;
    /* expanded by the shim */
    char *pass_lookup, *pass_known, *pass_grant, *pass_bind, *pass_forget, *pass_pause;
    char *pass_answers, *pass_answers_many, *pass_announce, *pass_changes, *pass_sessions,
        *pass_oldest, *pass_online;
    uint32_t store_workers, store_failures, store_open_ms, store_poll_ms, store_deadline_ms;
    char *disconnect_from;
    char *metrics_file, *status_file;
    uint32_t status_interval_s, reload_grace_s;
    uint32_t login_refusal_ms, login_devices;
    struct settings_authority authority[FED_MAX_AUTHORITIES];
};

/* With all defaults; NULL: out of memory. */
struct settings *settings_new(void);
void settings_free(struct settings *s);

/* Begins a section ("profile" or "authority") with its title. False with the reason in err. */
bool settings_begin(struct settings *s, const char *section, const char *title,
                    char err[SETTINGS_MAX_ERROR]);
/* Sets one option. section: NULL at the top, else "remember", "pass", "merge", or the "profile" or
 * "authority" begun last; sub: NULL or the section inside an authority. On false err says "found …,
 * expected …". */
bool settings_set(struct settings *s, const char *section, const char *sub, const char *name,
                  const char *value, char err[SETTINGS_MAX_ERROR]);
/* Resolves names, reads the key, checks what belongs together; calls report for each fault and
 * returns how many there were. */
unsigned settings_finish(struct settings *s, void (*report)(void *arg, const char *line),
                         void *arg);

/* Every option as a line of a Markdown table. */
void settings_describe(FILE *out);

#endif

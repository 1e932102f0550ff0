/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of importing. Nobody else includes it. */
#ifndef LOGGIA_NOTICEBOARD_IMPORTER_INTERNAL_H
#define LOGGIA_NOTICEBOARD_IMPORTER_INTERNAL_H

#include "noticeboard/conf.h"
#include "noticeboard/import.h"
#include "noticeboard/importer.h"
#include "noticeboard/store.h"

#define IMPORTER_ID_LEN 80

/* Where items come from and go to. */
struct keep {
    struct store *store;
    const struct board_administration *administration;
    const struct board_publisher *publisher;
    const char *feed; /* its id in the store */
    bool approval;    /* items wait for a person */
    int64_t now;
};
/* One item as a version in the store. False if the store failed. */
bool keep_item(const struct keep *k, const struct imported *item);

/* The guids that a look at a source found, and those that were missing from it the time before. */
struct guids {
    char **items;
    size_t n;
};
bool guids_add(struct guids *g, const char *guid);
bool guids_have(const struct guids *g, const char *guid);
void guids_free(struct guids *g);
/* Withdraws what the store has of that feed and here does not name. missing NULL: at once; else
 * only what was missing already the last time, and missing is what is missing now. */
bool keep_only(const struct keep *k, const struct guids *here, struct guids *missing);

/* --- importer_cap.c: alerts of one look at a source, in the order in which they were sent. */
struct cap_alert;
bool cap_take(const struct keep *k, const struct import_rule *rule, struct cap_alert **alerts,
              size_t n, struct guids *here);

/* --- folder.c -----------------------------------------------------------------------------------
 */
struct folder;
struct loop;
struct folder *folder_new(struct loop *loop, struct store *store, const struct board_conf *conf,
                          const struct board_administration *a);
void folder_free(struct folder *f); /* NULL is fine */

#endif

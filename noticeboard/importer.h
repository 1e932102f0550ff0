/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others publish becomes notices of the board: feeds, fetched, and files, dropped into a
 * directory.
 *
 *   importer.c       when each feed is asked, and what came of it
 *   importer_cap.c   CAP's chains: which alert replaces or cancels which
 *   importer_keep.c  from imported items to versions in the store; what is gone
 *   folder.c         notices_directory of each administration
 *
 * The store has all that must outlive a restart: due times, validators, failures, items. */
#ifndef LOGGIA_NOTICEBOARD_IMPORTER_H
#define LOGGIA_NOTICEBOARD_IMPORTER_H

#include <stdbool.h>
#include <stddef.h>

struct board_conf;
struct importer;
struct loop;
struct store;

/* All are borrowed. Starts asking at once what is due. NULL without memory. */
struct importer *importer_new(struct loop *loop, struct store *store,
                              const struct board_conf *conf);
/* After a reload: conf is another one; what is being fetched is dropped and asked for anew. */
void importer_reload(struct importer *im, const struct board_conf *conf);
void importer_free(struct importer *im); /* NULL is fine */

/* The name in the store of an administration's directory: "ADMINISTRATION/files". */
#define IMPORTER_FILES "files"

#endif

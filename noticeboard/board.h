/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of loggia-board share: one struct board, whose parts know each other only through
 * it.
 *
 *   store*.c    what is remembered (SQLite); store.h is the contract
 *   conf*.c     board.conf
 *   web*.c      what editors see; web.h
 *   signin*.c   who they are: LDAP in a worker thread, sessions, tokens; recheck.c
 *   draft*.c    a notice as it is typed, and what is wrong with it (pure)
 *   importer*.c what feeds and files bring; importer.h
 *   publish*.c  what routers and feed readers get; publish.h
 *
 * One event loop; the only other threads are those of the sign-in, which see nothing of this. */
#ifndef LOGGIA_NOTICEBOARD_BOARD_H
#define LOGGIA_NOTICEBOARD_BOARD_H

#include "lib/keyfile.h"
#include "noticeboard/conf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http_server;
struct i18n;
struct links;
struct loop;
struct loop_signal;
struct importer;
struct loop_timer;
struct publish;
struct recheck;
struct signin;
struct store;

enum { BOARD_SIGNALS = 3 };

struct board {
    const char *conf_path;
    struct board_conf *conf; /* the live one */
    struct loop *loop;
    struct store *store;
    struct publish *publish;
    struct importer *importer;
    struct http_server *http;
    struct signin *signin;
    struct recheck *recheck;
    struct links *links;
    struct i18n *words;   /* of the editors' pages */
    struct i18n *citizen; /* of the citizens' pages, for the preview */
    struct loop_signal *signals[BOARD_SIGNALS];
    struct loop_timer *tidy_timer;
    uint8_t key[KEYFILE_LEN]; /* signs cookies and forms */
    int least_level;
    int exit_status;
};

/* NULL with the reason in err; conf belongs to it, and is freed, in either case. Opens its port:
 * may be called as root. */
struct board *board_new(const char *conf_path, struct board_conf *conf, char *err, size_t err_len);
/* After the change of user: database, key, timers. */
bool board_start(struct board *b, char *err, size_t err_len);
/* Until SIGTERM; the exit status. */
int board_run(struct board *b);
void board_free(struct board *b); /* NULL is fine */

/* Now in Unix seconds: one place, so that a page has one time. */
int64_t board_now(void);

#endif

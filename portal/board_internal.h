/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between board.c (what is asked, and what comes of it) and board_begin.c (its beginning and end).
 * Nobody else includes this. */
#ifndef LOGGIA_PORTAL_BOARD_INTERNAL_H
#define LOGGIA_PORTAL_BOARD_INTERNAL_H

#include "lib/config.h"
#include "lib/fetch.h"
#include "portal/board.h"

struct board_validator {
    char *etag, *since; /* the second where there is no first; NULL: none */
};

struct board {
    struct portal *p;
    struct loop *loop;
    struct fetcher *fetcher;
    struct fetch *call;
    struct loop_timer *timer;
    struct board_keep *keep;
    struct board_load *load;
    struct board_report *report;
    struct board_pace pace;
    struct board_edition *edition;
    struct sign_key keys[CONFIG_MAX_KEYS];
    size_t n_keys;
    char *url, *token;

    struct current candidate; /* named by the last good `current` */
    char *pointer;            /* its text */
    size_t pointer_len;
    /* By which the server knows what we have: of the pointer that we show, and of the candidate. */
    struct board_validator have, candidates;
    struct board_clock clock;
    struct board_stats stats;
    bool told_refused;
};

/* board.c */
void board_ask(void *arg);                                 /* the timer's: arg is a struct board */
void board_later(struct board *b, uint64_t ms);            /* asks then */
void board_show(struct board *b, struct board_edition *e); /* takes e */
void board_forget_validator(struct board_validator *v);

#endif

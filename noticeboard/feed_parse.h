/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RSS 2.0 and Atom (RFC 4287) as items of plain values: titles are one line, texts are Markdown
 * (html_text.h), links are such as a notice may have. What an item lacks is NULL, "" or 0; an item
 * that says nothing is counted in `skipped`. Pure; the functions are an xml_sink's (source.h). */
#ifndef LOGGIA_NOTICEBOARD_FEED_PARSE_H
#define LOGGIA_NOTICEBOARD_FEED_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct xml;

#define FEED_MAX_ITEMS 200  /* the first of the document: feeds have the newest first */
#define FEED_MAX_ID    400  /* bytes of what names an item: longer ones are named by a digest */
#define FEED_MAX_TITLE 120  /* characters */
#define FEED_MAX_TEXT  2000 /* bytes of Markdown */

struct feed_item {
    char *id;    /* guid or atom:id, else the link, else the title */
    char *title; /* never empty */
    char *link;
    char *text;
    char lang[16];              /* "it", "zh-hans"; "" if nobody said */
    int64_t published, updated; /* Unix seconds */
    char *alert_url;            /* a CAP document that this item announces */
    bool carries_alert;         /* one stands in it */
};

struct feed {
    char *title, *link;
    char lang[16];
    struct feed_item *items;
    size_t n;
    unsigned skipped;
    struct feed_draft *draft; /* of the item that is being read */
};

struct feed *feed_new(void);
void feed_free(struct feed *f);
/* What is in it, not itself. */
void feed_item_free(struct feed_item *item);
void feed_open(struct feed *f, struct xml *x, const char *path, const char **attrs);
void feed_close(struct feed *f, struct xml *x, const char *path, const char *text);
/* The entry that is being read has an alert in it (source.c reads that). */
void feed_carries_alert(struct feed *f);

/* A language tag as notices have it: the language alone, and for Chinese the script; "" if it is
 * none. */
void feed_lang(const char *tag, char out[static 16]);

#endif

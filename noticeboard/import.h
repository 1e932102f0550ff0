/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What another site published becomes notices of a publisher. Pure: a document and the feed's rules
 * in, notice files out; who keeps them, and asks for approval, is the importer (importer.h). */
#ifndef LOGGIA_NOTICEBOARD_IMPORT_H
#define LOGGIA_NOTICEBOARD_IMPORT_H

#include "lib/notice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cap_alert;
struct cap_info;
struct feed;

#define IMPORT_HASH_LEN 65
#define IMPORT_GUID_LEN 800

/* Of a feed of board.conf. Borrowed. */
struct import_rule {
    const char *publisher; /* the name that stands on the notices */
    const char *source;    /* who said it first; NULL: the document says */
    const char *language;  /* of what does not say its own */
    char *const *zones;    /* n_zones of them, or "*" */
    size_t n_zones;
    char *const *areas; /* CAP: only what concerns one of them; none: everything */
    size_t n_areas;
    uint32_t days; /* what has no end of its own is shown so long */
};

struct imported {
    char guid[IMPORT_GUID_LEN]; /* names it within its feed, for ever */
    char hash[IMPORT_HASH_LEN]; /* changes when what was published there, or a rule, does */
    struct notice *notice;      /* such as notice_parse reads it */
    char *text;                 /* the notice file */
};

struct import {
    struct imported *items;
    size_t n;
    unsigned left_out; /* over already, for another area, no use as a notice */
};

/* Both append to out. False if memory is short. */
bool import_feed(const struct feed *f, const struct import_rule *rule, int64_t now,
                 struct import *out);
/* Nothing is appended for an alert that is not Actual and Public, nor for a Cancel. */
bool import_alert(const struct cap_alert *a, const struct import_rule *rule, int64_t now,
                  struct import *out);
void import_free(struct import *out);

/* "SENDER,IDENTIFIER", by which later messages refer to an alert; a notice's guid is that of the
 * first message of its chain, with "#2" … behind it where one message makes several notices. */
void import_alert_guid(const struct cap_alert *a, char out[static IMPORT_GUID_LEN]);

/* How urgent a CAP alert is for somebody on a square. Emergency: extreme or severe, now or soon,
 * seen or likely, of which extreme and immediate is the least that takes the place above the
 * button. */
enum notice_priority import_priority(const struct cap_info *info);

#endif

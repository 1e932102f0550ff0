/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the city says, for everybody who is no router: RSS 2.0, JSON Feed 1.1, and CAP 1.2 for
 * warnings and emergencies. Pure: notices in, a document out. */
#ifndef LOGGIA_NOTICEBOARD_OUT_H
#define LOGGIA_NOTICEBOARD_OUT_H

#include "lib/notice.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

#define OUT_MAX_ITEMS 100 /* of a feed: the newest */

/* One notice in the language of its feed. Borrowed, but for html. */
struct out_item {
    const struct notice *n;
    const struct notice_text *text;
    int64_t changed;
    char *html;
    const char *alert; /* address of its CAP document, or NULL */
};

struct out_feed {
    const char *title, *home, *self, *lang; /* home, self: addresses */
    const char *host;                       /* names the items, with the notice's id */
    const struct out_item *const *items;    /* newest first */
    size_t n;
    int64_t built;
};

void out_rss(struct buf *b, const struct out_feed *f);
void out_json(struct buf *b, const struct out_feed *f);

enum out_alert { OUT_ALERT, OUT_UPDATE, OUT_CANCEL };
struct out_cap {
    const struct notice *n;
    const char *host;       /* the sender is noticeboard@HOST */
    const char *area;       /* the zones, as people know them */
    const char *references; /* of an update or a cancel; else NULL */
    enum out_alert type;
    int64_t sent;
};
void out_cap(struct buf *b, const struct out_cap *c);
/* "SENDER,IDENTIFIER,SENT" of that message, for who refers to it. */
void out_cap_reference(struct buf *b, const struct out_cap *c);
/* Whether a notice is for CAP at all. */
bool out_is_alert(const struct notice *n);

/* Text as XML has it: what XML 1.0 may not hold is left out. */
void out_xml(struct buf *b, const char *text);

#endif

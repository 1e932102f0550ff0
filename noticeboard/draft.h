/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A notice (a template, a service card) as it is typed: the fields of the editor's form, whatever
 * somebody wrote into them. It is kept as it came, so that nothing that was typed is lost; what is
 * published is the notice file that draft_write makes of it, which must pass lib/notice's own
 * reader. Pure.
 *
 *   publisher, priority, link, from_day, from_hour, until_day, until_hour, hours (templates),
 *   icon, order (service cards), everywhere=1 or zone.NAME=1 …, title.LANG, text.LANG, source (not
 * typed: draft_set_source) */
#ifndef LOGGIA_NOTICEBOARD_DRAFT_H
#define LOGGIA_NOTICEBOARD_DRAFT_H

#include "lib/form.h"
#include "lib/notice.h"
#include "noticeboard/conf.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DRAFT_MAX_FIELDS 400
#define DRAFT_MAX_BYTES  (96 * 1024) /* of the form */

struct buf;

struct draft {
    char *text;   /* the fields point into it, */
    char *source; /* and that of the official source into this, if it was set */
    struct form_field fields[DRAFT_MAX_FIELDS];
    size_t n;
    bool broken; /* something in it was not UTF-8 and is left out */
};

/* From a form's body. Unknown fields, control characters and bidi overrides are left out. NULL
 * without memory or beyond the bounds. */
struct draft *draft_new(const char *form, size_t len);
/* From a notice that came another way. publisher is the id of its publisher. */
struct draft *draft_from_notice(const struct notice *n, const char *publisher);
void draft_free(struct draft *d); /* NULL is fine */
/* Who said it first, as what was imported says: in the place of whatever a form brought, so that
 * nobody speaks as the civil protection by typing its name. NULL or "": nobody. False without
 * memory or beyond the bounds. */
bool draft_set_source(struct draft *d, const char *source);
const char *draft_get(const struct draft *d, const char *name); /* "" where absent */
/* "title", "it" -> field title.it */
const char *draft_text(const struct draft *d, const char *what, const char *lang);
bool draft_in_zone(const struct draft *d, const char *zone); /* everywhere, or ticked */
enum notice_priority draft_priority(const struct draft *d);
/* A card's place in its row, 0 … 9999; 100 where none is set. */
unsigned draft_order(const struct draft *d);
/* ",duomo,stazione," or ",*,", of those that the board has. */
void draft_zones(const struct draft *d, const struct board_conf *c, struct buf *out);
/* The title in the first language that has one; "" if none has. */
const char *draft_title(const struct draft *d, const struct board_conf *c);
/* All that a search should find. */
void draft_words(const struct draft *d, struct buf *out);
/* The addresses that it leads to: its link, and those in its texts ("[words](https://…)"), each
 * once, at most max. Returns how many. */
typedef char draft_url[NOTICE_MAX_LINK + 4];
size_t draft_links(const struct draft *d, draft_url *out, size_t max);
/* The fields again, as a form's body, to be kept. */
void draft_form(const struct draft *d, struct buf *out);

/* From the city's local day and hour. from: 0 where nothing is set (at once); until: the end of its
 * day where no hour is. False for what is no date. */
bool draft_from(const struct draft *d, int64_t *out);
bool draft_until(const struct draft *d, int64_t *out);
/* Sets the dates of a copy from Unix times (templates that become notices). */
struct draft *draft_with_times(const struct draft *d, int64_t from, int64_t until);

/* --- what is wrong with it ----------------------------------------------------------------------
 */
enum draft_code {
    DRAFT_NO_TITLE,
    DRAFT_TITLE_LONG,
    DRAFT_TEXT_WITHOUT_TITLE,
    DRAFT_NOT_TEXT,
    DRAFT_TOO_LONG,
    DRAFT_NO_UNTIL,
    DRAFT_BAD_DATE,
    DRAFT_ENDED,
    DRAFT_ENDS_BEFORE,
    DRAFT_NO_HOURS,
    DRAFT_NO_ZONE,
    DRAFT_ZONE_FORBIDDEN,
    DRAFT_BAD_LINK,
    DRAFT_NO_LINK,   /* of a card, */
    DRAFT_LINE_LONG, /* whose text is one line */
    DRAFT_NO_PUBLISHER,
    DRAFT_UNREADABLE, /* lib/notice's own reader says why */
    DRAFT_WARNINGS,   /* from here on it may be published all the same */
    DRAFT_LANGUAGE_MISSING = DRAFT_WARNINGS,
    DRAFT_VAGUE_LINK,
    DRAFT_PLAIN_HTTP,
    DRAFT_LONG_FOR_SCREEN,
    DRAFT_MANY_IN_ZONE,
    DRAFT_FAR_END,
    DRAFT_LONG_EMERGENCY,
    DRAFT_LINK_DEAD,
    DRAFT_LINK_INSIDE
};
struct draft_finding {
    enum draft_code code;
    char what[160]; /* the language, zone, link or words it is about */
    int number;     /* how many, where it matters */
};
enum { DRAFT_MAX_FINDINGS = 40 };

struct draft_place {
    const struct board_conf *conf;
    const struct board_administration *administration;
    bool is_template, is_card; /* else a notice */
    int64_t now;
    int (*zone_load)(void *arg, const char *zone, int64_t at); /* NULL: not looked at */
    void *arg;
};
/* Fills out; errors first. Returns how many there are. */
size_t draft_check(const struct draft *d, const struct draft_place *p,
                   struct draft_finding out[static DRAFT_MAX_FINDINGS]);
bool draft_has_errors(const struct draft_finding *f, size_t n);

/* The notice file, or that of a service card (lib/card.h). Templates get from and until as given;
 * the others ignore them. False, with why in err, if lib/notice would not read it. */
bool draft_write(const struct draft *d, const struct draft_place *p, int64_t from, int64_t until,
                 struct buf *out, char *err, size_t err_len);

#endif

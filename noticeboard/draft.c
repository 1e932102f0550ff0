/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "noticeboard/draft.h"
#include "lib/buf.h"
#include "lib/card.h"
#include "lib/utf8.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const priorities[] = {"info", "service", "warning", "emergency"};

/* --- fields
 * ----------------------------------------------------------------------------------------- */
static bool one_line(const char *name)
{
    return strncmp(name, "text.", 5) != 0;
}

static bool known(const char *name)
{
    static const char *const plain[] = {"publisher",  "priority",  "link",       "from_day",
                                        "from_hour",  "until_day", "until_hour", "hours",
                                        "everywhere", "source",    "icon",       "order"};

    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (strcmp(name, plain[i]) == 0)
            return true;
    const char *rest = strchr(name, '.');
    size_t head = rest ? (size_t)(rest - name) : 0;
    if (rest && strlen(rest + 1) > 32)
        return false;
    if (head == 4 && strncmp(name, "zone", 4) == 0)
        return rest[1] != '\0';
    return ((head == 5 && strncmp(name, "title", 5) == 0) ||
            (head == 4 && strncmp(name, "text", 4) == 0)) &&
           rest[1] && strspn(rest + 1, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(rest + 1);
}

/* In place: what is no UTF-8, control characters and bidi overrides go; CRLF becomes LF; in a field
 * of one line every end of line is a blank; blanks at both ends go. True if something was broken.
 */
static bool clean(char *value, bool single)
{
    size_t len = strlen(value), out = 0;
    bool broken = false;

    for (size_t at = 0; at < len;) {
        uint32_t c;
        size_t n = utf8_next(value + at, len - at, &c);
        if (!n) {
            broken = true;
            at++;
            continue;
        }
        bool end = c == '\n', blank = end || c == '\t';
        if (c == '\r' || utf8_is_bidi_override(c) || c == 0xfeff ||
            ((c < 0x20 || (c >= 0x7f && c < 0xa0)) && !blank)) {
            at += n;
            continue;
        }
        if (blank && single)
            value[out++] = ' ';
        else
            for (size_t i = 0; i < n; i++)
                value[out++] = value[at + i];
        at += n;
    }
    while (out > 0 && (value[out - 1] == ' ' || value[out - 1] == '\n' || value[out - 1] == '\t'))
        out--;
    value[out] = '\0';
    size_t skip = strspn(value, single ? " \t" : "\n");
    memmove(value, value + skip, out - skip + 1);
    return broken;
}

struct draft *draft_new(const char *form, size_t len)
{
    struct draft *d = len <= DRAFT_MAX_BYTES ? calloc(1, sizeof *d) : NULL;
    struct form_field *all = calloc(DRAFT_MAX_FIELDS + 64, sizeof *all);

    if (d)
        d->text = strndup(form, len);
    if (!d || !d->text || !all) {
        free(all);
        draft_free(d);
        return NULL;
    }
    size_t n = form_decode_into(d->text, all, DRAFT_MAX_FIELDS + 64);
    for (size_t i = 0; i < n && d->n < DRAFT_MAX_FIELDS; i++) {
        if (!known(all[i].name) || *draft_get(d, all[i].name))
            continue;
        /* The value is inside of d->text, which is ours. */
        d->broken |= clean((char *)(uintptr_t)all[i].value, one_line(all[i].name));
        if (*all[i].value) /* an empty one would hide another of its name */
            d->fields[d->n++] = all[i];
    }
    free(all);
    return d;
}

void draft_free(struct draft *d)
{
    if (!d)
        return;
    free(d->text);
    free(d->source);
    free(d);
}

bool draft_set_source(struct draft *d, const char *source)
{
    bool any = source && *source;
    char *copy = any ? strdup(source) : NULL;
    size_t kept = 0;

    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->fields[i].name, "source") != 0)
            d->fields[kept++] = d->fields[i];
    d->n = kept;
    free(d->source);
    d->source = copy;
    if (!copy || d->n == DRAFT_MAX_FIELDS)
        return !any;
    d->fields[d->n++] = (struct form_field){"source", copy};
    return true;
}

const char *draft_get(const struct draft *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++)
        if (strcmp(d->fields[i].name, name) == 0)
            return d->fields[i].value;
    return "";
}

const char *draft_text(const struct draft *d, const char *what, const char *lang)
{
    char name[48];

    snprintf(name, sizeof name, "%s.%.32s", what, lang);
    return draft_get(d, name);
}

static bool ticked(const struct draft *d, const char *zone)
{
    char name[48];

    snprintf(name, sizeof name, "zone.%.32s", zone);
    return *draft_get(d, name) != '\0';
}

bool draft_in_zone(const struct draft *d, const char *zone)
{
    return *draft_get(d, "everywhere") || ticked(d, zone);
}

enum notice_priority draft_priority(const struct draft *d)
{
    for (int i = 0; i < 4; i++)
        if (strcmp(draft_get(d, "priority"), priorities[i]) == 0)
            return (enum notice_priority)i;
    return NOTICE_INFO;
}

unsigned draft_order(const struct draft *d)
{
    const char *order = draft_get(d, "order");
    long n = *order ? strtol(order, NULL, 10) : 100;

    return n < 0 ? 0 : n > SERVICE_MAX_ORDER ? SERVICE_MAX_ORDER : (unsigned)n;
}

void draft_zones(const struct draft *d, const struct board_conf *c, struct buf *out)
{
    buf_str(out, ",");
    if (*draft_get(d, "everywhere")) {
        buf_str(out, "*,");
        return;
    }
    for (size_t i = 0; i < c->n_zones; i++)
        if (ticked(d, c->zones[i].name))
            buf_fmt(out, "%s,", c->zones[i].name);
}

const char *draft_title(const struct draft *d, const struct board_conf *c)
{
    for (size_t i = 0; i < c->n_languages; i++)
        if (*draft_text(d, "title", c->languages[i]))
            return draft_text(d, "title", c->languages[i]);
    for (size_t i = 0; i < d->n; i++)
        if (strncmp(d->fields[i].name, "title.", 6) == 0 && *d->fields[i].value)
            return d->fields[i].value;
    return "";
}

void draft_words(const struct draft *d, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++)
        if (strncmp(d->fields[i].name, "title.", 6) == 0 ||
            strncmp(d->fields[i].name, "text.", 5) == 0) {
            buf_str(out, d->fields[i].value);
            buf_str(out, "\n");
        }
}

static void field(struct buf *out, const char *name, const char *value)
{
    if (!*value)
        return;
    if (out->len)
        buf_str(out, "&");
    buf_urlencode(out, name);
    buf_str(out, "=");
    buf_urlencode(out, value);
}

void draft_form(const struct draft *d, struct buf *out)
{
    for (size_t i = 0; i < d->n; i++)
        field(out, d->fields[i].name, d->fields[i].value);
}

/* --- time
 * ---------------------------------------------------------------------------------------------- */
/* Local time; false if it is no such day or hour. hour "" is h. */
static bool day_exists(int year, int month, int day)
{
    struct tm tm = {
        .tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12, .tm_isdst = -1};

    return mktime(&tm) != (time_t)-1 && tm.tm_mday == day && tm.tm_mon == month - 1;
}

static bool local(const char *day, const char *hour, int h, int64_t *out)
{
    struct tm tm = {.tm_isdst = -1, .tm_hour = h};
    int used = 0, year, month, mday, min = 0;

    if (sscanf(day, "%4d-%2d-%2d%n", &year, &month, &mday, &used) != 3 || day[used] ||
        year < 2020 || year > 2100 || !day_exists(year, month, mday))
        return false;
    if (*hour && (sscanf(hour, "%2d:%2d%n", &tm.tm_hour, &min, &used) != 2 ||
                  (hour[used] && strcmp(hour + used, ":00") != 0) || tm.tm_hour < 0 ||
                  tm.tm_hour > 24 || min < 0 || min > 59 || (tm.tm_hour == 24 && min)))
        return false;
    tm.tm_year = year - 1900;
    tm.tm_mon = month - 1;
    tm.tm_mday = mday;
    tm.tm_min = min;
    time_t t = mktime(&tm);
    if (t == (time_t)-1)
        return false;
    *out = (int64_t)t;
    return true;
}

bool draft_from(const struct draft *d, int64_t *out)
{
    const char *day = draft_get(d, "from_day");

    *out = 0;
    return !*day || local(day, draft_get(d, "from_hour"), 0, out);
}

bool draft_until(const struct draft *d, int64_t *out)
{
    *out = 0;
    return local(draft_get(d, "until_day"), draft_get(d, "until_hour"), 24, out);
}

static void moment(struct buf *out, const char *day_name, const char *hour_name, int64_t t)
{
    char day[16], hour[8];
    struct tm tm;
    time_t when = (time_t)t;

    if (!t || !localtime_r(&when, &tm))
        return;
    strftime(day, sizeof day, "%Y-%m-%d", &tm);
    strftime(hour, sizeof hour, "%H:%M", &tm);
    field(out, day_name, day);
    field(out, hour_name, hour);
}

struct draft *draft_with_times(const struct draft *d, int64_t from, int64_t until)
{
    struct draft *copy = NULL;
    struct buf b;

    buf_init(&b, DRAFT_MAX_BYTES);
    for (size_t i = 0; i < d->n; i++)
        if (strncmp(d->fields[i].name, "from_", 5) != 0 &&
            strncmp(d->fields[i].name, "until_", 6) != 0 && strcmp(d->fields[i].name, "hours") != 0)
            field(&b, d->fields[i].name, d->fields[i].value);
    moment(&b, "from_day", "from_hour", from);
    moment(&b, "until_day", "until_hour", until);
    if (b.data && !b.failed)
        copy = draft_new(b.data, b.len);
    buf_free(&b);
    return copy;
}

struct draft *draft_from_notice(const struct notice *n, const char *publisher)
{
    struct draft *d = NULL;
    char name[48];
    struct buf b;

    buf_init(&b, DRAFT_MAX_BYTES);
    field(&b, "publisher", publisher);
    field(&b, "priority", priorities[n->priority]);
    field(&b, "link", n->link ? n->link : "");
    field(&b, "source", n->source ? n->source : "");
    moment(&b, "from_day", "from_hour", n->from);
    moment(&b, "until_day", "until_hour", n->until);
    for (char **z = n->zones; *z; z++) {
        snprintf(name, sizeof name, "zone.%.32s", *z);
        field(&b, strcmp(*z, "*") == 0 ? "everywhere" : name, "1");
    }
    for (size_t i = 0; i < n->n_texts; i++) {
        snprintf(name, sizeof name, "title.%s", n->texts[i].lang);
        field(&b, name, n->texts[i].title);
        snprintf(name, sizeof name, "text.%s", n->texts[i].lang);
        field(&b, name, n->texts[i].markdown);
    }
    if (b.data && !b.failed)
        d = draft_new(b.data, b.len);
    buf_free(&b);
    return d;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The header of a notice: one row a field, and a reader for each kind of value. An editor who makes
 * a mistake is told what was found and what would have been right, never just "invalid". */
#include "lib/notice_parse.h"
#include "lib/utc.h"
#include "lib/utf8.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define EXPECTED_DATE "a date such as 2026-03-31 or 2026-03-31 18:30"

bool notice_fault_words(struct notice_fault *fault, const char *expected, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(fault->found, sizeof fault->found, fmt, args);
    va_end(args);
    fault->expected = expected;
    return false;
}

bool notice_fault_quote(struct notice_fault *fault, const char *found, const char *expected)
{
    size_t cut = utf8_cut(found, 40);
    return notice_fault_words(fault, expected, "\"%.*s%s\"", (int)cut, found,
                              found[cut] ? "…" : "");
}

char *notice_trim(char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        s[--n] = '\0';
    return s;
}

bool notice_lang_ok(const char *tag)
{
    size_t group = 0, groups = 0, len = strlen(tag);
    if (len < 2 || len > sizeof((struct notice_text *)0)->lang - 1)
        return false;
    for (const char *c = tag;; c++) {
        if (*c == '-' || *c == '\0') {
            if (group == 0 || group > 8 || (groups == 0 && (group < 2 || group > 3)))
                return false;
            groups++;
            group = 0;
            if (*c == '\0')
                return true;
        } else if ((*c >= 'a' && *c <= 'z') || (groups > 0 && isdigit((unsigned char)*c))) {
            group++;
        } else {
            return false;
        }
    }
}

bool notice_link_ok(const char *url)
{
    static const char *const schemes[] = {"https://", "http://", "mailto:", "tel:"};
    size_t len = strlen(url);
    if (len > NOTICE_MAX_LINK)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)url[i] <= ' ' || strchr("\"'<>\\`\x7f", url[i]))
            return false;
    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = strlen(schemes[i]);
        if (strncasecmp(url, schemes[i], n) == 0)
            return isalnum((unsigned char)url[n]) || url[n] == '[' || url[n] == '+' ||
                   (unsigned char)url[n] >= 0x80;
    }
    return false;
}

bool notice_set_publisher(struct notice *n, char *value, struct notice_fault *fault)
{
    size_t chars = utf8_count(value);
    if (chars > NOTICE_MAX_PUBLISHER)
        return notice_fault_words(fault, "a name of at most 80", "a name of %zu characters", chars);
    n->publisher = strdup(value);
    return n->publisher || notice_fault_words(fault, "enough memory", "none left");
}

static bool zone_ok(const char *zone)
{
    size_t n = strspn(zone, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return n >= 1 && n <= 32 && zone[n] == '\0';
}

bool notice_set_zones(struct notice *n, char *value, struct notice_fault *fault)
{
    size_t count = 0, commas = 0;
    for (const char *c = value; *c; c++)
        commas += *c == ',';
    if (commas >= NOTICE_MAX_ZONES)
        return notice_fault_words(fault, "at most 256, or * for all", "%zu zones", commas + 1);
    n->zones = calloc(commas + 2, sizeof *n->zones);
    if (!n->zones)
        return notice_fault_words(fault, "enough memory", "none left");
    for (char *rest = value, *item; (item = strsep(&rest, ","));) {
        item = notice_trim(item);
        bool all = strcmp(item, "*") == 0;
        if (all ? commas > 0 : !zone_ok(item))
            return notice_fault_quote(
                fault, item,
                all ? "* alone, or names of zones"
                    : "the name of a zone (a-z, 0-9 and -, at most 32), or *");
        if (!(n->zones[count++] = strdup(item)))
            return notice_fault_words(fault, "enough memory", "none left");
    }
    return true;
}

/* n digits at *at, which moves behind them; -1 if they are not there. */
static int digits(const char **at, int n)
{
    int value = 0;
    for (int i = 0; i < n; i++, (*at)++) {
        if (!isdigit((unsigned char)**at))
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool literal(const char **at, const char *any_of)
{
    return **at && strchr(any_of, **at) && (*at)++;
}

/* Local time, or UTC with a Z behind it, to Unix time; a day without time is its beginning, or with
 * end its end (24:00). */
static bool read_date(const char *value, bool end, int64_t *out, struct notice_fault *fault)
{
    static const int month_days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const char *at = value;
    size_t len = strlen(value);
    if (len && value[len - 1] == 'Z')
        return utc_read(value, out) ||
               notice_fault_quote(fault, value, "a moment such as 2026-03-31T16:30Z");
    int year, month, day, hour = end ? 24 : 0, minute = 0;
    bool shape = (year = digits(&at, 4)) >= 0 && literal(&at, "-") &&
                 (month = digits(&at, 2)) >= 0 && literal(&at, "-") && (day = digits(&at, 2)) >= 0;
    if (shape && *at)
        shape = literal(&at, " T") && (hour = digits(&at, 2)) >= 0 && literal(&at, ":") &&
                (minute = digits(&at, 2)) >= 0 && *at == '\0';
    if (!shape)
        return notice_fault_quote(fault, value, EXPECTED_DATE);
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    if (year < 2000 || year > 2199)
        return notice_fault_quote(fault, value, "a year from 2000 to 2199");
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return notice_fault_quote(fault, value, "a day that is in the calendar");
    if (hour > 24 || minute > 59 || (hour == 24 && minute > 0))
        return notice_fault_quote(fault, value, "a time from 00:00 to 24:00");
    struct tm tm = {.tm_year = year - 1900,
                    .tm_mon = month - 1,
                    .tm_mday = day,
                    .tm_hour = hour,
                    .tm_min = minute,
                    .tm_isdst = -1};
    *out = mktime(&tm);
    return true;
}

static bool set_from(struct notice *n, char *value, struct notice_fault *fault)
{
    return read_date(value, false, &n->from, fault);
}

static bool set_until(struct notice *n, char *value, struct notice_fault *fault)
{
    return read_date(value, true, &n->until, fault);
}

const char *const notice_priorities[4] = {"info", "service", "warning", "emergency"};

static bool set_priority(struct notice *n, char *value, struct notice_fault *fault)
{
    for (size_t i = 0; i < sizeof notice_priorities / sizeof *notice_priorities; i++)
        if (strcmp(value, notice_priorities[i]) == 0) {
            n->priority = (enum notice_priority)i;
            return true;
        }
    return notice_fault_quote(fault, value, "info, service, warning or emergency");
}

bool notice_set_link(struct notice *n, char *value, struct notice_fault *fault)
{
    if (!notice_link_ok(value))
        return notice_fault_quote(fault, value,
                                  "a link that begins with https://, http://, "
                                  "mailto: or tel:");
    n->link = strdup(value);
    return n->link || notice_fault_words(fault, "enough memory", "none left");
}

static bool set_source(struct notice *n, char *value, struct notice_fault *fault)
{
    size_t chars = utf8_count(value);
    if (chars > NOTICE_MAX_SOURCE)
        return notice_fault_words(fault, "a name of at most 120", "a name of %zu characters",
                                  chars);
    n->source = strdup(value);
    return n->source || notice_fault_words(fault, "enough memory", "none left");
}

enum { PUBLISHER, ZONES, FROM, UNTIL, PRIORITY, LINK, SOURCE };
static const struct {
    const char *name;
    bool (*set)(struct notice *n, char *value, struct notice_fault *fault);
} fields[NOTICE_FIELDS] = {
    [PUBLISHER] = {"publisher", notice_set_publisher},
    [ZONES] = {"zones", notice_set_zones},
    [FROM] = {"from", set_from},
    [UNTIL] = {"until", set_until},
    [PRIORITY] = {"priority", set_priority},
    [LINK] = {"link", notice_set_link},
    [SOURCE] = {"source", set_source},
};

bool notice_field_set(struct notice *n, unsigned *seen, const char *name, char *value,
                      struct notice_fault *fault)
{
    for (unsigned i = 0; i < NOTICE_FIELDS; i++) {
        if (strcmp(name, fields[i].name) != 0)
            continue;
        if (*seen & 1U << i)
            return notice_fault_words(fault, "each field once", "a second \"%s\"", name);
        *seen |= 1U << i;
        if (*value == '\0')
            return notice_fault_words(fault, "a value", "\"%s:\" with nothing behind", name);
        return fields[i].set(n, value, fault);
    }
    return notice_fault_quote(fault, name,
                              "publisher, zones, from, until, priority, link or source");
}

bool notice_fields_check(const struct notice *n, unsigned seen, struct notice_fault *fault)
{
    static const struct {
        unsigned field;
        const char *expected;
    } required[] = {{PUBLISHER, "\"publisher: NAME\" in it"},
                    {ZONES, "\"zones: NAME, NAME\" or \"zones: *\" in it"},
                    {UNTIL, "\"until: DATE\" in it"}};
    for (size_t i = 0; i < sizeof required / sizeof *required; i++)
        if (!(seen & 1U << required[i].field))
            return notice_fault_words(fault, required[i].expected, "the end of the header");
    if (n->until <= n->from)
        return notice_fault_words(fault, "\"until\" later than \"from\"",
                                  "a notice that ends before it begins");
    return true;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers, times and sentences in the citizen's language. */
#include "lib/page_internal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* "{n} hours" with its number. */
static void counted(struct buf *b, const char *text, uint64_t n)
{
    char number[24];
    snprintf(number, sizeof number, "%" PRIu64, n);
    page_fill_plain(b, text, ARGS({"n", number, false}));
}

void page_duration(struct buf *b, const struct i18n *i18n, const char *lang, uint64_t seconds)
{
    const struct page ctx = {.i18n = i18n, .lang = lang}, *p = &ctx;
    uint64_t minutes = seconds / 60 % 60, hours = seconds / 3600 % 24, days = seconds / 86400;
    struct buf big, small;
    buf_init(&big, 256);
    buf_init(&small, 256);
    if (days > 0)
        counted(&big, TN("{n} day", "{n} days", (unsigned long)days), days);
    else if (hours > 0)
        counted(&big, TN("{n} hour", "{n} hours", (unsigned long)hours), hours);
    if (days > 0 && hours > 0)
        counted(&small, TN("{n} hour", "{n} hours", (unsigned long)hours), hours);
    else if (days == 0 && minutes > 0)
        counted(&small, TN("{n} minute", "{n} minutes", (unsigned long)minutes), minutes);
    if (big.len && small.len)
        /* TRANSLATORS: joins "2 hours" and "5 minutes". */
        page_fill_plain(b, T("{big} {small}"),
                        ARGS({"big", big.data, false}, {"small", small.data, false}));
    else if (big.len || small.len)
        buf_str(b, big.len ? big.data : small.data);
    else
        buf_str(b, T("less than a minute"));
    buf_free(&big);
    buf_free(&small);
}

/* value / unit with one decimal, which is left out when it is 0. */
static void decimal(const struct page *p, char *out, size_t room, uint64_t value, uint64_t unit)
{
    /* TRANSLATORS: the sign between whole number and decimals: a dot or a comma. */
    const char *sign = T("decimal-sign");
    uint64_t tenths = value / unit * 10 + value % unit * 10 / unit;
    if (strcmp(sign, "decimal-sign") == 0)
        sign = ".";
    if (tenths % 10 == 0)
        snprintf(out, room, "%" PRIu64, tenths / 10);
    else
        snprintf(out, room, "%" PRIu64 "%.4s%u", tenths / 10, sign, (unsigned)(tenths % 10));
}

void page_bytes(const struct page *p, struct buf *b, uint64_t bytes)
{
    char number[40];
    bool giga = bytes >= 1000000000;
    if (giga)
        decimal(p, number, sizeof number, bytes, 1000000000);
    else
        snprintf(number, sizeof number, "%" PRIu64, bytes / 1000000);
    page_fill_plain(b, giga ? T("{n} GB") : T("{n} MB"), ARGS({"n", number, false}));
}

void page_rate(const struct page *p, struct buf *b, uint64_t Bps)
{
    char number[40];
    bool mega = Bps >= 125000;
    if (Bps > UINT64_MAX / 10)
        Bps = UINT64_MAX / 10;
    if (mega)
        decimal(p, number, sizeof number, Bps, 125000);
    else
        snprintf(number, sizeof number, "%" PRIu64, Bps / 125);
    page_fill_plain(b, mega ? T("{n} Mbit/s") : T("{n} kbit/s"), ARGS({"n", number, false}));
}

static const char *const weekdays[] = {N_("Sunday"),   N_("Monday"), N_("Tuesday"), N_("Wednesday"),
                                       N_("Thursday"), N_("Friday"), N_("Saturday")};
static const char *const months[] = {
    N_("January"), N_("February"), N_("March"),     N_("April"),   N_("May"),      N_("June"),
    N_("July"),    N_("August"),   N_("September"), N_("October"), N_("November"), N_("December")};

/* until is the first second in which the notice is no longer there: midnight is the day before. */
void page_date(const struct page *p, struct buf *b, int64_t until)
{
    struct tm tm;
    char day[16], year[16], hour[16];
    time_t t = (time_t)until;
    if (!localtime_r(&t, &tm))
        return;
    bool midnight = tm.tm_hour == 0 && tm.tm_min == 0;
    if (midnight) {
        t--;
        if (!localtime_r(&t, &tm))
            return;
    }
    snprintf(day, sizeof day, "%d", tm.tm_mday);
    snprintf(year, sizeof year, "%d", tm.tm_year + 1900);
    snprintf(hour, sizeof hour, "%02d:%02d", tm.tm_hour, tm.tm_min);
    page_fill_plain(b,
                    midnight ? T("Until {weekday} {day} {month} {year}")
                             : T("Until {hour} on {weekday} {day} {month} {year}"),
                    ARGS({"weekday", T(weekdays[tm.tm_wday]), false},
                         {"month", T(months[tm.tm_mon]), false}, {"day", day, false},
                         {"year", year, false}, {"hour", hour, false}));
}

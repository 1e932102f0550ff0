/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Dates as feeds write them. A reader that is too strict loses items of real sites, one that
 * guesses shows them at the wrong time: what is read is what the two standards name, nothing else.
 */
#include "noticeboard/feed_date.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

static const char months[] = "janfebmaraprmayjunjulaugsepoctnovdec";

/* One to max digits at *at, which moves behind them; -1 if there are none. */
static int number(const char **at, int max)
{
    int value = 0, n = 0;
    while (n < max && isdigit((unsigned char)**at)) {
        value = value * 10 + (**at - '0');
        (*at)++;
        n++;
    }
    return n ? value : -1;
}

static bool character(const char **at, const char *any_of)
{
    return **at && strchr(any_of, **at) && (*at)++;
}

static void blanks(const char **at)
{
    while (isspace((unsigned char)**at))
        (*at)++;
}

static bool in_calendar(const struct tm *tm)
{
    static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = tm->tm_year + 1900;
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1970 && year <= 9999 && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 &&
           tm->tm_mday <= days[tm->tm_mon] && (tm->tm_mon != 1 || tm->tm_mday < 29 || leap) &&
           tm->tm_hour >= 0 && tm->tm_hour <= 23 && tm->tm_min >= 0 && tm->tm_min <= 59 &&
           tm->tm_sec >= 0 && tm->tm_sec <= 60;
}

/* "+0100", "+01:00", "Z", "GMT", "CET" or the end, as seconds east of UTC. */
static bool zone(const char **at, int *east)
{
    static const struct {
        const char *name;
        int hours;
    } names[] = {{"GMT", 0},  {"UTC", 0},  {"UT", 0},   {"Z", 0},    {"CEST", 2},
                 {"CET", 1},  {"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5},
                 {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}};
    *east = 0;
    if (**at == '+' || **at == '-') {
        int sign = *(*at)++ == '-' ? -1 : 1;
        int hours = number(at, 2), minutes;
        character(at, ":");
        minutes = number(at, 2);
        *east = sign * (hours * 3600 + minutes * 60);
        return hours >= 0 && hours <= 24 && minutes >= 0 && minutes < 60;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncasecmp(*at, names[i].name, strlen(names[i].name)) == 0) {
            *at += strlen(names[i].name);
            *east = names[i].hours * 3600;
            return true;
        }
    return **at == '\0';
}

/* [Thu,] 26 Nov 2026 07:30[:00] +0100 */
static bool read_822(const char *at, struct tm *tm, int *east)
{
    const char *comma = strchr(at, ',');
    char month[4] = "";
    if (comma && comma - at <= 10)
        at = comma + 1;
    blanks(&at);
    tm->tm_mday = number(&at, 2);
    blanks(&at);
    for (int i = 0; i < 3 && isalpha((unsigned char)*at); i++)
        month[i] = (char)tolower((unsigned char)*at++);
    while (isalpha((unsigned char)*at)) /* "June" for "Jun" */
        at++;
    const char *found = strlen(month) == 3 ? strstr(months, month) : NULL;
    if (!found || (found - months) % 3)
        return false;
    tm->tm_mon = (int)(found - months) / 3;
    blanks(&at);
    int year = number(&at, 4);
    tm->tm_year = year < 50 ? year + 100 : year < 100 ? year : year - 1900;
    blanks(&at);
    if (year < 0 || (tm->tm_hour = number(&at, 2)) < 0 || !character(&at, ":"))
        return false;
    tm->tm_min = number(&at, 2);
    if (character(&at, ":"))
        tm->tm_sec = number(&at, 2);
    blanks(&at);
    if (!zone(&at, east))
        return false;
    blanks(&at);
    return *at == '\0' || *at == '('; /* a comment names the zone once more */
}

/* 2026[-11[-26[T07:30[:00[.5]]+01:00]]] */
static bool read_3339(const char *at, struct tm *tm, int *east)
{
    tm->tm_mday = 1;
    int year = number(&at, 4);
    tm->tm_year = year - 1900;
    if (year < 1000)
        return false;
    if (character(&at, "-")) {
        tm->tm_mon = number(&at, 2) - 1;
        if (character(&at, "-"))
            tm->tm_mday = number(&at, 2);
    }
    if (!character(&at, "Tt ")) {
        *east = 0;
        return *at == '\0';
    }
    tm->tm_hour = number(&at, 2);
    if (!character(&at, ":"))
        return false;
    tm->tm_min = number(&at, 2);
    if (character(&at, ":"))
        tm->tm_sec = number(&at, 2);
    if (character(&at, ".,"))
        while (isdigit((unsigned char)*at))
            at++;
    return zone(&at, east) && *at == '\0';
}

bool feed_date(const char *text, int64_t *out)
{
    struct tm tm = {0};
    char trimmed[64];
    int east = 0;
    blanks(&text);
    size_t n = strlen(text);
    while (n > 0 && isspace((unsigned char)text[n - 1]))
        n--;
    if (n == 0 || n >= sizeof trimmed)
        return false;
    memcpy(trimmed, text, n);
    trimmed[n] = '\0';
    if (!read_3339(trimmed, &tm, &east)) {
        tm = (struct tm){0};
        if (!read_822(trimmed, &tm, &east))
            return false;
    }
    if (!in_calendar(&tm))
        return false;
    *out = (int64_t)timegm(&tm) - east;
    return true;
}

void feed_date_822(int64_t when, char out[static FEED_DATE_LEN])
{
    static const char days[] = "SunMonTueWedThuFriSat",
                      names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t t = (time_t)when;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(out, FEED_DATE_LEN, "%.3s, %02d %.3s %04d %02d:%02d:%02d +0000", days + 3 * tm.tm_wday,
             tm.tm_mday, names + 3 * tm.tm_mon, (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
}

void feed_date_3339(int64_t when, bool cap, char out[static FEED_DATE_LEN])
{
    time_t t = (time_t)when;
    struct tm tm;
    gmtime_r(&t, &tm);
    snprintf(out, FEED_DATE_LEN, "%04d-%02d-%02dT%02d:%02d:%02d%s", (tm.tm_year + 1900) % 10000,
             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, cap ? "-00:00" : "Z");
}

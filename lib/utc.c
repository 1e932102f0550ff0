/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading is strict: one moment has one text (but for the seconds), so that what was signed cannot
 * be read in two ways. */
#include "lib/utc.h"
#include <stdio.h>
#include <string.h>
#include <time.h>

void utc_write(int64_t unix_s, char out[static UTC_LEN])
{
    time_t t = (time_t)unix_s;
    struct tm tm;
    out[0] = '\0';
    if (gmtime_r(&t, &tm) && tm.tm_year >= 100 && tm.tm_year <= 299)
        strftime(out, UTC_LEN, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

/* The shape "9999-99-99T99:99:99Z", where 9 is any digit. */
static bool has_shape(const char *text, const char *shape)
{
    for (; *shape; text++, shape++)
        if (*shape == '9' ? *text < '0' || *text > '9' : *text != *shape)
            return false;
    return *text == '\0';
}

static int two(const char *at)
{
    return (at[0] - '0') * 10 + (at[1] - '0');
}

bool utc_read(const char *text, int64_t *unix_s)
{
    char again[UTC_LEN];
    bool seconds = has_shape(text, "9999-99-99T99:99:99Z");
    if (!seconds && !has_shape(text, "9999-99-99T99:99Z"))
        return false;
    struct tm tm = {.tm_year = two(text) * 100 + two(text + 2) - 1900,
                    .tm_mon = two(text + 5) - 1,
                    .tm_mday = two(text + 8),
                    .tm_hour = two(text + 11),
                    .tm_min = two(text + 14),
                    .tm_sec = seconds ? two(text + 17) : 0};
    *unix_s = timegm(&tm);
    utc_write(*unix_s, again); /* the 31st of February comes back as another day */
    return again[0] && strncmp(text, again, seconds ? 20 : 16) == 0;
}

bool utc_read_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (!*text || (text[0] == '0' && text[1]))
        return false;
    for (; *text; text++)
        if (*text < '0' || *text > '9' || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return false;
    *out = value;
    return value <= max;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a directory answers: lines "attribute=value" (the value may hold anything but a newline)
 * become an entitlement; "-" alone begins the groups' entries. Then each value goes through a
 * filter. */
#include "radius-module/entitlement.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct mapping mapping = {
    .authority = "fuzz",
    .profile_attribute = "type",
    .profiles = {{(char *)"staff", 1}, {(char *)"resident", 0}},
    .n_profiles = 2,
    .group_attribute = "group",
    .group_search = true,
    .groups = {{(char *)"fast", 2}},
    .n_groups = 1,
    .suspended_attribute = "suspended",
    .suspended_value = (char *)"TRUE",
    .suspended_reason = (char *)"suspended",
    .limit_attribute = {[LIMIT_DOWN] = "down", [LIMIT_QUOTA] = "quota"},
    .limit_unit = {[LIMIT_DOWN] = 1000, [LIMIT_QUOTA] = 1000000000},
    .from_attribute = (char *)"from",
    .until_attribute = (char *)"until",
    .identity_attribute = "id",
    .link_attribute = "link",
    .key = "0123456789abcdef",
    .key_len = 16,
};

static void report(void *arg, const char *attribute, const char *why)
{
    (void)arg;
    if (!attribute[0] || !why[0])
        abort();
}

/* Nothing that means something in a filter comes out unescaped. */
static void check_filter(const char *value, size_t len)
{
    char out[2048];
    long n = filter_build("(x=%{v})", "v", value, len, out, sizeof out);
    if (n < 0)
        return;
    if (n != (long)strlen(out) || out[n - 1] != ')')
        abort();
    for (long i = 3; i < n - 1; i++)
        if (strchr("()*", out[i]) || (unsigned char)out[i] > 0x7f)
            abort();
}

static void add_line(struct values *v, const char *line, size_t len)
{
    char name[64];
    const char *equal = memchr(line, '=', len);
    if (len == 1 && line[0] == '-')
        v->from_group = true;
    if (!equal || equal - line >= (long)sizeof name)
        return;
    memcpy(name, line, (size_t)(equal - line));
    name[equal - line] = 0;
    values_add(v, name, equal + 1, len - (size_t)(equal - line) - 1);
    check_filter(equal + 1, len - (size_t)(equal - line) - 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct values v;
    struct entitlement e;
    const char *at = (const char *)data, *end = at + len;
    values_reset(&v);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *stop = newline ? newline : end;
        add_line(&v, at, (size_t)(stop - at));
        at = stop + 1;
    }
    entitlement_read(&mapping, &v, &e, report, NULL);
    if (e.profile < -1 || e.profile > 2 || (e.denied && strcmp(e.reason, "suspended") != 0) ||
        (e.has & ~(1U << LIMIT_DOWN | 1U << LIMIT_QUOTA)))
        abort();
    return 0;
}

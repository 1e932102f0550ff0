/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl open, reload, log-level, explain. */
#include "lib/page.h"
#include "portal/loggiactl.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SECONDS = 30 * 86400 };

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

bool ctl_seconds(const char *word, uint32_t *out)
{
    static const char units[] = "smhd";
    static const unsigned factors[] = {1, 60, 3600, 86400};
    char *end;
    if (*word < '0' || *word > '9')
        return false;
    unsigned long long n = strtoull(word, &end, 10);
    const char *unit = *end ? strchr(units, *end) : units;
    if (!unit || (*end && end[1]) || n == 0 || n > MAX_SECONDS)
        return false;
    n *= factors[unit - units];
    *out = (uint32_t)n;
    return n <= MAX_SECONDS;
}

static void show_open(const json_t *a)
{
    char ends[CTL_TEXT_LEN];
    printf("opened device %s in zone %s, session %s, for %s\n", text(a, "device"), text(a, "zone"),
           text(a, "session"),
           ctl_time((uint64_t)json_integer_value(json_object_get(a, "ends_in_s")), ends));
}

int ctl_open(const struct ctl_options *o, int fd, const char *arg)
{
    json_t *a = ctl_ask(fd, json_pack("{s:s, s:s, s:I}", "cmd", "open", "mac", arg, "seconds",
                                      (json_int_t)o->seconds));
    int result = ctl_fine(a) ? CTL_FINE : CTL_FAILED;
    if (result == CTL_FINE)
        ctl_show(o, a, show_open);
    json_decref(a);
    return result;
}

static void show_reload(const json_t *a)
{
    const json_t *name;
    size_t i;
    printf("reloaded %s\n", text(a, "file"));
    json_array_foreach (json_object_get(a, "needs_restart"), i, name) {
        printf("%s: changed, but only a restart of loggiad (and loggia-gate) makes it so\n",
               json_string_value(name));
    }
}

int ctl_reload(const struct ctl_options *o, int fd, const char *arg)
{
    json_t *a = ctl_ask(fd, json_pack("{s:s}", "cmd", "reload"));
    const json_t *lines = json_object_get(a, "lines"), *line;
    int result = lines ? CTL_USAGE : CTL_FAILED;
    size_t i;
    (void)arg;

    json_array_foreach (lines, i, line) {
        fprintf(stderr, "%s\n", json_string_value(line));
    }
    if (ctl_fine(a)) {
        ctl_show(o, a, show_reload);
        result = CTL_FINE;
    }
    json_decref(a);
    return result;
}

static void show_level(const json_t *a)
{
    puts(text(a, "level"));
}

int ctl_log_level(const struct ctl_options *o, int fd, const char *arg)
{
    json_t *q = json_pack("{s:s}", "cmd", "log-level");
    if (arg)
        json_object_set_new(q, "level", json_string(arg));
    json_t *a = ctl_ask(fd, q);
    int result = ctl_fine(a) ? CTL_FINE : a && arg ? CTL_USAGE : CTL_FAILED;
    if (result == CTL_FINE)
        ctl_show(o, a, show_level);
    json_decref(a);
    return result;
}

static void show_explain(const json_t *a)
{
    printf("%s: %s\n%s\n", text(a, "code"), text(a, "what"), text(a, "mend"));
}

int ctl_explain(const struct ctl_options *o, int fd, const char *arg)
{
    const char *what, *mend;
    char code[16];
    size_t n = 0;
    (void)fd;
    if (!page_error_explain(arg, &what, &mend)) {
        fprintf(stderr, "loggiactl: no such code: found \"%.20s\", expected one such as LG-101\n",
                arg);
        return CTL_USAGE;
    }
    for (; arg[n] && n + 1 < sizeof code; n++)
        code[n] = (char)toupper((unsigned char)arg[n]);
    code[n] = 0;
    json_t *a =
        json_pack("{s:b, s:s, s:s, s:s}", "ok", 1, "code", code, "what", what, "mend", mend);
    ctl_show(o, a, show_explain);
    json_decref(a);
    return CTL_FINE;
}

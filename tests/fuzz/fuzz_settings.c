/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The module's configuration: lines "section.sub.name value"; "authority NAME" and "profile NAME"
 * begin a section. Nothing is dialled; key files are not opened. */
#include "radius-module/settings.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check_error(const char *err)
{
    if (strncmp(err, "found \"", 7) != 0 || !strstr(err, ", expected "))
        abort();
}

static void read_line(struct settings *s, char *line)
{
    char err[SETTINGS_MAX_ERROR] = "", *value = strchr(line, ' '), *save = NULL, *part[3] = {0};
    int n = 0;
    if (!value)
        return;
    *value++ = 0;
    if (strcmp(line, "authority") == 0 || strcmp(line, "profile") == 0) {
        if (!settings_begin(s, line, value, err))
            check_error(err);
        return;
    }
    for (char *p = strtok_r(line, ".", &save); p && n < 3; p = strtok_r(NULL, ".", &save))
        part[n++] = p;
    if (n == 0 || strcmp(part[n - 1], "key_file") == 0)
        return;
    if (!settings_set(s, n > 1 ? part[0] : NULL, n > 2 ? part[1] : NULL, part[n - 1], value, err))
        check_error(err);
}

static void ignore(void *arg, const char *line)
{
    (void)arg;
    if (!strstr(line, "expected "))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct settings *s = settings_new();
    char *text = malloc(len + 1), *save = NULL;
    if (!s || !text)
        abort();
    memcpy(text, data, len);
    text[len] = 0;
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
        read_line(s, line);
    settings_finish(s, ignore, NULL);
    settings_free(s);
    free(text);
    return 0;
}

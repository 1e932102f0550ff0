/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A configuration file: whatever it holds, it is read or every fault is named. */
#include "lib/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void count(void *arg, const char *line)
{
    if (!*line)
        abort();
    ++*(unsigned *)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    unsigned faults = 0;
    struct conf *c = config_parse("fuzz", (const char *)data, len, 0, count, &faults);
    if (!c != (faults > 0))
        abort();
    config_free(c);
    return 0;
}

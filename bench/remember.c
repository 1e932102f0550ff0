/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rlm_loggia with a memory that is full already: for `make bench-federation`, which could not wait
 * until a million devices have asked. The module's own objects, linked with this file, which stands
 * in front of fed_start (ld's --wrap) and puts LOGGIA_BENCH_DEVICES devices into the memory by the
 * memory's own functions. All that a request meets is the module as it is installed.
 *
 * Every device has a pass; one in four is known to the first authority as somebody of its own, with
 * the first profile; the others nobody knows. Their addresses are radius_load's of the prefix a. */
#include "radius-module/federation_private.h"

#include <stdlib.h>
#include <string.h>

#define LIFE_S 2592000

int __real_fed_start(struct fed *f);
int __wrap_fed_start(struct fed *f);

static bool remember(struct fed *f, unsigned number, uint64_t now)
{
    const struct mac mac = {{0x0a, 0x10, (uint8_t)(number >> 24), (uint8_t)(number >> 16),
                             (uint8_t)(number >> 8), (uint8_t)number}};
    struct memory_device *d = memory_make(f->memory, &mac);
    struct entitlement e = {.profile = 0, .has_link = true};
    if (!d)
        return false;
    memcpy(e.identity, &number, sizeof number);
    memcpy(e.link, &number, sizeof number);
    memory_pass_set(d, PASS_VALID, now, LIFE_S);
    for (size_t i = 0; i < f->conf->n_authorities; i++)
        memory_answer_set(f->memory, &d->answers[i],
                          i == 0 && number % 4 == 0 ? ANSWER_FOUND : ANSWER_NOT_FOUND, (int64_t)now,
                          &e);
    return true;
}

int __wrap_fed_start(struct fed *f)
{
    const char *text = getenv("LOGGIA_BENCH_DEVICES");
    unsigned long n = text ? strtoul(text, NULL, 10) : 0;
    uint64_t now = clock_ms();
    for (unsigned i = 0; i < n; i++)
        if (!remember(f, i, now))
            abort();
    report_line(f->report, LOG_NOTICE, "event=bench_remembers devices=%zu",
                memory_count(f->memory));
    return __real_fed_start(f);
}

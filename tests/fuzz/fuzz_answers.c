/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is stored of the authorities' answers, as a server of another version or with another
 * configuration may have written it: read, written, and read again it says the same. */
#include "radius-module/answers.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct fed_conf conf = {
    .profiles = {{.name = "guest"}, {.name = "staff"}},
    .n_profiles = 2,
    .authorities = {{.name = (char *)"comune"}, {.name = (char *)"provincia"}},
    .n_authorities = 2,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct stored_answer first[ANSWERS_MOST], second[ANSWERS_MOST];
    uint8_t bytes[ANSWERS_MAX], again[ANSWERS_MAX];
    size_t n = answers_read(&conf, data, len, first);
    if (n > ANSWERS_MOST)
        abort();
    for (size_t i = 0; i < n; i++)
        if (first[i].authority >= 2 || first[i].answer.state == ANSWER_UNKNOWN ||
            (first[i].answer.state == ANSWER_FOUND && first[i].answer.entitlement.profile > 1))
            abort();
    size_t wrote = answers_write(&conf, first, n, bytes);
    if (wrote > sizeof bytes)
        abort();
    size_t read = answers_read(&conf, bytes, wrote, second);
    if (read > n || answers_write(&conf, second, read, again) != wrote ||
        memcmp(bytes, again, wrote) != 0)
        abort();
    return 0;
}

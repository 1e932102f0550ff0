/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the module reads of a request: the first line is Calling-Station-Id, the second User-Name,
 * the rest User-Password. A device is looked up, remembered and recalled; a name and a password are
 * put to two authorities that nothing connects to. */
#include "radius-module/federation.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const struct fed_conf conf = {
    .deadline_ms = 1,
    .bulkhead = 8,
    .remember = 64,
    .fresh_found_s = 3600,
    .fresh_not_found_s = 3600,
    .fresh_pass_s = 3600,
    .login_attempts = 1000,
    .login_window_s = 1,
    .login_deadline_ms = 1,
    .key = (void *)(uintptr_t) "0123456789abcdef",
    .key_len = 16,
    .authorities = {{.name = (char *)"comune",
                     .connections = 1,
                     .pipeline = 1,
                     .login_filter = (char *)"(uid=%{user})",
                     .realms = {(char *)"comune.example"},
                     .n_realms = 1},
                    {.name = (char *)"provincia",
                     .connections = 1,
                     .pipeline = 1,
                     .login_filter = (char *)"(uid=%{user})"}},
    .n_authorities = 2,
};

static void ignore(void *arg, int level, const char *line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static struct fed *federation(void)
{
    static struct report report;
    static struct fed *fed;
    if (!fed) {
        report_init(&report, ignore, NULL);
        fed = fed_new(&conf, &report);
    }
    if (!fed)
        abort();
    return fed;
}

/* Its pass is known from now on, and nothing else. */
static void remember(struct fed *f, const struct mac *mac)
{
    struct decision_answer answers[2];
    struct fed_person person;
    enum decision_pass pass;
    uint32_t left_s;
    fed_collect(f, fed_ask(f, mac), clock_ms(), true, answers);
    if (answers[0].state != ANSWER_UNKNOWN || answers[1].state != ANSWER_UNKNOWN)
        abort();
    fed_pass_put(f, mac, PASS_VALID, 3600, NULL);
    if (!fed_pass_get(f, mac, false, &pass, &left_s, &person) || pass != PASS_VALID ||
        left_s > 3600 || person.authority >= 0)
        abort();
    if (fed_recall(f, mac, true, &pass, &left_s, answers))
        abort();
}

static char *cut(char **rest)
{
    char *begin = *rest, *newline = strchr(begin, '\n');
    *rest = newline ? newline + 1 : begin + strlen(begin);
    if (newline)
        *newline = 0;
    return begin;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct login_ask ask = {.mac = {{2, 0, 0, 0, 0, 1}}};
    struct login_right right;
    char *text = malloc(len + 1), *rest = text, *station;
    if (!text)
        abort();
    memcpy(text, data, len);
    text[len] = 0;
    station = cut(&rest);
    ask.user = cut(&rest);
    ask.password = rest;
    ask.password_len = (size_t)(text + len - rest);
    if (mac_parse(station, &ask.mac) && mac_is_device(&ask.mac))
        remember(federation(), &ask.mac);
    if (fed_login(federation(), &ask, &right) == LOGIN_RIGHT)
        abort();
    free(text);
    return 0;
}

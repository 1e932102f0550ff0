/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl reload and log-level: what an admin changes in a loggiad that runs. */
#include "lib/log.h"
#include "portal/control_internal.h"
#include <string.h>

static void collect(void *arg, const char *line)
{
    json_array_append_new(arg, json_string_nocheck(line));
}

void control_on_reload(struct talk *t, const json_t *request)
{
    struct portal *p = t->c->p;
    const char *waiting[PORTAL_MAX_WAITING];
    json_t *lines = json_array();
    (void)request;

    if (!portal_reload(p, collect, lines)) {
        control_refuse_lines(t, "the file has errors; the old configuration stays", lines);
        return;
    }
    json_decref(lines);
    json_t *rows = json_array();
    size_t n = portal_waiting_options(p->boot, p->live, waiting);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, json_string(waiting[i]));
    control_reply(
        t, json_pack("{s:b, s:s, s:o}", "ok", 1, "file", p->conf_path, "needs_restart", rows));
}

void control_on_log_level(struct talk *t, const json_t *request)
{
    static const struct {
        int level;
        const char *name;
    } names[] = {{LOG_ERR, "err"},
                 {LOG_WARNING, "warning"},
                 {LOG_NOTICE, "notice"},
                 {LOG_INFO, "info"},
                 {LOG_DEBUG, "debug"}};
    const char *wanted = json_string_value(json_object_get(request, "level")), *now = "debug";

    if (wanted && log_level_parse(wanted) < 0) {
        control_refuse(t, "no such level, expected one of: err, warning, notice, info, debug");
        return;
    }
    if (wanted)
        log_set_level(log_level_parse(wanted));
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].level == log_level())
            now = names[i].name;
    if (wanted)
        log_msg(LOG_NOTICE, "event=log_level level=%s", now);
    control_reply(t, json_pack("{s:b, s:s}", "ok", 1, "level", now));
}

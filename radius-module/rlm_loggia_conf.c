/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Walks `loggia { … }` as FreeRADIUS has parsed it and hands every pair to the schema. All faults
 * of the file are said at once, each with file and line. */
#include "radius-module/rlm_loggia.h"

#include <string.h>

struct walk {
    struct settings *settings;
    unsigned faults;
};

static void read_pair(struct walk *w, const char *section, const char *sub, CONF_PAIR *pair)
{
    char err[SETTINGS_MAX_ERROR] = "";
    char const *value = cf_pair_value(pair);
    if (settings_set(w->settings, section, sub, cf_pair_attr(pair), value ? value : "", err))
        return;
    cf_log_err_cp(pair, "%s: %s", cf_pair_attr(pair), err);
    w->faults++;
}

static void read_pairs(struct walk *w, const char *section, const char *sub, CONF_SECTION *cs)
{
    for (CONF_ITEM *i = cf_item_find_next(cs, NULL); i; i = cf_item_find_next(cs, i))
        if (cf_item_is_pair(i))
            read_pair(w, section, sub, cf_item_to_pair(i));
}

static void read_authority(struct walk *w, CONF_SECTION *cs)
{
    read_pairs(w, "authority", NULL, cs);
    for (CONF_ITEM *i = cf_item_find_next(cs, NULL); i; i = cf_item_find_next(cs, i))
        if (cf_item_is_section(i))
            read_pairs(w, "authority", cf_section_name1(cf_item_to_section(i)),
                       cf_item_to_section(i));
}

static void read_section(struct walk *w, CONF_SECTION *cs)
{
    char const *name = cf_section_name1(cs), *title = cf_section_name2(cs);
    char err[SETTINGS_MAX_ERROR] = "";
    bool titled = strcmp(name, "profile") == 0 || strcmp(name, "authority") == 0;
    if (titled && !settings_begin(w->settings, name, title, err)) {
        cf_log_err_cs(cs, "%s: %s", name, err);
        w->faults++;
    } else if (strcmp(name, "authority") == 0) {
        read_authority(w, cs);
    } else {
        read_pairs(w, name, NULL, cs);
    }
}

static void say_fault(void *arg, const char *line)
{
    cf_log_err_cs(arg, "%s", line);
}

/* Strings in quotes are tokenised once, here: a mistake in an expansion is found by `freeradius
 * -C`. */
static unsigned read_query(rlm_loggia_t *inst, CONF_SECTION *cs, enum rlm_query which,
                           const char *name, const char *text)
{
    char const *error = NULL;
    if (!text)
        return 0;
    char *copy = talloc_strdup(inst, text);
    if (copy && xlat_tokenize(inst, copy, &inst->queries[which], &error) > 0)
        return 0;
    cf_log_err_cs(cs, "%s: found \"%.64s\", expected a text to expand (%s)", name, text,
                  error ? error : "it is empty");
    return 1;
}

unsigned rlm_loggia_conf_read(rlm_loggia_t *inst, CONF_SECTION *cs)
{
    struct settings *s = inst->settings;
    struct walk w = {.settings = s};
    read_pairs(&w, NULL, NULL, cs);
    for (CONF_ITEM *i = cf_item_find_next(cs, NULL); i; i = cf_item_find_next(cs, i))
        if (cf_item_is_section(i))
            read_section(&w, cf_item_to_section(i));
    w.faults += settings_finish(s, say_fault, cs);
    w.faults += read_query(inst, cs, QUERY_LOOKUP, "pass.lookup", s->pass_lookup);
    w.faults += read_query(inst, cs, QUERY_KNOWN, "pass.known", s->pass_known);
    w.faults += read_query(inst, cs, QUERY_GRANT, "pass.grant", s->pass_grant);
    w.faults += read_query(inst, cs, QUERY_BIND, "pass.bind", s->pass_bind);
    w.faults += read_query(inst, cs, QUERY_FORGET, "pass.forget", s->pass_forget);
    w.faults += read_query(inst, cs, QUERY_PAUSE, "pass.pause", s->pass_pause);
    w.faults += read_query(inst, cs, QUERY_ANSWERS, "pass.answers", s->pass_answers);
    w.faults += read_query(inst, cs, QUERY_ANSWERS_MANY, "pass.answers_many", s->pass_answers_many);
    w.faults += read_query(inst, cs, QUERY_ANNOUNCE, "pass.announce", s->pass_announce);
    w.faults += read_query(inst, cs, QUERY_CHANGES, "pass.changes", s->pass_changes);
    w.faults += read_query(inst, cs, QUERY_SESSIONS, "pass.sessions", s->pass_sessions);
    w.faults += read_query(inst, cs, QUERY_OLDEST, "pass.oldest", s->pass_oldest);
    w.faults += read_query(inst, cs, QUERY_ONLINE, "pass.online", s->pass_online);
    w.faults += read_query(inst, cs, QUERY_OPERATOR, "operator", s->operator_name);
    return w.faults;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the tree to a struct, as far as it is the same for every schema: names for the faults,
 * titles, defaults, every value against its row, what must be there. */
#include "lib/config_internal.h"

#include <string.h>

/* "radius.server centre", "zone piazza-duomo", "" for the root. */
static void section_name(const struct config_tree *t, int section, char *out, size_t len)
{
    const struct config_section *s = &t->sections[section];
    char shown[CONFIG_SHOWN];
    size_t at = 0;

    *out = '\0';
    if (!s->place)
        return;
    if (t->sections[s->parent].place)
        at =
            (size_t)snprintf(out, len, "%s.", t->schema->places[t->sections[s->parent].place].name);
    at += (size_t)snprintf(out + at, len - at, "%s", t->schema->places[s->place].name);
    if (s->title && at < len) {
        config_show(s->title, shown);
        shown[strlen(shown) - 1] = '\0'; /* without its quotes */
        snprintf(out + at, len - at, " %.40s", shown + 1);
    }
}

const char *config_option_name(const struct config_tree *t, int section, const char *option,
                               char out[static CONFIG_NAME_LEN])
{
    section_name(t, section, out, CONFIG_NAME_LEN / 2);
    snprintf(out + strlen(out), CONFIG_NAME_LEN / 2, "%s%.60s", *out ? "." : "", option);
    return out;
}

static int section_line(const struct config_builder *b, int section)
{
    return b->tree->sections[section].line;
}

void config_check_title(struct config_builder *b, int section)
{
    const struct config_section *s = &b->tree->sections[section];
    const struct config_place_info *info = &b->tree->schema->places[s->place];
    char shown[CONFIG_SHOWN], name[CONFIG_NAME_LEN];

    section_name(b->tree, section, name, sizeof name);
    if (info->titled && !config_title_ok(s->title))
        config_fault(b->faults, s->line, info->name,
                     "found %s as its name, expected 1 to 32 of a-z, 0-9 and -",
                     config_show(s->title, shown));
    for (int i = 1; i < section; i++) {
        const struct config_section *other = &b->tree->sections[i];
        if (other->place == s->place && other->parent == s->parent &&
            (!info->titled || strcmp(other->title, s->title) == 0)) {
            config_fault(b->faults, s->line, name,
                         "found a second section %s, expected one (the first is in line %d)", name,
                         other->line);
            return;
        }
    }
}

void config_store_defaults(struct config_builder *b, int place, void *base)
{
    const struct config_schema *schema = b->tree->schema;

    for (size_t i = 0; i < schema->n_options; i++) {
        const struct config_option *o = &schema->options[i];
        if (o->place == place && o->def && !config_store(o, o->def, base))
            config_fault(b->faults, 0, o->name, "found no memory, expected some");
    }
}

/* --- values ---------------------------------------------------------------------------------- */
/* The value before v that v repeats: a second statement, or a second value of what is no list. */
static const struct config_value *repeated(const struct config_builder *b,
                                           const struct config_value *v,
                                           const struct config_option *o)
{
    if (config_is_list(o) && (!v->first || v->append))
        return NULL;
    for (const struct config_value *p = b->tree->values; p < v; p++)
        if (p->section == v->section && strcmp(p->name, v->name) == 0)
            return p;
    return NULL;
}

static bool twice_in_list(const struct config_builder *b, const struct config_value *v)
{
    for (const struct config_value *p = b->tree->values; p < v; p++)
        if (p->section == v->section && strcmp(p->name, v->name) == 0 &&
            strcmp(p->text, v->text) == 0)
            return true;
    return false;
}

static void check_value(struct config_builder *b, const struct config_value *v)
{
    const struct config_section *s = &b->tree->sections[v->section];
    const struct config_option *o = config_option_find(b->tree->schema, s->place, v->name);
    const struct config_value *before;
    char name[CONFIG_NAME_LEN], shown[CONFIG_SHOWN], expected[160];
    void *base = b->base[v->section];

    if (!o || !base || v->bad)
        return;
    config_option_name(b->tree, v->section, v->name, name);
    config_show(v->text, shown);
    config_expected(o, expected, sizeof expected);
    before = repeated(b, v, o);
    if (before) {
        config_fault(b->faults, v->line, name,
                     "found a second value, expected one (the first is in line %d)", before->line);
        return;
    }
    if (config_is_list(o)) {
        size_t n = *(size_t *)((char *)base + o->count_offset);
        if (twice_in_list(b, v)) {
            config_fault(b->faults, v->line, name, "found %s twice, expected each once", shown);
            return;
        }
        if (n == o->max) {
            config_fault(b->faults, v->line, name,
                         "found more than %zu values, expected at most %zu", n, n);
            return;
        }
    }
    if (!config_store(o, v->text, base))
        /* A secret written where its file's name belongs is not repeated in a log. */
        config_fault(b->faults, v->line, name, "found %s, expected %s",
                     o->type == TYPE_SECRET ? "a text that is no absolute path" : shown, expected);
}

void config_check_values(struct config_builder *b)
{
    for (int i = 0; i < b->tree->n_values; i++)
        check_value(b, &b->tree->values[i]);
}

bool config_is_set(const struct config_builder *b, int section, const char *option)
{
    for (int i = 0; i < b->tree->n_values; i++)
        if (b->tree->values[i].section == section && strcmp(b->tree->values[i].name, option) == 0)
            return true;
    return false;
}

/* The line of an option's first value, or of its section. */
int config_line_of(const struct config_builder *b, int section, const char *option)
{
    for (int i = 0; i < b->tree->n_values; i++)
        if (b->tree->values[i].section == section && strcmp(b->tree->values[i].name, option) == 0)
            return b->tree->values[i].line;
    return section >= 0 ? section_line(b, section) : 1;
}

/* --- what must be there ---------------------------------------------------------------------- */
void config_check_required(struct config_builder *b)
{
    const struct config_schema *schema = b->tree->schema;
    char name[CONFIG_NAME_LEN], expected[160];

    for (int s = 0; s < b->tree->n_sections; s++) {
        for (size_t i = 0; i < schema->n_options; i++) {
            const struct config_option *o = &schema->options[i];
            if (!o->required || o->place != b->tree->sections[s].place ||
                config_is_set(b, s, o->name))
                continue;
            config_expected(o, expected, sizeof expected);
            config_fault(b->faults, section_line(b, s),
                         config_option_name(b->tree, s, o->name, name),
                         "found nothing, expected %s", expected);
        }
    }
}

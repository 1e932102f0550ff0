/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a schema can be asked: an option by its name, the nearest name to a misspelt one, what a row
 * expects in words, all of it for --help-config. */
#include "lib/config_internal.h"

#include <inttypes.h>
#include <string.h>

const struct config_option *config_option_find(const struct config_schema *schema, int place,
                                               const char *name)
{
    for (size_t i = 0; i < schema->n_options; i++)
        if (schema->options[i].place == place && strcmp(schema->options[i].name, name) == 0)
            return &schema->options[i];
    return NULL;
}

bool config_is_list(const struct config_option *o)
{
    return o->type == TYPE_INTERFACES || o->type == TYPE_SERVICES || o->type == TYPE_DOMAINS ||
           o->type == TYPE_NAMES || o->type == TYPE_PATHS || o->type == TYPE_LANGUAGES;
}

/* How many letters must be put in, taken out, changed or swapped (Damerau, Levenshtein). Only short
 * names are compared. */
static size_t distance(const char *a, const char *b)
{
    enum { LONGEST = 32 };
    size_t d[LONGEST + 1][LONGEST + 1], la = strlen(a), lb = strlen(b);

    if (la > LONGEST || lb > LONGEST)
        return LONGEST;
    for (size_t i = 0; i <= la; i++) {
        for (size_t j = 0; j <= lb; j++) {
            if (!i || !j) {
                d[i][j] = i + j;
                continue;
            }
            size_t best = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < best)
                best = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < best)
                best = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                d[i - 2][j - 2] + 1 < best)
                best = d[i - 2][j - 2] + 1;
            d[i][j] = best;
        }
    }
    return d[la][lb];
}

const char *config_did_you_mean(const struct config_schema *schema, int place, const char *name)
{
    size_t best = strlen(name) < 5 ? 2 : 3; /* nearer than this */
    const char *found = NULL;

    for (size_t i = 0; i < schema->n_options; i++) {
        const struct config_option *o = &schema->options[i];
        size_t d = o->place == place ? distance(name, o->name) : best;
        if (d < best) {
            best = d;
            found = o->name;
        }
    }
    for (int p = 0 + 1; p < schema->n_places; p++) {
        const struct config_place_info *info = &schema->places[p];
        size_t d = info->parent == place ? distance(name, info->name) : best;
        if (d < best) {
            best = d;
            found = info->name;
        }
    }
    return found;
}

static const char *const kinds[] = {
    [TYPE_TEXT] = "text of",
    [TYPE_WORD] = "letters, digits, '.', '_' or '-', starting with a letter or digit,",
    [TYPE_DNS_NAME] = "a DNS name with a dot, such as \"wifi.prato.example\"",
    [TYPE_LANGUAGE] = "a language tag in lower case, such as \"it\" or \"zh-hans\"",
    [TYPE_PATH] = "an absolute path of at most",
    [TYPE_SECRET] = "the absolute path of a file",
    [TYPE_ADDRESS] = "an IPv4 or IPv6 address",
    [TYPE_NUMBER] = "a whole number",
    [TYPE_DURATION] = "a time",
    [TYPE_CHOICE] = "one of",
    [TYPE_INTERFACES] = "the name of an interface (1 to 15 characters)",
    [TYPE_SERVICES] = "\"tcp/PORT\" or \"udp/PORT\"",
    [TYPE_PATHS] = "the absolute path of a file",
    [TYPE_DOMAINS] = "a DNS name with a dot, such as \"comune.prato.it\" or \"*.prato.it\"",
    [TYPE_NAMES] = "a name of 1 to 32 of a-z, 0-9 and -, or \"*\"",
    [TYPE_LANGUAGES] = "language tags in lower case, such as \"it\" or \"zh-hans\"",
    [TYPE_COLOUR] = "a colour such as \"#0066cc\"",
};

void config_expected(const struct config_option *o, char *out, size_t len)
{
    const char *kind = kinds[o->type], *zero = o->zero ? "0 or " : "";

    switch (o->type) {
    case TYPE_TEXT:
    case TYPE_WORD:
        snprintf(out, len, "%s %" PRIu64 " to %" PRIu64 " bytes", kind, o->min, o->max);
        break;
    case TYPE_PATH:
        snprintf(out, len, "%s %" PRIu64 " bytes", kind, o->max);
        break;
    case TYPE_NUMBER:
        snprintf(out, len, "%s, %s%" PRIu64 " to %" PRIu64 "%s%s", kind, zero, o->min, o->max,
                 o->unit ? " " : "", o->unit ? o->unit : "");
        break;
    case TYPE_DURATION:
        snprintf(out, len,
                 "%s such as 30, \"90s\", \"10m\", \"2h\" or \"1d\", %s%" PRIu64 " to %" PRIu64
                 " s",
                 kind, zero, o->min, o->max);
        break;
    case TYPE_CHOICE:
        snprintf(out, len, "%s %s", kind, o->choices);
        break;
    default:
        snprintf(out, len, "%s", kind);
    }
}

void config_describe_schema(const struct config_schema *schema, FILE *out)
{
    for (int place = 0; place < schema->n_places; place++) {
        const struct config_place_info *info = &schema->places[place];
        if (info->name)
            fprintf(out, "\n%s%s { … }%s%s\n    %s\n", info->name, info->titled ? " \"NAME\"" : "",
                    info->parent ? " in " : "",
                    info->parent ? schema->places[info->parent].name : "", info->text);
        for (size_t i = 0; i < schema->n_options; i++) {
            const struct config_option *o = &schema->options[i];
            char expected[160];
            if (o->place != place)
                continue;
            config_expected(o, expected, sizeof expected);
            fprintf(out, "\n%s\n    %s\n    %s%s; %s%s\n", o->name, o->text,
                    config_is_list(o) ? "list: " : "", expected,
                    o->required ? "must be set"
                    : o->def    ? "default "
                                : "not set by default",
                    o->def ? o->def : "");
        }
    }
}

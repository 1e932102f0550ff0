/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Options are rows. A value lands at an offset in one of three structures: the settings, the
 * profile begun last, the authority begun last (two structures: what the core keeps, and what waits
 * to be resolved). Names are rlm_ldap's where the meaning is the same. */
#include "radius-module/settings.h"
#include "lib/crypto.h"
#include "radius-module/settings_schema.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void *place(struct settings *s, const struct option_row *row)
{
    size_t a = s->fed.n_authorities, p = s->fed.n_profiles;
    switch (row->base) {
    case BASE_SETTINGS:
        return (char *)s + row->offset;
    case BASE_PROFILE:
        return (char *)&s->fed.profiles[p ? p - 1 : 0] + row->offset;
    case BASE_AUTHORITY:
        return (char *)&s->fed.authorities[a ? a - 1 : 0] + row->offset;
    default:
        return (char *)&s->authority[a ? a - 1 : 0] + row->offset;
    }
}

static bool wrong(char err[SETTINGS_MAX_ERROR], const char *found, const char *expected)
{
    snprintf(err, SETTINGS_MAX_ERROR, "found \"%.64s\", expected %s", found, expected);
    return false;
}

/* --- one value ----------------------------------------------------------------------------------
 */

static bool set_number(const struct option_row *row, void *at, const char *value, char *err)
{
    char expected[96], *end;
    errno = 0;
    unsigned long long n = strtoull(value, &end, 10);
    if (errno || !isdigit((unsigned char)value[0]) || *end || n < row->min || n > row->max) {
        snprintf(expected, sizeof expected, "a number from %llu to %llu%s%s",
                 (unsigned long long)row->min, (unsigned long long)row->max,
                 row->unit[0] ? " " : "", row->unit);
        return wrong(err, value, expected);
    }
    if (row->type == TYPE_U64)
        *(uint64_t *)at = n;
    else
        *(uint32_t *)at = (uint32_t)n;
    return true;
}

/* The words of a choice are in row->words, "a|b|c"; the value is the index. */
static bool set_choice(const struct option_row *row, void *at, const char *value, char *err)
{
    uint32_t index = 0;
    size_t len = strlen(value);
    for (const char *w = row->words; w; index++) {
        const char *bar = strchr(w, '|');
        size_t word = bar ? (size_t)(bar - w) : strlen(w);
        if (len && word == len && strncmp(w, value, len) == 0) {
            if (row->type == TYPE_BOOL)
                *(bool *)at = index % 2 == 0;
            else
                *(uint32_t *)at = index;
            return true;
        }
        w = bar ? bar + 1 : NULL;
    }
    return wrong(err, value, row->words);
}

static bool set_text(void *at, const char *value)
{
    char *copy = value[0] ? strdup(value) : NULL; /* empty: as if left out */
    free(*(char **)at);
    *(char **)at = copy;
    return copy || !value[0];
}

/* Only what would go wrong later without a word: balanced, in parentheses. libldap checks the rest
 * when the search is sent. */
static bool filter_ok(const char *f)
{
    int depth = 0;
    if (f[0] != '(')
        return false;
    for (; *f; f++) {
        if (*f == '\\') {
            if (!isxdigit((unsigned char)f[1]) || !isxdigit((unsigned char)f[2]))
                return false;
            f += 2;
        }
        depth += *f == '(';
        depth -= *f == ')';
        if (depth < 0 || (depth == 0 && f[1]))
            return false;
    }
    return depth == 0;
}

static bool add_server(struct settings *s, const char *value, char *err)
{
    struct directory_conf *d = &s->fed.authorities[s->fed.n_authorities - 1].directory;
    if (!value[0] || strpbrk(value, " \t,"))
        return wrong(err, value, "one host name, address or ldap URI");
    if (d->n_servers == DIRECTORY_MAX_SERVERS)
        return wrong(err, value, "at most 8 servers");
    d->servers[d->n_servers] = strdup(value);
    return d->servers[d->n_servers++] != NULL;
}

static bool add_realm(struct settings *s, const char *value, char *err)
{
    struct authority_conf *a = &s->fed.authorities[s->fed.n_authorities - 1];
    if (!value[0] || strpbrk(value, " \t,@") || strlen(value) > 128)
        return wrong(err, value, "what stands behind the @, like comune.example");
    if (a->n_realms == AUTHORITY_MAX_REALMS)
        return wrong(err, value, "at most 8 realms");
    a->realms[a->n_realms] = strdup(value);
    return a->realms[a->n_realms++] != NULL;
}

/* "VALUE -> PROFILE" */
static bool add_map(struct settings *s, bool groups, const char *value, char *err)
{
    struct mapping *m = &s->fed.authorities[s->fed.n_authorities - 1].mapping;
    struct settings_authority *sa = &s->authority[s->fed.n_authorities - 1];
    size_t *n = groups ? &m->n_groups : &m->n_profiles;
    const char *arrow = strstr(value, " -> ");
    if (!arrow || arrow == value || !arrow[4])
        return wrong(err, value, "\"VALUE -> PROFILE\"");
    if (*n == MAPPING_MAX_PROFILES)
        return wrong(err, value, "at most 32 of them");
    struct mapping_profile *p = &(groups ? m->groups : m->profiles)[*n];
    p->value = strndup(value, (size_t)(arrow - value));
    (groups ? sa->group_of : sa->profile_of)[*n] = strdup(arrow + 4);
    (*n)++;
    return true;
}

static bool set_value(struct settings *s, const struct option_row *row, const char *value,
                      char *err)
{
    void *at = place(s, row);
    switch (row->type) {
    case TYPE_U32:
    case TYPE_U64:
        return set_number(row, at, value, err);
    case TYPE_BOOL:
    case TYPE_CHOICE:
        return set_choice(row, at, value, err);
    case TYPE_FILTER:
        if (!filter_ok(value))
            return wrong(err, value, "an LDAP filter (RFC 4515)");
        return set_text(at, value);
    case TYPE_MAC:
        if (!mac_format_ok(value))
            return wrong(err, value,
                         "an example like aa:bb:cc:dd:ee:ff, AA-BB-CC-DD-EE-FF or AABBCCDDEEFF");
        return set_text(at, value);
    case TYPE_SERVER:
        return add_server(s, value, err);
    case TYPE_REALM:
        return add_realm(s, value, err);
    case TYPE_PROFILE_MAP:
    case TYPE_GROUP_MAP:
        return add_map(s, row->type == TYPE_GROUP_MAP, value, err);
    default:
        return set_text(at, value);
    }
}

/* --- sections -----------------------------------------------------------------------------------
 */

static void set_defaults(struct settings *s, const char *section)
{
    char err[SETTINGS_MAX_ERROR];
    for (const struct option_row *row = settings_schema; row->name; row++)
        if (same(row->section, section) && row->dflt)
            set_value(s, row, row->dflt, err);
}

struct settings *settings_new(void)
{
    struct settings *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    set_defaults(s, NULL);
    set_defaults(s, "remember");
    set_defaults(s, "pass");
    set_defaults(s, "merge");
    set_defaults(s, "login");
    return s;
}

static bool name_ok(const char *name)
{
    size_t len = name ? strlen(name) : 0;
    return len >= 1 && len < PROFILE_NAME_LEN &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == len;
}

static bool begin_profile(struct settings *s, const char *title, char *err)
{
    if (s->fed.n_profiles == MAPPING_MAX_PROFILES)
        return wrong(err, title, "at most 32 profiles");
    for (size_t i = 0; i < s->fed.n_profiles; i++)
        if (same(s->fed.profiles[i].name, title))
            return wrong(err, title, "another name: this profile is there already");
    snprintf(s->fed.profiles[s->fed.n_profiles++].name, PROFILE_NAME_LEN, "%s", title);
    set_defaults(s, "profile");
    return true;
}

static bool begin_authority(struct settings *s, const char *title, char *err)
{
    if (s->fed.n_authorities == FED_MAX_AUTHORITIES)
        return wrong(err, title, "at most 32 authorities");
    for (size_t i = 0; i < s->fed.n_authorities; i++)
        if (same(s->fed.authorities[i].name, title))
            return wrong(err, title, "another name: this authority is there already");
    struct authority_conf *a = &s->fed.authorities[s->fed.n_authorities];
    a->name = strdup(title);
    a->mapping.authority = a->name;
    s->fed.n_authorities++;
    set_defaults(s, "authority");
    return a->name != NULL;
}

bool settings_begin(struct settings *s, const char *section, const char *title,
                    char err[SETTINGS_MAX_ERROR])
{
    if (!name_ok(title))
        return wrong(err, title ? title : "", "a name of a-z, 0-9 and -, at most 32 characters");
    if (same(section, "profile"))
        return begin_profile(s, title, err);
    if (same(section, "authority"))
        return begin_authority(s, title, err);
    return wrong(err, section, "profile or authority");
}

bool settings_set(struct settings *s, const char *section, const char *sub, const char *name,
                  const char *value, char err[SETTINGS_MAX_ERROR])
{
    if ((same(section, "authority") && !s->fed.n_authorities) ||
        (same(section, "profile") && !s->fed.n_profiles))
        return wrong(err, name, "a section with a name around it");
    for (const struct option_row *row = settings_schema; row->name; row++)
        if (same(row->section, section) && same(row->sub, sub) && same(row->name, name))
            return set_value(s, row, value, err);
    return wrong(err, name, "an option of this section; there is none of that name");
}

/* --- what belongs together ----------------------------------------------------------------------
 */

struct faults {
    unsigned n;
    void (*report)(void *arg, const char *line);
    void *arg;
};

static void fault(struct faults *f, const char *where, const char *name, const char *found,
                  const char *expected)
{
    char line[SETTINGS_MAX_ERROR];
    snprintf(line, sizeof line, "%s%s%s: found \"%.64s\", expected %s", where, where[0] ? "." : "",
             name, found ? found : "", expected);
    f->n++;
    f->report(f->arg, line);
}

static int profile_index(const struct settings *s, const char *name)
{
    for (size_t i = 0; name && i < s->fed.n_profiles; i++)
        if (same(s->fed.profiles[i].name, name))
            return (int)i;
    return -1;
}

static int need_profile(struct settings *s, struct faults *f, const char *where, const char *option,
                        const char *name)
{
    int i = profile_index(s, name);
    if (i < 0)
        fault(f, where, option, name, "the name of a profile section");
    return i < 0 ? 0 : i;
}

/* HOST becomes ldap://HOST:PORT; a URI stays. */
static void finish_servers(struct settings *s, size_t i)
{
    struct directory_conf *d = &s->fed.authorities[i].directory;
    for (size_t k = 0; k < d->n_servers; k++) {
        char uri[512];
        const char *host = d->servers[k];
        bool v6 = strchr(host, ':') && host[0] != '[';
        if (strstr(host, "://"))
            continue;
        snprintf(uri, sizeof uri, "ldap://%s%.400s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
                 s->authority[i].port);
        set_text(&d->servers[k], uri);
    }
}

/* The longest name, all of it escaped, has to fit. */
static void finish_login(struct authority_conf *a, struct faults *f)
{
    char name[LOGIN_USER_MAX], filter[AUTHORITY_FILTER_ROOM], nobody[VALUES_DN_LEN + 16];
    memset(name, '*', sizeof name);
    if (!a->login_filter)
        return;
    if (!strstr(a->login_filter, "%{user}"))
        fault(f, a->name, "login.filter", a->login_filter, "an LDAP filter with %{user} in it");
    else if (filter_build(a->login_filter, "user", name, sizeof name, filter, sizeof filter) < 0)
        fault(f, a->name, "login.filter", a->login_filter,
              "a shorter filter (1023 bytes with the longest name in it)");
    snprintf(nobody, sizeof nobody, "cn=nobody,%.240s",
             a->directory.base_dn ? a->directory.base_dn : "");
    if (!a->login_nobody)
        a->login_nobody = strdup(nobody);
}

static void finish_authority(struct settings *s, size_t i, struct faults *f)
{
    struct authority_conf *a = &s->fed.authorities[i];
    struct settings_authority *sa = &s->authority[i];
    struct mapping *m = &a->mapping;
    if (a->directory.n_servers == 0)
        fault(f, a->name, "server", "", "a host name, address or ldap URI");
    if (!a->directory.base_dn)
        fault(f, a->name, "base_dn", "", "the name of the entry that holds its people");
    if (!a->user_filter || !strstr(a->user_filter, "%{mac}"))
        fault(f, a->name, "user.filter", a->user_filter, "an LDAP filter with %{mac} in it");
    if (a->directory.external && a->directory.password)
        fault(f, a->name, "sasl.external", "yes", "no password beside it");
    if (a->directory.key_file && !a->directory.cert_file)
        fault(f, a->name, "tls.private_key_file", a->directory.key_file,
              "a tls.certificate_file beside it");
    if (a->group_filter && !strstr(a->group_filter, "%{dn}"))
        fault(f, a->name, "group.filter", a->group_filter, "an LDAP filter with %{dn} in it");
    finish_login(a, f);
    if (!a->user_base_dn && a->directory.base_dn)
        a->user_base_dn = strdup(a->directory.base_dn);
    if (!a->group_base_dn && a->directory.base_dn)
        a->group_base_dn = strdup(a->directory.base_dn);
    finish_servers(s, i);
    m->group_search = a->group_filter != NULL;
    m->key = s->fed.key;
    m->key_len = s->fed.key_len;
    m->limit_unit[LIMIT_SESSION] = m->limit_unit[LIMIT_IDLE] = m->limit_unit[LIMIT_INTERIM] = 1;
    s->fed.stale_s[i] = sa->stale_s;
    s->fed.decision[i].unavailable = (enum decision_unavailable)sa->unavailable;
    s->fed.decision[i].default_profile = need_profile(
        s, f, a->name, "profile.default", sa->default_profile ? sa->default_profile : s->guest);
    for (size_t k = 0; k < m->n_profiles; k++)
        m->profiles[k].profile = need_profile(s, f, a->name, "profile.map", sa->profile_of[k]);
    for (size_t k = 0; k < m->n_groups; k++)
        m->groups[k].profile = need_profile(s, f, a->name, "group.map", sa->group_of[k]);
}

unsigned settings_finish(struct settings *s, void (*report)(void *arg, const char *line), void *arg)
{
    struct faults f = {.report = report, .arg = arg};
    char err[SETTINGS_MAX_ERROR];
    if (!s->key_file) {
        fault(&f, "", "key_file", "", "the path of a file with the secret of the keyed hashes");
    } else if (!(s->fed.key = crypto_secret_read(s->key_file, err, sizeof err))) {
        fault(&f, "", "key_file", s->key_file, err);
    } else if ((s->fed.key_len = strlen(s->fed.key)) < 16) {
        fault(&f, "", "key_file", s->key_file, "a secret of at least 16 characters");
    }
    if (s->login_devices && (!s->pass_oldest || !s->pass_forget))
        fault(&f, "", "login.devices", "", "pass.oldest and pass.forget, which take a device out");
    s->fed.rules.guest = need_profile(s, &f, "", "guest", s->guest);
    s->fed.rules.profiles = s->fed.profiles;
    s->fed.rules.authorities = s->fed.decision;
    for (size_t i = 0; i < s->fed.n_authorities; i++)
        finish_authority(s, i, &f);
    return f.n;
}

/* --- the end, and the reference ------------------------------------------------------------------
 */

static void free_texts(struct settings *s, const char *section)
{
    for (const struct option_row *row = settings_schema; row->name; row++)
        if (same(row->section, section) &&
            (row->type == TYPE_TEXT || row->type == TYPE_FILTER || row->type == TYPE_MAC))
            set_text(place(s, row), "");
}

static void free_authority(struct settings *s)
{
    struct authority_conf *a = &s->fed.authorities[s->fed.n_authorities - 1];
    struct settings_authority *sa = &s->authority[s->fed.n_authorities - 1];
    if (a->directory.password)
        crypto_wipe(a->directory.password, strlen(a->directory.password));
    free_texts(s, "authority");
    for (size_t i = 0; i < a->directory.n_servers; i++)
        free(a->directory.servers[i]);
    for (size_t i = 0; i < a->n_realms; i++)
        free(a->realms[i]);
    for (size_t i = 0; i < a->mapping.n_profiles; i++) {
        free(a->mapping.profiles[i].value);
        free(sa->profile_of[i]);
    }
    for (size_t i = 0; i < a->mapping.n_groups; i++) {
        free(a->mapping.groups[i].value);
        free(sa->group_of[i]);
    }
    free(a->name);
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    for (; s->fed.n_authorities; s->fed.n_authorities--)
        free_authority(s);
    free_texts(s, NULL);
    free_texts(s, "pass");
    crypto_secret_free(s->fed.key);
    free(s);
}

void settings_describe(FILE *out)
{
    fprintf(out, "| section | option | default | range | |\n|---|---|---|---|---|\n");
    for (const struct option_row *row = settings_schema; row->name; row++) {
        char range[96] = "";
        if (row->words)
            snprintf(range, sizeof range, "%s", row->words);
        else if (row->max)
            snprintf(range, sizeof range, "%llu–%llu %s", (unsigned long long)row->min,
                     (unsigned long long)row->max, row->unit);
        for (char *bar = range; (bar = strchr(bar, '|')); bar++)
            *bar = '/';
        fprintf(out, "| %s%s%s | `%s` | %s | %s | %s |\n", row->section ? row->section : "",
                row->sub ? "." : "", row->sub ? row->sub : "", row->name,
                row->dflt ? row->dflt : "–", range, row->text);
    }
}

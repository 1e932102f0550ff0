/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the tree to struct conf: every value against its row, then what must agree. Goes through to
 * the end whatever it meets, because an admin wants all the mistakes of a file at once. What is
 * missing is only said when the file could be read to its end. */
#include "lib/config_internal.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN 128

struct builder {
    const struct config_tree *tree;
    struct config_faults *faults;
    struct conf *conf;
    int flags;
    void *base[CONFIG_MAX_SECTIONS];    /* where a section's values go; NULL: nowhere */
    int zone_section[CONFIG_MAX_ZONES]; /* to find lines again */
    int server_section[CONFIG_MAX_SERVERS];
    int guest, radius; /* sections, or -1 */
};

/* "radius.server centre", "zone piazza-duomo", "" for the root. */
static void section_name(const struct config_tree *t, int section, char *out, size_t len)
{
    const struct config_section *s = &t->sections[section];
    char shown[CONFIG_SHOWN];
    size_t at = 0;

    *out = '\0';
    if (s->place == PLACE_ROOT)
        return;
    if (s->place == PLACE_SERVER)
        at = (size_t)snprintf(out, len, "radius.");
    at += (size_t)snprintf(out + at, len - at, "%s", config_places[s->place].name);
    if (s->title && at < len) {
        config_show(s->title, shown);
        shown[strlen(shown) - 1] = '\0'; /* without its quotes */
        snprintf(out + at, len - at, " %.40s", shown + 1);
    }
}

static const char *option_name(const struct config_tree *t, int section, const char *option,
                               char out[static NAME_LEN])
{
    section_name(t, section, out, NAME_LEN / 2);
    snprintf(out + strlen(out), NAME_LEN / 2, "%s%.60s", *out ? "." : "", option);
    return out;
}

static int section_line(const struct builder *b, int section)
{
    return b->tree->sections[section].line;
}

/* --- sections -------------------------------------------------------------------------------- */
static bool valid_title(const char *title)
{
    size_t len = strlen(title);

    if (!len || len > 32)
        return false;
    for (; *title; title++)
        if (!((*title >= 'a' && *title <= 'z') || (*title >= '0' && *title <= '9') ||
              *title == '-'))
            return false;
    return true;
}

static void check_title(struct builder *b, int section)
{
    const struct config_section *s = &b->tree->sections[section];
    const struct config_place_info *info = &config_places[s->place];
    char shown[CONFIG_SHOWN], name[NAME_LEN];

    section_name(b->tree, section, name, sizeof name);
    if (info->titled && !valid_title(s->title))
        config_fault(b->faults, s->line, info->name,
                     "found %s as its name, expected 1 to 32 of a-z, 0-9 and -",
                     config_show(s->title, shown));
    for (int i = 1; i < section; i++) {
        const struct config_section *other = &b->tree->sections[i];
        if (other->place == s->place && (!info->titled || strcmp(other->title, s->title) == 0)) {
            config_fault(b->faults, s->line, name,
                         "found a second section %s, expected one (the first is in line %d)", name,
                         other->line);
            return;
        }
    }
}

static struct conf_zone *new_zone(struct builder *b, int section)
{
    struct conf *c = b->conf;
    const struct config_section *s = &b->tree->sections[section];

    if (c->n_zones == CONFIG_MAX_ZONES) {
        config_fault(b->faults, s->line, "zone", "found one more zone, expected at most %d",
                     CONFIG_MAX_ZONES);
        return NULL;
    }
    b->zone_section[c->n_zones] = section;
    struct conf_zone *z = &c->zones[c->n_zones++];
    z->name = strdup(s->title);
    return z;
}

static struct conf_radius_server *new_server(struct builder *b, int section)
{
    struct conf *c = b->conf;
    const struct config_section *s = &b->tree->sections[section];

    if (c->radius.n_servers == CONFIG_MAX_SERVERS) {
        config_fault(b->faults, s->line, "radius.server",
                     "found one more server, expected at most %d", CONFIG_MAX_SERVERS);
        return NULL;
    }
    b->server_section[c->radius.n_servers] = section;
    struct conf_radius_server *server = &c->radius.servers[c->radius.n_servers++];
    server->name = strdup(s->title);
    return server;
}

static void store_defaults(struct builder *b, enum config_place place, void *base)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *o = &config_options[i];
        if (o->place == place && o->def && !config_store(o, o->def, base))
            config_fault(b->faults, 0, o->name, "found no memory, expected some");
    }
}

static void make_sections(struct builder *b)
{
    struct conf *c = b->conf;

    b->base[0] = c;
    store_defaults(b, PLACE_ROOT, c);
    store_defaults(b, PLACE_GUEST, &c->guest);
    store_defaults(b, PLACE_PRIVACY, c);
    store_defaults(b, PLACE_METRICS, c);
    store_defaults(b, PLACE_RADIUS, c);
    for (int i = 1; i < b->tree->n_sections; i++) {
        check_title(b, i);
        switch (b->tree->sections[i].place) {
        case PLACE_ZONE:
            b->base[i] = new_zone(b, i);
            break;
        case PLACE_SERVER:
            b->base[i] = new_server(b, i);
            if (b->base[i])
                store_defaults(b, PLACE_SERVER, b->base[i]);
            break;
        case PLACE_GUEST:
            b->base[i] = &c->guest;
            b->guest = i;
            break;
        case PLACE_TLS:
            b->base[i] = c;
            c->has_tls = true;
            break;
        case PLACE_METRICS:
            b->base[i] = c;
            c->has_metrics = true;
            break;
        case PLACE_PRIVACY:
            b->base[i] = c;
            break;
        default: /* radius: its options are in struct conf itself */
            b->base[i] = c;
            b->radius = i;
            c->has_radius = true;
        }
    }
}

/* --- values ---------------------------------------------------------------------------------- */
static bool is_list(const struct config_option *o)
{
    return o->type == TYPE_INTERFACES || o->type == TYPE_SERVICES;
}

/* The value before v that v repeats: a second statement, or a second value of what is no list. */
static const struct config_value *repeated(const struct builder *b, const struct config_value *v,
                                           const struct config_option *o)
{
    if (is_list(o) && (!v->first || v->append))
        return NULL;
    for (const struct config_value *p = b->tree->values; p < v; p++)
        if (p->section == v->section && strcmp(p->name, v->name) == 0)
            return p;
    return NULL;
}

static bool twice_in_list(const struct builder *b, const struct config_value *v)
{
    for (const struct config_value *p = b->tree->values; p < v; p++)
        if (p->section == v->section && strcmp(p->name, v->name) == 0 &&
            strcmp(p->text, v->text) == 0)
            return true;
    return false;
}

static void check_value(struct builder *b, const struct config_value *v)
{
    const struct config_section *s = &b->tree->sections[v->section];
    const struct config_option *o = config_option_find(s->place, v->name);
    const struct config_value *before;
    char name[NAME_LEN], shown[CONFIG_SHOWN], expected[160];
    void *base = b->base[v->section];

    if (!o || !base || v->bad)
        return;
    option_name(b->tree, v->section, v->name, name);
    config_show(v->text, shown);
    config_expected(o, expected, sizeof expected);
    before = repeated(b, v, o);
    if (before) {
        config_fault(b->faults, v->line, name,
                     "found a second value, expected one (the first is in line %d)", before->line);
        return;
    }
    if (is_list(o)) {
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

static bool is_set(const struct builder *b, int section, const char *option)
{
    for (int i = 0; i < b->tree->n_values; i++)
        if (b->tree->values[i].section == section && strcmp(b->tree->values[i].name, option) == 0)
            return true;
    return false;
}

/* The line of an option's first value, or of its section. */
static int line_of(const struct builder *b, int section, const char *option)
{
    for (int i = 0; i < b->tree->n_values; i++)
        if (b->tree->values[i].section == section && strcmp(b->tree->values[i].name, option) == 0)
            return b->tree->values[i].line;
    return section >= 0 ? section_line(b, section) : 1;
}

/* --- what must be there ---------------------------------------------------------------------- */
static void check_required(struct builder *b)
{
    char name[NAME_LEN], expected[160];

    for (int s = 0; s < b->tree->n_sections; s++) {
        for (size_t i = 0; i < config_n_options; i++) {
            const struct config_option *o = &config_options[i];
            if (!o->required || o->place != b->tree->sections[s].place || is_set(b, s, o->name))
                continue;
            config_expected(o, expected, sizeof expected);
            config_fault(b->faults, section_line(b, s), option_name(b->tree, s, o->name, name),
                         "found nothing, expected %s", expected);
        }
    }
    if (!b->conf->n_zones)
        config_fault(b->faults, 1, "zone",
                     "found none, expected at least one: zone \"NAME\" { interfaces = {\"…\"} }");
    if (b->radius >= 0 && !b->conf->radius.n_servers)
        config_fault(b->faults, section_line(b, b->radius), "radius.server",
                     "found none, expected at least one (or no radius section)");
}

/* --- what must agree ------------------------------------------------------------------------- */
static void check_interfaces(struct builder *b)
{
    const struct conf *c = b->conf;
    char name[NAME_LEN];

    for (size_t z = 1; z < c->n_zones; z++)
        for (size_t i = 0; i < c->zones[z].n_interfaces; i++)
            for (size_t y = 0; y < z; y++)
                for (size_t j = 0; j < c->zones[y].n_interfaces; j++)
                    if (strcmp(c->zones[z].interfaces[i], c->zones[y].interfaces[j]) == 0)
                        config_fault(b->faults, line_of(b, b->zone_section[z], "interfaces"),
                                     option_name(b->tree, b->zone_section[z], "interfaces", name),
                                     "found \"%s\", expected an interface that no other zone has "
                                     "(zone %.32s has it)",
                                     c->zones[z].interfaces[i], c->zones[y].name);
}

static void check_servers(struct builder *b)
{
    const struct conf *c = b->conf;
    const struct conf_radius_server *servers = c->radius.servers;
    char name[NAME_LEN];

    for (size_t i = 0; i < c->radius.n_servers; i++) {
        int section = b->server_section[i];
        if (servers[i].auth_port == servers[i].acct_port)
            config_fault(b->faults, line_of(b, section, "acct_port"),
                         option_name(b->tree, section, "acct_port", name),
                         "found %u, expected another port than auth_port", servers[i].acct_port);
        for (size_t j = 0; j < i; j++)
            if (servers[i].address && servers[j].address &&
                strcmp(servers[i].address, servers[j].address) == 0 &&
                servers[i].auth_port == servers[j].auth_port)
                config_fault(
                    b->faults, line_of(b, section, "address"),
                    option_name(b->tree, section, "address", name),
                    "found \"%s\" port %u, expected what no other server has (server %.32s "
                    "has it)",
                    servers[i].address, servers[i].auth_port, servers[j].name);
    }
}

static void check_numbers(struct builder *b)
{
    const struct conf *c = b->conf;

    if (c->http_port == c->https_port)
        config_fault(b->faults, line_of(b, 0, "https_port"), "https_port",
                     "found %u, expected another port than http_port", c->https_port);
    if (c->guest.idle_s && c->guest.idle_s >= c->guest.session_s)
        config_fault(b->faults, line_of(b, b->guest, "idle"), "guest.idle",
                     "found %u s, expected less than session (%u s), or 0", c->guest.idle_s,
                     c->guest.session_s);
    if (c->accessibility_url && strncmp(c->accessibility_url, "https://", 8) != 0 &&
        strncmp(c->accessibility_url, "http://", 7) != 0)
        config_fault(b->faults, line_of(b, 0, "accessibility_url"), "accessibility_url",
                     "found \"%.80s\", expected an address that begins with https://",
                     c->accessibility_url);
    if (c->last_password && (!c->has_tls || !c->has_radius))
        config_fault(b->faults, line_of(b, 0, "last_password"), "last_password",
                     "found yes without a %s section, expected no",
                     c->has_radius ? "tls" : "radius");
    if (c->has_radius && c->radius.retry_ms >= c->radius.timeout_ms)
        config_fault(b->faults, line_of(b, b->radius, "retry_ms"), "radius.retry_ms",
                     "found %u, expected less than timeout_ms (%u)", c->radius.retry_ms,
                     c->radius.timeout_ms);
}

static void read_secrets(struct builder *b)
{
    struct conf *c = b->conf;
    char err[160], name[NAME_LEN];

    for (size_t i = 0; i < c->radius.n_servers; i++) {
        struct conf_radius_server *server = &c->radius.servers[i];
        if (!server->secret_file)
            continue;
        server->secret = crypto_secret_read(server->secret_file, err, sizeof err);
        if (!server->secret)
            config_fault(b->faults, line_of(b, b->server_section[i], "secret_file"),
                         option_name(b->tree, b->server_section[i], "secret_file", name),
                         "found %s, which %s%s", server->secret_file, err,
                         strstr(err, "expected") ? ""
                                                 : ", expected a file with the secret in one line");
    }
}

/* What has another default than a constant. */
static void fill_in(struct conf *c)
{
    char host[65];

    for (size_t i = 0; i < c->n_zones; i++)
        if (!c->zones[i].title && c->zones[i].name)
            c->zones[i].title = strdup(c->zones[i].name);
    if (!c->nas_identifier) {
        if (gethostname(host, sizeof host) != 0 || !*host)
            strcpy(host, "loggia");
        host[sizeof host - 1] = '\0';
        c->nas_identifier = strdup(host);
    }
}

struct conf *config_build(const struct config_tree *tree, int flags, struct config_faults *f)
{
    struct builder b = {.tree = tree, .faults = f, .flags = flags, .guest = -1, .radius = -1};
    struct conf *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    b.conf = c;
    c->zones = calloc(CONFIG_MAX_ZONES, sizeof *c->zones);
    c->radius.servers = calloc(CONFIG_MAX_SERVERS, sizeof *c->radius.servers);
    if (!c->zones || !c->radius.servers) {
        config_free(c);
        return NULL;
    }
    make_sections(&b);
    for (int i = 0; i < tree->n_values; i++)
        check_value(&b, &tree->values[i]);
    if (tree->complete)
        check_required(&b);
    check_interfaces(&b);
    check_servers(&b);
    check_numbers(&b);
    if (flags & CONFIG_SECRETS)
        read_secrets(&b);
    fill_in(c);
    return c;
}

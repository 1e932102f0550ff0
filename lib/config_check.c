/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the tree to struct conf: every value against its row, then what must agree. Goes through to
 * the end whatever it meets, because an admin wants all the mistakes of a file at once. What is
 * missing is only said when the file could be read to its end. */
#include "lib/config_internal.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_LEN    CONFIG_NAME_LEN
#define SHAPING_MAX 65000 /* of 65,534 classes that an HTB has (netfilter/shape.c) */

struct builder {
    struct config_builder common;
    struct conf *conf;
    int flags;
    int zone_section[CONFIG_MAX_ZONES]; /* to find lines again */
    int server_section[CONFIG_MAX_SERVERS];
    int guest, radius, board; /* sections, or -1 */
};

/* --- sections -------------------------------------------------------------------------------- */
static struct conf_zone *new_zone(struct builder *b, int section)
{
    struct conf *c = b->conf;
    const struct config_section *s = &b->common.tree->sections[section];

    if (c->n_zones == CONFIG_MAX_ZONES) {
        config_fault(b->common.faults, s->line, "zone", "found one more zone, expected at most %d",
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
    const struct config_section *s = &b->common.tree->sections[section];

    if (c->radius.n_servers == CONFIG_MAX_SERVERS) {
        config_fault(b->common.faults, s->line, "radius.server",
                     "found one more server, expected at most %d", CONFIG_MAX_SERVERS);
        return NULL;
    }
    b->server_section[c->radius.n_servers] = section;
    struct conf_radius_server *server = &c->radius.servers[c->radius.n_servers++];
    server->name = strdup(s->title);
    return server;
}

static void make_sections(struct builder *b)
{
    struct conf *c = b->conf;

    b->common.base[0] = c;
    config_store_defaults(&b->common, PLACE_ROOT, c);
    config_store_defaults(&b->common, PLACE_GUEST, &c->guest);
    config_store_defaults(&b->common, PLACE_PRIVACY, c);
    config_store_defaults(&b->common, PLACE_METRICS, c);
    config_store_defaults(&b->common, PLACE_BOARD, c);
    config_store_defaults(&b->common, PLACE_RADIUS, c);
    for (int i = 1; i < b->common.tree->n_sections; i++) {
        config_check_title(&b->common, i);
        switch (b->common.tree->sections[i].place) {
        case PLACE_ZONE:
            b->common.base[i] = new_zone(b, i);
            break;
        case PLACE_SERVER:
            b->common.base[i] = new_server(b, i);
            if (b->common.base[i])
                config_store_defaults(&b->common, PLACE_SERVER, b->common.base[i]);
            break;
        case PLACE_GUEST:
            b->common.base[i] = &c->guest;
            b->guest = i;
            break;
        case PLACE_TLS:
            b->common.base[i] = c;
            c->has_tls = true;
            break;
        case PLACE_METRICS:
            b->common.base[i] = c;
            c->has_metrics = true;
            break;
        case PLACE_BOARD:
            b->common.base[i] = c;
            b->board = i;
            c->has_board = true;
            break;
        case PLACE_PRIVACY:
            b->common.base[i] = c;
            break;
        default: /* radius: its options are in struct conf itself */
            b->common.base[i] = c;
            b->radius = i;
            c->has_radius = true;
        }
    }
}

/* --- what must be there ---------------------------------------------------------------------- */
static void check_sections(struct builder *b)
{
    if (!b->conf->n_zones)
        config_fault(b->common.faults, 1, "zone",
                     "found none, expected at least one: zone \"NAME\" { interfaces = {\"…\"} }");
    if (b->radius >= 0 && !b->conf->radius.n_servers)
        config_fault(b->common.faults, config_line_of(&b->common, b->radius, ""), "radius.server",
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
                        config_fault(b->common.faults,
                                     config_line_of(&b->common, b->zone_section[z], "interfaces"),
                                     config_option_name(b->common.tree, b->zone_section[z],
                                                        "interfaces", name),
                                     "found \"%s\", expected an interface that no other zone has "
                                     "(zone %.32s has it)",
                                     c->zones[z].interfaces[i], c->zones[y].name);
}

const char *const config_captive_hosts[] = {"captive.apple.com",
                                            "www.apple.com",
                                            "www.appleiphonecell.com",
                                            "connectivitycheck.gstatic.com",
                                            "www.gstatic.com",
                                            "www.google.com",
                                            "clients1.google.com",
                                            "clients3.google.com",
                                            "play.googleapis.com",
                                            "connectivitycheck.android.com",
                                            "connectivitycheck.platform.hicloud.com",
                                            "connect.rom.miui.com",
                                            "www.msftconnecttest.com",
                                            "ipv6.msftconnecttest.com",
                                            "www.msftncsi.com",
                                            "dns.msftncsi.com",
                                            "detectportal.firefox.com",
                                            "network-test.debian.org",
                                            "nmcheck.gnome.org",
                                            "connectivity-check.ubuntu.com",
                                            "fedoraproject.org",
                                            "networkcheck.kde.org",
                                            "spectrum.s3.amazonaws.com",
                                            NULL};

const char *config_garden_domain(const char *name)
{
    return strncmp(name, "*.", 2) == 0 ? name + 2 : name;
}

static bool is_below(const char *host, const char *domain)
{
    size_t h = strlen(host), n = strlen(domain);
    return h >= n && strcmp(host + h - n, domain) == 0 && (h == n || host[h - n - 1] == '.');
}

/* Who reaches a probe's host believes to be online, and sees no pop-up. */
static void check_garden(struct builder *b)
{
    const struct conf *c = b->conf;

    for (size_t i = 0; i < c->n_walled_garden; i++)
        for (const char *const *host = config_captive_hosts; *host; host++) {
            if (!is_below(*host, config_garden_domain(c->walled_garden[i])))
                continue;
            config_fault(b->common.faults, config_line_of(&b->common, 0, "walled_garden"),
                         "walled_garden",
                         "found \"%.80s\", expected a name that leaves out %s, by which devices "
                         "find out that they have to join",
                         c->walled_garden[i], *host);
            break;
        }
}

static void check_servers(struct builder *b)
{
    const struct conf *c = b->conf;
    const struct conf_radius_server *servers = c->radius.servers;
    char name[NAME_LEN];

    for (size_t i = 0; i < c->radius.n_servers; i++) {
        int section = b->server_section[i];
        if (servers[i].auth_port == servers[i].acct_port)
            config_fault(b->common.faults, config_line_of(&b->common, section, "acct_port"),
                         config_option_name(b->common.tree, section, "acct_port", name),
                         "found %u, expected another port than auth_port", servers[i].acct_port);
        for (size_t j = 0; j < i; j++)
            if (servers[i].address && servers[j].address &&
                strcmp(servers[i].address, servers[j].address) == 0 &&
                servers[i].auth_port == servers[j].auth_port)
                config_fault(
                    b->common.faults, config_line_of(&b->common, section, "address"),
                    config_option_name(b->common.tree, section, "address", name),
                    "found \"%s\" port %u, expected what no other server has (server %.32s "
                    "has it)",
                    servers[i].address, servers[i].auth_port, servers[j].name);
    }
}

static void check_numbers(struct builder *b)
{
    const struct conf *c = b->conf;

    if (c->http_port == c->https_port)
        config_fault(b->common.faults, config_line_of(&b->common, 0, "https_port"), "https_port",
                     "found %u, expected another port than http_port", c->https_port);
    if (c->guest.idle_s && c->guest.idle_s >= c->guest.session_s)
        config_fault(b->common.faults, config_line_of(&b->common, b->guest, "idle"), "guest.idle",
                     "found %u s, expected less than session (%u s), or 0", c->guest.idle_s,
                     c->guest.session_s);
    if (c->accessibility_url && strncmp(c->accessibility_url, "https://", 8) != 0 &&
        strncmp(c->accessibility_url, "http://", 7) != 0)
        config_fault(b->common.faults, config_line_of(&b->common, 0, "accessibility_url"),
                     "accessibility_url",
                     "found \"%.80s\", expected an address that begins with https://",
                     c->accessibility_url);
    if (c->last_password && (!c->has_tls || !c->has_radius))
        config_fault(b->common.faults, config_line_of(&b->common, 0, "last_password"),
                     "last_password", "found yes without a %s section, expected no",
                     c->has_radius ? "tls" : "radius");
    if (c->shaping && c->max_clients > SHAPING_MAX)
        config_fault(b->common.faults, config_line_of(&b->common, 0, "max_clients"), "max_clients",
                     "found %u, expected at most %d with shaping = \"htb\": queues have no room "
                     "for more devices",
                     c->max_clients, SHAPING_MAX);
    if (c->has_radius && c->radius.retry_ms >= c->radius.timeout_ms)
        config_fault(b->common.faults, config_line_of(&b->common, b->radius, "retry_ms"),
                     "radius.retry_ms", "found %u, expected less than timeout_ms (%u)",
                     c->radius.retry_ms, c->radius.timeout_ms);
}

static void check_offload(struct builder *b)
{
    const struct conf *c = b->conf;

    if (c->offload && c->shaping)
        config_fault(
            b->common.faults, config_line_of(&b->common, 0, "offload"), "offload",
            "found yes beside shaping = \"htb\", whose queues the short cut would pass by: "
            "expected no, or shaping = \"police\"");
    for (size_t u = 0; u < c->n_uplinks; u++)
        for (size_t z = 0; z < c->n_zones; z++)
            for (size_t i = 0; i < c->zones[z].n_interfaces; i++)
                if (strcmp(c->uplinks[u], c->zones[z].interfaces[i]) == 0)
                    config_fault(b->common.faults, config_line_of(&b->common, 0, "uplinks"),
                                 "uplinks",
                                 "found \"%s\", expected an interface that no zone has (zone "
                                 "%.32s has it)",
                                 c->uplinks[u], c->zones[z].name);
}

/* On this machine nobody listens in. */
static bool is_local(const char *host)
{
    static const char *const names[] = {"127.0.0.1", "[::1]", "localhost"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t len = strlen(names[i]);
        if (strncmp(host, names[i], len) == 0 && strchr(":/", host[len]))
            return true;
    }
    return false;
}

static void check_board(struct builder *b)
{
    const struct conf *c = b->conf;
    const char *url = c->board.url, *host = strstr(url, "://");
    bool https = strncmp(url, "https://", 8) == 0, http = strncmp(url, "http://", 7) == 0;
    size_t len = strlen(url);

    if ((!https && !http) || url[len - 1] != '/' || strpbrk(url, " \"<>\\?#@") || host[3] == '/')
        config_fault(b->common.faults, config_line_of(&b->common, b->board, "url"), "board.url",
                     "found \"%.80s\", expected https:// or http://, a host and a path that ends "
                     "with /",
                     url);
    else if (http && c->board.token_file && !is_local(host + 3))
        config_fault(
            b->common.faults, config_line_of(&b->common, b->board, "token_file"),
            "board.token_file",
            "found with url http://, expected https:// (a token is not sent in the clear)");
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
            config_fault(
                b->common.faults, config_line_of(&b->common, b->server_section[i], "secret_file"),
                config_option_name(b->common.tree, b->server_section[i], "secret_file", name),
                "found %s, which %s%s", server->secret_file, err,
                strstr(err, "expected") ? "" : ", expected a file with the secret in one line");
    }
}

/* What a zone does not say is the router's. */
static void inherit(const struct builder *b, struct conf_zone *z, int section)
{
    const struct conf_profile own = z->guest;
    const struct conf *c = b->conf;
    const struct config_builder *common = &b->common;

    z->guest = c->guest;
    if (config_is_set(common, section, "session"))
        z->guest.session_s = own.session_s;
    if (config_is_set(common, section, "idle"))
        z->guest.idle_s = own.idle_s;
    if (config_is_set(common, section, "up_kbps"))
        z->guest.up_kbps = own.up_kbps;
    if (config_is_set(common, section, "down_kbps"))
        z->guest.down_kbps = own.down_kbps;
    if (config_is_set(common, section, "quota_mb"))
        z->guest.quota_mb = own.quota_mb;
    if (!z->terms_id && c->terms_id)
        z->terms_id = strdup(c->terms_id);
    if (!z->terms_directory && c->terms_directory)
        z->terms_directory = strdup(c->terms_directory);
}

static void check_zone_times(struct builder *b)
{
    char name[NAME_LEN];

    for (size_t i = 0; i < b->conf->n_zones; i++) {
        const struct conf_profile *g = &b->conf->zones[i].guest;
        int section = b->zone_section[i];
        bool own = config_is_set(&b->common, section, "idle") ||
                   config_is_set(&b->common, section, "session");
        if (own && g->idle_s && g->idle_s >= g->session_s)
            config_fault(b->common.faults, config_line_of(&b->common, section, "idle"),
                         config_option_name(b->common.tree, section, "idle", name),
                         "found %u s, expected less than session (%u s), or 0", g->idle_s,
                         g->session_s);
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

static struct conf *config_build(const struct config_tree *tree, int flags, struct config_faults *f)
{
    struct builder b = {.common = {.tree = tree, .faults = f},
                        .flags = flags,
                        .guest = -1,
                        .radius = -1,
                        .board = -1};
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
    config_check_values(&b.common);
    if (tree->complete) {
        config_check_required(&b.common);
        check_sections(&b);
    }
    for (size_t i = 0; i < c->n_zones; i++)
        inherit(&b, &c->zones[i], b.zone_section[i]);
    check_zone_times(&b);
    check_interfaces(&b);
    check_servers(&b);
    check_garden(&b);
    check_numbers(&b);
    check_offload(&b);
    if (c->has_board && c->board.url)
        check_board(&b);
    if (flags & CONFIG_SECRETS)
        read_secrets(&b);
    fill_in(c);
    return c;
}

static void *build(const struct config_tree *tree, int flags, struct config_faults *f)
{
    return config_build(tree, flags, f);
}

static void discard(void *conf)
{
    config_free(conf);
}

static const struct config_program program = {&config_router, build, discard};

struct conf *config_parse(const char *name, const char *text, size_t len, int flags,
                          void (*report)(void *arg, const char *line), void *arg)
{
    return config_read_text(&program, name, text, len, flags, report, arg);
}

struct conf *config_load(const char *path, int flags, void (*report)(void *arg, const char *line),
                         void *arg)
{
    return config_read_file(&program, path, flags, report, arg);
}

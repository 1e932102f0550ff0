/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the tree of board.conf to struct board_conf. What must agree is conf_check.c's. Goes through
 * to the end: an admin wants all the mistakes of a file at once. */
#include "lib/crypto.h"
#include "noticeboard/conf_internal.h"
#include "noticeboard/logo.h"

#include <stdlib.h>
#include <string.h>

/* --- lookups ---------------------------------------------------------------------------------- */
const struct board_administration *board_conf_administration(const struct board_conf *c,
                                                             const char *id)
{
    for (size_t i = 0; id && i < c->n_administrations; i++)
        if (strcmp(c->administrations[i].id, id) == 0)
            return &c->administrations[i];
    return NULL;
}

const struct board_publisher *board_conf_publisher(const struct board_administration *a,
                                                   const char *id)
{
    for (size_t i = 0; a && id && i < a->n_publishers; i++)
        if (strcmp(a->publishers[i].id, id) == 0)
            return &a->publishers[i];
    return NULL;
}

const struct board_zone *board_conf_zone(const struct board_conf *c, const char *name)
{
    for (size_t i = 0; name && i < c->n_zones; i++)
        if (strcmp(c->zones[i].name, name) == 0)
            return &c->zones[i];
    return NULL;
}

const struct board_feed *board_conf_feed(const struct board_administration *a, const char *id)
{
    for (size_t i = 0; a && id && i < a->n_feeds; i++)
        if (strcmp(a->feeds[i].id, id) == 0)
            return &a->feeds[i];
    return NULL;
}

static bool among(char *const *items, size_t n, const char *wanted)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(items[i], "*") == 0 || strcmp(items[i], wanted) == 0)
            return true;
    return false;
}

bool board_publisher_may_use(const struct board_publisher *p, const char *zone)
{
    return among(p->zones, p->n_zones, zone);
}

bool board_grant_covers(const struct board_grant *g, const char *publisher)
{
    return !g->n_publishers || among(g->publishers, g->n_publishers, publisher);
}

/* --- sections --------------------------------------------------------------------------------- */
static void *one_more(struct board_builder *b, int section, void *list, size_t *n, size_t size,
                      size_t most)
{
    const struct config_section *s = &b->common.tree->sections[section];
    const char *name = board_schema.places[s->place].name;

    if (*n < most)
        return (char *)list + size * (*n)++;
    config_fault(b->common.faults, s->line, name, "found one more %s, expected at most %zu", name,
                 most);
    return NULL;
}

static void *new_administration(struct board_builder *b, int section)
{
    struct board_conf *c = b->conf;
    struct board_administration *a = one_more(b, section, c->administrations, &c->n_administrations,
                                              sizeof *a, BOARD_MAX_ADMINISTRATIONS);

    if (!a)
        return NULL;
    b->administration[a - c->administrations] = section;
    a->publishers = calloc(BOARD_MAX_PUBLISHERS, sizeof *a->publishers);
    a->grants = calloc(BOARD_MAX_ROLES, sizeof *a->grants);
    a->feeds = calloc(BOARD_MAX_FEEDS, sizeof *a->feeds);
    if (!a->publishers || !a->grants || !a->feeds)
        config_fault(b->common.faults, 0, "file", "found no memory, expected some");
    return a;
}

/* Of what is inside of an administration. */
static void *new_inner(struct board_builder *b, int section, const char *title)
{
    const struct config_section *s = &b->common.tree->sections[section];
    struct board_administration *a = b->common.base[s->parent];

    if (!a)
        return NULL;
    if (s->place == BOARD_PLACE_DIRECTORY) {
        a->has_directory = true;
        return &a->directory;
    }
    if (s->place == BOARD_PLACE_PUBLISHER) {
        struct board_publisher *p =
            one_more(b, section, a->publishers, &a->n_publishers, sizeof *p, BOARD_MAX_PUBLISHERS);
        if (p)
            p->id = strdup(title);
        return p;
    }
    if (s->place == BOARD_PLACE_ROLE) {
        struct board_grant *g =
            one_more(b, section, a->grants, &a->n_grants, sizeof *g, BOARD_MAX_ROLES);
        if (g)
            g->id = strdup(title);
        return g;
    }
    struct board_feed *f = one_more(b, section, a->feeds, &a->n_feeds, sizeof *f, BOARD_MAX_FEEDS);
    if (f)
        f->id = strdup(title);
    return f;
}

static void *new_section(struct board_builder *b, int section)
{
    struct board_conf *c = b->conf;
    const struct config_section *s = &b->common.tree->sections[section];
    const char *title = s->title ? s->title : "";

    switch (s->place) {
    case BOARD_PLACE_TLS:
        c->has_tls = true;
        b->tls = section;
        return c;
    case BOARD_PLACE_ZONE: {
        struct board_zone *z =
            one_more(b, section, c->zones, &c->n_zones, sizeof *z, BOARD_MAX_ZONES);
        if (z)
            z->name = strdup(title);
        return z;
    }
    case BOARD_PLACE_ADMINISTRATION: {
        struct board_administration *a = new_administration(b, section);
        if (a)
            a->id = strdup(title);
        return a;
    }
    default:
        return new_inner(b, section, title);
    }
}

static void make_sections(struct board_builder *b)
{
    const struct config_tree *tree = b->common.tree;

    b->common.base[0] = b->conf;
    config_store_defaults(&b->common, BOARD_PLACE_ROOT, b->conf);
    for (int i = 1; i < tree->n_sections; i++) {
        config_check_title(&b->common, i);
        b->common.base[i] = new_section(b, i);
        if (b->common.base[i])
            config_store_defaults(&b->common, tree->sections[i].place, b->common.base[i]);
    }
}

/* --- secrets and defaults --------------------------------------------------------------------- */
static char *secret(struct board_builder *b, int section, const char *option, const char *path)
{
    char err[160];
    char *text = path ? crypto_secret_read(path, err, sizeof err) : NULL;

    if (path && !text)
        board_conf_wrong(b, section, option, "found %s, which %s%s", path, err,
                         strstr(err, "expected") ? ""
                                                 : ", expected a file with the secret in one line");
    return text;
}

static void read_secrets(struct board_builder *b)
{
    struct board_conf *c = b->conf;

    c->token = secret(b, 0, "token_file", c->token_file);
    for (int i = 1; i < b->common.tree->n_sections; i++) {
        struct board_directory *d = b->common.base[i];
        if (d && b->common.tree->sections[i].place == BOARD_PLACE_DIRECTORY)
            d->password = secret(b, i, "password_file", d->password_file);
    }
}

/* bytes: of all that were read before. */
static struct board_logo *picture(struct board_builder *b, int section, const char *path,
                                  size_t *bytes)
{
    char err[400] = "";
    struct board_logo *l = path ? board_logo_load(path, err, sizeof err) : NULL;

    if (path && !l)
        board_conf_wrong(b, section, "logo", "%s", err);
    if (l && (*bytes += l->len) > BOARD_LOGOS_BYTES)
        board_conf_wrong(b, section, "logo",
                         "found %zu bytes of logos up to here, expected at most %d", *bytes,
                         BOARD_LOGOS_BYTES);
    return l;
}

static void read_pictures(struct board_builder *b)
{
    size_t bytes = 0;

    for (int i = 1; i < b->common.tree->n_sections; i++) {
        int place = b->common.tree->sections[i].place;
        void *base = b->common.base[i];
        if (base && place == BOARD_PLACE_ADMINISTRATION) {
            struct board_administration *a = base;
            a->picture = picture(b, i, a->logo, &bytes);
        } else if (base && place == BOARD_PLACE_PUBLISHER) {
            struct board_publisher *p = base;
            p->picture = picture(b, i, p->logo, &bytes);
        }
    }
}

static void fill_in(struct board_conf *c)
{
    static const char *const usual[] = {"it", "en"};

    for (size_t i = 0; i < c->n_zones; i++)
        if (!c->zones[i].title && c->zones[i].name)
            c->zones[i].title = strdup(c->zones[i].name);
    for (size_t i = 0; i < c->n_administrations; i++) {
        struct board_administration *a = &c->administrations[i];
        for (size_t k = 0; k < a->n_publishers; k++)
            if (!a->publishers[k].colour && a->colour)
                a->publishers[k].colour = strdup(a->colour);
    }
    if (!c->n_languages && (c->languages = calloc(2, sizeof *c->languages)))
        for (; c->n_languages < 2; c->n_languages++)
            c->languages[c->n_languages] = strdup(usual[c->n_languages]);
}

static void *build(const struct config_tree *tree, int flags, struct config_faults *f)
{
    struct board_builder *b = calloc(1, sizeof *b);
    struct board_conf *c = calloc(1, sizeof *c);

    if (b && c) {
        b->common.tree = tree;
        b->common.faults = f;
        b->conf = c;
        c->zones = calloc(BOARD_MAX_ZONES, sizeof *c->zones);
        c->administrations = calloc(BOARD_MAX_ADMINISTRATIONS, sizeof *c->administrations);
    }
    if (!b || !c || !c->zones || !c->administrations) {
        board_conf_free(c);
        free(b);
        return NULL;
    }
    make_sections(b);
    config_check_values(&b->common);
    if (tree->complete)
        config_check_required(&b->common);
    board_conf_check(b);
    if (flags & BOARD_SECRETS)
        read_secrets(b);
    if (flags & BOARD_PICTURES)
        read_pictures(b);
    fill_in(c);
    free(b);
    return c;
}

/* --- the end ---------------------------------------------------------------------------------- */
static void free_administration(struct board_administration *a)
{
    for (size_t i = 0; a->publishers && i < a->n_publishers; i++) {
        free(a->publishers[i].id);
        board_logo_free(a->publishers[i].picture);
        config_free_place(&board_schema, BOARD_PLACE_PUBLISHER, &a->publishers[i]);
    }
    for (size_t i = 0; a->grants && i < a->n_grants; i++) {
        free(a->grants[i].id);
        config_free_place(&board_schema, BOARD_PLACE_ROLE, &a->grants[i]);
    }
    for (size_t i = 0; a->feeds && i < a->n_feeds; i++) {
        free(a->feeds[i].id);
        config_free_place(&board_schema, BOARD_PLACE_FEED, &a->feeds[i]);
    }
    free(a->publishers);
    free(a->grants);
    free(a->feeds);
    free(a->id);
    board_logo_free(a->picture);
    crypto_secret_free(a->directory.password);
    config_free_place(&board_schema, BOARD_PLACE_DIRECTORY, &a->directory);
    config_free_place(&board_schema, BOARD_PLACE_ADMINISTRATION, a);
}

void board_conf_free(struct board_conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_administrations; i++)
        free_administration(&c->administrations[i]);
    for (size_t i = 0; i < c->n_zones; i++) {
        free(c->zones[i].name);
        config_free_place(&board_schema, BOARD_PLACE_ZONE, &c->zones[i]);
    }
    free(c->administrations);
    free(c->zones);
    crypto_secret_free(c->token);
    config_free_place(&board_schema, BOARD_PLACE_ROOT, c);
    config_free_place(&board_schema, BOARD_PLACE_TLS, c);
    free(c);
}

static void discard(void *conf)
{
    board_conf_free(conf);
}

static const struct config_program program = {&board_schema, build, discard};

struct board_conf *board_conf_load(const char *path, int flags,
                                   void (*report)(void *arg, const char *line), void *arg)
{
    return config_read_file(&program, path, flags, report, arg);
}

struct board_conf *board_conf_parse(const char *name, const char *text, size_t len, int flags,
                                    void (*report)(void *arg, const char *line), void *arg)
{
    return config_read_text(&program, name, text, len, flags, report, arg);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What one row of board.conf's schema cannot say: that a zone which is named exists, that a feed's
 * publisher may write there, that white text can be read on a colour. */
#include "lib/card.h"
#include "noticeboard/conf_internal.h"

#include <stdarg.h>
#include <string.h>

enum { CONTRAST_AA = 450 }; /* WCAG 2.1, 1.4.3, times 100 */

void board_conf_wrong(struct board_builder *b, int section, const char *option, const char *fmt,
                      ...)
{
    char name[CONFIG_NAME_LEN], text[400];
    va_list args;

    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    config_fault(b->common.faults, config_line_of(&b->common, section, option),
                 config_option_name(b->common.tree, section, option, name), "%s", text);
}

static void check_zones_exist(struct board_builder *b, int section, char *const *zones, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(zones[i], "*") != 0 && !board_conf_zone(b->conf, zones[i]))
            board_conf_wrong(b, section, "zones",
                             "found \"%s\", expected a zone that has a section", zones[i]);
}

static void check_colour(struct board_builder *b, int section, const char *colour)
{
    uint32_t value;
    unsigned contrast;

    if (!colour || !card_colour_parse(colour, &value))
        return;
    contrast = card_contrast(value, 0xffffff);
    if (contrast < CONTRAST_AA)
        board_conf_wrong(
            b, section, "colour",
            "found \"%s\", on which white text has a contrast of %u.%02u to 1, expected a darker "
            "one (at least 4.5 to 1)",
            colour, contrast / 100, contrast % 100);
}

static bool begins(const char *text, const char *with)
{
    return text && strncmp(text, with, strlen(with)) == 0;
}

static void check_directory(struct board_builder *b, int section, const struct board_directory *d)
{
    if (d->uri && !begins(d->uri, "ldaps://") && !begins(d->uri, "ldap://") &&
        !begins(d->uri, "ldapi://"))
        board_conf_wrong(b, section, "uri", "found \"%s\", expected ldaps:// or ldap://", d->uri);
    if (d->filter && !strstr(d->filter, "%{name}"))
        board_conf_wrong(b, section, "filter", "found no %%{name} in it, expected one");
    if (d->bind_dn && !d->password_file)
        board_conf_wrong(b, section, "password_file",
                         "found nothing, expected the password of bind_dn");
}

static void check_grant(struct board_builder *b, int section, const struct board_administration *a,
                        const struct board_grant *g)
{
    for (size_t i = 0; i < g->n_publishers; i++)
        if (strcmp(g->publishers[i], "*") != 0 && !board_conf_publisher(a, g->publishers[i]))
            board_conf_wrong(b, section, "publishers", "found \"%s\", expected a publisher of %s",
                             g->publishers[i], a->id);
    if (!a->has_directory)
        board_conf_wrong(b, section, "group",
                         "found a role without a directory section, expected one");
}

static void check_feed(struct board_builder *b, int section, const struct board_administration *a,
                       const struct board_feed *f)
{
    const struct board_publisher *p = board_conf_publisher(a, f->publisher);

    if (f->url && !begins(f->url, "https://") && !begins(f->url, "http://127.0.0.1") &&
        !begins(f->url, "http://[::1]"))
        board_conf_wrong(b, section, "url",
                         "found \"%.80s\", expected an address that begins with https://", f->url);
    if (f->publisher && !p)
        board_conf_wrong(b, section, "publisher", "found \"%s\", expected a publisher of %s",
                         f->publisher, a->id);
    check_zones_exist(b, section, f->zones, f->n_zones);
    for (size_t i = 0; p && i < f->n_zones; i++)
        if (strcmp(f->zones[i], "*") != 0 && board_conf_zone(b->conf, f->zones[i]) &&
            !board_publisher_may_use(p, f->zones[i]))
            board_conf_wrong(b, section, "zones", "found \"%s\", which publisher %s may not use",
                             f->zones[i], p->id);
}

/* What a section became is told by its place: the lists are in the order of the file. */
static void check_section(struct board_builder *b, int section)
{
    const struct config_section *s = &b->common.tree->sections[section];
    void *base = b->common.base[section];
    const struct board_administration *parent =
        s->place > BOARD_PLACE_ADMINISTRATION ? b->common.base[s->parent] : NULL;

    if (!base || (s->place > BOARD_PLACE_ADMINISTRATION && !parent))
        return;
    switch (s->place) {
    case BOARD_PLACE_ADMINISTRATION: {
        const struct board_administration *a = base;
        check_colour(b, section, a->colour);
        if (!a->n_publishers)
            board_conf_wrong(b, section, "publisher", "found none, expected at least one");
        break;
    }
    case BOARD_PLACE_PUBLISHER: {
        const struct board_publisher *p = base;
        check_colour(b, section, p->colour);
        check_zones_exist(b, section, p->zones, p->n_zones);
        break;
    }
    case BOARD_PLACE_DIRECTORY:
        check_directory(b, section, base);
        break;
    case BOARD_PLACE_ROLE:
        check_grant(b, section, parent, base);
        break;
    case BOARD_PLACE_FEED:
        check_feed(b, section, parent, base);
        break;
    default:
        break;
    }
}

static bool local_url(const char *url)
{
    return begins(url, "http://127.0.0.1") || begins(url, "http://[::1]") ||
           begins(url, "http://localhost");
}

static void check_root(struct board_builder *b)
{
    const struct board_conf *c = b->conf;

    if (c->url && !begins(c->url, "https://") && !local_url(c->url))
        board_conf_wrong(
            b, 0, "url",
            "found \"%.80s\", expected an address that begins with https:// (or http://127.0.0.1 "
            "to try it out)",
            c->url);
    else if (c->url && c->url[strlen(c->url) - 1] == '/')
        board_conf_wrong(b, 0, "url", "found \"%.80s\", expected it without the last slash",
                         c->url);
    if (b->common.tree->complete && !c->n_zones)
        config_fault(b->common.faults, 1, "zone",
                     "found none, expected at least one: zone "
                     "\"NAME\" { title = \"…\" }");
    if (b->common.tree->complete && !c->n_administrations)
        config_fault(b->common.faults, 1, "administration", "found none, expected at least one");
    if (c->idle_s > c->session_s)
        board_conf_wrong(b, 0, "idle", "found %u s, expected no more than session (%u s)",
                         c->idle_s, c->session_s);
    if (c->recheck_keep_s < 2 * c->recheck_s)
        board_conf_wrong(b, 0, "recheck_keep", "found %u s, expected at least twice recheck (%u s)",
                         c->recheck_keep_s, c->recheck_s);
}

void board_conf_check(struct board_builder *b)
{
    check_root(b);
    for (int i = 1; i < b->common.tree->n_sections; i++)
        check_section(b, i);
}

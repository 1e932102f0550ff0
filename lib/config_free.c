/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What callers do with a configuration that was read: ask for a zone, free it. */
#include "lib/config.h"
#include "lib/config_internal.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>

static void free_list(char **items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(items[i]);
    free(items);
}

void config_free_place(const struct config_schema *schema, int place, void *base)
{
    for (size_t i = 0; i < schema->n_options; i++) {
        const struct config_option *o = &schema->options[i];
        char *at = (char *)base + o->offset;
        if (o->place != place || o->type == TYPE_NUMBER || o->type == TYPE_DURATION ||
            o->type == TYPE_CHOICE)
            continue;
        if (config_is_list(o))
            free_list(*(char ***)at, *(size_t *)((char *)base + o->count_offset));
        else
            free(*(char **)at);
    }
}

void config_free(struct conf *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n_zones; i++) {
        free(c->zones[i].name);
        config_free_place(&config_router, PLACE_ZONE, &c->zones[i]);
    }
    free(c->zones);
    for (size_t i = 0; i < c->radius.n_servers; i++) {
        free(c->radius.servers[i].name);
        crypto_secret_free(c->radius.servers[i].secret);
        config_free_place(&config_router, PLACE_SERVER, &c->radius.servers[i]);
    }
    free(c->radius.servers);
    config_free_place(&config_router, PLACE_ROOT, c);
    config_free_place(&config_router, PLACE_TLS, c);
    config_free_place(&config_router, PLACE_PRIVACY, c);
    config_free_place(&config_router, PLACE_METRICS, c);
    config_free_place(&config_router, PLACE_BOARD, c);
    free(c);
}

const struct conf_zone *config_zone_named(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_zones; i++)
        if (strcmp(c->zones[i].name, name) == 0)
            return &c->zones[i];
    return NULL;
}

const struct conf_zone *config_zone_of(const struct conf *c, const char *ifname)
{
    for (size_t i = 0; i < c->n_zones; i++)
        for (size_t j = 0; j < c->zones[i].n_interfaces; j++)
            if (strcmp(c->zones[i].interfaces[j], ifname) == 0)
                return &c->zones[i];
    return NULL;
}

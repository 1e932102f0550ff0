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

/* Texts and lists of one place, by its rows. */
static void free_place(enum config_place place, void *base)
{
    for (size_t i = 0; i < config_n_options; i++) {
        const struct config_option *o = &config_options[i];
        char *at = (char *)base + o->offset;
        if (o->place != place || o->type == TYPE_NUMBER || o->type == TYPE_DURATION ||
            o->type == TYPE_CHOICE)
            continue;
        if (o->type == TYPE_INTERFACES || o->type == TYPE_SERVICES)
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
        free_place(PLACE_ZONE, &c->zones[i]);
    }
    free(c->zones);
    for (size_t i = 0; i < c->radius.n_servers; i++) {
        free(c->radius.servers[i].name);
        crypto_secret_free(c->radius.servers[i].secret);
        free_place(PLACE_SERVER, &c->radius.servers[i]);
    }
    free(c->radius.servers);
    free_place(PLACE_ROOT, c);
    free_place(PLACE_TLS, c);
    free_place(PLACE_PRIVACY, c);
    free_place(PLACE_METRICS, c);
    free(c);
}

const struct conf_zone *config_zone_of(const struct conf *c, const char *ifname)
{
    for (size_t i = 0; i < c->n_zones; i++)
        for (size_t j = 0; j < c->zones[i].n_interfaces; j++)
            if (strcmp(c->zones[i].interfaces[j], ifname) == 0)
                return &c->zones[i];
    return NULL;
}

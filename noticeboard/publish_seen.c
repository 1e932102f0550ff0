/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which routers asked here within a day, and which serial each has: "37 of 40 have it". In memory
 * only: a restarted board has asked everybody again within minutes. Behind a cache nobody is seen,
 * and the board says that it does not know. */
#include "noticeboard/publish_internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_ROUTERS 4096
#define DAY         (24 * 60 * 60)

struct router {
    char who[64];
    uint64_t serial;
    int64_t at;
    UT_hash_handle hh; /* in the order in which they were last seen */
};

struct seen {
    struct router *routers;
    unsigned n;
};

struct seen *seen_new(void)
{
    return calloc(1, sizeof(struct seen));
}

static void drop(struct seen *s, struct router *r)
{
    HASH_DEL(s->routers, r);
    free(r);
    s->n--;
}

void seen_free(struct seen *s)
{
    while (s && s->routers)
        drop(s, s->routers);
    free(s);
}

void seen_note(struct seen *s, const char *who, uint64_t serial, int64_t now)
{
    struct router *r = NULL;
    char key[sizeof r->who];
    snprintf(key, sizeof key, "%s", who);
    HASH_FIND_STR(s->routers, key, r);
    if (r) { /* to the end of the order */
        HASH_DEL(s->routers, r);
        s->n--;
    } else {
        if (s->n == MAX_ROUTERS) /* the one that was silent for longest */
            drop(s, s->routers);
        r = calloc(1, sizeof *r);
        if (!r)
            return;
        memcpy(r->who, key, sizeof key);
    }
    if (serial)
        r->serial = serial;
    r->at = now;
    HASH_ADD_STR(s->routers, who, r);
    s->n++;
}

void seen_count(struct seen *s, uint64_t serial, int64_t now, unsigned *routers, unsigned *current)
{
    while (s->routers && s->routers->at + DAY < now)
        drop(s, s->routers);
    *routers = s->n;
    *current = 0;
    for (const struct router *r = s->routers; r; r = r->hh.next)
        *current += r->serial == serial;
}

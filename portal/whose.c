/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of fixed size in which a place has one address: whoever comes later takes it. Forgetting
 * is a number that grows. */
#include "portal/whose.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { PLACES = 512 };

struct whose {
    uint64_t generation;
    struct {
        struct gate_address asked, told;
        uint64_t generation, noted_ms;
    } places[PLACES];
};

struct whose *whose_new(void)
{
    struct whose *w = calloc(1, sizeof *w);
    if (w)
        w->generation = 1; /* empty places have 0 */
    return w;
}

void whose_free(struct whose *w)
{
    free(w);
}

/* FNV-1a; who makes two addresses meet only makes the gate be asked. */
static size_t place(const struct gate_address *a)
{
    uint32_t h = 0x811c9dc5U ^ a->ifindex;
    for (size_t i = 0; i < sizeof a->ip; i++)
        h = (h ^ a->ip[i]) * 0x01000193U;
    return h % PLACES;
}

void whose_note(struct whose *w, const struct gate_address *asked, const struct gate_address *told,
                uint64_t now_ms)
{
    size_t i = place(asked);
    w->places[i].asked = *asked;
    w->places[i].told = *told;
    w->places[i].generation = w->generation;
    w->places[i].noted_ms = now_ms;
}

const struct gate_address *whose_find(const struct whose *w, const struct gate_address *asked,
                                      uint64_t now_ms)
{
    size_t i = place(asked);
    const struct gate_address *a = &w->places[i].asked;
    bool same = w->places[i].generation == w->generation && a->family == asked->family &&
                a->ifindex == asked->ifindex && memcmp(a->ip, asked->ip, sizeof a->ip) == 0;
    return same && now_ms - w->places[i].noted_ms < WHOSE_MS ? &w->places[i].told : NULL;
}

void whose_forget(struct whose *w)
{
    w->generation++;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices in two hash tables (by MAC, by number) and a binary heap by end, whose array is also what
 * a dump walks. The kernel is the session database; this copy is what a table that somebody flushed
 * is rebuilt from. */
#include "netfilter/clients.h"

#include <stdlib.h>
#include <string.h>

#undef uthash_fatal
#define uthash_fatal(msg) abort()

struct clients {
    struct client *by_mac, *by_number;
    struct client **heap; /* soonest end first */
    size_t count, room;
    uint32_t max;
    uint32_t next;    /* number to try next */
    uint32_t granted; /* numbers left in the granted block */
    uint32_t end;     /* last number of the granted block */
};

struct clients *clients_new(uint32_t max)
{
    struct clients *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->max = max;
    c->next = 1;
    return c;
}

void clients_free(struct clients *c)
{
    if (!c)
        return;
    clients_clear(c);
    free(c->heap);
    free(c);
}

void clients_set_max(struct clients *c, uint32_t max)
{
    c->max = max;
}

uint32_t clients_max(const struct clients *c)
{
    return c->max;
}

size_t clients_count(const struct clients *c)
{
    return c->count;
}

bool clients_full(const struct clients *c, size_t more)
{
    return c->count + more > c->max;
}

struct client *clients_find(const struct clients *c, const struct mac *mac)
{
    struct client *k;
    HASH_FIND(by_mac, c->by_mac, mac->b, sizeof mac->b, k);
    return k;
}

struct client *clients_by_number(const struct clients *c, uint32_t number)
{
    struct client *k;
    HASH_FIND(by_number, c->by_number, &number, sizeof number, k);
    return k;
}

struct client *clients_at(const struct clients *c, size_t i)
{
    return i < c->count ? c->heap[i] : NULL;
}

struct client *clients_soonest(const struct clients *c)
{
    return clients_at(c, 0);
}

/* --- the heap ------------------------------------------------------------------------------------
 */

static void put(struct clients *c, size_t i, struct client *k)
{
    c->heap[i] = k;
    k->place = i;
}

static void sift(struct clients *c, struct client *k)
{
    size_t i = k->place;
    while (i > 0 && c->heap[(i - 1) / 2]->ends_ms > k->ends_ms) {
        put(c, i, c->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;
        if (child + 1 < c->count && c->heap[child + 1]->ends_ms < c->heap[child]->ends_ms)
            child++;
        if (child >= c->count || c->heap[child]->ends_ms >= k->ends_ms)
            break;
        put(c, i, c->heap[child]);
        i = child;
    }
    put(c, i, k);
}

void clients_set_end(struct clients *c, struct client *k, uint64_t ends_ms)
{
    k->ends_ms = ends_ms;
    sift(c, k);
}

/* --- devices
 * -------------------------------------------------------------------------------------- */

bool clients_set_tag(struct client *k, const char *tag)
{
    if (k->tag && !strcmp(k->tag, tag))
        return true;
    char *copy = strdup(tag);
    if (!copy)
        return false;
    free(k->tag);
    k->tag = copy;
    return true;
}

static bool heap_room(struct clients *c)
{
    if (c->count < c->room)
        return true;
    size_t room = c->room ? c->room * 2 : 256;
    struct client **heap = realloc(c->heap, room * sizeof(struct client *));
    if (!heap)
        return false;
    c->heap = heap;
    c->room = room;
    return true;
}

struct client *clients_add(struct clients *c, const struct mac *mac, uint32_t number,
                           uint64_t ends_ms, const char *tag)
{
    struct client *other;
    unsigned of_mac, of_number;
    HASH_VALUE(mac->b, sizeof mac->b, of_mac);
    HASH_VALUE(&number, sizeof number, of_number);
    HASH_FIND_BYHASHVALUE(by_mac, c->by_mac, mac->b, sizeof mac->b, of_mac, other);
    if (number == 0 || other || !heap_room(c))
        return NULL;
    HASH_FIND_BYHASHVALUE(by_number, c->by_number, &number, sizeof number, of_number, other);
    if (other)
        return NULL;
    struct client *k = calloc(1, sizeof *k);
    if (!k || !clients_set_tag(k, tag)) {
        free(k);
        return NULL;
    }
    k->mac = *mac;
    k->number = number;
    k->ends_ms = ends_ms;
    HASH_ADD_BYHASHVALUE(by_mac, c->by_mac, mac, sizeof k->mac, of_mac, k);
    HASH_ADD_BYHASHVALUE(by_number, c->by_number, number, sizeof k->number, of_number, k);
    put(c, c->count++, k);
    sift(c, k);
    return k;
}

bool clients_set_number(struct clients *c, struct client *k, uint32_t number)
{
    if (number != 0 && number == k->number)
        return true;
    struct client *other = clients_by_number(c, number);
    if (other || number == 0)
        return other == k;
    HASH_DELETE(by_number, c->by_number, k);
    k->number = number;
    HASH_ADD(by_number, c->by_number, number, sizeof k->number, k);
    return true;
}

void clients_remove(struct clients *c, struct client *k)
{
    struct client *moved = c->heap[--c->count];
    if (moved != k) {
        put(c, k->place, moved);
        sift(c, moved);
    }
    HASH_DELETE(by_mac, c->by_mac, k);
    HASH_DELETE(by_number, c->by_number, k);
    free(k->tag);
    free(k);
}

void clients_clear(struct clients *c)
{
    while (c->count > 0)
        clients_remove(c, c->heap[c->count - 1]);
}

/* --- numbers
 * -------------------------------------------------------------------------------------- */

static uint32_t number_after(uint32_t n)
{
    return n >= CLIENTS_NUMBER_LAST ? 1 : n + 1;
}

void clients_numbers_after(struct clients *c, uint32_t end)
{
    c->end = end > CLIENTS_NUMBER_LAST ? CLIENTS_NUMBER_LAST : end;
    c->next = number_after(c->end);
    c->granted = 0;
}

bool clients_needs_block(const struct clients *c, size_t wanted)
{
    return c->granted < wanted;
}

uint32_t clients_next_block(const struct clients *c)
{
    uint32_t left = CLIENTS_NUMBER_LAST - c->end;
    if (left >= CLIENTS_NUMBER_BLOCK)
        return c->end + CLIENTS_NUMBER_BLOCK;
    return left > 0 ? CLIENTS_NUMBER_LAST : CLIENTS_NUMBER_BLOCK;
}

uint32_t clients_numbers_end(const struct clients *c)
{
    return c->end;
}

void clients_grant_block(struct clients *c)
{
    uint32_t end = clients_next_block(c);
    c->granted += end > c->end ? end - c->end : end;
    c->end = end;
}

uint32_t clients_take_number(struct clients *c)
{
    while (c->granted > 0) {
        uint32_t number = c->next;
        c->next = number_after(number);
        c->granted--;
        if (!clients_by_number(c, number))
            return number;
    }
    return 0;
}

uint32_t clients_want_number(struct clients *c, uint32_t wanted)
{
    if (wanted > 0 && wanted <= CLIENTS_NUMBER_LAST && !clients_by_number(c, wanted))
        return wanted;
    return clients_take_number(c);
}

/* --- counters
 * ------------------------------------------------------------------------------------- */

struct gate_counters counters_add(const struct gate_counters *a, const struct gate_counters *b)
{
    return (struct gate_counters){a->up_bytes + b->up_bytes, a->up_packets + b->up_packets,
                                  a->down_bytes + b->down_bytes, a->down_packets + b->down_packets};
}

static uint64_t less(uint64_t a, uint64_t b)
{
    return a > b ? a - b : 0;
}

struct gate_counters counters_sub(const struct gate_counters *a, const struct gate_counters *b)
{
    return (struct gate_counters){
        less(a->up_bytes, b->up_bytes), less(a->up_packets, b->up_packets),
        less(a->down_bytes, b->down_bytes), less(a->down_packets, b->down_packets)};
}

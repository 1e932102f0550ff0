/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices in two hash tables (by MAC, by number) and a binary heap by end, whose array is also what
 * a dump walks. The kernel is the session database; this copy is what a table that somebody flushed
 * is rebuilt from.
 *
 * Of uthash the hash function alone is used: its handles (112 bytes a device for two) would be more
 * than all that is known of a device. A chain needs one pointer. */
#include "netfilter/clients.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define BUCKETS_MIN  256U
#define ACTIVITY_NEW 65 /* above all that 64 bits of packets can be */

_Static_assert(offsetof(struct client, number) == 8,
               "what is small shares a word with the address");

struct clients {
    struct client **by_mac, **by_number; /* chains; as many of each */
    size_t buckets, bucket_room;
    size_t base;          /* the greatest power of two below buckets, or buckets */
    struct client **heap; /* soonest end first */
    size_t count, room;
    uint32_t max;
    uint32_t classes; /* clients_set_classes */
    uint32_t next;    /* number to try next */
    uint32_t granted; /* numbers left in the granted block */
    uint32_t end;     /* last number of the granted block */
};

/* --- the two tables
 * --------------------------------------------------------------------------------- */

/* Linear hashing: the tables grow by one chain at a time, which is made of the one that lies base
 * before it, and not all at once: with a hundred thousand devices that took longer than a turn of
 * the loop may. */
static size_t chain_of(const struct clients *c, uint32_t hash)
{
    size_t i = hash & (2 * c->base - 1);
    return i < c->buckets ? i : i - c->base;
}

static struct client **of_mac(const struct clients *c, const struct mac *mac)
{
    unsigned hash;
    HASH_VALUE(mac->b, sizeof mac->b, hash);
    return &c->by_mac[chain_of(c, hash)];
}

/* Numbers are given out in turn: they spread by themselves. */
static struct client **of_number(const struct clients *c, uint32_t number)
{
    return &c->by_number[chain_of(c, number)];
}

static void link_mac(struct clients *c, struct client *k)
{
    struct client **chain = of_mac(c, &k->mac);
    k->next_by_mac = *chain;
    *chain = k;
}

static void link_number(struct clients *c, struct client *k)
{
    struct client **chain = of_number(c, k->number);
    k->next_by_number = *chain;
    *chain = k;
}

static void unlink_mac(struct clients *c, const struct client *k)
{
    struct client **at = of_mac(c, &k->mac);
    while (*at != k)
        at = &(*at)->next_by_mac;
    *at = k->next_by_mac;
}

static void unlink_number(struct clients *c, const struct client *k)
{
    struct client **at = of_number(c, k->number);
    while (*at != k)
        at = &(*at)->next_by_number;
    *at = k->next_by_number;
}

static bool bucket_room(struct clients *c, size_t room)
{
    struct client **by_mac = reallocarray(c->by_mac, room, sizeof(struct client *));
    c->by_mac = by_mac ? by_mac : c->by_mac;
    struct client **by_number = reallocarray(c->by_number, room, sizeof(struct client *));
    c->by_number = by_number ? by_number : c->by_number;
    if (by_mac && by_number)
        c->bucket_room = room;
    return by_mac && by_number;
}

/* One chain more. Without memory the chains stay as long as they are. */
static void grow(struct clients *c)
{
    if (c->buckets == c->bucket_room && !bucket_room(c, 2 * c->bucket_room))
        return;
    if (c->buckets == 2 * c->base)
        c->base *= 2;
    size_t new = c->buckets++, old = new - c->base;
    struct client *macs = c->by_mac[old], *numbers = c->by_number[old], *k;
    c->by_mac[old] = c->by_mac[new] = c->by_number[old] = c->by_number[new] = NULL;
    while ((k = macs)) {
        macs = k->next_by_mac;
        link_mac(c, k);
    }
    while ((k = numbers)) {
        numbers = k->next_by_number;
        link_number(c, k);
    }
}

/* --- all of them
 * ------------------------------------------------------------------------------------ */

struct clients *clients_new(uint32_t max)
{
    struct clients *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->max = max;
    c->next = 1;
    if (!bucket_room(c, BUCKETS_MIN)) {
        free(c->by_mac);
        free(c->by_number);
        free(c);
        return NULL;
    }
    c->buckets = c->base = BUCKETS_MIN;
    memset(c->by_mac, 0, BUCKETS_MIN * sizeof(struct client *));
    memset(c->by_number, 0, BUCKETS_MIN * sizeof(struct client *));
    return c;
}

void clients_free(struct clients *c)
{
    if (!c)
        return;
    clients_clear(c);
    free(c->by_mac);
    free(c->by_number);
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

static struct client *in_chain(struct client *k, const struct mac *mac)
{
    while (k && !mac_equal(&k->mac, mac))
        k = k->next_by_mac;
    return k;
}

struct client *clients_find(const struct clients *c, const struct mac *mac)
{
    return in_chain(*of_mac(c, mac), mac);
}

struct client *clients_by_number(const struct clients *c, uint32_t number)
{
    struct client *k = *of_number(c, number);
    while (k && k->number != number)
        k = k->next_by_number;
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
    k->place = (uint32_t)i;
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
    if (number == 0 || clients_by_number(c, number) || !heap_room(c))
        return NULL;
    if (c->count >= c->buckets)
        grow(c);
    struct client **chain = of_mac(c, mac);
    if (in_chain(*chain, mac))
        return NULL;
    struct client *k = calloc(1, sizeof *k);
    if (!k || !clients_set_tag(k, tag)) {
        free(k);
        return NULL;
    }
    k->mac = *mac;
    k->number = number;
    k->activity = ACTIVITY_NEW;
    k->ends_ms = ends_ms;
    k->next_by_mac = *chain;
    *chain = k;
    link_number(c, k);
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
    unlink_number(c, k);
    k->number = number;
    link_number(c, k);
    return true;
}

void clients_remove(struct clients *c, struct client *k)
{
    struct client *moved = c->heap[--c->count];
    if (moved != k) {
        put(c, k->place, moved);
        sift(c, moved);
    }
    unlink_mac(c, k);
    unlink_number(c, k);
    free(k->more);
    free(k->tag);
    free(k);
}

void clients_clear(struct clients *c)
{
    while (c->count > 0)
        clients_remove(c, c->heap[c->count - 1]);
}

/* --- activity ------------------------------------------------------------------------------------
 */

/* The number of bits of it; what was before fades by a quarter a reading, so that one who is read
 * twice in a moment is not forgotten. */
void client_sent(struct client *k, uint64_t packets)
{
    unsigned now = packets ? 64U - (unsigned)__builtin_clzll(packets) : 0;
    unsigned before = k->activity == ACTIVITY_NEW ? 0 : k->activity;
    before -= (before + 3) / 4;
    k->activity = (uint8_t)(now > before ? now : before);
}

struct client **clients_by_activity(const struct clients *c)
{
    size_t place[ACTIVITY_NEW + 1] = {0}, before = 0;
    struct client **order = malloc((c->count + 1) * sizeof(struct client *));
    if (!order)
        return NULL;
    for (size_t i = 0; i < c->count; i++)
        place[c->heap[i]->activity]++;
    for (int a = ACTIVITY_NEW; a >= 0; a--) {
        size_t n = place[a];
        place[a] = before;
        before += n;
    }
    for (size_t i = 0; i < c->count; i++)
        order[place[c->heap[i]->activity]++] = c->heap[i];
    return order;
}

/* --- what few have
 * --------------------------------------------------------------------------------- */

static const struct client_more none;

const struct gate_counters *client_carry(const struct client *k)
{
    return k->more ? &k->more->carry : &none.carry;
}

const struct gate_counters *client_queue(const struct client *k)
{
    return k->more ? &k->more->queue : &none.queue;
}

static void set_more(struct client *k, struct client_more more)
{
    if (!memcmp(&more, &none, sizeof more)) {
        free(k->more);
        k->more = NULL;
        return;
    }
    if (!k->more)
        k->more = malloc(sizeof more);
    if (!k->more)
        abort();
    *k->more = more;
}

void client_set_carry(struct client *k, const struct gate_counters *carry)
{
    set_more(k, (struct client_more){.queue = *client_queue(k), .carry = *carry});
}

void client_set_queue(struct client *k, const struct gate_counters *queue)
{
    set_more(k, (struct client_more){.queue = *queue, .carry = *client_carry(k)});
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

void clients_set_classes(struct clients *c, uint32_t mask)
{
    c->classes = mask;
}

/* Numbers of one class are in chains that lie this far from each other, or in one. */
static bool class_is_taken(const struct clients *c, uint32_t number)
{
    uint32_t class = number & c->classes;
    if (class == 0 || class == c->classes)
        return true;
    size_t apart = c->classes < c->base ? (size_t)c->classes + 1 : c->base;
    for (size_t at = class & (apart - 1); at < c->buckets; at += apart)
        for (const struct client *k = c->by_number[at]; k; k = k->next_by_number)
            if ((k->number & c->classes) == class)
                return true;
    return false;
}

static bool may_have(const struct clients *c, uint32_t number)
{
    return c->classes ? !class_is_taken(c, number) : !clients_by_number(c, number);
}

uint32_t clients_take_number(struct clients *c)
{
    while (c->granted > 0) {
        uint32_t number = c->next;
        c->next = number_after(number);
        c->granted--;
        if (may_have(c, number))
            return number;
    }
    return 0;
}

uint32_t clients_want_number(struct clients *c, uint32_t wanted)
{
    if (wanted > 0 && wanted <= CLIENTS_NUMBER_LAST && may_have(c, wanted))
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

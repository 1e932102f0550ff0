/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The gate's own copy of the devices that are open, the order in which they end, and the client
 * numbers. Pure: no I/O, no clock. */
#ifndef LOGGIA_NETFILTER_CLIENTS_H
#define LOGGIA_NETFILTER_CLIENTS_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLIENTS_NUMBER_LAST  0x00ffffffU
#define CLIENTS_NUMBER_BLOCK 4096U

/* What most devices have none of. */
struct client_more {
    struct gate_counters
        queue; /* shaped: the download's total when its queue had let nothing out */
    struct gate_counters carry; /* what the kernel's counters do not hold of the session */
};

/* A hundred thousand of these are kept: the order of the fields leaves no gaps. */
struct client {
    struct mac mac;
    bool rated : 1;
    bool read : 1;                  /* counters are known, too (not so right after adoption) */
    bool missing : 1;               /* when it was read last the kernel did not have all of it */
    bool pending : 1;               /* not in the kernel yet: its transaction is under way */
    bool shaped : 1, up_shaped : 1; /* has queues (shaping.c); uploads may lack theirs */
    bool fast : 1;      /* has what the short cut needs (ruleset_offload.c), in the kernel */
    bool uncounted : 1; /* after a foreign flush: returning.c has still to give it its counters */
    uint8_t activity;   /* client_sent */
    uint32_t number;
    uint32_t place;            /* in the order of ends */
    uint64_t ends_ms;          /* the kernel's timeout, on the loop's clock; clients_set_end */
    uint64_t up_Bps, down_Bps; /* valid when rated is true, which adoption sees to */
    struct gate_counters last; /* session totals when last seen */
    struct client_more *more;  /* client_carry, client_queue */
    char *tag;
    struct client *next_by_mac, *next_by_number;
};

struct clients;

struct clients *clients_new(uint32_t max);
void clients_free(struct clients *c);
void clients_set_max(struct clients *c, uint32_t max); /* those that are there stay */
uint32_t clients_max(const struct clients *c);
size_t clients_count(const struct clients *c);
bool clients_full(const struct clients *c, size_t more); /* more would not fit */

struct client *clients_find(const struct clients *c, const struct mac *mac);
struct client *clients_by_number(const struct clients *c, uint32_t number);
/* In no particular order; NULL at and after clients_count. Stable while nothing is added, removed
 * or given another end. */
struct client *clients_at(const struct clients *c, size_t i);
/* All of them, who was seen to send most first: to be freed, and to be used while clients_at is
 * stable. NULL: out of memory. */
struct client **clients_by_activity(const struct clients *c);
/* So many packets since it was read before. Until this was said once it counts as very active: it
 * has just joined. */
void client_sent(struct client *k, uint64_t packets);
/* NULL when out of memory, or when mac or number is taken. Above max is the caller's to refuse. */
struct client *clients_add(struct clients *c, const struct mac *mac, uint32_t number,
                           uint64_t ends_ms, const char *tag);
bool clients_set_tag(struct client *k,
                     const char *tag); /* false: out of memory, the old one stays */
bool clients_set_number(struct clients *c, struct client *k, uint32_t number); /* false: taken */
/* Zeros where there is none; of the queue's the downloads' alone are used. Setting ends the program
 * when memory is out: counters that are wrong would be worse than a restart. */
const struct gate_counters *client_carry(const struct client *k);
const struct gate_counters *client_queue(const struct client *k);
void client_set_carry(struct client *k, const struct gate_counters *carry);
void client_set_queue(struct client *k, const struct gate_counters *queue);
void clients_set_end(struct clients *c, struct client *k, uint64_t ends_ms);
void clients_remove(struct clients *c, struct client *k); /* frees k */
void clients_clear(struct clients *c);
struct client *clients_soonest(const struct clients *c); /* the next to end, or NULL */

/* Numbers are given out in turn through the whole space, so that a number comes back only after
 * 16 million others: longer than conntrack remembers a flow that bears it. They are taken from
 * blocks, whose end the kernel keeps for us: a gate that was killed goes on behind it. */
/* Of those that are given out no two that are open agree in these lower bits, and in none are they
 * all 0 or all 1. 0: numbers need only differ. */
void clients_set_classes(struct clients *c, uint32_t mask);
void clients_numbers_after(struct clients *c, uint32_t end); /* nothing is granted yet */
bool clients_needs_block(const struct clients *c, size_t wanted);
uint32_t clients_next_block(const struct clients *c);  /* its end, to be written to the kernel */
uint32_t clients_numbers_end(const struct clients *c); /* of the last block granted or adopted */
void clients_grant_block(struct clients *c);           /* it was written */
uint32_t clients_take_number(struct clients *c); /* 0: no block granted, or none is free in it */
/* The wanted number if it may be had, else the next one. Numbers of other blocks than the granted
 * one are passed over while they are in use, like all others. */
uint32_t clients_want_number(struct clients *c, uint32_t wanted);

/* Counters that leave nothing out: a + b and a - b (0 where it would be negative). */
struct gate_counters counters_add(const struct gate_counters *a, const struct gate_counters *b);
struct gate_counters counters_sub(const struct gate_counters *a, const struct gate_counters *b);

#endif

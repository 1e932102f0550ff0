/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a million remembered devices cost. Usage: memory_scale [DEVICES [AUTHORITIES]]; prints one
 * line of JSON: the memory that the kernel has given for them (resident, so with the allocator's
 * share), and how many look-ups a second there are among so many and among a thousand, both in this
 * run. Every device has a pass, is known to one authority as somebody of its own, and unknown to
 * the others; profiles are five. Exit status 1: more than 256 MiB for a million. */
#include "radius-module/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define KEY "sixteen letters!"

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double resident_mib(void)
{
    long pages = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%*d %ld", &pages) != 1)
        pages = 0;
    if (f)
        fclose(f);
    return (double)pages * (double)sysconf(_SC_PAGESIZE) / 1048576;
}

static struct mac device(unsigned n)
{
    return (struct mac){
        {2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct memory *city(unsigned devices, unsigned authorities)
{
    struct memory *m = memory_new(devices, authorities, KEY, 16);
    for (unsigned n = 0; m && n < devices; n++) {
        struct mac mac = device(n);
        struct memory_device *d = memory_make(m, &mac);
        struct entitlement e = {.profile = (int)(n % 5), .has_link = true};
        if (!d)
            return NULL;
        memcpy(e.identity, &n, sizeof n);
        memcpy(e.link, &n, sizeof n);
        memory_pass_set(d, PASS_VALID, 1000, 2592000);
        for (unsigned a = 0; a < authorities; a++)
            memory_answer_set(m, &d->answers[a],
                              a == n % authorities ? ANSWER_FOUND : ANSWER_NOT_FOUND, 1000, &e);
    }
    return m;
}

/* Look-ups a second, in an order that no cache foresees. */
static double speed(struct memory *m, unsigned devices)
{
    const unsigned most = 2000000;
    unsigned found = 0;
    double began = now_s();
    for (unsigned i = 0, n = 1; i < most; i++) {
        n = n * 1664525U + 1013904223U;
        struct mac mac = device((unsigned)((uint64_t)n * devices >> 32));
        found += memory_get(m, &mac) != NULL;
    }
    return found == most ? most / (now_s() - began) : 0;
}

int main(int argc, char **argv)
{
    unsigned devices = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 1000000;
    unsigned authorities = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 2;
    if (devices < 1000 || authorities < 1 || authorities > 32)
        return 2;
    double before = resident_mib();
    struct memory *m = city(devices, authorities), *small = city(1000, authorities);
    double mib = resident_mib() - before;
    if (!m || !small)
        return 2;
    double many = speed(m, devices), few = speed(small, 1000);
    printf("{\"devices\": %u, \"authorities\": %u, \"MiB\": %.1f, \"bytes_per_device\": %.0f, "
           "\"lookups_per_s\": %.0f, \"lookups_per_s_of_1000\": %.0f}\n",
           devices, authorities, mib, mib * 1048576 / devices, many, few);
    memory_free(m);
    memory_free(small);
    return mib * 1e6 / devices > 256;
}

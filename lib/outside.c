/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/outside.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct net {
    uint8_t address[16];
    unsigned bits;
};

static bool within(const uint8_t *address, const struct net *n)
{
    unsigned whole = n->bits / 8, rest = n->bits % 8;
    uint8_t mask = (uint8_t)(0xff00U >> rest);

    return memcmp(address, n->address, whole) == 0 &&
           (!rest || (address[whole] & mask) == (n->address[whole] & mask));
}

static bool outside_v4(const uint8_t *address)
{
    static const struct net inside[] = {
        {{0}, 8},             /* this network */
        {{10}, 8},            /* private */
        {{100, 64}, 10},      /* shared, behind a provider's NAT */
        {{127}, 8},           /* loopback */
        {{169, 254}, 16},     /* link-local; the metadata of clouds */
        {{172, 16}, 12},      /* private */
        {{192, 0, 0}, 24},    /* protocol assignments */
        {{192, 0, 2}, 24},    /* documentation */
        {{192, 88, 99}, 24},  /* 6to4 relays, gone */
        {{192, 168}, 16},     /* private */
        {{198, 18}, 15},      /* benchmarking */
        {{198, 51, 100}, 24}, /* documentation */
        {{203, 0, 113}, 24},  /* documentation */
        {{224}, 3},           /* multicast, reserved, broadcast */
    };

    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (within(address, &inside[i]))
            return false;
    return true;
}

/* Only global unicast (2000::/3) is outside, and of it not everything. */
static bool outside_v6(const uint8_t *address)
{
    static const struct net mapped = {{[10] = 0xff, 0xff}, 96}, nat64 = {{0, 0x64, 0xff, 0x9b}, 96},
                            six_to_four = {{0x20, 0x02}, 16}, global = {{0x20}, 3};
    static const struct net inside[] = {
        {{0x20, 0x01}, 23},             /* protocol assignments, Teredo, ORCHID */
        {{0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation */
        {{0x3f, 0xff}, 20},             /* documentation */
    };

    if (within(address, &mapped) || within(address, &nat64))
        return outside_v4(address + 12);
    if (within(address, &six_to_four))
        return outside_v4(address + 2);
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (within(address, &inside[i]))
            return false;
    return within(address, &global);
}

bool outside_address(const struct sockaddr *sa, socklen_t len)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;

    if (sa->sa_family == AF_INET && len >= sizeof in) {
        memcpy(&in, sa, sizeof in);
        return outside_v4((const uint8_t *)&in.sin_addr);
    }
    if (sa->sa_family == AF_INET6 && len >= sizeof in6) {
        memcpy(&in6, sa, sizeof in6);
        return outside_v6(in6.sin6_addr.s6_addr);
    }
    return false;
}

bool outside_text(const char *address)
{
    uint8_t raw[16];

    if (inet_pton(AF_INET, address, raw) == 1)
        return outside_v4(raw);
    return inet_pton(AF_INET6, address, raw) == 1 && outside_v6(raw);
}

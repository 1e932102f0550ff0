/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which interfaces lead out, from what the kernel tells of routes and links, and does not tell. */
#include "netfilter/neigh_fast.h"
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

struct message {
    struct nlmsghdr nlh;
    char room[128];
};

static void put_u32(struct message *m, unsigned short type, uint32_t value)
{
    struct rtattr *a = (struct rtattr *)((char *)m + NLMSG_ALIGN(m->nlh.nlmsg_len));
    a->rta_type = type;
    a->rta_len = RTA_LENGTH(sizeof value);
    memcpy(RTA_DATA(a), &value, sizeof value);
    m->nlh.nlmsg_len = NLMSG_ALIGN(m->nlh.nlmsg_len) + a->rta_len;
}

static bool tell_route(struct neigh_fast *f, uint16_t flags, uint32_t ifindex, uint32_t gateway)
{
    struct message m = {.nlh = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct rtmsg)),
                                .nlmsg_type = RTM_NEWROUTE,
                                .nlmsg_flags = flags}};
    struct rtmsg *rt = NLMSG_DATA(&m.nlh);
    *rt =
        (struct rtmsg){.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
    put_u32(&m, RTA_GATEWAY, gateway);
    put_u32(&m, RTA_OIF, ifindex);
    return neigh_fast_route(f, &m.nlh);
}

static bool tell_link(struct neigh_fast *f, uint16_t type, unsigned flags, int ifindex)
{
    struct message m = {
        .nlh = {.nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = type}};
    struct ifinfomsg *ifi = NLMSG_DATA(&m.nlh);
    *ifi = (struct ifinfomsg){.ifi_index = ifindex, .ifi_flags = flags};
    return neigh_fast_link(f, &m.nlh);
}

static void test_a_connection_made_anew_again_and_again_is_still_an_uplink(void **state)
{
    (void)state;
    struct neigh_fast f = {.wanted = true};
    for (uint32_t i = 1; i < 5 * NEIGH_FAST_ROUTES; i++) {
        assert_true(tell_route(&f, 0, i, 1000 + i));
        assert_int_equal(f.n_routes, 1);
        assert_int_equal(f.routes[0].ifindex, i);
        assert_true(tell_link(&f, i % 2 ? RTM_DELLINK : RTM_NEWLINK, 0, (int)i));
        assert_int_equal(f.n_routes, 0);
    }
}

static void test_what_replaces_a_route_is_the_only_one(void **state)
{
    (void)state;
    struct neigh_fast f = {.wanted = true};
    tell_route(&f, 0, 7, 1);
    assert_true(tell_route(&f, NLM_F_REPLACE, 8, 2));
    assert_int_equal(f.n_routes, 1);
    assert_int_equal(f.routes[0].ifindex, 8);
    assert_true(tell_link(&f, RTM_NEWLINK, IFF_UP, 8)); /* something of it may be another now */
    assert_int_equal(f.n_routes, 1);
    assert_false(tell_link(&f, RTM_NEWLINK, IFF_UP, 7));
}

static void test_the_newest_route_is_known_however_many_there_are(void **state)
{
    (void)state;
    struct neigh_fast f = {.wanted = true};
    for (uint32_t i = 1; i <= 3 * NEIGH_FAST_ROUTES; i++) {
        assert_true(tell_route(&f, 0, i, i));
        assert_true(f.n_routes <= NEIGH_FAST_ROUTES);
        assert_int_equal(f.routes[f.n_routes - 1].ifindex, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_connection_made_anew_again_and_again_is_still_an_uplink),
        cmocka_unit_test(test_what_replaces_a_route_is_the_only_one),
        cmocka_unit_test(test_the_newest_route_is_known_however_many_there_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

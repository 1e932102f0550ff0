/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of devices: whom strangers with invented addresses must not push out. */
#include "portal/devices.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t key[32] = {7};

static struct mac numbered(uint32_t n)
{
    return (struct mac){
        {2, 0, (uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}};
}

static struct device *make(struct devices *t, uint32_t n)
{
    struct mac mac = numbered(n);
    struct device *d = devices_get(t, &mac);
    assert_non_null(d);
    return d;
}

static bool known(struct devices *t, uint32_t n)
{
    struct mac mac = numbered(n);
    return devices_find(t, &mac) != NULL;
}

static void invented_addresses_push_out_nobody_who_is_online_or_asked_about(void **state)
{
    struct devices *t = devices_new(100, key, sizeof key);
    (void)state;
    make(t, 1)->session.state = SESSION_OPEN;
    make(t, 2)->session.state = SESSION_ASKING;
    make(t, 3)->refs = 1;
    for (uint32_t n = 1; n <= 3; n++)
        devices_touch(t, make(t, n));
    for (uint32_t n = 1000; n < 6000; n++)
        devices_touch(t, make(t, n));
    assert_in_range(devices_count(t), 100, 105);
    assert_true(known(t, 1) && known(t, 2) && known(t, 3));
    devices_free(t, NULL);
}

static void the_longest_untouched_goes_first(void **state)
{
    struct devices *t = devices_new(3, key, sizeof key);
    (void)state;
    for (uint32_t n = 1; n <= 3; n++)
        devices_touch(t, make(t, n));
    devices_touch(t, make(t, 1));
    for (uint32_t n = 4; n <= 6; n++)
        devices_touch(t, make(t, n));
    assert_true(known(t, 1));
    assert_false(known(t, 2));
    devices_free(t, NULL);
}

static void strangers_do_not_push_out_who_asked_to_be_left_alone(void **state)
{
    struct devices *t = devices_new(10, key, sizeof key);
    (void)state;
    make(t, 1)->session.left = true;
    devices_touch(t, make(t, 1));
    for (uint32_t n = 100; n < 200; n++)
        devices_touch(t, make(t, n));
    assert_true(known(t, 1));
    for (uint32_t n = 200; n < 300; n++) { /* that list is bounded too */
        make(t, n)->session.left = true;
        devices_touch(t, make(t, n));
    }
    assert_false(known(t, 1));
    assert_in_range(devices_count(t), 10, 25);
    devices_free(t, NULL);
}

struct person {
    struct waiter w;
    struct device *d;
    int called, again;
};

static void called(void *arg)
{
    struct person *p = arg;
    p->called++;
    assert_null(p->w.on);
    if (p->again-- > 0)
        device_wait(p->d, &p->w, called, p);
}

static void everybody_who_waits_is_called_once(void **state)
{
    struct devices *t = devices_new(10, key, sizeof key);
    struct device *d = make(t, 1);
    struct person p[3] = {{.d = d}, {.d = d, .again = 1}, {.d = d}};
    (void)state;
    for (int i = 0; i < 3; i++)
        device_wait(d, &p[i].w, called, &p[i]);
    device_unwait(&p[0].w);
    device_unwait(&p[0].w);
    device_wake(d);
    assert_int_equal(p[0].called, 0);
    assert_int_equal(p[1].called, 1);
    assert_int_equal(p[2].called, 1);
    device_wake(d);
    assert_int_equal(p[1].called, 2);
    device_wake(d);
    devices_free(t, NULL);
}

static void the_log_shows_no_address(void **state)
{
    struct devices *t = devices_new(10, key, sizeof key);
    struct device *a = make(t, 1), *b = make(t, 2);
    (void)state;
    assert_int_equal(strlen(a->pseudonym), DEVICE_LOG_LEN - 1);
    assert_string_not_equal(a->pseudonym, b->pseudonym);
    assert_null(strstr(a->pseudonym, "0200"));
    assert_ptr_equal(devices_next(devices_first(t)), b);
    devices_free(t, NULL);
}

/* Counted as it goes, and the same as if all were looked at. */
static void the_numbers_shown_are_those_of_the_devices(void **state)
{
    static const uint8_t states[] = {SESSION_IDLE, SESSION_OPEN, SESSION_ASKING, SESSION_CLOSING};
    struct devices *t = devices_new(5, key, sizeof key);
    uint32_t dice = 1;
    (void)state;
    devices_expect(t, 5000);
    for (int i = 0; i < 20000; i++) {
        struct devices_census all = {0};
        dice = dice * 1664525 + 1013904223;
        struct device *d = make(t, (dice >> 8) % 100);
        d->session.state = states[dice >> 24 & 3];
        d->session.left = (dice >> 26 & 3) == 0;
        d->session.outcome = dice >> 28 & 1 ? SESSION_DENIED : SESSION_REFUSED;
        devices_touch(t, d);
        for (d = devices_first(t); d && i % 16 == 0; d = devices_next(d)) {
            all.open += session_is_open(&d->session);
            all.left += d->session.left;
            all.denied += d->session.state == SESSION_IDLE && d->session.outcome == SESSION_DENIED;
        }
        if (i % 16 == 0)
            assert_memory_equal(&all, devices_census(t), sizeof all);
    }
    devices_free(t, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(invented_addresses_push_out_nobody_who_is_online_or_asked_about),
        cmocka_unit_test(the_longest_untouched_goes_first),
        cmocka_unit_test(strangers_do_not_push_out_who_asked_to_be_left_alone),
        cmocka_unit_test(everybody_who_waits_is_called_once),
        cmocka_unit_test(the_log_shows_no_address),
        cmocka_unit_test(the_numbers_shown_are_those_of_the_devices),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

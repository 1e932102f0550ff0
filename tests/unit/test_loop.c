/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: what would make a daemon hang, spin, or touch what it has freed. */
#include "lib/loop.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static char trail[256];
static time_t ahead_s; /* of what the kernel says the time is */

/* Ours comes before libc's, for the loop too. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
    int r = (int)syscall(SYS_clock_gettime, clock, t);
    if (clock == CLOCK_MONOTONIC || clock == CLOCK_BOOTTIME)
        t->tv_sec += ahead_s;
    return r;
}

static void note(const char *what)
{
    strncat(trail, what, sizeof trail - strlen(trail) - 1);
}

static int setup(void **state)
{
    (void)state;
    loop = loop_new();
    trail[0] = '\0';
    return loop ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static void stop(void *arg)
{
    (void)arg;
    note("stop ");
    loop_stop(loop);
}

static void say(void *arg)
{
    note(arg);
}

/* --- timers ---------------------------------------------------------------------------------- */
static struct loop_timer *own;

static void free_own(void *arg)
{
    (void)arg;
    assert_false(loop_timer_running(own));
    loop_timer_free(own);
    own = NULL;
    loop_stop(loop);
}

static void a_timer_may_free_itself_and_is_never_early(void **state)
{
    uint64_t began = loop_now_us();

    (void)state;
    own = loop_timer_new(loop, free_own, NULL);
    assert_false(loop_timer_running(own));
    loop_timer_start(own, 20);
    assert_true(loop_timer_running(own));
    loop_run(loop);
    assert_null(own);
    assert_true(loop_now_us() - began >= 20000);
    assert_true(loop_now_ms() >= began / 1000);
}

/* A long turn between the loop's clock and the start of a timer must not shorten it. */
static uint64_t asked_us, came_us;

static void came(void *arg)
{
    came_us = loop_now_us();
    stop(arg);
}

static void start_late(void *arg)
{
    uint64_t until = loop_now_us() + 30000;

    while (loop_now_us() < until)
        ; /* a turn that takes 30 ms */
    asked_us = loop_now_us();
    loop_timer_start(arg, 20);
}

static void a_timer_that_begins_late_in_a_turn_still_takes_its_time(void **state)
{
    struct loop_timer *t = loop_timer_new(loop, came, NULL);
    struct loop_timer *first = loop_timer_new(loop, start_late, t);

    (void)state;
    loop_timer_start(first, 1);
    loop_run(loop);
    assert_true(came_us - asked_us >= 19900);
    loop_timer_free(t);
    loop_timer_free(first);
}

static void a_timer_that_was_stopped_stays_silent(void **state)
{
    struct loop_timer *never = loop_timer_new(loop, say, "never "),
                      *end = loop_timer_new(loop, stop, NULL);

    (void)state;
    loop_timer_start(never, 1);
    loop_timer_stop(never);
    loop_timer_start(end, 50);
    loop_timer_start(end, 10); /* restarts */
    loop_run(loop);
    assert_string_equal(trail, "stop ");
    loop_timer_free(never);
    loop_timer_free(end);
    loop_timer_free(NULL);
}

/* --- deferred calls -------------------------------------------------------------------------- */
static void defer_more(void *arg)
{
    note("b ");
    loop_defer(loop, say, "c ");
    loop_defer(loop, stop, NULL);
    (void)arg;
}

static void changes_of_one_turn_become_one_batch_in_order(void **state)
{
    (void)state;
    loop_defer(loop, say, "a ");
    loop_defer(loop, defer_more, NULL);
    loop_defer(loop, say, "x ");
    loop_undefer(loop, say, "x "); /* its owner is gone */
    loop_run(loop);                /* would wait for ever if deferred work did not wake it */
    assert_string_equal(trail, "a b c stop ");
}

static int again;
static void forever(void *arg)
{
    again++;
    loop_defer(loop, forever, arg);
}

static void deferred_work_without_end_does_not_starve_timers(void **state)
{
    struct loop_timer *end = loop_timer_new(loop, stop, NULL);

    (void)state;
    again = 0;
    loop_defer(loop, forever, NULL);
    loop_timer_start(end, 10);
    loop_run(loop);
    assert_string_equal(trail, "stop ");
    assert_true(again > 16);
    loop_timer_free(end);
}

static void a_stop_before_the_run_is_not_lost(void **state)
{
    (void)state;
    loop_stop(loop);
    loop_run(loop);
    loop_defer(loop, stop, NULL);
    loop_run(loop);
    assert_string_equal(trail, "stop ");
}

/* --- descriptors and signals ----------------------------------------------------------------- */
static struct loop_io *io;
static int pipes[2];

static void on_readable(void *arg, int fd, int events)
{
    char byte;

    (void)arg;
    assert_int_equal(events, LOOP_READ);
    assert_int_equal(read(fd, &byte, 1), 1);
    note("read ");
    loop_io_free(io);
    io = NULL;
    loop_stop(loop);
}

static void write_byte(void *arg)
{
    (void)arg;
    note("write ");
    assert_int_equal(write(pipes[1], "x", 1), 1);
    loop_io_set(io, LOOP_READ);
}

static void a_paused_descriptor_is_silent_until_it_is_wanted_again(void **state)
{
    struct loop_timer *t = loop_timer_new(loop, write_byte, NULL);

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(write(pipes[1], "x", 1), 1);
    io = loop_io_new(loop, pipes[0], LOOP_READ, on_readable, NULL);
    loop_io_set(io, 0);
    loop_timer_start(t, 10);
    loop_run(loop);
    assert_string_equal(trail, "write read ");
    loop_timer_free(t);
    loop_io_free(NULL);
    close(pipes[0]);
    close(pipes[1]);
}

static void on_signal(void *arg, int signum)
{
    (void)arg;
    assert_int_equal(signum, SIGHUP);
    note("hup ");
    loop_stop(loop);
}

static void send_hup(void *arg)
{
    (void)arg;
    raise(SIGHUP);
}

static void a_signal_is_an_event_like_any_other(void **state)
{
    struct loop_signal *s = loop_signal_new(loop, SIGHUP, on_signal, NULL);

    (void)state;
    loop_defer(loop, send_hup, NULL);
    loop_run(loop);
    assert_string_equal(trail, "hup ");
    loop_signal_free(s);
}

/* --- watching a directory -------------------------------------------------------------------- */
static char dir[64];
static struct loop_watch *watch;
static int calls;

static void make_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    close(open(path, O_CREAT | O_WRONLY | O_TRUNC, 0600));
}

static void remove_file(const char *name)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", dir, name);
    unlink(path);
}

static void make_many(void *arg)
{
    (void)arg;
    for (int i = 0; i < 50; i++)
        make_file("a.md");
}

static void on_change(void *arg)
{
    (void)arg;
    if (++calls == 1) { /* a second change, and this time the watch goes away in its own callback */
        loop_defer(loop, make_many, NULL);
        return;
    }
    loop_watch_free(watch);
    watch = NULL;
    loop_stop(loop);
}

static void a_new_notice_is_seen_once_and_soon(void **state)
{
    (void)state;
    calls = 0;
    snprintf(dir, sizeof dir, "/tmp/loggia-test-watch.XXXXXX");
    assert_non_null(mkdtemp(dir));
    watch = loop_watch_new(loop, dir, 30, on_change, NULL);
    assert_non_null(watch);
    loop_defer(loop, make_many, NULL);
    loop_run(loop);
    assert_int_equal(calls, 2);
    assert_null(watch);
    remove_file("a.md");
    rmdir(dir);
    assert_null(loop_watch_new(loop, dir, 30, on_change, NULL));
    assert_null(loop_watch_new(loop, "/dev/null", 30, on_change, NULL));
    loop_watch_free(NULL);
}

/* The admin switches a link to the next edition of the notices: inotify watches the old one. */
static char link_path[80], old_dir[80], next_dir[80];

static void switch_link(void *arg)
{
    char fresh[96];

    (void)arg;
    snprintf(fresh, sizeof fresh, "%s.new", link_path);
    assert_int_equal(symlink(next_dir, fresh), 0);
    assert_int_equal(rename(fresh, link_path), 0);
}

static void a_directory_that_is_replaced_as_a_whole_is_found_again(void **state)
{
    (void)state;
    calls = 1;
    snprintf(dir, sizeof dir, "/tmp/loggia-test-watch.XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(link_path, sizeof link_path, "%s/current", dir);
    snprintf(old_dir, sizeof old_dir, "%s/old", dir);
    snprintf(next_dir, sizeof next_dir, "%s/next", dir);
    assert_int_equal(mkdir(old_dir, 0700), 0);
    assert_int_equal(mkdir(next_dir, 0700), 0);
    assert_int_equal(symlink(old_dir, link_path), 0);
    watch = loop_watch_new(loop, link_path, 1, on_change, NULL);
    assert_non_null(watch);
    loop_defer(loop, switch_link, NULL);
    loop_run(loop);
    assert_null(watch);
    unlink(link_path);
    rmdir(old_dir);
    rmdir(next_dir);
    rmdir(dir);
}

/* --- turns ----------------------------------------------------------------------------------- */
static void work_ms(clockid_t clock, long ms)
{
    struct timespec t;
    clock_gettime(clock, &t);
    long long end = t.tv_sec * 1000000000LL + t.tv_nsec + ms * 1000000LL;
    do
        clock_gettime(clock, &t);
    while (t.tv_sec * 1000000000LL + t.tv_nsec < end);
}

static void work(void *arg)
{
    work_ms(CLOCK_THREAD_CPUTIME_ID, 20);
    loop_timer_start(arg, 0);
}

static void wait_long(void *arg)
{
    const struct timespec t = {.tv_nsec = 60 * 1000000};
    nanosleep(&t, NULL);
    loop_timer_start(arg, 0);
}

static struct loop_turns turns_with(loop_timer_fn fn)
{
    struct loop_turns t;
    struct loop_timer *last = loop_timer_new(loop, stop, NULL);
    struct loop_timer *first = loop_timer_new(loop, fn, last);
    loop_timer_start(first, 0);
    loop_run(loop);
    loop_timer_free(first);
    loop_timer_free(last);
    loop_turns(loop, &t);
    return t;
}

static void a_turn_that_works_long_is_told_as_worked(void **state)
{
    struct loop_turns t = turns_with(work);
    (void)state;
    assert_true(t.n >= 1 && t.slow >= 1 && t.slow <= t.n);
    assert_true(t.longest_us >= 20000 && t.longest_us - t.waited_us >= 19000);
}

static void a_turn_that_waits_long_is_told_as_waited(void **state)
{
    struct loop_turns t = turns_with(wait_long);
    (void)state;
    assert_true(t.slow >= 1 && t.longest_us >= 60000 && t.waited_us >= 40000);
}

static void rest(void *arg)
{
    loop_timer_start(arg, 300);
}

static void one_more(void *arg)
{
    loop_timer_start(arg, 0);
}

static void a_loop_that_has_nothing_to_do_is_not_slow(void **state)
{
    struct loop_turns t;
    struct loop_timer *last = loop_timer_new(loop, stop, NULL);
    struct loop_timer *second = loop_timer_new(loop, one_more, last);
    struct loop_timer *first = loop_timer_new(loop, rest, second);
    (void)state;
    loop_timer_start(first, 0);
    loop_run(loop);
    loop_timer_free(first);
    loop_timer_free(second);
    loop_timer_free(last);
    loop_turns(loop, &t);
    assert_true(t.n >= 2 && t.longest_us < 200000);
}

static uint64_t worked_us(struct loop_turns t)
{
    return t.longest_us - t.waited_us; /* a busy machine makes any turn wait */
}

static void the_longest_turn_is_told_for_a_minute_or_two_and_then_forgotten(void **state)
{
    (void)state;
    struct loop_turns first = turns_with(work);
    ahead_s += 61;
    assert_true(turns_with(one_more).longest_us >= first.longest_us);
    ahead_s += 61;
    assert_true(worked_us(turns_with(one_more)) < 19000);
    turns_with(work);
    ahead_s += 121; /* with not one turn */
    struct loop_turns t = turns_with(one_more);
    assert_true(worked_us(t) < 19000 && t.slow >= 2);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_timer_may_free_itself_and_is_never_early),
        TEST(a_timer_that_begins_late_in_a_turn_still_takes_its_time),
        TEST(a_timer_that_was_stopped_stays_silent),
        TEST(changes_of_one_turn_become_one_batch_in_order),
        TEST(deferred_work_without_end_does_not_starve_timers),
        TEST(a_stop_before_the_run_is_not_lost),
        TEST(a_paused_descriptor_is_silent_until_it_is_wanted_again),
        TEST(a_signal_is_an_event_like_any_other),
        TEST(a_new_notice_is_seen_once_and_soon),
        TEST(a_directory_that_is_replaced_as_a_whole_is_found_again),
        TEST(a_turn_that_works_long_is_told_as_worked),
        TEST(a_turn_that_waits_long_is_told_as_waited),
        TEST(a_loop_that_has_nothing_to_do_is_not_slow),
        TEST(the_longest_turn_is_told_for_a_minute_or_two_and_then_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal's end of the gate's socket against a gate that misbehaves as no real one does on
 * demand: dies between question and answer, answers late, speaks in packets of another size, is
 * busy. The real gate is in tests/integration. */
#include "lib/loop.h"
#include "portal/gate_client.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
    struct loop *loop;
    struct loop_timer *limit;
    char dir[40], path[64];
    int listener, fd;
    struct loop_io *accepting, *reading;
    struct gate_client *client;
    /* how this gate behaves */
    enum gate_status hello;
    bool silent, dies_when_asked, odd_packets, lists_late;
    struct gate_request dump; /* then: to be answered by the test */
    unsigned devices;
    /* what was seen */
    unsigned connections, asked, listed, told, refused, lost, answers, given_up;
    unsigned wanted; /* answers that end the test */
    bool until_listed;
    uint64_t order[128];
};
static struct world w;

static void send_reply(const struct gate_request *r, enum gate_status status)
{
    struct gate_reply reply = {.verb = r->verb, .status = (uint16_t)status, .seq = r->seq};
    if (r->verb == GATE_READ)
        reply.entry.counters.up_bytes = r->entry.mac.b[5];
    ssize_t n = send(w.fd, &reply, sizeof reply, MSG_NOSIGNAL);
    assert_true(n == sizeof reply || n == -1); /* the client may have hung up already */
}

static void hang_up(void)
{
    loop_io_free(w.reading);
    w.reading = NULL;
    close(w.fd);
    w.fd = -1;
}

static void gate_reads(void *arg, int fd, int events)
{
    struct gate_request r;
    (void)arg;
    (void)events;
    if (recv(fd, &r, sizeof r, 0) != sizeof r) {
        hang_up();
        return;
    }
    if (r.verb == GATE_HELLO) {
        send_reply(&r, w.hello);
    } else if (r.verb == GATE_DUMP && w.lists_late) {
        w.dump = r;
    } else if (r.verb == GATE_DUMP) {
        for (unsigned i = 0; i < w.devices; i++)
            send_reply(&r, GATE_MORE);
        send_reply(&r, GATE_OK);
    } else {
        w.order[w.asked++ % 128] = r.entry.mac.b[5];
        if (w.odd_packets)
            assert_int_equal(send(fd, "?", 1, MSG_NOSIGNAL), 1);
        else if (w.dies_when_asked)
            hang_up();
        else if (!w.silent)
            send_reply(&r, GATE_OK);
        w.dies_when_asked = w.odd_packets = false;
    }
}

static void gate_accepts(void *arg, int fd, int events)
{
    (void)arg;
    (void)events;
    if (w.fd >= 0)
        hang_up();
    w.connections++;
    w.fd = accept(fd, NULL, NULL);
    w.reading = loop_io_new(w.loop, w.fd, LOOP_READ, gate_reads, NULL);
}

static void on_device(void *arg, const struct gate_entry *e)
{
    (void)arg;
    (void)e;
    w.told++;
}

static void on_listed(void *arg, const struct gate_hello *hello)
{
    (void)arg;
    (void)hello;
    w.listed++;
    if (w.until_listed)
        loop_stop(w.loop);
}

static void on_lost(void *arg)
{
    (void)arg;
    w.lost++;
}

static void on_event(void *arg, const struct gate_reply *event)
{
    (void)arg;
    (void)event;
}

static void on_refused(void *arg, enum gate_status why)
{
    (void)arg;
    w.refused = why;
    loop_stop(w.loop);
}

static const struct gate_client_handler handler = {.device = on_device,
                                                   .listed = on_listed,
                                                   .lost = on_lost,
                                                   .event = on_event,
                                                   .refused = on_refused};

static void too_long(void *arg)
{
    (void)arg;
    loop_stop(w.loop);
}

static void on_answer(void *arg, const struct gate_reply *reply)
{
    if (!reply)
        w.given_up++;
    else
        assert_int_equal(reply->entry.counters.up_bytes, (uintptr_t)arg);
    w.answers++;
    if (w.answers == w.wanted)
        loop_stop(w.loop);
}

static void ask(uint8_t n, uint64_t deadline_ms)
{
    struct gate_request r = {.verb = GATE_READ, .entry.mac.b = {2, 0, 0, 0, 0, n}};
    assert_non_null(gate_client_call(w.client, &r, deadline_ms, on_answer, (void *)(uintptr_t)n));
}

static int begin(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    (void)state;
    memset(&w, 0, sizeof w);
    w.fd = -1;
    w.wanted = 5;
    strcpy(w.dir, "/tmp/loggia-gate-XXXXXX");
    if (!mkdtemp(w.dir))
        return -1;
    snprintf(w.path, sizeof w.path, "%s/gate.sock", w.dir);
    strcpy(a.sun_path, w.path);
    w.loop = loop_new();
    w.listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
    if (bind(w.listener, (struct sockaddr *)&a, sizeof a) || listen(w.listener, 5))
        return -1;
    w.accepting = loop_io_new(w.loop, w.listener, LOOP_READ, gate_accepts, NULL);
    w.limit = loop_timer_new(w.loop, too_long, NULL);
    loop_timer_start(w.limit, 8000);
    w.client = gate_client_new(w.loop, w.path, &handler, NULL);
    return 0;
}

static int end(void **state)
{
    (void)state;
    gate_client_free(w.client);
    if (w.fd >= 0)
        hang_up();
    loop_io_free(w.accepting);
    loop_timer_free(w.limit);
    loop_free(w.loop);
    close(w.listener);
    unlink(w.path);
    return rmdir(w.dir);
}

static void ask_five(uint64_t deadline_ms)
{
    for (uint8_t n = 1; n <= 5; n++)
        ask(n, deadline_ms);
}

static void questions_wait_for_the_list_and_keep_their_order(void **state)
{
    (void)state;
    w.devices = 3;
    ask_five(0);
    assert_false(gate_client_ready(w.client));
    loop_run(w.loop);
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.told, 3);
    assert_int_equal(w.listed, 1);
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(w.order[i], i + 1);
    assert_int_equal(gate_client_waiting(w.client), 0);
}

static void what_a_dying_gate_left_unanswered_is_asked_again(void **state)
{
    (void)state;
    w.dies_when_asked = true;
    ask_five(0);
    loop_run(w.loop);
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.given_up, 0);
    assert_int_equal(w.connections, 2);
    assert_int_equal(w.listed, 2);
    assert_int_equal(w.lost, 1);
    assert_int_equal(w.order[1], 1); /* the whole list again, from its head */
}

static void a_packet_of_another_size_ends_the_connection_not_the_portal(void **state)
{
    (void)state;
    w.odd_packets = true;
    ask_five(0);
    loop_run(w.loop);
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.connections, 2);
}

static void nobody_waits_for_a_silent_gate_past_the_deadline(void **state)
{
    (void)state;
    w.silent = true;
    ask_five(50);
    loop_run(w.loop);
    assert_int_equal(w.given_up, 5);
    assert_int_equal(gate_client_waiting(w.client), 0);
}

static void a_cancelled_question_is_not_answered(void **state)
{
    struct gate_request r = {.verb = GATE_READ};
    (void)state;
    struct gate_call *c = gate_client_call(w.client, &r, 0, on_answer, (void *)99);
    assert_non_null(c);
    gate_call_cancel(c);
    ask_five(0);
    loop_run(w.loop);
    assert_int_equal(w.answers, 5);
    assert_int_equal(w.asked, 5);
}

/* A hundred sessions' counters are due when somebody opens the page. */
static void a_page_is_not_behind_all_the_readings(void **state)
{
    enum { READINGS = 100, PAGE = 200, MOST_IN_FRONT = 32 };
    unsigned at = 0;
    (void)state;
    w.until_listed = true;
    loop_run(w.loop);
    for (uint8_t n = 0; n < READINGS; n++)
        ask(n, 0);
    ask(PAGE, 4000);
    w.wanted = READINGS + 1;
    loop_run(w.loop);
    assert_int_equal(w.answers, READINGS + 1);
    assert_int_equal(w.given_up, 0);
    while (at < READINGS && w.order[at] != PAGE)
        at++;
    assert_in_range(at, 1, MOST_IN_FRONT);
    assert_int_equal(w.order[READINGS], READINGS - 1);
}

/* The gate was started with a hundred thousand devices, and looks for them all. */
static void a_page_is_not_behind_the_list(void **state)
{
    enum { PAGE = 200 };
    (void)state;
    w.lists_late = true;
    ask(1, 0);
    ask(PAGE, 4000);
    ask(2, 0);
    w.wanted = 1;
    loop_run(w.loop);
    assert_int_equal(w.answers, 1);
    assert_int_equal(w.listed, 0);
    assert_int_equal(w.asked, 1);
    assert_int_equal(w.order[0], PAGE);
    ask(PAGE + 1, 4000);
    w.wanted = 2;
    loop_run(w.loop);
    assert_int_equal(w.order[1], PAGE + 1);
    send_reply(&w.dump, GATE_OK);
    w.wanted = 4;
    loop_run(w.loop);
    assert_int_equal(w.given_up, 0);
    assert_int_equal(w.asked, 4); /* none of them twice */
    assert_int_equal(w.order[2], 1);
    assert_int_equal(w.order[3], 2);
}

/* With readings held back: the gate dies, one of those under way and one held are cancelled. */
static void held_readings_are_asked_once_each_whatever_happens(void **state)
{
    enum { READINGS = 100 };
    struct gate_request r = {.verb = GATE_READ, .entry.mac.b = {2, 0, 0, 0, 0, 99}};
    struct gate_call *first, *held;
    unsigned seen[READINGS] = {0};
    (void)state;
    first = gate_client_call(w.client, &r, 0, on_answer, (void *)99);
    for (uint8_t n = 0; n < READINGS - 1; n++)
        ask(n, 0);
    held = gate_client_call(w.client, &r, 0, on_answer, (void *)99);
    gate_call_cancel(first);
    gate_call_cancel(held);
    w.wanted = READINGS - 1;
    w.dies_when_asked = true;
    loop_run(w.loop);
    assert_int_equal(w.answers, READINGS - 1);
    assert_int_equal(w.connections, 2);
    assert_int_equal(w.asked, READINGS); /* the first one twice */
    for (unsigned i = 0; i < w.asked; i++)
        seen[w.order[i]]++;
    for (unsigned n = 0; n < READINGS - 1; n++)
        assert_int_equal(seen[n], n == 0 ? 2 : 1);
    assert_int_equal(gate_client_waiting(w.client), 0);
}

static void a_busy_gate_is_asked_for_a_second_and_then_believed(void **state)
{
    (void)state;
    w.hello = GATE_BUSY;
    loop_run(w.loop);
    assert_int_equal(w.refused, GATE_BUSY);
    assert_true(w.connections > 3);
}

static void a_gate_of_another_version_is_believed_at_once(void **state)
{
    (void)state;
    w.hello = GATE_VERSION;
    loop_run(w.loop);
    assert_int_equal(w.refused, GATE_VERSION);
    assert_int_equal(w.connections, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(questions_wait_for_the_list_and_keep_their_order),
        T(what_a_dying_gate_left_unanswered_is_asked_again),
        T(a_packet_of_another_size_ends_the_connection_not_the_portal),
        T(nobody_waits_for_a_silent_gate_past_the_deadline),
        T(a_cancelled_question_is_not_answered),
        T(a_page_is_not_behind_all_the_readings),
        T(a_page_is_not_behind_the_list),
        T(held_readings_are_asked_once_each_whatever_happens),
        T(a_busy_gate_is_asked_for_a_second_and_then_believed),
        T(a_gate_of_another_version_is_believed_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

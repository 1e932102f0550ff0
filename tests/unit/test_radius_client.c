/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The RADIUS client's behaviour on the wire, seen by a peer on loopback that keeps every datagram
 * and answers as the test wants: things that a well-behaved server never shows. (What a real server
 * makes of it all: tests/integration/test_radius_client_*.py.) */
#include "lib/config.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/accounting.h"
#include "portal/radius_client.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define SECRET "of-the-peer"
enum { MAX_HEARD = 8192, MAX_KEPT = 512 };

struct heard {
    struct sockaddr_in from;
    uint64_t at_us;
    size_t len;
    uint8_t data[MAX_KEPT];
};

static struct loop *loop;
static struct loop_timer *guard;
static struct radius_client *client;
static struct loop_io *peer_io;
static int peer;
static struct heard heard[MAX_HEARD];
static size_t n_heard, stop_at_heard;
static void (*on_heard)(const struct heard *h);
static struct radius_grant last;
static size_t n_answers, stop_at_answers;

static struct conf_radius_server server = {
    .name = (char *)"peer", .address = (char *)"127.0.0.1", .secret = (char *)SECRET};
static struct conf conf = {.nas_identifier = (char *)"unit"};

/* --- the peer -----------------------------------------------------------------------------------
 */

static void say(const struct heard *h, const void *data, size_t len)
{
    sendto(peer, data, len, 0, (const struct sockaddr *)&h->from, sizeof h->from);
}

static void begin_reply(struct radius_packet *p, const struct heard *h, enum radius_code code)
{
    radius_begin(p, code, h->data[1], h->data + 4);
}

static void reply_with(const struct heard *h, enum radius_code code)
{
    struct radius_packet p;

    begin_reply(&p, h, code);
    radius_add_u32(&p, RADIUS_SESSION_TIMEOUT, 60);
    radius_add_text(&p, RADIUS_REPLY_MESSAGE, "a text");
    assert_true(radius_sign_reply(&p, h->data + 4, SECRET));
    say(h, p.data, p.len);
}

static void accept_it(const struct heard *h)
{
    reply_with(h, RADIUS_ACCESS_ACCEPT);
}

static void challenge_it(const struct heard *h)
{
    reply_with(h, RADIUS_ACCESS_CHALLENGE);
}

static void peer_readable(void *arg, int fd, int events)
{
    (void)arg, (void)events;
    for (;;) {
        struct heard *h = &heard[n_heard];
        socklen_t from_len = sizeof h->from;
        if (n_heard == MAX_HEARD)
            fail_msg("too many datagrams");
        ssize_t n = recvfrom(fd, h->data, sizeof h->data, MSG_DONTWAIT, (struct sockaddr *)&h->from,
                             &from_len);
        if (n < 0)
            break;
        h->len = (size_t)n;
        h->at_us = loop_now_us();
        n_heard++;
        if (on_heard != NULL)
            on_heard(h);
    }
    if (stop_at_heard != 0 && n_heard >= stop_at_heard)
        loop_stop(loop);
}

/* --- the client ---------------------------------------------------------------------------------
 */

static void answered(void *arg, const struct radius_grant *g)
{
    (void)arg;
    last = *g;
    if (++n_answers == stop_at_answers)
        loop_stop(loop);
}

static struct radius_question *ask(unsigned i)
{
    struct radius_ask what = {.kind = RADIUS_SILENT,
                              .mac = {{2, 0, 0, 0, (uint8_t)(i >> 8), (uint8_t)i}}};
    return radius_ask(client, &what, answered, NULL);
}

static void too_long(void *arg)
{
    (void)arg;
    fail_msg("heard %zu, answered %zu within the test's time", n_heard, n_answers);
}

static void run_until_answers(size_t n)
{
    stop_at_answers = n;
    loop_timer_start(guard, 10000);
    if (n_answers < n)
        loop_run(loop);
    loop_timer_stop(guard);
    stop_at_answers = 0;
}

static void run_until_heard(size_t n)
{
    stop_at_heard = n;
    loop_timer_start(guard, 10000);
    if (n_heard < n)
        loop_run(loop);
    loop_timer_stop(guard);
    stop_at_heard = 0;
}

static struct radius_server_stats stats(void)
{
    struct radius_server_stats s;

    assert_int_equal(radius_client_stats(client, &s, 1), 1);
    return s;
}

static int set_up(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    char err[128];
    int much = 1 << 20; /* what the system allows: a burst must not be lost here */

    (void)state;
    n_heard = n_answers = stop_at_heard = stop_at_answers = 0;
    on_heard = NULL;
    loop = loop_new();
    peer = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (loop == NULL || bind(peer, (struct sockaddr *)&at, len) != 0 ||
        getsockname(peer, (struct sockaddr *)&at, &len) != 0)
        return -1;
    setsockopt(peer, SOL_SOCKET, SO_RCVBUF, &much, sizeof much);
    server.auth_port = server.acct_port = ntohs(at.sin_port);
    conf.radius.servers = &server;
    conf.radius.n_servers = 1;
    conf.radius.timeout_ms = 3000;
    conf.radius.retry_ms = 1000;
    conf.radius.queue_mb = 1;
    guard = loop_timer_new(loop, too_long, NULL);
    peer_io = loop_io_new(loop, peer, LOOP_READ, peer_readable, NULL);
    client = radius_client_new(loop, &conf, err, sizeof err);
    return client != NULL && guard != NULL && peer_io != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    radius_client_free(client);
    loop_io_free(peer_io);
    loop_timer_free(guard);
    loop_free(loop);
    close(peer);
    return 0;
}

/* --- access -------------------------------------------------------------------------------------
 */

static void repetition_is_the_same_bytes_later_and_later(void **state)
{
    (void)state;
    conf.radius.timeout_ms = 1500;
    conf.radius.retry_ms = 100;
    assert_non_null(ask(1));
    run_until_answers(1);
    assert_int_equal(last.result, RADIUS_NO_ANSWER);
    assert_in_range(last.took_us, 1490000, 2500000);
    assert_in_range(n_heard, 4, 5); /* at 0, 100, 300, 700 (and 1500 with the jitter's luck) ms */
    for (size_t i = 1; i < n_heard; i++) {
        assert_int_equal(heard[i].len, heard[0].len);
        assert_memory_equal(heard[i].data, heard[0].data, heard[0].len);
        assert_int_equal(heard[i].from.sin_port, heard[0].from.sin_port);
    }
    uint64_t first = heard[1].at_us - heard[0].at_us, second = heard[2].at_us - heard[1].at_us;
    assert_in_range(first, 85000, 180000);
    assert_in_range(second, 160000, 330000);
}

static void send_rubbish_then_accept(const struct heard *h)
{
    struct radius_packet p;
    uint8_t noise[64] = {RADIUS_ACCESS_ACCEPT, h->data[1], 0, 64};

    say(h, noise, 3);
    say(h, noise, sizeof noise); /* attributes of length 0 */
    begin_reply(&p, h, RADIUS_ACCESS_REJECT);
    radius_sign_reply(&p, h->data + 4, "guessed");
    say(h, p.data, p.len);
    begin_reply(&p, h, RADIUS_ACCESS_REJECT);
    radius_sign_reply(&p, h->data + 4, SECRET);
    p.data[1]++; /* somebody else's identifier */
    say(h, p.data, p.len);
    begin_reply(&p, h, RADIUS_ACCOUNTING_RESPONSE);
    radius_sign_reply(&p, h->data + 4, SECRET);
    say(h, p.data, p.len);
    accept_it(h);
    accept_it(h); /* late */
}

static void rubbish_before_the_answer_changes_nothing(void **state)
{
    (void)state;
    on_heard = send_rubbish_then_accept;
    assert_non_null(ask(1));
    run_until_answers(1);
    assert_int_equal(last.result, RADIUS_ACCEPTED);
    assert_true(last.has_session && last.session_s == 60);
    assert_non_null(ask(2)); /* and the late one is dropped before this is answered */
    run_until_answers(2);
    struct radius_server_stats s = stats();
    assert_int_equal(s.dropped[RADIUS_MALFORMED], 4);
    assert_int_equal(s.dropped[RADIUS_BAD_AUTHENTICATOR], 2);
    assert_in_range(s.dropped[RADIUS_UNEXPECTED], 5, 6);
    assert_int_equal(s.accepts, 2);
    assert_int_equal(s.retransmissions, 0);
}

static void challenge_is_a_no_without_a_reason(void **state)
{
    (void)state;
    on_heard = challenge_it;
    assert_non_null(ask(1));
    run_until_answers(1);
    assert_int_equal(last.result, RADIUS_REJECTED);
    assert_string_equal(last.reason, "");
}

static void cancelled_question_is_silent(void **state)
{
    (void)state;
    struct radius_question *q = ask(1);
    assert_non_null(q);
    run_until_heard(1);
    radius_cancel(q);
    accept_it(&heard[0]);
    on_heard = accept_it;
    assert_non_null(ask(2));
    run_until_answers(1);
    assert_int_equal(stats().dropped[RADIUS_UNEXPECTED], 1);
}

/* The same identifier on the same source port for two questions that are open. */
static bool identifiers_clash(size_t from)
{
    static uint16_t taken[65536][256];

    memset(taken, 0, sizeof taken);
    for (size_t i = from; i < n_heard; i++) {
        uint16_t *by = &taken[heard[i].from.sin_port][heard[i].data[1]];
        if (*by != 0 && memcmp(heard[*by].data, heard[i].data, heard[i].len) != 0)
            return true;
        *by = (uint16_t)i;
    }
    return false;
}

static void more_questions_than_identifiers_get_more_sockets(void **state)
{
    (void)state;
    on_heard = accept_it;
    for (unsigned i = 0; i < 3000; i++)
        assert_non_null(ask(i));
    run_until_answers(3000);
    on_heard = NULL; /* now they stay open */
    size_t before = n_heard;
    for (unsigned i = 0; i < 300; i++)
        assert_non_null(ask(i));
    run_until_heard(before + 300);
    assert_false(identifiers_clash(before));
    size_t ports = 0;
    for (size_t i = before + 1; i < n_heard; i++)
        ports += heard[i].from.sin_port != heard[before].from.sin_port;
    assert_in_range(ports, 1, 299);
}

static void open_question_keeps_its_identifier_while_others_come_and_go(void **state)
{
    enum { HELD = 100, OTHERS = 600 }; /* more than once around */

    (void)state;
    for (unsigned i = 0; i < HELD; i++)
        assert_non_null(ask(i));
    run_until_heard(HELD);
    on_heard = accept_it;
    for (unsigned i = 0; i < OTHERS; i++)
        assert_non_null(ask(HELD + i));
    run_until_answers(OTHERS);
    for (size_t i = HELD; i < n_heard; i++)
        for (size_t j = 0; j < HELD; j++)
            assert_true(heard[i].data[1] != heard[j].data[1] ||
                        heard[i].from.sin_port != heard[j].from.sin_port);
    for (size_t j = 0; j < HELD; j++)
        accept_it(&heard[j]);
    run_until_answers(OTHERS + HELD);
    assert_int_equal(last.result, RADIUS_ACCEPTED);
    assert_int_equal(stats().dropped[RADIUS_UNEXPECTED], 0);
}

static void everybody_in_line_hears_the_end(void **state)
{
    (void)state;
    conf.radius.timeout_ms = 300;
    for (unsigned i = 0; i < 1000; i++) /* most of them wait for room that never comes */
        assert_non_null(ask(i));
    run_until_answers(1000);
    assert_int_equal(last.result, RADIUS_NO_ANSWER);
    assert_false(stats().alive);
}

static void authenticators_do_not_repeat(void **state)
{
    (void)state;
    on_heard = accept_it;
    for (unsigned i = 0; i < 200; i++)
        assert_non_null(ask(i));
    run_until_answers(200);
    for (size_t i = 0; i < n_heard; i++)
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(heard[i].data + 4, heard[j].data + 4, 16);
}

/* --- accounting ---------------------------------------------------------------------------------
 */

static uint32_t attr(const struct heard *h, uint8_t type)
{
    uint32_t v;

    assert_int_equal(radius_check_form(h->data, h->len), RADIUS_FINE);
    assert_true(radius_get_u32(h->data, h->len, 0, type, &v));
    return v;
}

static void repeated_record_is_a_new_packet_of_the_same_event(void **state)
{
    char dir[] = "/tmp/loggia-test-acct-XXXXXX", err[128], path[64];
    struct acct_record r = {.status = ACCT_START, .session_id = "5e", .mac = {{2, 0, 0, 0, 0, 1}}};

    (void)state;
    assert_non_null(mkdtemp(dir));
    conf.state_directory = dir;
    conf.radius.retry_ms = 700;
    r.at = time(NULL) - 50;
    struct accounting *a = accounting_new(loop, &conf, client, err, sizeof err);
    assert_non_null(a);
    accounting_send(a, &r);
    run_until_heard(3); /* at 0, 0.7 and 2.1 s */
    assert_int_not_equal(heard[0].data[1], heard[1].data[1]);
    assert_memory_not_equal(heard[0].data + 4, heard[1].data + 4, 16);
    assert_int_equal(attr(&heard[0], RADIUS_EVENT_TIMESTAMP), r.at);
    assert_int_equal(attr(&heard[1], RADIUS_EVENT_TIMESTAMP), r.at);
    assert_in_range(attr(&heard[0], RADIUS_ACCT_DELAY_TIME), 50, 51);
    uint32_t later = attr(&heard[2], RADIUS_ACCT_DELAY_TIME);
    assert_in_range(later - attr(&heard[0], RADIUS_ACCT_DELAY_TIME), 1, 3);
    accounting_free(a); /* not acknowledged: it is on disk now */
    snprintf(path, sizeof path, "%s/accounting.queue", dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

#define client_test(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        client_test(repetition_is_the_same_bytes_later_and_later),
        client_test(rubbish_before_the_answer_changes_nothing),
        client_test(challenge_is_a_no_without_a_reason),
        client_test(cancelled_question_is_silent),
        client_test(more_questions_than_identifiers_get_more_sockets),
        client_test(open_question_keeps_its_identifier_while_others_come_and_go),
        client_test(everybody_in_line_hears_the_end),
        client_test(authenticators_do_not_repeat),
        client_test(repeated_record_is_a_new_packet_of_the_same_event),
    };
    log_open("test_radius_client", LOG_ERR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* HTTP over real sockets on loopback: what citizens' phones send, what scanners send, and what
 * would take the portal away from everybody. The server runs on the loop; a thread is the other
 * side. */
#include "lib/http.h"
#include "lib/loop.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct loop *loop;
static struct http_server *server;
static struct http_config config;
static struct http_stats stats;
static struct http_request *kept[8];
static int n_kept;
static struct loop_timer *later;
static int gone_calls, turns;

/* --- the server's side ------------------------------------------------------------------------ */
static void reply_text(struct http_request *req, unsigned status, const char *text)
{
    struct http_answer a = {.status = status,
                            .content_type = "text/plain",
                            .body = (char *)(uintptr_t)text,
                            .len = strlen(text)};
    http_reply(req, &a);
}

static void on_later(void *arg)
{
    (void)arg;
    for (int i = 0; i < n_kept; i++)
        reply_text(kept[i], 200, "late");
    n_kept = 0;
}

static void on_gone(void *user)
{
    assert_ptr_equal(user, &gone_calls);
    gone_calls++;
}

static void echo(struct http_request *req)
{
    char text[512];
    size_t len;
    const char *q = http_query(req, "q"), *a = http_form(req, "a"), *x = http_header(req, "x-test");

    http_body(req, &len);
    snprintf(text, sizeof text, "%s %s %s q=%s a=%s x=%s len=%zu family=%d", http_method(req),
             http_path(req), http_target(req), q ? q : "-", a ? a : "-", x ? x : "-", len,
             http_peer(req)->sa_family);
    reply_text(req, 200, text);
}

static void handle(void *arg, struct http_request *req)
{
    static const struct http_field split[] = {{"Location", "/\r\nSet-Cookie: stolen=1"},
                                              {NULL, NULL}};
    struct http_answer injected = {.status = 302, .fields = split};

    (void)arg;
    if (strcmp(http_path(req), "/later") == 0) {
        assert_true(n_kept < 8);
        kept[n_kept++] = req;
        if (!loop_timer_running(later))
            loop_timer_start(later, 100);
    } else if (strcmp(http_path(req), "/never") == 0) {
        http_set_user(req, &gone_calls, on_gone);
    } else if (strcmp(http_path(req), "/injected") == 0) {
        http_reply(req, &injected);
    } else if (strncmp(http_path(req), "/echo", 5) == 0) {
        echo(req);
    } else {
        reply_text(req, 200, "hello");
    }
}

/* --- the other side --------------------------------------------------------------------------- */
static int wake;
static char got[1 << 20]; /* what the client read */
static size_t got_len;
static double took_ms;

static bool dial_with(int fd)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(http_server_port(server)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static int dial(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    dial_with(fd);
    return fd;
}

static void say(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        text += n;
        len -= (size_t)n;
    }
}

/* Reads until text has come (or NULL: until the end), at most 8 s. */
static bool hear(int fd, const char *text)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    got_len = 0;
    got[0] = '\0';
    for (;;) {
        if (text && memmem(got, got_len, text, strlen(text)))
            return true;
        if (poll(&p, 1, 8000) != 1)
            return false;
        ssize_t n = recv(fd, got + got_len, sizeof got - 1 - got_len, 0);
        if (n <= 0)
            return !text;
        got_len += (size_t)n;
        got[got_len] = '\0';
    }
}

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static void ask(const char *text)
{
    double began = now_ms();
    int fd = dial();

    say(fd, text);
    hear(fd, NULL);
    took_ms = now_ms() - began;
    close(fd);
}

struct client {
    void (*run)(void);
};

static void *run_client(void *arg)
{
    uint64_t one = 1;

    ((struct client *)arg)->run();
    (void)!write(wake, &one, sizeof one);
    return NULL;
}

static void on_wake(void *arg, int fd, int events)
{
    (void)arg, (void)fd, (void)events;
    loop_stop(loop);
}

/* Runs the client against a new server; stats are taken before it is freed. */
static void with(void (*run)(void))
{
    struct client client = {run};
    pthread_t thread;
    char err[128] = "";

    loop = loop_new();
    later = loop_timer_new(loop, on_later, NULL);
    wake = eventfd(0, EFD_CLOEXEC);
    gone_calls = 0;
    server = http_server_new(loop, &config, handle, NULL, err, sizeof err);
    assert_string_equal(err, "");
    assert_non_null(server);
    struct loop_io *io = loop_io_new(loop, wake, LOOP_READ, on_wake, NULL);
    assert_int_equal(pthread_create(&thread, NULL, run_client, &client), 0);
    loop_run(loop);
    pthread_join(thread, NULL);
    http_server_stats(server, &stats);
    http_server_free(server);
    loop_io_free(io);
    loop_timer_free(later);
    loop_free(loop);
    close(wake);
    config = (struct http_config){0};
}

static unsigned count(const char *text)
{
    unsigned n = 0;

    for (const char *p = got; (p = memmem(p, got_len - (size_t)(p - got), text, strlen(text))); p++)
        n++;
    return n;
}

#define GET(path)  "GET " path " HTTP/1.1\r\nHost: p\r\n\r\n"
#define LAST(path) "GET " path " HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n"

/* --- tests ------------------------------------------------------------------------------------ */
static void ask_page(void)
{
    ask(LAST("/"));
}

static void a_page_arrives_and_does_not_name_its_server(void **state)
{
    (void)state;
    with(ask_page);
    assert_memory_equal(got, "HTTP/1.1 200 OK\r\n", 17);
    assert_non_null(strstr(got, "Content-Length: 5\r\n"));
    assert_non_null(strstr(got, "Content-Type: text/plain\r\n"));
    assert_non_null(strstr(got, "Date: "));
    assert_non_null(strstr(got, "\r\n\r\nhello"));
    assert_null(strcasestr(got, "server:"));
    assert_null(strcasestr(got, "microhttpd"));
    assert_int_equal(stats.requests, 1);
}

static void ask_form(void)
{
    ask("POST /echo%20it?q=caff%C3%A8+x HTTP/1.1\r\nHost: p\r\nX-Test: y\r\nConnection: close\r\n"
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8\r\nContent-Length: "
        "13\r\n\r\n"
        "b=1&a=%41+b&a");
}

static void a_form_reaches_the_handler_whole(void **state)
{
    (void)state;
    with(ask_form);
    assert_non_null(strstr(got,
                           "POST /echo it /echo%20it?q=caff%C3%A8+x q=caff\xc3\xa8 x a=A b x=y "
                           "len=13 family=2"));
}

static void ask_plain(void)
{
    ask("POST /echo HTTP/1.1\r\nHost: p\r\nConnection: close\r\nContent-Type: text/plain\r\n"
        "Transfer-Encoding: chunked\r\n\r\n3\r\na=1\r\n0\r\n\r\n");
}

static void a_body_that_is_no_form_has_no_fields(void **state)
{
    (void)state;
    with(ask_plain);
    assert_non_null(strstr(got, "a=- x=- len=3"));
}

static void ask_many(void)
{
    static char text[300 * sizeof GET("/")];
    int fd = dial();

    text[0] = '\0';
    for (int i = 0; i < 299; i++)
        strcat(text, GET("/"));
    strcat(text, LAST("/echo"));
    say(fd, text);
    hear(fd, NULL);
    close(fd);
}

static void requests_sent_ahead_are_all_answered_in_order(void **state)
{
    (void)state;
    with(ask_many);
    assert_int_equal(count("HTTP/1.1 200 OK"), 300);
    assert_int_equal(count("\r\n\r\nhello"), 299);
    assert_non_null(strstr(got + got_len - 100, "GET /echo /echo"));
    assert_int_equal(stats.requests, 300);
}

static double meanwhile_ms;
static void ask_later(void)
{
    double began = now_ms();
    int slow = dial();

    say(slow, LAST("/later"));
    ask(LAST("/"));
    meanwhile_ms = now_ms() - began;
    hear(slow, NULL);
    took_ms = now_ms() - began;
    close(slow);
}

static void one_who_waits_for_the_centre_holds_up_nobody(void **state)
{
    (void)state;
    with(ask_later);
    assert_non_null(strstr(got, "\r\n\r\nlate"));
    assert_true(took_ms >= 99);
    assert_true(meanwhile_ms < took_ms);
}

static void leave_early(void)
{
    struct linger reset = {1, 0};
    int fd = dial();

    say(fd, GET("/later") GET("/"));
    ask(LAST("/")); /* the server has had time to read it */
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    fd = dial();
    say(fd, LAST("/later")); /* the first one's answer comes meanwhile */
    hear(fd, NULL);
    close(fd);
}

static void a_phone_that_leaves_before_its_answer_harms_nobody(void **state)
{
    (void)state;
    with(leave_early);
    assert_non_null(strstr(got, "\r\n\r\nlate"));
    assert_true(stats.requests >= 2);
}

static void hold_two(void)
{
    int a = dial(), b = dial();

    say(a, GET("/never"));
    say(b, GET("/never"));
    ask(LAST("/"));
    ask(LAST("/"));
    close(a); /* b is left open */
}

static void requests_that_are_held_are_told_when_the_server_ends(void **state)
{
    (void)state;
    with(hold_two);
    assert_int_equal(gone_calls, 2);
}

static const char *const garbage[] = {
    "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "SSH-2.0-scanner\r\n",
    "\x80\x81\x82\x83",
    "GET\r\n\r\n",
    "GET /\r\n\r\n",
    "GET / HTTP/1.1\r\nno colon here\r\n\r\n",
    "GET / HTTP/1.1\r\n\x01\x02: x\r\n\r\n",
    "get the page please\r\n\r\n",
};
static size_t garbage_at;

static void send_garbage(void)
{
    ask(garbage[garbage_at]);
}

static void garbage_is_answered_400_in_constant_size(void **state)
{
    (void)state;
    for (garbage_at = 0; garbage_at < sizeof garbage / sizeof *garbage; garbage_at++) {
        with(send_garbage);
        if (strncmp(got, "HTTP/1.1 400 ", 13) != 0 || got_len > 400 || stats.bad_requests != 1)
            print_error("garbage %zu: %zu bytes, %d counted: %.100s\n", garbage_at, got_len,
                        (int)stats.bad_requests, got);
        assert_memory_equal(got, "HTTP/1.1 400 ", 13);
        assert_true(got_len < 400);
        assert_int_equal(stats.bad_requests, 1);
        assert_int_equal(stats.requests, 0);
    }
}

static void ask_without_host(void)
{
    ask("GET / HTTP/1.1\r\n\r\n");
}

static void a_request_without_host_is_bad(void **state)
{
    (void)state;
    with(ask_without_host);
    assert_memory_equal(got, "HTTP/1.1 400 ", 13);
    assert_int_equal(stats.bad_requests, 1);
}

static void send_large(void)
{
    static char text[8192];
    int n =
        snprintf(text, sizeof text, "POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 5000\r\n\r\n");

    memset(text + n, 'x', 5000);
    text[n + 5000] = '\0';
    ask(text);
}

static void send_huge(void)
{
    ask("POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 99999999999\r\n\r\nx");
}

static void send_chunks(void)
{
    int fd = dial();

    say(fd, "POST / HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 100; i++)
        say(fd, "40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n");
    say(fd, "0\r\n\r\n");
    hear(fd, NULL);
    close(fd);
}

static void send_chunks_for_ever(void)
{
    int fd = dial();

    say(fd, "POST / HTTP/1.1\r\nHost: p\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 10000; i++)
        say(fd, "40\r\n0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n");
    hear(fd, NULL);
    close(fd);
}

static void a_body_that_is_too_large_is_413_and_is_not_kept(void **state)
{
    void (*const senders[])(void) = {send_large, send_huge, send_chunks};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        with(senders[i]);
        assert_memory_equal(got, "HTTP/1.1 413 ", 13);
        assert_non_null(strstr(got, "Connection: close\r\n"));
        assert_int_equal(stats.too_large, 1);
        assert_int_equal(stats.requests, 0);
    }
    with(send_chunks_for_ever);
    assert_int_equal(stats.too_large, 1);
    assert_int_equal(stats.requests, 0);
}

static void send_long_head(void)
{
    static char text[40000];

    strcpy(text, "GET / HTTP/1.1\r\nHost: p\r\nX-Long: ");
    memset(text + strlen(text), 'x', 30000);
    strcat(text, "\r\n\r\n");
    ask(text);
}

static void a_head_that_is_too_long_is_refused_and_counted(void **state)
{
    (void)state;
    with(send_long_head);
    assert_int_equal(stats.too_large, 1);
    assert_int_equal(stats.requests, 0);
}

static void send_half(void)
{
    ask("POST / HTTP/1.1\r\nHost: p\r\nContent-Length: 10\r\n\r\nhalf");
}

static void send_half_line(void)
{
    ask("GE");
}

/* A byte every 100 ms: each would prolong libmicrohttpd's own timeout. */
static void send_drop_by_drop(void)
{
    struct pollfd p = {.events = POLLIN};
    double began = now_ms();

    p.fd = dial();
    say(p.fd, "GET / HTTP/1.1\r\nHost: p\r\nX: ");
    while (poll(&p, 1, 100) == 0 && now_ms() - began < 8000)
        say(p.fd, "x");
    took_ms = now_ms() - began;
    close(p.fd);
}

static void half_a_request_is_closed_at_the_timeout_and_counted(void **state)
{
    void (*const senders[])(void) = {send_half, send_half_line, send_drop_by_drop};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        config.timeout_s = 1;
        with(senders[i]);
        assert_true(took_ms >= 900 && took_ms < 2500);
        assert_int_equal(stats.timeouts, 1);
        assert_int_equal(stats.requests, 0);
        assert_int_equal(stats.connections, 0);
    }
}

static void idle_twice(void)
{
    double began = now_ms();
    int silent = dial(), fd = dial();

    say(fd, GET("/"));
    hear(fd, "hello");
    hear(fd, NULL); /* kept alive, then closed */
    hear(silent, NULL);
    took_ms = now_ms() - began;
    close(silent);
    close(fd);
}

static void a_browser_that_only_idles_is_closed_but_no_fault(void **state)
{
    (void)state;
    config.timeout_s = 1;
    with(idle_twice);
    assert_true(took_ms >= 900 && took_ms < 2500);
    assert_int_equal(stats.timeouts, 0);
    assert_int_equal(stats.requests, 1);
    assert_int_equal(stats.connections, 0);
}

static int fds[64];

static void dial_four(void)
{
    for (int i = 0; i < 4; i++) {
        fds[i] = dial();
        say(fds[i], GET("/"));
    }
    hear(fds[3], NULL); /* refused */
    hear(fds[0], "hello");
    for (int i = 0; i < 4; i++)
        close(fds[i]);
}

static void one_address_has_its_share_of_connections(void **state)
{
    (void)state;
    config.max_per_address = 3;
    with(dial_four);
    assert_non_null(strstr(got, "hello"));
    assert_int_equal(stats.refused_connections, 1);
}

static void idle_and_dial(void)
{
    fds[0] = dial();
    fds[1] = dial();
    say(fds[0], GET("/"));
    hear(fds[0], "hello");
    say(fds[1], GET("/never"));
    ask(LAST("/echo")); /* takes the idle one's place */
    close(fds[0]);
    close(fds[1]);
}

static void one_that_idles_makes_room_when_all_places_are_taken(void **state)
{
    (void)state;
    config.max_connections = 2;
    with(idle_and_dial);
    assert_non_null(strstr(got, "GET /echo"));
    assert_true(took_ms < 5000);
    assert_int_equal(gone_calls, 1);
}

static void run_dry(void)
{
    struct rlimit old, tight;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), probe = dup(0);

    getrlimit(RLIMIT_NOFILE, &old);
    close(probe);
    tight = (struct rlimit){(rlim_t)probe, old.rlim_max};
    setrlimit(RLIMIT_NOFILE, &tight); /* none is left to accept with */
    fds[0] = fd;
    dial_with(fd);
    say(fds[0], LAST("/"));
    struct timespec before, after;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before);
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    poll(&p, 1, 700); /* nothing can come */
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after);
    turns =
        (int)((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000);
    setrlimit(RLIMIT_NOFILE, &old);
    hear(fds[0], NULL);
    close(fds[0]);
}

static void running_out_of_descriptors_does_not_spin_and_ends(void **state)
{
    (void)state;
    with(run_dry);
    assert_non_null(strstr(got, "hello"));
    assert_true(turns < 200); /* milliseconds of CPU in 700 */
}

static void ask_injected(void)
{
    ask(GET("/injected"));
}

static void a_strangers_line_break_never_becomes_a_header(void **state)
{
    (void)state;
    with(ask_injected);
    assert_int_equal(got_len, 0); /* hung up, and an error line in the log */
}

static void nothing(void)
{
}

static void a_port_in_use_is_said_in_words(void **state)
{
    struct http_config cfg = {.bind_address = "127.0.0.1"};
    char err[128] = "";
    struct loop *l = loop_new();
    struct http_server *a = http_server_new(l, &cfg, handle, NULL, err, sizeof err);

    (void)state;
    assert_non_null(a);
    cfg.port = http_server_port(a);
    assert_null(http_server_new(l, &cfg, handle, NULL, err, sizeof err));
    assert_non_null(strstr(err, "cannot listen on 127.0.0.1 port "));
    assert_non_null(strstr(err, ": Address already in use"));
    cfg.bind_address = "localhost";
    assert_null(http_server_new(l, &cfg, handle, NULL, err, sizeof err));
    assert_string_equal(err, "cannot listen: localhost is no address");
    cfg = (struct http_config){.cert_pem = "nonsense", .key_pem = "nonsense"};
    assert_null(http_server_new(l, &cfg, handle, NULL, err, sizeof err));
    assert_non_null(strstr(err, "bad certificate or key: "));
    assert_false(http_server_set_cert(a, "x", "x", err, sizeof err));
    assert_string_equal(err, "this listener has no TLS");
    http_server_free(a);
    http_server_free(NULL);
    loop_free(l);
    with(nothing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_arrives_and_does_not_name_its_server),
        cmocka_unit_test(a_form_reaches_the_handler_whole),
        cmocka_unit_test(a_body_that_is_no_form_has_no_fields),
        cmocka_unit_test(requests_sent_ahead_are_all_answered_in_order),
        cmocka_unit_test(one_who_waits_for_the_centre_holds_up_nobody),
        cmocka_unit_test(a_phone_that_leaves_before_its_answer_harms_nobody),
        cmocka_unit_test(requests_that_are_held_are_told_when_the_server_ends),
        cmocka_unit_test(garbage_is_answered_400_in_constant_size),
        cmocka_unit_test(a_request_without_host_is_bad),
        cmocka_unit_test(a_body_that_is_too_large_is_413_and_is_not_kept),
        cmocka_unit_test(a_head_that_is_too_long_is_refused_and_counted),
        cmocka_unit_test(half_a_request_is_closed_at_the_timeout_and_counted),
        cmocka_unit_test(a_browser_that_only_idles_is_closed_but_no_fault),
        cmocka_unit_test(one_address_has_its_share_of_connections),
        cmocka_unit_test(one_that_idles_makes_room_when_all_places_are_taken),
        cmocka_unit_test(running_out_of_descriptors_does_not_spin_and_ends),
        cmocka_unit_test(a_strangers_line_break_never_becomes_a_header),
        cmocka_unit_test(a_port_in_use_is_said_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

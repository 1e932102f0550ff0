/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Asking others over HTTP, against the project's own server on the same loop: what is sent, what is
 * taken from an answer, and that every answer is bounded. */
#include "lib/fetch.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "lib/outside.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct loop *loop;
static struct http_server *server;
static struct fetcher *fetcher;
static struct http_request *held;
static struct fetch *asked;
static bool held_begun;
static unsigned followed;

static void reply(struct http_request *req, unsigned status, const char *body,
                  const struct http_field *fields)
{
    http_reply(req, &(struct http_answer){.status = status,
                                          .content_type = "text/plain",
                                          .body = (char *)(uintptr_t)body,
                                          .len = strlen(body),
                                          .fields = fields});
}

static void handle(void *arg, struct http_request *req)
{
    const char *path = http_path(req), *tag = http_header(req, "If-None-Match");
    const char *prefer = http_header(req, "Prefer");
    static const struct http_field fields[] = {
        {"ETag", "\"one\""}, {"Preference-Applied", "wait"}, {NULL, NULL}};
    static const struct http_field away[] = {{"Location", "/followed"}, {NULL, NULL}};
    static const struct http_field file[] = {{"Location", "file:///etc/passwd"}, {NULL, NULL}};
    size_t len;
    (void)arg;
    if (strcmp(path, "/current") == 0 && tag && strcmp(tag, "\"one\"") == 0)
        reply(req, 304, "", fields);
    else if (strcmp(path, "/current") == 0)
        reply(req, 200, prefer ? prefer : "hello", fields);
    else if (strcmp(path, "/long") == 0)
        reply(req, 200, "0123456789", NULL);
    else if (strcmp(path, "/away") == 0)
        reply(req, 302, "", away);
    else if (strcmp(path, "/file") == 0)
        reply(req, 302, "", file);
    else if (strcmp(path, "/post") == 0)
        reply(req, 200, http_body(req, &len), NULL);
    else if (strcmp(path, "/token") == 0)
        reply(req, 200, http_header(req, "Authorization"), NULL);
    else if (strcmp(path, "/held") == 0)
        held = req, held_begun = fetch_begun(asked);
    else
        followed++, reply(req, 200, "followed", NULL);
}

static int begin(void **state)
{
    char err[200];
    (void)state;
    loop = loop_new();
    server = http_server_new(loop, &(struct http_config){.bind_address = "127.0.0.1"}, handle, NULL,
                             err, sizeof err);
    fetcher = fetcher_new(loop, NULL, "loggia-test");
    return loop && server && fetcher ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    fetcher_free(fetcher);
    http_server_free(server);
    loop_free(loop);
    return 0;
}

static struct {
    struct fetch_answer a;
    char body[64], err[300], etag[64];
} got;

static void done(void *arg, const struct fetch_answer *a)
{
    (void)arg;
    got.a = *a;
    snprintf(got.body, sizeof got.body, "%s", a->body);
    snprintf(got.err, sizeof got.err, "%s", a->err);
    snprintf(got.etag, sizeof got.etag, "%s", a->etag ? a->etag : "");
    loop_stop(loop);
}

static void ask(const char *path, struct fetch_request r)
{
    char url[100];
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", http_server_port(server), path);
    r.url = url;
    r.max_bytes = r.max_bytes ? r.max_bytes : 1000;
    r.timeout_ms = r.timeout_ms ? r.timeout_ms : 60000;
    assert_non_null(asked = fetch_start(fetcher, &r, done, NULL));
    assert_false(fetch_begun(asked));
    loop_run(loop);
}

static void an_answer_comes_with_its_tag_and_then_is_not_sent_again(void **state)
{
    (void)state;
    ask("/current", (struct fetch_request){0});
    assert_int_equal(got.a.status, 200);
    assert_string_equal(got.body, "hello");
    assert_string_equal(got.etag, "\"one\"");
    assert_true(got.a.date_s > 1700000000);
    assert_true(got.a.sent > 20 && got.a.received > 20);
    ask("/current", (struct fetch_request){.etag = "\"one\"", .wait_s = 30});
    assert_int_equal(got.a.status, 304);
    assert_true(got.a.waited);
    ask("/current", (struct fetch_request){.wait_s = 240});
    assert_string_equal(got.body, "wait=240");
}

static void a_longer_answer_than_allowed_is_none(void **state)
{
    (void)state;
    ask("/long", (struct fetch_request){.max_bytes = 10});
    assert_int_equal(got.a.status, 200);
    ask("/long", (struct fetch_request){.max_bytes = 9});
    assert_int_equal(got.a.status, 0);
    assert_non_null(strstr(got.err, "longer than it may be"));
    assert_int_equal(got.a.len, 0);
}

static void nobody_is_followed_unless_asked_for_and_never_to_a_file(void **state)
{
    (void)state;
    ask("/away", (struct fetch_request){0});
    assert_int_equal(got.a.status, 302);
    assert_int_equal(followed, 0);
    ask("/away", (struct fetch_request){.redirects = 2});
    assert_int_equal(got.a.status, 200);
    assert_int_equal(followed, 1);
    ask("/file", (struct fetch_request){.redirects = 2});
    assert_int_equal(got.a.status, 0);
    assert_true(*got.err);
}

static void a_server_that_says_nothing_is_given_up(void **state)
{
    (void)state;
    ask("/held", (struct fetch_request){.timeout_ms = 200});
    assert_int_equal(got.a.status, 0);
    assert_true(*got.err);
    assert_non_null(held);
    assert_true(held_begun);
    reply(held, 200, "", NULL);
}

static void nobody_listens(void **state)
{
    (void)state;
    assert_non_null(fetch_start(
        fetcher,
        &(struct fetch_request){.url = "http://127.0.0.1:1/", .max_bytes = 10, .timeout_ms = 60000},
        done, NULL));
    loop_run(loop);
    assert_int_equal(got.a.status, 0);
    assert_non_null(strstr(got.err, "127.0.0.1 port 1"));
}

static void other_schemes_do_not_begin(void **state)
{
    (void)state;
    static const char *const urls[] = {"file:///etc/passwd", "ftp://127.0.0.1/", "gopher://x/", ""};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        assert_null(fetch_start(
            fetcher, &(struct fetch_request){.url = urls[i], .max_bytes = 10, .timeout_ms = 1000},
            done, NULL));
    assert_null(fetch_start(
        fetcher,
        &(struct fetch_request){
            .url = "http://127.0.0.1/", .https_only = true, .max_bytes = 10, .timeout_ms = 1000},
        done, NULL));
    assert_null(fetch_start(fetcher,
                            &(struct fetch_request){.url = "http://127.0.0.1/",
                                                    .etag = "\"a\r\nX-Evil: 1\"",
                                                    .max_bytes = 10,
                                                    .timeout_ms = 1000},
                            done, NULL));
}

static void a_body_is_posted_and_a_token_is_shown(void **state)
{
    (void)state;
    ask("/post", (struct fetch_request){
                     .body = "a=1", .body_len = 3, .content_type = "text/plain; charset=utf-8"});
    assert_string_equal(got.body, "a=1");
    ask("/token", (struct fetch_request){.bearer = "s3cret"});
    assert_string_equal(got.body, "Bearer s3cret");
}

static void a_call_that_was_cancelled_says_nothing_more(void **state)
{
    char url[100];
    (void)state;
    snprintf(url, sizeof url, "http://127.0.0.1:%u/current", http_server_port(server));
    struct fetch_request r = {.url = url, .max_bytes = 100, .timeout_ms = 60000};
    struct fetch *c = fetch_start(fetcher, &r, done, NULL);
    fetch_cancel(c);
    got.a.status = 77;
    ask("/long", (struct fetch_request){0});
    assert_string_equal(got.body, "0123456789");
}

static void only_what_is_public_is_outside(void **state)
{
    static const char *const inside[] = {"127.0.0.1",
                                         "127.255.255.254",
                                         "0.0.0.0",
                                         "10.1.2.3",
                                         "172.16.0.1",
                                         "172.31.255.255",
                                         "192.168.1.1",
                                         "169.254.169.254",
                                         "100.64.0.1",
                                         "100.127.255.255",
                                         "192.0.0.8",
                                         "192.0.2.1",
                                         "198.18.0.1",
                                         "198.19.255.255",
                                         "198.51.100.7",
                                         "203.0.113.9",
                                         "224.0.0.251",
                                         "239.1.1.1",
                                         "240.0.0.1",
                                         "255.255.255.255",
                                         "::",
                                         "::1",
                                         "fe80::1",
                                         "fec0::1",
                                         "fc00::1",
                                         "fdff::1",
                                         "ff02::1",
                                         "2001:db8::1",
                                         "2001::1",
                                         "3fff::1",
                                         "::ffff:127.0.0.1",
                                         "::ffff:10.0.0.1",
                                         "64:ff9b::a00:1",
                                         "2002:7f00:1::1",
                                         "2002:a9fe:a9fe::",
                                         "64:ff9b:1::1",
                                         "100::1",
                                         "localhost",
                                         "",
                                         "5f00::1"};
    static const char *const outside[] = {"8.8.8.8",        "1.1.1.1",
                                          "172.15.255.255", "172.32.0.0",
                                          "100.63.0.1",     "100.128.0.1",
                                          "169.253.0.1",    "192.0.1.1",
                                          "198.17.0.1",     "198.20.0.1",
                                          "223.255.255.1",  "2a00:1450:4002::1",
                                          "2606:4700::1",   "2001:4860:4860::8888",
                                          "::ffff:8.8.8.8", "64:ff9b::808:808",
                                          "2002:808:808::1"};
    (void)state;
    for (size_t i = 0; i < sizeof inside / sizeof *inside; i++)
        if (outside_text(inside[i]))
            fail_msg("%s is said to be outside", inside[i]);
    for (size_t i = 0; i < sizeof outside / sizeof *outside; i++)
        if (!outside_text(outside[i]))
            fail_msg("%s is said to be inside", outside[i]);
}

static void a_name_that_leads_inside_is_not_even_connected_to(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0.0.0.0",
                                        "2130706433"};
    unsigned before = followed;
    char url[100];
    (void)state;
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        snprintf(url, sizeof url, "http://%s:%u/x", hosts[i], http_server_port(server));
        struct fetch_request r = {
            .url = url, .max_bytes = 100, .timeout_ms = 60000, .reach = FETCH_OUTSIDE};
        assert_non_null(fetch_start(fetcher, &r, done, NULL));
        loop_run(loop);
        assert_int_equal(got.a.status, 0);
        assert_true(got.a.inside);
        assert_non_null(strstr(got.err, "not public"));
    }
    assert_int_equal(followed, before);
    ask("/x", (struct fetch_request){.reach = FETCH_OUTWARDS});
    assert_int_equal(followed, before + 1);
}

/* Of an earlier request, which was allowed to make it. */
static void nor_over_a_connection_that_is_there_already(void **state)
{
    (void)state;
    ask("/followed", (struct fetch_request){0});
    assert_int_equal(got.a.status, 200);
    unsigned before = followed;
    ask("/followed", (struct fetch_request){.reach = FETCH_OUTSIDE});
    assert_true(got.a.inside);
    assert_int_equal(followed, before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_its_tag_and_then_is_not_sent_again),
        cmocka_unit_test(a_longer_answer_than_allowed_is_none),
        cmocka_unit_test(nobody_is_followed_unless_asked_for_and_never_to_a_file),
        cmocka_unit_test(a_server_that_says_nothing_is_given_up),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(other_schemes_do_not_begin),
        cmocka_unit_test(a_body_is_posted_and_a_token_is_shown),
        cmocka_unit_test(a_call_that_was_cancelled_says_nothing_more),
        cmocka_unit_test(only_what_is_public_is_outside),
        cmocka_unit_test(a_name_that_leads_inside_is_not_even_connected_to),
        cmocka_unit_test(nor_over_a_connection_that_is_there_already),
    };
    return cmocka_run_group_tests(tests, begin, end);
}

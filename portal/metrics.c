/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts, and answers GET /metrics. The gate's own numbers are asked of it for each scrape (a
 * repeated HELLO, which changes nothing); if it does not answer in GATE_MS the scrape goes out
 * without them, and loggia_gate_up says 0. */
#include "portal/metrics.h"
#include "lib/config.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/gate_client.h"
#include "portal/metrics_internal.h"
#include "portal/portal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GATE_MS = 500, MAX_BYTES = 256 * 1024 };

struct scrape {
    struct metrics *m;
    struct http_request *req;
    struct gate_call *call;
};

/* --- counting
 * -------------------------------------------------------------------------------------- */

void metrics_join(struct metrics *m, enum metrics_kind kind, const struct radius_grant *grant)
{
    enum metrics_result result = METRICS_NO_ANSWER;
    if (grant->result == RADIUS_ACCEPTED)
        result = METRICS_ACCEPTED;
    else if (grant->result == RADIUS_REJECTED)
        result = grant->reason[0] ? METRICS_DENIED : METRICS_REJECTED;
    m->joins[kind][result]++;
}

static uint64_t moved(uint64_t was, uint64_t is)
{
    return is >= was ? is - was : is; /* a new session begins at zero */
}

void metrics_traffic(struct metrics *m, const struct gate_counters *was, const struct session *s)
{
    /* An adopted session begins with what the gate last read, and a loggiad before us counted. */
    m->up_bytes += moved(was->up_bytes, s->seen.up_bytes);
    m->down_bytes += moved(was->down_bytes, s->seen.down_bytes);
}

void metrics_splash(struct metrics *m, uint64_t took_us)
{
    histogram_add(&m->splash, took_us);
}

void metrics_tap(struct metrics *m, uint64_t took_us)
{
    histogram_add(&m->tap, took_us);
}

void metrics_reloaded(struct metrics *m, bool fine)
{
    m->reload_failed = !fine;
}

/* --- answering
 * ------------------------------------------------------------------------------------- */

static void say(struct http_request *req, unsigned status, const char *words)
{
    char body[32];
    int n = snprintf(body, sizeof body, "%s\n", words);
    http_reply(req, &(struct http_answer){.status = status,
                                          .content_type = "text/plain; charset=utf-8",
                                          .body = body,
                                          .len = (size_t)n});
}

static void send_scrape(struct scrape *s, const struct gate_hello *hello)
{
    struct http_answer a = {
        .status = 200, .content_type = "text/plain; version=0.0.4; charset=utf-8", .take = true};
    struct http_request *req = s->req;
    struct buf b;

    buf_init(&b, MAX_BYTES);
    metrics_write(&b, s->m, hello);
    http_set_user(req, NULL, NULL);
    free(s);
    a.body = buf_take(&b, &a.len);
    if (a.body)
        http_reply(req, &a);
    else
        say(req, 500, "out of memory");
}

static void on_hello(void *arg, const struct gate_reply *r)
{
    send_scrape(arg, r && r->status == GATE_OK ? &r->hello : NULL);
}

static void gone(void *user)
{
    struct scrape *s = user;
    gate_call_cancel(s->call);
    free(s);
}

static void on_request(void *arg, struct http_request *req)
{
    struct metrics *m = arg;
    struct gate_request r = {.verb = GATE_HELLO, .hello = {.version = GATE_PROTO_VERSION}};
    bool get = strcmp(http_method(req), "GET") == 0 || strcmp(http_method(req), "HEAD") == 0;

    if (strcmp(http_path(req), "/metrics") != 0) {
        say(req, 404, "see /metrics");
        return;
    }
    struct scrape *s = get ? calloc(1, sizeof *s) : NULL;
    if (!s) {
        say(req, get ? 503 : 405, get ? "out of memory" : "only GET");
        return;
    }
    s->m = m;
    s->req = req;
    if (gate_client_ready(m->p->gate))
        s->call = gate_client_call(m->p->gate, &r, GATE_MS, on_hello, s);
    if (s->call)
        http_set_user(req, s, gone);
    else
        send_scrape(s, NULL);
}

struct metrics *metrics_new(struct portal *p, char *err, size_t err_len)
{
    struct metrics *m = calloc(1, sizeof *m);
    struct http_config http = {.port = p->boot->metrics.port,
                               .bind_address = p->boot->metrics.address,
                               .max_connections = 64};
    if (!m) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    m->p = p;
    if (!p->boot->has_metrics)
        return m;
    m->http = http_server_new(p->loop, &http, on_request, m, err, err_len);
    if (m->http) {
        log_msg(LOG_NOTICE, "event=metrics address=%s port=%u", p->boot->metrics.address,
                p->boot->metrics.port);
        return m;
    }
    free(m);
    return NULL;
}

void metrics_free(struct metrics *m)
{
    if (!m)
        return;
    http_server_free(m->http);
    free(m);
}

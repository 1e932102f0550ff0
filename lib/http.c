/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libmicrohttpd: it parses and frames; what keeps a router alive in bad weather is
 * ours.
 *
 * Connections come by http_connection.c, with their first bytes; their deadlines are there too.
 *
 * A request reaches the handler whole. While the handler holds it the connection is suspended, and
 * libmicrohttpd does not look at it: a peer that leaves is noticed when the answer is sent.
 *
 * An "engine" is one libmicrohttpd daemon, whose epoll descriptor is nested in our loop. The
 * certificate of a running one cannot be changed, so a new certificate makes a new engine; the old
 * one ends with its last connection, and nobody is dropped.
 *
 * What must never happen: libmicrohttpd is not stopped while a connection is suspended (it aborts),
 * and a request is not used by its handler after http_reply or after its gone callback. */
#include "lib/http.h"
#include "lib/crypto.h"
#include "lib/form.h"
#include "lib/http_internal.h"
#include "lib/log.h"
#include "lib/loop.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define DRAIN_MAX      (256 * 1024) /* of a body that is too large: read on, so that 413 arrives */
#define TLS_MEMORY     16384
#define NO_STATUS      0 /* a held request that ends without an answer */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

struct engine {
    struct http_server *server;
    struct MHD_Daemon *mhd;
    struct loop_io *io;
    struct loop_timer *timer;
    unsigned connections;
    bool draining;
    struct engine *next;
};

struct http_server {
    struct loop *loop;
    struct http_config cfg;
    http_handler handler;
    void *arg;
    bool tls;
    struct engine *engines; /* the first takes new connections */
    struct http_connections connections;
    struct http_connection *handing; /* in MHD_add_connection */
    struct http_request *held;
    struct http_stats stats;
    struct log_limit limit;
    char last_error[160]; /* libmicrohttpd's, while an engine starts */
};

static void reap(void *arg);

/* --- connections ----------------------------------------------------------------------------- */

static void on_connection(void *arg, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct engine *e = arg;
    struct http_server *s = e->server;

    (void)mhd;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        e->connections++;
        *context = s->handing;
        s->handing = NULL;
        return;
    }
    e->connections--;
    if (e->draining && !e->connections)
        loop_defer(s->loop, reap, s);
    if (*context)
        http_connection_end(*context);
    *context = NULL;
}

/* The first bytes have come: from here on it is libmicrohttpd's. */
static void hand_over(void *arg, struct http_connection *c)
{
    struct http_server *s = arg;

    s->handing = c;
    /* On failure libmicrohttpd has closed it, and on_connection may have seen its end. */
    if (MHD_add_connection(s->engines->mhd, c->fd, (struct sockaddr *)&c->peer, sizeof c->peer) !=
        MHD_YES)
        s->stats.refused_connections++;
    if (s->handing)
        http_connection_end(s->handing);
    s->handing = NULL;
}

/* --- requests -------------------------------------------------------------------------------- */

/* The request line was read. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *mhd)
{
    struct engine *e = arg;
    const union MHD_ConnectionInfo *context =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct http_request *req = context && context->socket_context ? calloc(1, sizeof *req) : NULL;

    if (!req)
        return NULL;
    req->server = e->server;
    req->engine = e;
    req->connection = context->socket_context;
    req->mhd = mhd;
    req->started_us = loop_now_us();
    req->target = strdup(target);
    return req;
}

static void let_go(struct http_request *req)
{
    struct http_server *s = req->server;

    if (!req->held)
        return;
    req->held = false;
    if (req->prev)
        req->prev->next = req->next;
    else
        s->held = req->next;
    if (req->next)
        req->next->prev = req->prev;
}

static void hold(struct http_request *req)
{
    struct http_server *s = req->server;

    req->held = true;
    req->prev = NULL;
    req->next = s->held;
    if (req->next)
        req->next->prev = req;
    s->held = req;
    http_connection_enter(req->connection, HTTP_HELD);
    MHD_suspend_connection(req->mhd);
}

/* What was typed into a form (a password, perhaps) does not stay in memory. */
static void wipe_free(char *text, size_t len)
{
    if (text)
        crypto_wipe(text, len);
    free(text);
}

/* libmicrohttpd is through with a request: answered, or its connection broke. */
static void on_completed(void *arg, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct http_request *req = *context;

    (void)arg, (void)mhd, (void)why;
    if (!req)
        return;
    *context = NULL;
    let_go(req);
    if (!req->answered && req->gone)
        req->gone(req->user);
    if (req->response)
        MHD_destroy_response(req->response);
    http_connection_enter(req->connection, HTTP_READING);
    free(req->target);
    wipe_free(req->form_text, req->form_len);
    wipe_free(req->body, req->room);
    free(req);
}

/* Adds a piece of the body; what is past the bound is only counted. */
static bool add_body(struct http_request *req, const char *data, size_t len)
{
    if (req->too_large || len > req->server->cfg.max_body - req->len) {
        if (!req->too_large)
            req->server->stats.too_large++;
        req->too_large = true;
        req->dropped += len;
        return req->dropped <= DRAIN_MAX;
    }
    if (req->len + len + 1 > req->room) {
        size_t room = 2 * (req->len + len + 1);
        char *body = malloc(room);
        if (!body)
            return false;
        if (req->body)
            memcpy(body, req->body, req->len);
        wipe_free(req->body, req->room);
        req->body = body;
        req->room = room;
    }
    memcpy(req->body + req->len, data, len);
    req->len += len;
    req->body[req->len] = '\0';
    return true;
}

static enum MHD_Result send_answer(struct http_request *req)
{
    struct MHD_Response *response = req->response;
    enum MHD_Result result = MHD_NO;

    if (response && req->status != NO_STATUS) {
        http_connection_enter(req->connection, HTTP_ANSWERING);
        result = MHD_queue_response(req->mhd, req->status, response);
    }
    return result;
}

static void refuse_body(struct http_request *req)
{
    static char text[] = "too large\n";
    struct http_answer answer = {.status = MHD_HTTP_CONTENT_TOO_LARGE,
                                 .content_type = "text/plain",
                                 .body = text,
                                 .len = sizeof text - 1,
                                 .close = true};

    http_reply(req, &answer);
}

/* The head is complete. A body that is announced as far too large is not even read. */
static enum MHD_Result begin(struct http_request *req, const char *path, const char *method)
{
    const char *length =
        MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    unsigned long long announced = length ? strtoull(length, NULL, 10) : 0;

    req->began = true;
    req->method = method;
    req->path = path;
    if (announced <= req->server->cfg.max_body)
        return MHD_YES;
    req->server->stats.too_large++;
    req->too_large = true;
    if (announced <= DRAIN_MAX)
        return MHD_YES;
    refuse_body(req);
    return send_answer(req);
}

/* libmicrohttpd calls for the head, for each piece of the body, for its end, and after a resume. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct http_request *req = *context;

    (void)arg, (void)mhd, (void)version;
    if (!req || !req->target)
        return MHD_NO; /* out of memory */
    if (!req->began)
        return begin(req, path, method);
    if (*len) {
        bool fine = add_body(req, data, *len);
        *len = 0;
        return fine ? MHD_YES : MHD_NO;
    }
    if (req->too_large && !req->answered)
        refuse_body(req);
    if (!req->answered) {
        req->server->stats.requests++;
        req->server->handler(req->server->arg, req);
    }
    if (req->answered)
        return send_answer(req);
    hold(req);
    return MHD_YES;
}

/* --- answers --------------------------------------------------------------------------------- */

static struct MHD_Response *make_response(const struct http_request *req,
                                          const struct http_answer *a)
{
    char *body = a->body ? a->body : (char *)"";
    size_t len = a->body ? a->len : 0;
    bool fine = true, take = a->take && a->body;
    struct MHD_Response *r = MHD_create_response_from_buffer(
        len, body, take ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);

    if (!r) {
        if (take)
            free(body);
        return NULL;
    }
    if (a->content_type)
        fine = MHD_add_response_header(r, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
    if (a->close || req->engine->draining || req->server->connections.full)
        fine &= MHD_add_response_header(r, MHD_HTTP_HEADER_CONNECTION, "close") == MHD_YES;
    for (const struct http_field *f = a->fields; f && f->name; f++)
        fine &= MHD_add_response_header(r, f->name, f->value) == MHD_YES;
    if (!fine) { /* a line break in a value: better nothing than a header that a stranger wrote */
        log_msg(LOG_ERR, "event=http-bad-header status=%u", a->status);
        MHD_destroy_response(r);
        return NULL;
    }
    return r;
}

void http_reply(struct http_request *req, const struct http_answer *answer)
{
    bool held = req->held;

    if (req->answered)
        return;
    req->response = make_response(req, answer);
    req->status = answer->status;
    req->answered = true;
    let_go(req);
    if (held) {
        MHD_resume_connection(req->mhd);
        loop_timer_start(req->engine->timer, 0); /* libmicrohttpd looks at it in its next run */
    }
}

/* --- engines --------------------------------------------------------------------------------- */

static void run_engine(struct engine *e)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;

    MHD_run(e->mhd);
    if (MHD_get_timeout(e->mhd, &wait_ms) == MHD_YES)
        loop_timer_start(e->timer, wait_ms);
    else
        loop_timer_stop(e->timer);
}

static void on_engine_io(void *arg, int fd, int events)
{
    (void)fd, (void)events;
    run_engine(arg);
}

static void on_engine_timer(void *arg)
{
    run_engine(arg);
}

/* libmicrohttpd answers what it cannot parse by itself; its log is where one hears of it. */
static void on_engine_log(void *arg, const char *fmt, va_list args)
{
    struct http_server *s = arg;
    unsigned status;

    vsnprintf(s->last_error, sizeof s->last_error, fmt, args);
    s->last_error[strcspn(s->last_error, "\n")] = '\0';
    if (sscanf(s->last_error, "Error processing request (HTTP response code is %u", &status) == 1) {
        if (status == MHD_HTTP_CONTENT_TOO_LARGE || status == MHD_HTTP_URI_TOO_LONG ||
            status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
            s->stats.too_large++;
        else
            s->stats.bad_requests++;
    }
    log_limited(&s->limit, LOG_DEBUG, "event=http detail=\"%s\"", s->last_error);
}

static void free_engine(struct engine *e)
{
    if (!e)
        return;
    loop_io_free(e->io);
    loop_timer_free(e->timer);
    if (e->mhd)
        MHD_stop_daemon(e->mhd);
    free(e);
}

static struct MHD_Daemon *start_mhd(struct http_server *s, struct engine *e, const char *cert,
                                    const char *key)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_USE_ERROR_LOG | (s->tls ? MHD_USE_TLS : 0);
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};

    return MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, e, MHD_OPTION_EXTERNAL_LOGGER, on_engine_log, s,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, e, MHD_OPTION_NOTIFY_COMPLETED, on_completed, e,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, e, MHD_OPTION_CONNECTION_LIMIT,
        s->cfg.max_connections + 1, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        s->cfg.memory_per_connection, MHD_OPTION_CONNECTION_TIMEOUT, 0U,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, s->tls ? tls : none, MHD_OPTION_END);
}

static struct engine *new_engine(struct http_server *s, const char *cert, const char *key,
                                 char *err, size_t err_len)
{
    struct engine *e = calloc(1, sizeof *e);
    const union MHD_DaemonInfo *info;

    s->last_error[0] = '\0';
    if (!e)
        goto fail;
    e->server = s;
    e->mhd = start_mhd(s, e, cert, key); /* has what it needs of them: the key is not kept here */
    info = e->mhd ? MHD_get_daemon_info(e->mhd, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        goto fail;
    e->io = loop_io_new(s->loop, info->epoll_fd, LOOP_READ, on_engine_io, e);
    e->timer = loop_timer_new(s->loop, on_engine_timer, e);
    if (!e->io || !e->timer)
        goto fail;
    loop_timer_start(e->timer, 0); /* libmicrohttpd's first look */
    return e;
fail:
    snprintf(err, err_len, "%s%s", s->tls ? "bad certificate or key: " : "cannot serve HTTP: ",
             *s->last_error ? s->last_error : "out of memory");
    free_engine(e);
    return NULL;
}

/* Ends the engines whose last connection is gone. */
static void reap(void *arg)
{
    struct http_server *s = arg;

    for (struct engine **at = &s->engines; *at;) {
        struct engine *e = *at;
        if (e->draining && !e->connections) {
            *at = e->next;
            free_engine(e);
        } else {
            at = &e->next;
        }
    }
}

/* --- the server ------------------------------------------------------------------------------ */

static struct http_server *new_server(struct loop *loop, const struct http_config *cfg)
{
    struct http_server *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->loop = loop;
    s->cfg = *cfg;
    s->cfg.max_connections = cfg->max_connections ? cfg->max_connections : 1024;
    s->cfg.max_per_address = cfg->max_per_address ? cfg->max_per_address : 16;
    s->cfg.timeout_s = cfg->timeout_s ? cfg->timeout_s : 10;
    s->cfg.max_body = cfg->max_body ? cfg->max_body : 4096;
    s->tls = cfg->cert_pem && cfg->key_pem;
    if (!s->cfg.memory_per_connection)
        s->cfg.memory_per_connection = s->tls ? TLS_MEMORY : 8192;
    s->cfg.cert_pem = s->cfg.key_pem = NULL; /* the caller's, and not kept */
    s->limit = (struct log_limit){.interval_ms = 10000, .burst = 10};
    s->connections = (struct http_connections){
        .stats = &s->stats, .hand_over = hand_over, .arg = s, .tls = s->tls, .fd = -1};
    return s;
}

struct http_server *http_server_new(struct loop *loop, const struct http_config *cfg,
                                    http_handler handler, void *arg, char *err, size_t err_len)
{
    struct http_server *s = new_server(loop, cfg);

    if (!s) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    s->handler = handler;
    s->arg = arg;
    if (s->tls && MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES) {
        snprintf(err, err_len, "libmicrohttpd was built without TLS");
        goto fail;
    }
    s->engines = new_engine(s, cfg->cert_pem, cfg->key_pem, err, err_len);
    if (!s->engines || !http_connections_open(&s->connections, loop, &s->cfg, err, err_len))
        goto fail;
    s->cfg.bind_address = NULL; /* the caller's */
    return s;
fail:
    http_server_free(s);
    return NULL;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    http_connections_close(&s->connections);
    /* libmicrohttpd must not be stopped with suspended connections. */
    while (s->held) {
        struct http_request *req = s->held;
        let_go(req);
        req->answered = true;
        req->status = NO_STATUS;
        if (req->gone)
            req->gone(req->user);
        MHD_resume_connection(req->mhd);
    }
    while (s->engines) {
        struct engine *e = s->engines;
        s->engines = e->next;
        free_engine(e);
    }
    loop_undefer(s->loop, reap, s);
    http_connections_free(&s->connections);
    free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
    *out = s->stats;
}

uint16_t http_server_port(const struct http_server *s)
{
    return http_listen_port(s->connections.fd);
}

bool http_server_set_cert(struct http_server *s, const char *cert_pem, const char *key_pem,
                          char *err, size_t err_len)
{
    struct engine *e;

    if (!s->tls) {
        snprintf(err, err_len, "this listener has no TLS");
        return false;
    }
    e = new_engine(s, cert_pem, key_pem, err, err_len);
    if (!e)
        return false;
    s->engines->draining = true;
    e->next = s->engines;
    s->engines = e;
    loop_defer(s->loop, reap, s);
    return true;
}

/* --- what a handler asks --------------------------------------------------------------------- */

const char *http_header(struct http_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->mhd, MHD_HEADER_KIND, name);
}

struct last {
    const char *name, *value;
};

static enum MHD_Result note_last(void *arg, enum MHD_ValueKind kind, const char *key,
                                 const char *value)
{
    struct last *l = arg;

    (void)kind;
    if (strcasecmp(key, l->name) == 0)
        l->value = value;
    return MHD_YES;
}

const char *http_header_last(struct http_request *req, const char *name)
{
    struct last l = {name, NULL};

    MHD_get_connection_values(req->mhd, MHD_HEADER_KIND, note_last, &l);
    return l.value;
}

const char *http_query(struct http_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->mhd, MHD_GET_ARGUMENT_KIND, name);
}

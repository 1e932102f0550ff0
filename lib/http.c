/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libmicrohttpd.
 *
 * libmicrohttpd runs in its external-epoll mode: its epoll descriptor is one more descriptor of our
 * loop, and each time it is readable MHD_run does what there is to do, on our stack, without a
 * thread. A request is collected whole before the handler sees it; a handler that has to wait for
 * the gate or for RADIUS just returns, the connection is suspended, and http_reply resumes it.
 *
 * A new certificate cannot be given to a running MHD daemon. So a server is one listening socket
 * and one or more engines (MHD daemons): the newest listens, older ones serve their connections to
 * the end and are then stopped. Nobody is dropped.
 *
 * What must never happen: MHD may not be stopped while a connection is suspended (it aborts), and a
 * request may not be used by its handler after http_reply or after its gone callback. */
#include "lib/http.h"
#include "lib/form.h"
#include "lib/log.h"
#include "lib/loop.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DRAIN_MS 60000 /* an old engine's connections get this long */

struct engine {
    struct engine *next;
    struct http_server *server;
    struct MHD_Daemon *mhd;
    struct loop_io *io;
    struct loop_timer *timer;
    bool draining;
    uint64_t drain_until_ms;
};

struct http_server {
    struct loop *loop;
    struct http_config cfg;
    http_handler handler;
    void *arg;
    int listen_fd;
    bool tls;
    struct engine *engines; /* the newest first; it alone listens */
    struct http_request *held;
    struct http_stats stats;
};

struct http_request {
    struct http_request *prev, *next; /* among the held ones of its server */
    struct http_server *server;
    struct engine *engine;
    struct MHD_Connection *connection;
    char *target, *method, *path;
    char *body;
    size_t body_len, body_room;
    char *form_text;
    struct form form;
    struct MHD_Response *response;
    unsigned status;
    uint64_t started_us;
    struct sockaddr_storage peer;
    void *user;
    void (*gone)(void *user);
    bool began, too_large, handled, held;
};

/* What is kept for a TCP connection, to know afterwards what became of it. */
struct visit {
    uint64_t began_ms;
    bool asked; /* at least one request line was read */
};

/* --- requests --------------------------------------------------------------------------------- */

static void *request_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct engine *e = cls;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    if (info && info->socket_context)
        ((struct visit *)info->socket_context)->asked = true;
    struct http_request *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->server = e->server;
    r->engine = e;
    r->connection = connection;
    r->started_us = loop_now_us();
    r->target = strdup(uri);
    return r;
}

static void request_unhold(struct http_request *r)
{
    if (!r->held)
        return;
    if (r->prev)
        r->prev->next = r->next;
    else
        r->server->held = r->next;
    if (r->next)
        r->next->prev = r->prev;
    r->held = false;
}

static void request_hold(struct http_request *r)
{
    r->prev = NULL;
    r->next = r->server->held;
    if (r->next)
        r->next->prev = r;
    r->server->held = r;
    r->held = true;
}

static void request_free(struct http_request *r)
{
    request_unhold(r);
    if (r->response)
        MHD_destroy_response(r->response);
    free(r->target);
    free(r->method);
    free(r->path);
    free(r->body);
    free(r->form_text);
    free(r);
}

static void request_ended(void *cls, struct MHD_Connection *connection, void **con_cls,
                          enum MHD_RequestTerminationCode why)
{
    struct engine *e = cls;
    struct http_request *r = *con_cls;
    (void)connection;
    if (!r)
        return;
    *con_cls = NULL;
    if (why == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED && !r->response)
        e->server->stats.timeouts++;
    if (r->handled && !r->response && r->gone)
        r->gone(r->user);
    request_free(r);
}

static bool body_append(struct http_request *r, const char *data, size_t len)
{
    if (len > r->server->cfg.max_body - r->body_len)
        return false;
    if (r->body_len + len + 1 > r->body_room) {
        size_t room = (r->body_len + len + 1) * 2;
        char *grown = realloc(r->body, room);
        if (!grown)
            return false;
        r->body = grown;
        r->body_room = room;
    }
    memcpy(r->body + r->body_len, data, len);
    r->body_len += len;
    r->body[r->body_len] = '\0';
    return true;
}

static bool announces_too_much(struct http_request *r)
{
    const char *text = http_header(r, "Content-Length");
    if (!text)
        return false;
    char *end;
    errno = 0;
    unsigned long long length = strtoull(text, &end, 10);
    return errno != 0 || *end != '\0' || length > r->server->cfg.max_body;
}

static void request_set_peer(struct http_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    r->peer.ss_family = AF_UNSPEC;
    if (!info || !info->client_addr)
        return;
    if (info->client_addr->sa_family == AF_INET) {
        memcpy(&r->peer, info->client_addr, sizeof(struct sockaddr_in));
        return;
    }
    if (info->client_addr->sa_family != AF_INET6)
        return;
    struct sockaddr_in6 six;
    memcpy(&six, info->client_addr, sizeof six);
    if (!IN6_IS_ADDR_V4MAPPED(&six.sin6_addr)) {
        memcpy(&r->peer, &six, sizeof six);
        return;
    }
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = six.sin6_port};
    memcpy(&four.sin_addr, six.sin6_addr.s6_addr + 12, 4);
    memcpy(&r->peer, &four, sizeof four);
}

static const char too_large_page[] = "Too large.\n";

static enum MHD_Result answer_too_large(struct http_request *r)
{
    r->server->stats.too_large++;
    struct http_answer a = {.status = MHD_HTTP_CONTENT_TOO_LARGE,
                            .content_type = "text/plain",
                            .body = (char *)(uintptr_t)too_large_page,
                            .len = sizeof too_large_page - 1,
                            .close = true};
    r->handled = true;
    http_reply(r, &a);
    return r->response ? MHD_queue_response(r->connection, r->status, r->response) : MHD_NO;
}

/* Whole request: to the handler. It answers at once, or the connection sleeps until it does. */
static enum MHD_Result request_handle(struct http_request *r)
{
    r->handled = true;
    r->server->stats.requests++;
    r->server->handler(r->server->arg, r);
    if (r->response)
        return MHD_queue_response(r->connection, r->status, r->response);
    request_hold(r);
    MHD_suspend_connection(r->connection);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload_data,
                                  size_t *upload_data_size, void **con_cls)
{
    struct http_request *r = *con_cls;
    (void)cls;
    (void)connection;
    (void)version;
    if (!r || !r->target)
        return MHD_NO; /* no memory: hang up */
    if (r->handled)    /* resumed */
        return r->response ? MHD_queue_response(connection, r->status, r->response) : MHD_NO;
    if (!r->began) {
        r->began = true;
        r->method = strdup(method);
        r->path = strdup(url);
        if (!r->method || !r->path)
            return MHD_NO;
        request_set_peer(r);
        return announces_too_much(r) ? answer_too_large(r) : MHD_YES;
    }
    if (*upload_data_size > 0) {
        if (!r->too_large && !body_append(r, upload_data, *upload_data_size))
            r->too_large = true;
        *upload_data_size = 0;
        return MHD_YES;
    }
    return r->too_large ? answer_too_large(r) : request_handle(r);
}

/* --- connections ------------------------------------------------------------------------------ */

/* Does what arrived first begin like a request? True while that cannot be told yet. */
static bool looks_like_http(const char *data, size_t len)
{
    size_t method = 0;
    while (method < len && data[method] >= 'A' && data[method] <= 'Z')
        method++;
    if (method == len)
        return len < 24;
    const char *end = memchr(data, '\n', len);
    return method > 0 && data[method] == ' ' &&
           (!end || memmem(data, (size_t)(end - data), " HTTP/1.", 8));
}

/* MHD hangs up on what is no request line at all; whoever sent it gets to know why. (The first
 * bytes are there when a connection is: TCP_DEFER_ACCEPT.) */
static void refuse_garbage(struct http_server *s, struct MHD_Connection *connection)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                 "Content-Type: text/plain\r\nContent-Length: 12\r\n\r\n"
                                 "Bad request\n";
    char first[512];
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (!info || s->tls)
        return;
    ssize_t n = recv(info->connect_fd, first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (n <= 0 || looks_like_http(first, (size_t)n))
        return;
    s->stats.bad_requests++;
    for (int i = 0; i < 128; i++) /* unread data would turn the answer into a reset */
        if (recv(info->connect_fd, first, sizeof first, MSG_DONTWAIT) < (ssize_t)sizeof first)
            break;
    if (send(info->connect_fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT) > 0)
        shutdown(info->connect_fd, SHUT_RDWR);
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct engine *e = cls;
    struct http_server *s = e->server;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct visit *v = calloc(1, sizeof *v);
        if (v)
            v->began_ms = loop_now_ms();
        *socket_context = v;
        s->stats.connections++;
        refuse_garbage(s, connection);
        return;
    }
    struct visit *v = *socket_context;
    s->stats.connections--;
    /* Closed by us without a request: a half-sent head ran into the timeout. */
    if (v && !v->asked && loop_now_ms() - v->began_ms >= s->cfg.timeout_s * 1000ULL)
        s->stats.timeouts++;
    free(v);
    *socket_context = NULL;
}

/* MHD answers what is no HTTP by itself, in constant size, and says so only here. */
static void on_mhd_log(void *cls, const char *fmt, va_list ap)
{
    static const char refusal[] = "Error processing request (HTTP response code is ";
    struct engine *e = cls;
    if (strncmp(fmt, refusal, sizeof refusal - 1) == 0) {
        va_list copy;
        va_copy(copy, ap);
        unsigned code = va_arg(copy, unsigned);
        va_end(copy);
        if (code == MHD_HTTP_CONTENT_TOO_LARGE || code == MHD_HTTP_URI_TOO_LONG ||
            code == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
            e->server->stats.too_large++;
        else
            e->server->stats.bad_requests++;
    } else if (strstr(fmt, "limit")) {
        e->server->stats.refused_connections++;
    }
    if (log_level() < LOG_DEBUG)
        return;
    char line[256];
    vsnprintf(line, sizeof line, fmt, ap);
    log_msg(LOG_DEBUG, "event=http detail=\"%s\"", line);
}

/* --- engines ---------------------------------------------------------------------------------- */

static void engine_free(struct engine *e)
{
    MHD_stop_daemon(e->mhd);
    loop_io_free(e->io);
    loop_timer_free(e->timer);
    free(e);
}

static void engine_reap(struct http_server *s)
{
    for (struct engine **at = &s->engines; *at;) {
        struct engine *e = *at;
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(e->mhd, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        bool over = info->num_connections == 0 || (loop_now_ms() > e->drain_until_ms && !s->held);
        if (e->draining && over) {
            *at = e->next;
            engine_free(e);
        } else {
            at = &e->next;
        }
    }
}

static void engine_run(struct engine *e)
{
    struct http_server *s = e->server;
    bool draining = e->draining;
    MHD_run(e->mhd);
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (MHD_get_timeout(e->mhd, &wait_ms) == MHD_YES)
        loop_timer_start(e->timer, draining && wait_ms > 1000 ? 1000 : wait_ms);
    else if (draining)
        loop_timer_start(e->timer, 1000);
    else
        loop_timer_stop(e->timer);
    if (draining)
        engine_reap(s); /* may free e */
}

static void engine_readable(void *arg, int fd, int events)
{
    (void)fd;
    (void)events;
    engine_run(arg);
}

static void engine_due(void *arg)
{
    engine_run(arg);
}

static struct engine *engine_new(struct http_server *s, const char *cert, const char *key)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->server = s;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_END, 0, NULL},
    };
    if (s->tls)
        flags |= MHD_USE_TLS;
    else
        tls[0].option = MHD_OPTION_END;
    e->mhd = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, e, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log, e,
        MHD_OPTION_LISTEN_SOCKET, s->listen_fd, MHD_OPTION_CONNECTION_LIMIT, s->cfg.max_connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->cfg.max_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        s->cfg.timeout_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->cfg.memory_per_connection,
        MHD_OPTION_URI_LOG_CALLBACK, request_begin, e, MHD_OPTION_NOTIFY_COMPLETED, request_ended,
        e, MHD_OPTION_NOTIFY_CONNECTION, on_connection, e, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    if (!e->mhd) {
        free(e);
        return NULL;
    }
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(e->mhd, MHD_DAEMON_INFO_EPOLL_FD);
    e->io = loop_io_new(s->loop, info->epoll_fd, LOOP_READ, engine_readable, e);
    e->timer = loop_timer_new(s->loop, engine_due, e);
    if (!e->io || !e->timer) {
        MHD_quiesce_daemon(e->mhd); /* the listening socket is not this engine's to close */
        engine_free(e);
        return NULL;
    }
    return e;
}

/* --- servers ---------------------------------------------------------------------------------- */

static bool listen_address(const struct http_config *cfg, struct sockaddr_storage *out,
                           socklen_t *len)
{
    struct sockaddr_in *four = (struct sockaddr_in *)out;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (cfg->bind_address && inet_pton(AF_INET, cfg->bind_address, &four->sin_addr) == 1) {
        four->sin_family = AF_INET;
        four->sin_port = htons(cfg->port);
        *len = sizeof *four;
        return true;
    }
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(cfg->port);
    *len = sizeof *six;
    return !cfg->bind_address || inet_pton(AF_INET6, cfg->bind_address, &six->sin6_addr) == 1;
}

static int listen_on(const struct http_config *cfg, char *err, size_t err_len)
{
    struct sockaddr_storage at;
    socklen_t len;
    const char *where = cfg->bind_address ? cfg->bind_address : "any address";
    if (!listen_address(cfg, &at, &len)) {
        snprintf(err, err_len, "%s is no IPv4 or IPv6 address", where);
        return -1;
    }
    int one = 1, zero = 0;
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        snprintf(err, err_len, "no socket: %s", strerror(errno));
        return -1;
    }
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &one, sizeof one); /* see refuse_garbage */
    if (at.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
    if (bind(fd, (struct sockaddr *)&at, len) != 0 || listen(fd, 511) != 0) {
        snprintf(err, err_len, "cannot listen on %s port %u: %s", where, cfg->port,
                 strerror(errno));
        close(fd);
        return -1;
    }
    return fd;
}

static void set_defaults(struct http_config *c)
{
    if (!c->max_connections)
        c->max_connections = 1024;
    if (!c->max_per_address)
        c->max_per_address = 16;
    if (!c->timeout_s)
        c->timeout_s = 10;
    if (!c->max_body)
        c->max_body = 4096;
    if (!c->memory_per_connection)
        c->memory_per_connection = 8192;
    if (c->cert_pem && c->memory_per_connection < 16384)
        c->memory_per_connection = 16384;
}

struct http_server *http_server_new(struct loop *loop, const struct http_config *cfg,
                                    http_handler handler, void *arg, char *err, size_t err_len)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    s->loop = loop;
    s->cfg = *cfg;
    set_defaults(&s->cfg);
    s->handler = handler;
    s->arg = arg;
    s->tls = cfg->cert_pem && cfg->key_pem;
    s->cfg.cert_pem = s->cfg.key_pem = NULL; /* MHD has its own copy; keys are not kept here */
    s->listen_fd = listen_on(&s->cfg, err, err_len);
    if (s->listen_fd < 0) {
        free(s);
        return NULL;
    }
    s->engines = engine_new(s, cfg->cert_pem, cfg->key_pem);
    if (!s->engines) {
        snprintf(err, err_len,
                 s->tls ? "the certificate or its key cannot be used"
                        : "libmicrohttpd could not start");
        close(s->listen_fd);
        free(s);
        return NULL;
    }
    return s;
}

bool http_server_set_cert(struct http_server *s, const char *cert_pem, const char *key_pem,
                          char *err, size_t err_len)
{
    struct engine *fresh = s->tls ? engine_new(s, cert_pem, key_pem) : NULL;
    if (!fresh) {
        snprintf(err, err_len,
                 s->tls ? "the certificate or its key cannot be used" : "this listener has no TLS");
        return false;
    }
    struct engine *old = s->engines;
    MHD_quiesce_daemon(old->mhd);
    old->draining = true;
    old->drain_until_ms = loop_now_ms() + DRAIN_MS;
    loop_timer_start(old->timer, 0);
    fresh->next = old;
    s->engines = fresh;
    return true;
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    while (s->held) {
        struct http_request *r = s->held;
        request_unhold(r);
        if (r->gone)
            r->gone(r->user);
        r->gone = NULL;
        MHD_resume_connection(r->connection); /* MHD may not be stopped with a suspended one */
    }
    MHD_quiesce_daemon(s->engines->mhd);
    while (s->engines) {
        struct engine *e = s->engines;
        s->engines = e->next;
        engine_free(e);
    }
    close(s->listen_fd);
    free(s);
}

void http_server_stats(const struct http_server *s, struct http_stats *out)
{
    *out = s->stats;
}

/* --- what a handler sees ---------------------------------------------------------------------- */

const char *http_method(const struct http_request *req)
{
    return req->method;
}

const char *http_path(const struct http_request *req)
{
    return req->path;
}

const char *http_target(const struct http_request *req)
{
    return req->target;
}

const char *http_header(struct http_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_HEADER_KIND, name);
}

const char *http_query(struct http_request *req, const char *name)
{
    return MHD_lookup_connection_value(req->connection, MHD_GET_ARGUMENT_KIND, name);
}

const char *http_form(struct http_request *req, const char *name)
{
    static const char urlencoded[] = "application/x-www-form-urlencoded";
    const char *type = http_header(req, "Content-Type");
    if (!type || strncasecmp(type, urlencoded, sizeof urlencoded - 1) != 0)
        return NULL;
    if (!req->form_text && (req->form_text = strdup(req->body ? req->body : "")))
        form_decode(req->form_text, &req->form);
    return form_get(&req->form, name);
}

const void *http_body(const struct http_request *req, size_t *len)
{
    *len = req->body_len;
    return req->body;
}

bool http_is_tls(const struct http_request *req)
{
    return req->server->tls;
}

const struct sockaddr *http_peer(const struct http_request *req)
{
    return (const struct sockaddr *)&req->peer;
}

uint64_t http_started_us(const struct http_request *req)
{
    return req->started_us;
}

void http_set_user(struct http_request *req, void *user, void (*gone)(void *user))
{
    req->user = user;
    req->gone = gone;
}

void *http_user(const struct http_request *req)
{
    return req->user;
}

static struct MHD_Response *response_of(const struct http_answer *a)
{
    static char nothing[] = "";
    struct MHD_Response *response = MHD_create_response_from_buffer(
        a->len, a->body ? a->body : nothing,
        a->take ? MHD_RESPMEM_MUST_FREE
                : (a->body ? MHD_RESPMEM_MUST_COPY : MHD_RESPMEM_PERSISTENT));
    if (!response) {
        if (a->take)
            free(a->body);
        return NULL;
    }
    if (a->content_type)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, a->content_type);
    for (const struct http_field *f = a->fields; f && f->name; f++)
        MHD_add_response_header(response, f->name, f->value);
    if (a->close)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    return response;
}

void http_reply(struct http_request *req, const struct http_answer *answer)
{
    if (req->response)
        return; /* answered once already: the first answer stands */
    req->response = response_of(answer);
    req->status = answer->status;
    req->user = NULL;
    req->gone = NULL;
    if (req->held) {
        request_unhold(req);
        MHD_resume_connection(req->connection); /* without a response: MHD hangs up */
        loop_timer_start(req->engine->timer, 0);
    }
}

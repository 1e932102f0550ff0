/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libmicrohttpd: HTTP/1.1 (RFC 9112) on the event loop, no threads. A request reaches
 * the handler whole (head and body, within the bounds) and is answered once, now or later. */
#ifndef LOGGIA_LIB_HTTP_H
#define LOGGIA_LIB_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct loop;
struct http_server;
struct http_request;

/* Zero means the default that stands behind each. */
struct http_config {
    uint16_t port;                  /* on [::] with IPv4 mapped in; 0: the kernel chooses */
    const char *bind_address;       /* instead of any: an IPv4 or IPv6 literal, e.g. for metrics */
    unsigned max_connections;       /* 1024 */
    unsigned max_per_address;       /* 16 */
    unsigned timeout_s;             /* 10: idle; or a request, from its first byte to its last */
    size_t max_body;                /* 4096: more is answered 413 */
    size_t memory_per_connection;   /* 8192: longer heads are answered 431 */
    const char *cert_pem, *key_pem; /* both: TLS. Copied. */
};

/* What happened to connections; for metrics and status. */
struct http_stats {
    uint64_t requests, bad_requests, too_large, timeouts, refused_connections;
    unsigned connections;
};

/* Called once a request. The request lives until http_reply returns; header, query and form values
 * are NUL-terminated, live as long, and are NULL where absent. */
typedef void (*http_handler)(void *arg, struct http_request *req);

/* NULL with the reason in err (port in use, bad certificate). */
struct http_server *http_server_new(struct loop *loop, const struct http_config *cfg,
                                    http_handler handler, void *arg, char *err, size_t err_len);
/* Not from inside a handler. Answers nothing more, closes all; requests still held become invalid
 * (their gone callback is called first). */
void http_server_free(struct http_server *s);
/* The port it listens on. */
uint16_t http_server_port(const struct http_server *s);
void http_server_stats(const struct http_server *s, struct http_stats *out);
/* TLS only: new certificate for connections from now on. False with err: the old one stays. */
bool http_server_set_cert(struct http_server *s, const char *cert_pem, const char *key_pem,
                          char *err, size_t err_len);

const char *http_method(const struct http_request *req); /* "GET", "POST", … as sent */
const char *http_path(const struct http_request *req);   /* decoded by libmicrohttpd, no query */
const char *http_target(const struct http_request *req); /* path and query as sent, undecoded */
const char *http_header(struct http_request *req, const char *name);
/* Of several of that name the last: the one that a proxy before us added to what the client sent.
 */
const char *http_header_last(struct http_request *req, const char *name);
/* The address of who asks: the peer's, or, where that is proxy (NULL: nobody is believed), what the
 * proxy itself adds to X-Forwarded-For. What stands before that is the client's own word. */
void http_client(struct http_request *req, const char *proxy, char out[static 64]);
const char *http_query(struct http_request *req, const char *name);
const char *http_form(struct http_request *req, const char *name); /* urlencoded bodies */
const void *http_body(const struct http_request *req, size_t *len);
bool http_is_tls(const struct http_request *req);
/* The peer's address; IPv4-mapped IPv6 is turned into IPv4. */
const struct sockaddr *http_peer(const struct http_request *req);
uint64_t http_started_us(const struct http_request *req);

/* A pointer of the handler's own, kept with the request; and what to call if the request ends
 * before http_reply (it must not be used after that call). While a request is held libmicrohttpd
 * does not look at its connection, so that a peer that hung up is noticed only after http_reply:
 * a handler keeps its own deadline, and gone is called when the server is freed. */
void http_set_user(struct http_request *req, void *user, void (*gone)(void *user));
void *http_user(const struct http_request *req);

struct http_field {
    const char *name, *value;
};
/* Answers. body is copied unless take is true (then freed with free). fields end with {NULL, NULL}
 * or are NULL. Content-Length, Date and Connection are set here; close asks for Connection: close.
 */
struct http_answer {
    unsigned status;
    const char *content_type; /* NULL: none */
    char *body;
    size_t len;
    bool take, close;
    const struct http_field *fields;
};
void http_reply(struct http_request *req, const struct http_answer *answer);

#endif

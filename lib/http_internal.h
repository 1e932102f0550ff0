/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between http.c (requests, libmicrohttpd), http_connection.c (connections and their deadlines) and
 * http_listen.c (sockets). Nobody else includes it. */
#ifndef LOGGIA_LIB_HTTP_INTERNAL_H
#define LOGGIA_LIB_HTTP_INTERNAL_H

#include "lib/form.h"
#include "lib/http.h"

/* --- sockets --------------------------------------------------------------------------------- */
/* A listening socket (non-blocking, close-on-exec), or -1 with the reason in err. */
int http_listen(const struct http_config *cfg, char *err, size_t err_len);
/* The port it really has. */
uint16_t http_listen_port(int fd);
/* Bytes that the peer has sent since the connection began, as the kernel counted them. */
uint64_t http_received_bytes(int fd);
/* Copies an address; IPv4-mapped IPv6 becomes IPv4. */
void http_copy_address(struct sockaddr_storage *out, const struct sockaddr *from);
bool http_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

/* What the first bytes of a connection are. */
enum http_first { HTTP_FIRST_NOTHING, HTTP_FIRST_REQUEST, HTTP_FIRST_GARBAGE, HTTP_FIRST_GONE };
enum http_first http_first_bytes(int fd, bool tls);
/* Answers 400 in constant size and closes. */
void http_refuse(int fd);

/* --- connections ----------------------------------------------------------------------------- */
enum http_phase {
    HTTP_NEW,       /* accepted, nothing came yet: not libmicrohttpd's yet */
    HTTP_READING,   /* waiting for a request, or for the rest of one */
    HTTP_HELD,      /* the handler thinks */
    HTTP_ANSWERING, /* the answer is on its way */
    HTTP_CLOSING    /* hung up on, the end is being processed */
};

struct http_connection {
    struct http_connections *all;
    int fd;
    enum http_phase phase;
    struct sockaddr_storage peer;
    struct loop_io *first; /* NEW: waits for the first bytes */
    uint64_t since_ms;     /* the phase, or in READING the request, began */
    uint64_t bytes_then;   /* received when the last request was complete */
    bool receiving;        /* READING: a request has begun */
    bool served;           /* it has had an answer */
    struct http_connection *prev, *next;
};

/* Everything that is connected, and the socket by which they come. */
struct http_connections {
    struct loop *loop;
    struct http_connection *list; /* the youngest first */
    struct http_stats *stats;
    /* A connection's first bytes are there: it is the caller's now, READING. */
    void (*hand_over)(void *arg, struct http_connection *c);
    void *arg;
    bool tls, full; /* full: the listener rests until one ends */
    unsigned max, max_per_address;
    uint32_t timeout_ms;
    int fd; /* listening */
    struct loop_io *listen;
    struct loop_timer *rest, *tick;
};

/* cfg's bounds must be set; so must all's stats, hand_over, arg and tls. False with err. */
bool http_connections_open(struct http_connections *all, struct loop *loop,
                           const struct http_config *cfg, char *err, size_t err_len);
/* Listens no more, and closes those that were not handed over. */
void http_connections_close(struct http_connections *all);
/* After that, and when all the others have ended. */
void http_connections_free(struct http_connections *all);

void http_connection_enter(struct http_connection *c, enum http_phase phase);
/* It has ended, its descriptor is closed: forgets it. */
void http_connection_end(struct http_connection *c);

/* --- requests --------------------------------------------------------------------------------- */
struct engine;
struct MHD_Connection;
struct MHD_Response;

struct http_request {
    struct http_server *server;
    struct engine *engine;
    struct http_connection *connection;
    struct MHD_Connection *mhd;
    char *target;
    const char *method, *path; /* libmicrohttpd's, as long as the request lives */
    uint64_t started_us;
    char *body;
    size_t len, room, dropped; /* dropped: bytes past max_body */
    bool began, too_large, held, answered;
    struct form form;
    char *form_text; /* what form points into */
    size_t form_len;
    struct MHD_Response *response;
    unsigned status;
    void *user;
    void (*gone)(void *user);
    struct http_request *prev, *next; /* of those held */
};

#endif

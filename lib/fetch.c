/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcurl's multi interface, driven by our loop: libcurl says which sockets it waits for and when
 * it wants to be woken, we say what happened. What comes from the other end is kept only within
 * bounds: the body in a buf of max_bytes, four headers, and no more than MAX_HEADERS of them. */
#include "lib/fetch.h"
#include "lib/buf.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/outside.h"
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
    MAX_HEADERS = 32768, /* bytes of all heads of an answer */
    MAX_VALUE = 512,
    CONNECT_MS = 15000,
    KEEPALIVE_S = 60, /* a connection that waits is asked whether it still is one */
    SILENT_MS = 30000 /* and is given up if nothing is acknowledged for so long */
};

struct fetcher {
    struct loop *loop;
    CURLM *multi;
    struct loop_timer *timer;
    struct fetch *all;
    char *ca_file, *user_agent;
};

struct fetch {
    struct fetcher *f;
    struct fetch *next, **link;
    CURL *easy;
    struct curl_slist *headers;
    fetch_fn fn;
    void *arg;
    struct buf body;
    size_t head_bytes;
    bool too_long;
    enum fetch_reach reach;
    bool begun;
    bool was_outside, refused; /* an address outside was met; one inside was refused */
    char why[CURL_ERROR_SIZE];
    char etag[MAX_VALUE], last_modified[MAX_VALUE], content_type[MAX_VALUE];
    bool waited;
    uint32_t retry_after_s;
    int64_t date_s, modified_s;
};

static void fetch_free(struct fetch *c)
{
    if (c->link) {
        *c->link = c->next;
        if (c->next)
            c->next->link = c->link;
        curl_multi_remove_handle(c->f->multi, c->easy);
    }
    curl_easy_cleanup(c->easy);
    curl_slist_free_all(c->headers);
    buf_free(&c->body);
    free(c);
}

void fetch_cancel(struct fetch *c)
{
    fetch_free(c);
}

/* --- what comes back ---------------------------------------------------------------------------
 */

static size_t on_body(char *data, size_t one, size_t n, void *arg)
{
    struct fetch *c = arg;
    (void)one;
    buf_add(&c->body, data, n);
    c->too_long |= c->body.failed;
    return c->body.failed ? 0 : n;
}

/* The value of "name: value" if this is that header; printable, at most MAX_VALUE - 1 bytes. */
static bool header(const char *line, size_t len, const char *name, char out[static MAX_VALUE])
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    line += n + 1;
    len -= n + 1;
    while (len && (*line == ' ' || *line == '\t')) {
        line++;
        len--;
    }
    while (len && (unsigned char)line[len - 1] <= ' ')
        len--;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            return false;
    if (len >= MAX_VALUE)
        return false;
    memcpy(out, line, len);
    out[len] = '\0';
    return true;
}

static size_t on_header(char *line, size_t one, size_t n, void *arg)
{
    struct fetch *c = arg;
    char value[MAX_VALUE];
    (void)one;
    c->head_bytes += n;
    if (c->head_bytes > MAX_HEADERS) {
        c->too_long = true;
        return 0;
    }
    if (n > 5 && strncasecmp(line, "HTTP/", 5) == 0) { /* of the next answer behind a redirect */
        c->etag[0] = c->last_modified[0] = c->content_type[0] = '\0';
        c->waited = false;
        c->retry_after_s = 0;
        c->date_s = c->modified_s = 0;
    } else if (header(line, n, "ETag", value)) {
        memcpy(c->etag, value, sizeof c->etag);
    } else if (header(line, n, "Last-Modified", value)) {
        time_t date = curl_getdate(value, NULL);
        c->modified_s = date > 0 ? date : 0;
        memcpy(c->last_modified, value, sizeof c->last_modified);
    } else if (header(line, n, "Content-Type", value)) {
        memcpy(c->content_type, value, sizeof c->content_type);
    } else if (header(line, n, "Preference-Applied", value)) {
        c->waited = strncasecmp(value, "wait", 4) == 0;
    } else if (header(line, n, "Retry-After", value)) {
        c->retry_after_s = (uint32_t)strtoul(value, NULL, 10);
    } else if (header(line, n, "Date", value)) {
        time_t date = curl_getdate(value, NULL);
        c->date_s = date > 0 ? date : 0;
    }
    return n;
}

static const char *words(const struct fetch *c, CURLcode code)
{
    if (c->refused)
        return "it leads into a network that is not public";
    if (c->too_long)
        return "the answer is longer than it may be";
    if (code == CURLE_FILESIZE_EXCEEDED)
        return "the answer says that it is longer than it may be";
    return *c->why ? c->why : curl_easy_strerror(code);
}

static void finish(struct fetch *c, CURLcode code)
{
    long status = 0, request = 0, heads = 0;
    curl_off_t up = 0, down = 0;
    const char *scheme = NULL;
    curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(c->easy, CURLINFO_REQUEST_SIZE, &request);
    curl_easy_getinfo(c->easy, CURLINFO_HEADER_SIZE, &heads);
    curl_easy_getinfo(c->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(c->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(c->easy, CURLINFO_SCHEME, &scheme);
    bool whole = code == CURLE_OK && status > 0;
    struct fetch_answer a = {.status = whole ? (unsigned)status : 0,
                             .err = whole ? "" : words(c, code),
                             .inside = !whole && c->refused,
                             .body = whole && c->body.data ? c->body.data : "",
                             .len = whole ? c->body.len : 0,
                             .etag = *c->etag ? c->etag : NULL,
                             .last_modified = *c->last_modified ? c->last_modified : NULL,
                             .content_type = *c->content_type ? c->content_type : NULL,
                             .waited = c->waited,
                             .tls = scheme && strcasecmp(scheme, "https") == 0,
                             .retry_after_s = c->retry_after_s,
                             .date_s = c->date_s,
                             .modified_strong = c->modified_s && c->date_s >= c->modified_s + 2,
                             .sent = (uint64_t)request + (uint64_t)up,
                             .received = (uint64_t)heads + (uint64_t)down};
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    c->link = NULL;
    curl_multi_remove_handle(c->f->multi, c->easy);
    c->fn(c->arg, &a);
    fetch_free(c);
}

/* --- between libcurl and the loop --------------------------------------------------------------
 */

static void collect(struct fetcher *f)
{
    CURLMsg *m;
    int left;
    while ((m = curl_multi_info_read(f->multi, &left))) {
        struct fetch *c = NULL;
        if (m->msg != CURLMSG_DONE)
            continue;
        CURLcode code = m->data.result; /* m is gone with its handle */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &c);
        finish(c, code);
    }
}

static void on_io(void *arg, int fd, int events)
{
    struct fetcher *f = arg;
    int running, what = (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
                        (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(f->multi, fd, what, &running);
    collect(f);
}

static void on_timer(void *arg)
{
    struct fetcher *f = arg;
    int running;
    curl_multi_socket_action(f->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(f);
}

static int want_timer(CURLM *multi, long ms, void *arg)
{
    struct fetcher *f = arg;
    (void)multi;
    if (ms < 0)
        loop_timer_stop(f->timer);
    else
        loop_timer_start(f->timer, (uint64_t)ms);
    return 0;
}

static int want_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *mine)
{
    struct fetcher *f = arg;
    struct loop_io *io = mine;
    int events = (what & CURL_POLL_IN ? LOOP_READ : 0) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0);
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        loop_io_free(io);
        curl_multi_assign(f->multi, fd, NULL);
    } else if (io) {
        loop_io_set(io, events);
    } else {
        io = loop_io_new(f->loop, fd, events, on_io, f);
        if (!io)
            return -1;
        curl_multi_assign(f->multi, fd, io);
    }
    return 0;
}

/* A connection that died without a word would hold a long poll for its whole time. */
static int on_socket(void *arg, curl_socket_t fd, curlsocktype purpose)
{
    unsigned silent_ms = SILENT_MS;
    (void)arg, (void)purpose;
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &silent_ms, sizeof silent_ms);
    return CURL_SOCKOPT_OK;
}

/* --- where names may lead ----------------------------------------------------------------------
 */

static bool may_reach(struct fetch *c, bool outside)
{
    bool may =
        c->reach == FETCH_ANYWHERE || outside || (c->reach == FETCH_OUTWARDS && !c->was_outside);
    c->was_outside |= outside;
    c->refused |= !may;
    return may;
}

/* Before a connection is made, so that not even its handshake tells what listens inside. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct fetch *c = arg;
    (void)purpose;
    if (!may_reach(c, outside_address(&a->addr, a->addrlen)))
        return CURL_SOCKET_BAD;
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* Before a request is sent: over a connection of another request's, too. */
static int before_request(void *arg, char *to, char *from, int to_port, int from_port)
{
    (void)from, (void)to_port, (void)from_port;
    struct fetch *c = arg;
    c->begun = may_reach(c, outside_text(to));
    return c->begun ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

bool fetch_begun(const struct fetch *c)
{
    return c->begun;
}

/* --- begin and end -----------------------------------------------------------------------------
 */

static bool add_header(struct fetch *c, const char *name, const char *value)
{
    char line[MAX_VALUE + 64];
    if (!value)
        return true;
    if (strpbrk(value, "\r\n") ||
        snprintf(line, sizeof line, "%s: %s", name, value) >= (int)sizeof line)
        return false;
    struct curl_slist *more = curl_slist_append(c->headers, line);
    if (!more)
        return false;
    c->headers = more;
    return true;
}

static bool add_headers(struct fetch *c, const struct fetch_request *r)
{
    char wait[24];
    struct curl_slist *none = r->accept ? NULL : curl_slist_append(NULL, "Accept:");
    c->headers = none;
    snprintf(wait, sizeof wait, "wait=%u", r->wait_s);
    return (none || r->accept) && add_header(c, "Accept", r->accept) &&
           add_header(c, "If-None-Match", r->etag) &&
           add_header(c, "If-Modified-Since", r->last_modified) &&
           add_header(c, "Prefer", r->wait_s ? wait : NULL) &&
           add_header(c, "Content-Type", r->body ? r->content_type : NULL) &&
           (!r->body || add_header(c, "Expect", "")); /* no 100-continue for a few kB */
}

#define SET(option, value) fine = fine && curl_easy_setopt(c->easy, option, value) == CURLE_OK

static bool set_bounds(struct fetch *c, const struct fetch_request *r)
{
    bool fine = true;
    const char *protocols = r->https_only ? "https" : "http,https";
    SET(CURLOPT_PROTOCOLS_STR, protocols);
    SET(CURLOPT_REDIR_PROTOCOLS_STR, protocols);
    SET(CURLOPT_FOLLOWLOCATION, r->redirects ? 1L : 0L);
    SET(CURLOPT_MAXREDIRS, (long)r->redirects);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)r->max_bytes);
    SET(CURLOPT_TIMEOUT_MS, (long)r->timeout_ms);
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(r->connect_ms ? r->connect_ms : CONNECT_MS));
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_S);
    SET(CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_S / 4);
    SET(CURLOPT_SOCKOPTFUNCTION, on_socket);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, c);
    SET(CURLOPT_PREREQFUNCTION, before_request);
    SET(CURLOPT_PREREQDATA, c);
    if (r->ca_file || c->f->ca_file) {
        SET(CURLOPT_CAINFO, r->ca_file ? r->ca_file : c->f->ca_file);
        SET(CURLOPT_CAPATH, NULL);
    }
    return fine;
}

static bool set_up(struct fetch *c, const struct fetch_request *r)
{
    bool fine = set_bounds(c, r) && add_headers(c, r);
    SET(CURLOPT_URL, r->url);
    SET(CURLOPT_HTTPHEADER, c->headers);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, c);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, c);
    SET(CURLOPT_ERRORBUFFER, c->why);
    SET(CURLOPT_PRIVATE, c);
    if (c->f->user_agent && !r->nameless)
        SET(CURLOPT_USERAGENT, c->f->user_agent);
    if (r->bearer) {
        SET(CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
        SET(CURLOPT_XOAUTH2_BEARER, r->bearer);
    }
    if (r->body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
        SET(CURLOPT_COPYPOSTFIELDS, r->body);
    }
    return fine;
}

struct fetch *fetch_start(struct fetcher *f, const struct fetch_request *r, fetch_fn fn, void *arg)
{
    struct fetch *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    c->f = f;
    c->fn = fn;
    c->arg = arg;
    c->reach = r->reach;
    buf_init(&c->body, r->max_bytes);
    c->easy = curl_easy_init();
    bool web = strncasecmp(r->url, "https://", 8) == 0 ||
               (!r->https_only && strncasecmp(r->url, "http://", 7) == 0);
    if (!web || !c->easy || !set_up(c, r) || curl_multi_add_handle(f->multi, c->easy) != CURLM_OK) {
        fetch_free(c);
        return NULL;
    }
    c->next = f->all;
    c->link = &f->all;
    if (c->next)
        c->next->link = &c->next;
    f->all = c;
    return c;
}

struct fetcher *fetcher_new(struct loop *loop, const char *ca_file, const char *user_agent)
{
    struct fetcher *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    f->loop = loop;
    f->multi = curl_multi_init();
    f->timer = loop_timer_new(loop, on_timer, f);
    f->ca_file = ca_file ? strdup(ca_file) : NULL;
    f->user_agent = user_agent ? strdup(user_agent) : NULL;
    if (!f->multi || !f->timer || (ca_file && !f->ca_file) || (user_agent && !f->user_agent)) {
        fetcher_free(f);
        return NULL;
    }
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(f->multi, CURLMOPT_SOCKETDATA, f);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(f->multi, CURLMOPT_TIMERDATA, f);
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (!f)
        return;
    while (f->all)
        fetch_free(f->all);
    if (f->multi)
        curl_multi_cleanup(f->multi); /* gives its sockets back through want_socket */
    loop_timer_free(f->timer);
    free(f->ca_file);
    free(f->user_agent);
    free(f);
    curl_global_cleanup();
}

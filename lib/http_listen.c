/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sockets. The listening one is made here and not by libmicrohttpd, so that "port in use" is said
 * in words and that running out of descriptors can rest it (http_connection.c). The first bytes of
 * a connection are looked at before libmicrohttpd gets them: it hangs up without a word on what is
 * no request, and whoever sent that is better told 400. What is garbage only later, behind a first
 * good request, it still hangs up on. */
#include "lib/http_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PEEK_LEN  2048
#define DRAIN_LEN (256 * 1024)

static bool make_address(const struct http_config *cfg, struct sockaddr_storage *out,
                         socklen_t *len)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

    memset(out, 0, sizeof *out);
    if (cfg->bind_address && inet_pton(AF_INET, cfg->bind_address, &in4->sin_addr) == 1) {
        in4->sin_family = AF_INET;
        in4->sin_port = htons(cfg->port);
        *len = sizeof *in4;
        return true;
    }
    if (cfg->bind_address && inet_pton(AF_INET6, cfg->bind_address, &in6->sin6_addr) != 1)
        return false;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(cfg->port);
    *len = sizeof *in6;
    return true;
}

static int open_socket(const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1, off = 0;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (address->ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (bind(fd, (const struct sockaddr *)address, len) != 0 || listen(fd, SOMAXCONN) != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

int http_listen(const struct http_config *cfg, char *err, size_t err_len)
{
    struct http_config ipv4_only = *cfg;
    struct sockaddr_storage address;
    socklen_t len;
    int fd;

    if (!make_address(cfg, &address, &len)) {
        snprintf(err, err_len, "cannot listen: %s is no address", cfg->bind_address);
        return -1;
    }
    fd = open_socket(&address, len);
    if (fd < 0 && errno == EAFNOSUPPORT && !cfg->bind_address) {
        ipv4_only.bind_address = "0.0.0.0";
        make_address(&ipv4_only, &address, &len);
        fd = open_socket(&address, len);
    }
    if (fd < 0)
        snprintf(err, err_len, "cannot listen on %s port %u: %s",
                 cfg->bind_address ? cfg->bind_address : "any address,", cfg->port,
                 strerror(errno));
    return fd;
}

uint16_t http_listen_port(int fd)
{
    struct sockaddr_storage address;
    socklen_t len = sizeof address;

    if (getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

uint64_t http_received_bytes(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;

    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0)
        return 0;
    return info.tcpi_bytes_received;
}

void http_copy_address(struct sockaddr_storage *out, const struct sockaddr *from)
{
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)from;
    struct sockaddr_in *in4 = (struct sockaddr_in *)out;

    memset(out, 0, sizeof *out);
    if (from->sa_family == AF_INET) {
        memcpy(out, from, sizeof *in4);
    } else if (from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        in4->sin_family = AF_INET;
        in4->sin_port = in6->sin6_port;
        memcpy(&in4->sin_addr, &in6->sin6_addr.s6_addr[12], 4);
    } else if (from->sa_family == AF_INET6) {
        memcpy(out, from, sizeof *in6);
    }
}

bool http_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return IN6_ARE_ADDR_EQUAL(&((const struct sockaddr_in6 *)a)->sin6_addr,
                              &((const struct sockaddr_in6 *)b)->sin6_addr);
}

/* --- the first bytes ------------------------------------------------------------------------- */
static bool is_token(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* METHOD SP target SP HTTP/d.d, as far as it has come. */
static bool is_request_line(const char *line, size_t len, bool whole)
{
    size_t method = 0;

    while (method < len && is_token(line[method]))
        method++;
    if (method > 32 || (method == len && whole) ||
        (method < len && (!method || line[method] != ' ')))
        return false;
    for (size_t i = method; i < len; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
            return false;
    return !whole || memmem(line + method, len - method, " HTTP/", 6);
}

/* NAME: value (RFC 9112 section 5), or the continuation of one. */
static bool is_field(const char *line, size_t len)
{
    size_t name = 0;

    if (len && (*line == ' ' || *line == '\t'))
        return true;
    while (name < len && is_token(line[name]))
        name++;
    return name > 0 && name < len && line[name] == ':';
}

/* False only for what can never become a request: whole lines are looked at, and of the last one
 * what is there of the request line. */
static bool is_request(const char *data, size_t len)
{
    const char *end = data + len;

    /* An empty line before the request is to be forgiven (RFC 9112 section 2.2). */
    while (data < end && (*data == '\r' || *data == '\n'))
        data++;
    for (bool first = true; data < end; first = false) {
        const char *eol = memchr(data, '\n', (size_t)(end - data));
        size_t line = (size_t)((eol ? eol : end) - data);
        if (line && data[line - 1] == '\r')
            line--;
        if (!eol)
            return !first || is_request_line(data, line, false);
        if (!line)
            return true; /* the head ends here */
        if (first ? !is_request_line(data, line, true) : !is_field(data, line))
            return false;
        data = eol + 1;
    }
    return true;
}

enum http_first http_first_bytes(int fd, bool tls)
{
    char data[PEEK_LEN];
    ssize_t len = recv(fd, data, sizeof data, MSG_PEEK | MSG_DONTWAIT);

    if (len < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? HTTP_FIRST_NOTHING
                                                                         : HTTP_FIRST_GONE;
    if (len == 0)
        return HTTP_FIRST_GONE;
    if (tls) /* a handshake record (RFC 8446 section 5.1) */
        return data[0] == 0x16 ? HTTP_FIRST_REQUEST : HTTP_FIRST_GARBAGE;
    return is_request(data, (size_t)len) ? HTTP_FIRST_REQUEST : HTTP_FIRST_GARBAGE;
}

void http_refuse(int fd)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n"
                                 "Content-Type: text/plain\r\nContent-Length: 12\r\n\r\n"
                                 "bad request\n";
    char data[PEEK_LEN];
    size_t drained = 0;
    ssize_t len;

    /* What is left unread would turn the answer into a reset. */
    while (drained < DRAIN_LEN && (len = recv(fd, data, sizeof data, MSG_DONTWAIT)) > 0)
        drained += (size_t)len;
    (void)!send(fd, answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a handler asks about its request. */
#include "lib/http_internal.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

const char *http_form(struct http_request *req, const char *name)
{
    static const char urlencoded[] = "application/x-www-form-urlencoded";
    const char *type = http_header(req, "Content-Type");
    size_t len = sizeof urlencoded - 1;

    if (!req->body || !type || strncasecmp(type, urlencoded, len) != 0 ||
        (type[len] && !strchr("; \t", type[len])))
        return NULL;
    if (!req->form_text && (req->form_text = strdup(req->body))) {
        req->form_len = strlen(req->form_text);
        form_decode(req->form_text, &req->form);
    }
    return form_get(&req->form, name);
}

const void *http_body(const struct http_request *req, size_t *len)
{
    *len = req->len;
    return req->body;
}

bool http_is_tls(const struct http_request *req)
{
    return req->connection->all->tls;
}

const struct sockaddr *http_peer(const struct http_request *req)
{
    return (const struct sockaddr *)&req->connection->peer;
}

void http_client(struct http_request *req, const char *proxy, char out[static 64])
{
    const struct sockaddr *sa = http_peer(req);
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;
    const void *address = sa->sa_family == AF_INET6
                              ? (const void *)&in6->sin6_addr
                              : &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    struct in6_addr is_one;
    char word[64];

    if (!inet_ntop(sa->sa_family, address, out, 64))
        snprintf(out, 64, "?");
    const char *said = http_header_last(req, "X-Forwarded-For");
    if (!said || !proxy || strcmp(out, proxy) != 0)
        return;
    const char *last = strrchr(said, ',');
    last = last ? last + 1 : said;
    last += strspn(last, " \t");
    snprintf(word, sizeof word, "%.*s", (int)strcspn(last, " \t"), last);
    if (inet_pton(AF_INET, word, &is_one) == 1 || inet_pton(AF_INET6, word, &is_one) == 1)
        memcpy(out, word, sizeof word);
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

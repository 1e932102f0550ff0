/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The TLS listener and its certificate.
 *
 * The pair is read at start, before the change of user, and again whenever something changes in its
 * directories and at SIGHUP, then with the rights of the portal's user: who renews certificates
 * makes the key readable for that user's group (install -m 0640 -g loggia). A pair is tried before
 * it is used: whole chain, the portal's own name, the right key. One that fails is refused with a
 * line, and what was there goes on; so certificate and key may be written one after the other. A
 * good one is for connections from now on, those under way end with the old one (lib/http.c).
 *
 * No certificate, or one out of date, is never a reason to keep citizens off the network: pages
 * over plain HTTP are always there, and secure_ready says where phones are to be sent. */
#include "portal/secure.h"
#include "lib/cert.h"
#include "lib/config.h"
#include "lib/crypto.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/portal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { QUIET_MS = 500, DIRECTORIES = 2 };

struct secure {
    struct portal *p;
    struct http_server *server; /* NULL: there was no usable pair yet */
    struct cert_facts facts;
    uint8_t digest[SHA256_LEN]; /* of the pair in use, or of the last one that was refused */
    struct loop_watch *watch[DIRECTORIES];
    char *directory[DIRECTORIES]; /* that is watched */
};

struct pair {
    char *certificate, *key;
};

static void pair_free(struct pair *pair)
{
    crypto_secret_free(pair->certificate);
    crypto_secret_free(pair->key);
}

static void refused(const struct secure *s, const char *file, const char *why)
{
    log_msg(LOG_ERR, "event=certificate_refused file=%s why=\"%s\" then=\"%s\"", file, why,
            s->server ? "the one before stays" : "no secure pages and no API until it is mended");
}

static bool pair_read(const struct secure *s, struct pair *out)
{
    const struct conf *c = s->p->live;
    char err[200];

    out->key = NULL;
    out->certificate = cert_file_read(c->tls.certificate, false, err, sizeof err);
    if (!out->certificate) {
        refused(s, c->tls.certificate, err);
        return false;
    }
    out->key = cert_file_read(c->tls.key, true, err, sizeof err);
    if (!out->key) {
        refused(s, c->tls.key, err);
        pair_free(out);
        return false;
    }
    return true;
}

/* True if this very pair was judged before, for this name. */
static bool seen_before(struct secure *s, const struct pair *pair)
{
    const struct crypto_slice parts[] = {{pair->certificate, strlen(pair->certificate) + 1},
                                         {pair->key, strlen(pair->key)}};
    const char *name = s->p->live->portal_name;
    uint8_t digest[SHA256_LEN];
    crypto_hmac_sha256(name, strlen(name), parts, 2, digest);
    bool same = crypto_equal(digest, s->digest, sizeof digest);
    memcpy(s->digest, digest, sizeof digest);
    return same;
}

static bool out_of_date(const struct cert_facts *f)
{
    time_t now = time(NULL);
    return texts_clock_sane() && (now < f->not_before_s || now > f->not_after_s);
}

static bool listen_with(struct secure *s, const struct pair *pair, char *err, size_t err_len)
{
    struct http_config http = {
        .port = s->p->boot->https_port, .cert_pem = pair->certificate, .key_pem = pair->key};
    if (s->server)
        return http_server_set_cert(s->server, pair->certificate, pair->key, err, err_len);
    s->server = http_server_new(s->p->loop, &http, web_handle, s->p, err, err_len);
    return s->server != NULL;
}

static void say_taken(const struct secure *s)
{
    char until[32] = "?";
    struct tm tm;
    time_t t = (time_t)s->facts.not_after_s;
    if (gmtime_r(&t, &tm))
        strftime(until, sizeof until, "%Y-%m-%dT%H:%M:%SZ", &tm);
    log_msg(out_of_date(&s->facts) ? LOG_WARNING : LOG_NOTICE,
            "event=certificate file=%s chain=%u until=%s%s", s->p->live->tls.certificate,
            s->facts.chain, until,
            out_of_date(&s->facts) ? " why=\"it is out of date: phones are sent to http\"" : "");
}

/* False, with the reason in err, only if a good pair could not be put to use. */
static bool look(struct secure *s, char *err, size_t err_len)
{
    const char *file = s->p->live->tls.certificate;
    struct cert_facts facts;
    struct pair pair;
    char why[200];
    bool fine = true;

    if (!pair_read(s, &pair))
        return true;
    if (seen_before(s, &pair))
        goto done;
    if (!cert_check(pair.certificate, pair.key, s->p->live->portal_name, &facts, why, sizeof why)) {
        refused(s, file, why);
    } else if (s->server && out_of_date(&facts) && !out_of_date(&s->facts)) {
        refused(s, file, "it is out of date");
    } else if (!listen_with(s, &pair, err, err_len)) {
        refused(s, file, err);
        memset(s->digest, 0, sizeof s->digest); /* not its fault: the next look tries again */
        fine = false;
    } else {
        s->facts = facts;
        say_taken(s);
    }
done:
    pair_free(&pair);
    return fine;
}

/* --- changes -----------------------------------------------------------------------------------
 */

static void changed(void *arg)
{
    char err[200];
    look(arg, err, sizeof err);
}

/* The directory of a file; freed by the caller. */
static char *directory_of(const char *file)
{
    const char *slash = strrchr(file, '/');
    return slash && slash > file ? strndup(file, (size_t)(slash - file)) : strdup("/");
}

static void watch(struct secure *s, int which, const char *file)
{
    char *directory = directory_of(file);

    if (!directory || (s->watch[which] && strcmp(directory, s->directory[which]) == 0)) {
        free(directory);
        return;
    }
    loop_watch_free(s->watch[which]);
    free(s->directory[which]);
    s->directory[which] = directory;
    s->watch[which] = loop_watch_new(s->p->loop, directory, QUIET_MS, changed, s);
    if (!s->watch[which])
        log_msg(
            LOG_WARNING,
            "event=certificate_unwatched directory=%s why=\"%s\" mend=\"SIGHUP after a change\"",
            directory, strerror(errno));
}

void secure_start(struct secure *s)
{
    const struct conf *c = s->p->live;
    char *second;

    watch(s, 0, c->tls.certificate);
    second = directory_of(c->tls.key);
    if (second && s->directory[0] && strcmp(second, s->directory[0]) == 0) {
        loop_watch_free(s->watch[1]);
        s->watch[1] = NULL;
    } else {
        watch(s, 1, c->tls.key);
    }
    free(second);
}

void secure_reload(struct secure *s)
{
    if (!s || !s->p->live->has_tls)
        return;
    secure_start(s);
    changed(s);
}

/* --- begin and end -----------------------------------------------------------------------------
 */

struct secure *secure_new(struct portal *p, char *err, size_t err_len)
{
    struct secure *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    s->p = p;
    if (look(s, err, err_len))
        return s;
    secure_free(s);
    return NULL;
}

void secure_free(struct secure *s)
{
    if (!s)
        return;
    http_server_free(s->server);
    for (int i = 0; i < DIRECTORIES; i++) {
        loop_watch_free(s->watch[i]);
        free(s->directory[i]);
    }
    free(s);
}

bool secure_ready(const struct secure *s)
{
    return s && s->server && !out_of_date(&s->facts);
}

const struct cert_facts *secure_certificate(const struct secure *s)
{
    return s && s->server ? &s->facts : NULL;
}

void secure_stats(const struct secure *s, struct http_stats *out)
{
    memset(out, 0, sizeof *out);
    if (s && s->server)
        http_server_stats(s->server, out);
}

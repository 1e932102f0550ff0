/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts loggia-board together and takes it apart, reloads, ends. */
#include "noticeboard/board.h"
#include "lib/cert.h"
#include "lib/confine.h"
#include "lib/counts.h"
#include "lib/crypto.h"
#include "lib/http.h"
#include "lib/i18n.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notify.h"
#include "noticeboard/importer.h"
#include "noticeboard/links.h"
#include "noticeboard/publish.h"
#include "noticeboard/recheck.h"
#include "noticeboard/signin.h"
#include "noticeboard/store.h"
#include "noticeboard/web.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

enum { TIDY_MS = 10 * 60 * 1000, DESCRIPTORS = 8192 };

int64_t board_now(void)
{
    return (int64_t)time(NULL);
}

/* The host's name in the board's address. */
static const char *host_of(const struct board_conf *c, char out[static 256])
{
    const char *host = strstr(c->url, "://");

    host = host ? host + 3 : c->url;
    snprintf(out, 256, "%.*s", (int)strcspn(host, ":/"), host);
    return out;
}

/* --- the port
 * -------------------------------------------------------------------------------------- */
/* Routers ask for what is published, everybody else is an editor. */
static void on_request(void *arg, struct http_request *req)
{
    struct board *b = arg;

    if (!publish_handle(b->publish, req))
        web_handle(b, req);
}

/* Every router that waits for news holds a connection. */
static void allow_descriptors(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < DESCRIPTORS) {
        limit.rlim_cur = limit.rlim_max < DESCRIPTORS ? limit.rlim_max : DESCRIPTORS;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static bool listen_on(struct board *b, char *err, size_t err_len)
{
    const struct board_conf *c = b->conf;
    struct http_config http = {.port = c->port,
                               .bind_address = c->address,
                               .max_body = COUNTS_MAX_BYTES,
                               .max_connections = PUBLISH_MAX_WAITING + 1500,
                               /* One address is a whole office, or the proxy before all routers. */
                               .max_per_address = PUBLISH_MAX_WAITING + 500,
                               .timeout_s = 30};
    char *certificate = NULL, *key = NULL, host[256];
    struct cert_facts facts;
    bool fine = !c->has_tls;

    allow_descriptors();
    if (c->has_tls) {
        certificate = cert_file_read(c->tls.certificate, false, err, err_len);
        key = certificate ? cert_file_read(c->tls.key, true, err, err_len) : NULL;
        fine = key && cert_check(certificate, key, host_of(c, host), &facts, err, err_len);
        http.cert_pem = certificate;
        http.key_pem = key;
    }
    if (fine)
        b->http = http_server_new(b->loop, &http, on_request, b, err, err_len);
    crypto_secret_free(certificate);
    crypto_secret_free(key);
    return b->http != NULL;
}

/* --- reload
 * ------------------------------------------------------------------------------------------ */
static void report(void *arg, const char *line)
{
    (void)arg;
    log_msg(LOG_ERR, "event=config_error line=\"%s\"", line);
}

static bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static void say_what_waits(const struct board_conf *now, const struct board_conf *new)
{
    const struct {
        const char *name;
        bool same;
    } rows[] = {{"address", same(now->address, new->address)},
                {"port", now->port == new->port},
                {"tls", now->has_tls == new->has_tls},
                {"state_directory", same(now->state_directory, new->state_directory)},
                {"out_directory", same(now->out_directory, new->out_directory)},
                {"locale_directory", same(now->locale_directory, new->locale_directory)},
                {"user", same(now->user, new->user)}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].same)
            log_msg(LOG_WARNING, "event=needs_restart option=%s", rows[i].name);
}

static void new_certificate(struct board *b)
{
    const struct board_conf *c = b->conf;
    char err[200], host[256],
        *certificate = cert_file_read(c->tls.certificate, false, err, sizeof err);
    char *key = certificate ? cert_file_read(c->tls.key, true, err, sizeof err) : NULL;
    struct cert_facts facts;

    if (!key || !cert_check(certificate, key, host_of(c, host), &facts, err, sizeof err) ||
        !http_server_set_cert(b->http, certificate, key, err, sizeof err))
        log_msg(LOG_ERR, "event=certificate_refused why=\"%s\" then=\"the one before stays\"", err);
    crypto_secret_free(certificate);
    crypto_secret_free(key);
}

static void reload(struct board *b)
{
    struct board_conf *new =
        board_conf_load(b->conf_path, BOARD_SECRETS | BOARD_PICTURES, report, NULL);

    if (!new) {
        log_msg(LOG_ERR, "event=reload_refused file=%s why=\"it has errors; the old one stays\"",
                b->conf_path);
        return;
    }
    say_what_waits(b->conf, new);
    web_forget(b);
    publish_reload(b->publish, new);
    importer_reload(b->importer, new);
    board_conf_free(b->conf);
    b->conf = new;
    recheck_all(b->recheck);
    log_set_level(b->least_level > (int)new->log_level ? b->least_level : (int)new->log_level);
    if (b->conf->has_tls)
        new_certificate(b);
    log_msg(LOG_NOTICE, "event=reloaded file=%s", b->conf_path);
}

static void on_signal(void *arg, int signum)
{
    struct board *b = arg;

    if (signum == SIGHUP) {
        reload(b);
        return;
    }
    log_msg(LOG_NOTICE, "event=stopping signal=%d", signum);
    loop_stop(b->loop);
}

/* --- begin and end
 * ------------------------------------------------------------------------------------- */
static void tidy(void *arg)
{
    struct board *b = arg;

    if (!store_tidy(b->store, board_now(), b->conf->idle_s))
        log_msg(LOG_ERR, "event=store_failed what=tidy why=\"%s\"", store_error(b->store));
    loop_timer_start(b->tidy_timer, TIDY_MS);
}

struct board *board_new(const char *conf_path, struct board_conf *conf, char *err, size_t err_len)
{
    struct board *b = calloc(1, sizeof *b);

    if (!b) {
        snprintf(err, err_len, "out of memory");
        board_conf_free(conf);
        return NULL;
    }
    b->conf_path = conf_path;
    b->conf = conf;
    b->loop = loop_new();
    if (!b->loop)
        snprintf(err, err_len, "the kernel gives no epoll");
    if (b->loop && listen_on(b, err, err_len))
        return b;
    board_free(b);
    return NULL;
}

static bool watch_signals(struct board *b)
{
    static const int numbers[BOARD_SIGNALS] = {SIGTERM, SIGINT, SIGHUP};

    signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < BOARD_SIGNALS; i++)
        if (!(b->signals[i] = loop_signal_new(b->loop, numbers[i], on_signal, b)))
            return false;
    return true;
}

static bool open_store(struct board *b, char *err, size_t err_len)
{
    char path[300], why[160];

    if (mkdir(b->conf->state_directory, 0750) != 0 && errno != EEXIST) {
        snprintf(err, err_len, "state_directory %s cannot be made: %s", b->conf->state_directory,
                 strerror(errno));
        return false;
    }
    snprintf(path, sizeof path, "%s/board.db", b->conf->state_directory);
    b->store = store_open(path, why, sizeof why);
    if (!b->store)
        snprintf(err, err_len, "%s: %s", path, why);
    return b->store != NULL;
}

bool board_start(struct board *b, char *err, size_t err_len)
{
    char locale[300];

    if (!open_store(b, err, err_len)) /* makes state_directory, too */
        return false;
    if (!keyfile_load(b->conf->state_directory, b->key, err, err_len))
        log_msg(LOG_WARNING,
                "event=key_not_kept why=\"%s\" then=\"sign-ins end with this process\"", err);
    if (!(b->publish = publish_new(b->loop, b->store, b->conf, err, err_len)))
        return false;
    b->links = links_new(b->loop);
    b->signin = signin_new(b->loop, b->store, err, err_len);
    if (!b->signin || !b->links)
        return false;
    snprintf(err, err_len, "out of memory");
    if (!(b->importer = importer_new(b->loop, b->store, b->conf)))
        return false;
    if (!(b->recheck = recheck_new(b)))
        return false;
    snprintf(locale, sizeof locale, "%s/board", b->conf->locale_directory);
    b->words = i18n_load(locale);
    b->citizen = i18n_load(b->conf->locale_directory);
    b->tidy_timer = loop_timer_new(b->loop, tidy, b);
    if (!b->tidy_timer || !watch_signals(b))
        return false;
    tidy(b);
    log_msg(LOG_NOTICE, "event=ready port=%u url=%s", http_server_port(b->http), b->conf->url);
    notify_ready();
    return true;
}

int board_run(struct board *b)
{
    char err[128];

    if (!confine(err, sizeof err)) /* a kernel without it: all else still holds */
        log_msg(LOG_WARNING, "event=not-confined error=\"%s\"", err);
    loop_run(b->loop);
    return b->exit_status;
}

void board_free(struct board *b)
{
    if (!b)
        return;
    http_server_free(b->http);
    web_forget(b);
    importer_free(b->importer);
    publish_free(b->publish);
    recheck_free(b->recheck);
    signin_free(b->signin);
    links_free(b->links);
    loop_timer_free(b->tidy_timer);
    for (int i = 0; i < BOARD_SIGNALS; i++)
        loop_signal_free(b->signals[i]);
    i18n_free(b->words);
    i18n_free(b->citizen);
    store_close(b->store);
    if (b->loop)
        loop_free(b->loop);
    board_conf_free(b->conf);
    crypto_wipe(b->key, sizeof b->key);
    free(b);
}

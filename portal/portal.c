/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Puts loggiad together and takes it apart, in the order that this needs; reloads; ends.
 *
 * Nothing that is open is closed because we end: the kernel is the session database, the next
 * loggiad adopts what it holds, so a restart or an upgrade ends nobody's session and accounting
 * goes on. That is why there is no Accounting-Off on SIGTERM, but where no session is open. */
#include "portal/portal.h"
#include "lib/config.h"
#include "lib/confine.h"
#include "lib/http.h"
#include "lib/i18n.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notify.h"
#include "lib/settle.h"
#include "portal/accounting.h"
#include "portal/board.h"
#include "portal/control.h"
#include "portal/dynauth.h"
#include "portal/gate_client.h"
#include "portal/metrics.h"
#include "portal/page_cache.h"
#include "portal/secure.h"
#include "portal/whose.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { READY_AT_LATEST_MS = 5000, KEEP_AGAIN_MS = 60000, SPARE_DEVICES = 1024 };

void portal_fail(struct portal *p, const char *why)
{
    log_msg(LOG_ERR, "event=failed why=\"%s\"", why);
    p->exit_status = 1;
    loop_stop(p->loop);
}

void portal_say_ready(struct portal *p)
{
    if (p->ready)
        return;
    p->ready = true;
    loop_timer_stop(p->ready_timer);
    settle();
    log_msg(LOG_NOTICE, "event=ready port=%u portal=%s://%s/ gate=%s", p->boot->http_port,
            secure_ready(p->secure) ? "https" : "http", p->live->portal_name,
            gate_client_ready(p->gate) || p->listed_once ? "yes" : "no");
    notify_ready();
}

static void ready_without_gate(void *arg)
{
    portal_say_ready(arg); /* it answers, with a page that says what is wrong */
}

/* --- reload --------------------------------------------------------------------------------------
 */

struct reporting {
    void (*report)(void *arg, const char *line);
    void *arg;
};

static void report(void *arg, const char *line)
{
    const struct reporting *r = arg;
    log_msg(LOG_ERR, "event=config_error line=\"%s\"", line);
    if (r->report)
        r->report(r->arg, line);
}

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_zones(const struct conf *a, const struct conf *b)
{
    bool same = a->n_zones == b->n_zones;
    for (size_t i = 0; same && i < a->n_zones; i++) {
        const struct conf_zone *x = &a->zones[i], *y = &b->zones[i];
        same = same_text(x->name, y->name) && x->n_interfaces == y->n_interfaces;
        for (size_t k = 0; same && k < x->n_interfaces; k++)
            same = same_text(x->interfaces[k], y->interfaces[k]);
    }
    return same;
}

static bool same_radius(const struct conf *a, const struct conf *b)
{
    bool same = a->has_radius == b->has_radius && a->radius.n_servers == b->radius.n_servers &&
                a->radius.timeout_ms == b->radius.timeout_ms &&
                a->radius.retry_ms == b->radius.retry_ms &&
                a->radius.disconnect_port == b->radius.disconnect_port &&
                a->radius.queue_mb == b->radius.queue_mb;
    for (size_t i = 0; same && i < a->radius.n_servers; i++) {
        const struct conf_radius_server *x = &a->radius.servers[i], *y = &b->radius.servers[i];
        same = same_text(x->name, y->name) && same_text(x->address, y->address) &&
               x->auth_port == y->auth_port && x->acct_port == y->acct_port &&
               same_text(x->secret_file, y->secret_file);
    }
    return same;
}

size_t portal_waiting_options(const struct conf *now, const struct conf *new,
                              const char *names[static PORTAL_MAX_WAITING])
{
    const struct {
        const char *name;
        bool same;
    } rows[] = {
        {"nas_identifier", same_text(now->nas_identifier, new->nas_identifier)},
        {"state_directory", same_text(now->state_directory, new->state_directory)},
        {"run_directory", same_text(now->run_directory, new->run_directory)},
        {"locale_directory", same_text(now->locale_directory, new->locale_directory)},
        {"user", same_text(now->user, new->user)},
        {"gate_user", same_text(now->gate_user, new->gate_user)},
        {"table", same_text(now->table, new->table)},
        {"http_port", now->http_port == new->http_port},
        {"https_port", now->https_port == new->https_port},
        {"tls", now->has_tls == new->has_tls},
        {"max_clients", now->max_clients == new->max_clients},
        {"zone", same_zones(now, new)},
        {"radius", same_radius(now, new)},
        {"board",
         now->has_board == new->has_board &&same_text(now->board.ca_file, new->board.ca_file)},
    };
    size_t n = 0;
    _Static_assert(sizeof rows / sizeof *rows <= PORTAL_MAX_WAITING, "there is room for all");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (!rows[i].same)
            names[n++] = rows[i].name;
    return n;
}

/* What a full disk did not take is offered to it again. */
static void keep(void *arg)
{
    struct portal *p = arg;

    if (!p->key_kept) {
        p->key_kept = keyfile_keep(p->boot->state_directory, p->key);
        if (p->key_kept)
            log_msg(LOG_NOTICE, "event=key_kept_again");
        else
            loop_timer_start(p->keep_timer, KEEP_AGAIN_MS);
    }
    if (p->embedded)
        embedded_save(p->embedded);
}

bool portal_reload(struct portal *p, void (*fn)(void *arg, const char *line), void *arg)
{
    struct reporting reporting = {fn, arg};
    const char *waiting[PORTAL_MAX_WAITING];
    char digest[CONF_DIGEST_LEN];
    bool read = conf_digest(p->conf_path, digest);
    /* Without secrets: they may be for root's eyes, and servers do not change at run time. */
    struct conf *new = config_load(p->conf_path, 0, report, &reporting);
    metrics_reloaded(p->metrics, new != NULL);
    if (!new) {
        log_msg(LOG_ERR, "event=reload_refused file=%s why=\"it has errors; the old one stays\"",
                p->conf_path);
        return false;
    }
    size_t n = portal_waiting_options(p->boot, new, waiting);
    for (size_t i = 0; i < n; i++)
        log_msg(LOG_WARNING, "event=needs_restart option=%s", waiting[i]);
    if (read)
        memcpy(p->conf_digest, digest, sizeof p->conf_digest);
    if (p->live != p->boot)
        config_free(p->live);
    p->live = new;
    log_set_level(p->least_level > (int)new->log_level ? p->least_level : (int)new->log_level);
    texts_reload(p->texts);
    if (p->board)
        board_reload(p->board);
    secure_reload(p->secure);
    keep(p);
    settle();
    log_msg(LOG_NOTICE, "event=reloaded file=%s", p->conf_path);
    return true;
}

/* --- begin and end -------------------------------------------------------------------------------
 */

static void on_signal(void *arg, int signum)
{
    struct portal *p = arg;
    if (signum == SIGHUP) {
        portal_reload(p, NULL, NULL);
        return;
    }
    log_msg(LOG_NOTICE, "event=stopping signal=%d", signum);
    loop_stop(p->loop);
}

struct portal *portal_new(const char *conf_path, struct conf *conf, char *err, size_t err_len)
{
    struct portal *p = calloc(1, sizeof *p);
    struct http_config http = {.port = conf->http_port};

    if (!p) {
        snprintf(err, err_len, "out of memory");
        config_free(conf);
        return NULL;
    }
    p->conf_path = conf_path;
    p->boot = p->live = conf;
    if (!conf_digest(conf_path, p->conf_digest))
        p->conf_digest[0] = 0;
    p->started_ms = loop_now_ms();
    p->started_s = time(NULL);
    snprintf(p->run_gate, sizeof p->run_gate, "%s/gate.sock", conf->run_directory);
    snprintf(p->run_control, sizeof p->run_control, "%s/control.sock", conf->run_directory);
    if (control_answers(p->run_control)) {
        snprintf(err, err_len, "another loggiad already controls table %s (it answers on %s)",
                 conf->table, p->run_control);
        goto fail;
    }
    p->loop = loop_new();
    if (!p->loop) {
        snprintf(err, err_len, "the kernel gives no epoll");
        goto fail;
    }
    p->http = http_server_new(p->loop, &http, web_handle, p, err, err_len);
    p->metrics = p->http ? metrics_new(p, err, err_len) : NULL;
    if (!p->metrics)
        goto fail;
    if (conf->has_radius && conf->radius.disconnect_port &&
        !(p->dynauth = dynauth_new(p, err, err_len)))
        goto fail;
    if (conf->has_board && !(p->board = board_new(p, err, err_len)))
        goto fail;
    if (!conf->has_tls)
        log_msg(LOG_NOTICE,
                "event=api_off why=\"no tls section: no secure pages, no captive portal "
                "API (RFC 8908), no last password\"");
    else if (!(p->secure = secure_new(p, err, err_len)))
        goto fail;
    return p;
fail:
    portal_free(p);
    return NULL;
}

static bool watch_signals(struct portal *p)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        p->signals[i] = loop_signal_new(p->loop, numbers[i], on_signal, p);
        if (!p->signals[i])
            return false;
    }
    return true;
}

/* The centre decides, or where none is configured this router does. */
static bool start_deciding(struct portal *p, char *err, size_t err_len)
{
    if (!p->boot->has_radius) {
        p->embedded = embedded_new(p);
        return p->embedded != NULL;
    }
    p->radius = radius_client_new(p->loop, p->boot, err, err_len);
    p->accounting = p->radius ? accounting_new(p->loop, p->boot, p->radius, err, err_len) : NULL;
    if (p->radius)
        radius_client_on_access(p->radius, sessions_centre_back, p);
    return p->accounting != NULL;
}

size_t portal_not_kept(const struct portal *p, const char *out[static PORTAL_KEEPS])
{
    struct accounting_stats a = {0};
    size_t n = 0;

    if (!p->key_kept)
        out[n++] = "token-key";
    if (p->embedded && embedded_failing(p->embedded))
        out[n++] = "passes";
    if (p->accounting)
        accounting_stats(p->accounting, &a);
    if (a.disk_failing)
        out[n++] = "accounting";
    return n;
}

bool portal_start(struct portal *p, char *err, size_t err_len)
{
    p->key_kept = keyfile_load(p->boot->state_directory, p->key, err, err_len);
    if (!p->key_kept)
        log_msg(LOG_WARNING,
                "event=key_not_kept why=\"%s\" then=\"open forms end with this process\"", err);
    snprintf(err, err_len, "out of memory");
    p->devices = devices_new((size_t)p->boot->max_clients + SPARE_DEVICES, p->key, sizeof p->key);
    p->i18n = i18n_load(p->boot->locale_directory);
    p->texts = texts_new(p);
    p->pages = page_cache_new();
    p->whose = whose_new();
    p->ready_timer = loop_timer_new(p->loop, ready_without_gate, p);
    p->keep_timer = loop_timer_new(p->loop, keep, p);
    if (!p->devices || !p->i18n || !p->texts || !p->pages || !p->whose || !p->ready_timer ||
        !p->keep_timer || !watch_signals(p))
        return false;
    if (!p->key_kept)
        loop_timer_start(p->keep_timer, KEEP_AGAIN_MS);
    if (p->board)
        board_start(p->board);
    p->control = control_new(p, p->run_control, err, err_len);
    if (!p->control || !start_deciding(p, err, err_len))
        return false;
    p->gate = gate_client_new(p->loop, p->run_gate, &adopt_handler, p);
    if (!p->gate) {
        snprintf(err, err_len, "out of memory");
        return false;
    }
    if (p->secure)
        secure_start(p->secure);
    loop_timer_start(p->ready_timer, READY_AT_LATEST_MS);
    return true;
}

static bool anybody_open(const struct portal *p)
{
    for (const struct device *d = devices_first(p->devices); d; d = devices_next(d))
        if (session_is_open(&d->session))
            return true;
    return false;
}

int portal_run(struct portal *p)
{
    char err[128];
    if (!confine(err, sizeof err)) /* a kernel without it: all else still holds */
        log_msg(LOG_WARNING, "event=not-confined error=\"%s\"", err);
    loop_run(p->loop);
    if (p->exit_status == 0 && p->listed_once && !anybody_open(p))
        sessions_account_nas(p, ACCT_OFF);
    return p->exit_status;
}

void portal_free(struct portal *p)
{
    if (!p)
        return;
    control_free(p->control);
    http_server_free(p->http);
    metrics_free(p->metrics);
    secure_free(p->secure);
    dynauth_free(p->dynauth);
    gate_client_free(p->gate);
    if (p->devices)
        devices_free(p->devices, sessions_fini);
    accounting_free(p->accounting);
    radius_client_free(p->radius);
    embedded_free(p->embedded);
    texts_free(p->texts);
    page_cache_free(p->pages);
    whose_free(p->whose);
    board_free(p->board);
    i18n_free(p->i18n);
    loop_timer_free(p->ready_timer);
    loop_timer_free(p->keep_timer);
    for (size_t i = 0; i < sizeof p->signals / sizeof *p->signals; i++)
        loop_signal_free(p->signals[i]);
    if (p->loop)
        loop_free(p->loop);
    if (p->live != p->boot)
        config_free(p->live);
    config_free(p->boot);
    crypto_wipe(p->key, sizeof p->key);
    free(p);
}

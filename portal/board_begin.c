/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration says of the noticeboard, what was kept from the last time, and the end. */
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/board_internal.h"
#include "portal/portal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_MS = 2000 /* the first question comes within this */ };

/* What a configuration says: into b, or nothing of it with the reason. */
static bool configure(struct board *b, const struct conf *conf, char *err, size_t err_len)
{
    struct sign_key keys[CONFIG_MAX_KEYS];
    char *token = NULL, why[200] = "", *url;
    for (size_t i = 0; i < conf->board.n_keys; i++)
        if (!sign_key_read(conf->board.keys[i], &keys[i], err, err_len))
            return false;
    if (conf->board.token_file &&
        !(token = crypto_secret_read(conf->board.token_file, why, sizeof why))) {
        snprintf(err, err_len, "%s: %s", conf->board.token_file, why);
        return false;
    }
    url = strdup(conf->board.url);
    if (!url || !board_report_configure(b->report, url, token, conf->board.report_s)) {
        free(url);
        crypto_secret_free(token);
        snprintf(err, err_len, "out of memory");
        return false;
    }
    for (size_t i = 0; i < conf->board.n_keys; i++) { /* the public part alone */
        b->keys[i] = keys[i];
        crypto_wipe(b->keys[i].seed, sizeof b->keys[i].seed);
        b->keys[i].has_seed = false;
    }
    crypto_wipe(keys, sizeof keys);
    b->n_keys = conf->board.n_keys;
    free(b->url);
    b->url = url;
    crypto_secret_free(b->token);
    b->token = token;
    b->pace.poll_s = conf->board.poll_s;
    b->pace.long_poll = conf->board.long_poll;
    return true;
}

struct board *board_new(struct portal *p, char *err, size_t err_len)
{
    struct board *b = calloc(1, sizeof *b);
    char agent[160];
    snprintf(err, err_len, "out of memory");
    if (!b)
        return NULL;
    b->p = p;
    b->loop = p->loop;
    /* By its name the board tells routers apart that come through one proxy, or one NAT. */
    snprintf(agent, sizeof agent, "loggiad %s", p->boot->nas_identifier);
    b->fetcher = fetcher_new(p->loop, p->boot->board.ca_file, agent);
    if (!b->fetcher)
        snprintf(err, err_len, "cannot ask the board: out of memory or a module (see above)");
    b->timer = loop_timer_new(p->loop, board_ask, b);
    if (b->fetcher)
        b->report = board_report_new(p->loop, b->fetcher, p->boot->nas_identifier,
                                     p->boot->state_directory);
    if (b->timer && b->report && configure(b, p->boot, err, err_len))
        return b;
    board_free(b);
    return NULL;
}

/* The pair of the last time, judged by its signature as any other; its age is no fault. */
static void show_kept(struct board *b)
{
    char *pointer = NULL, why[256] = "there is none";
    size_t len;
    struct current c;
    char *data = NULL;
    size_t data_len = 0;
    if (!board_keep_pointer(b->keep, &pointer, &len))
        return;
    if (current_read(pointer, len, b->keys, b->n_keys, &c, b->stats.key_id, why, sizeof why) !=
            CURRENT_GOOD ||
        !board_keep_bundle(b->keep, &c, &data, &data_len)) {
        log_msg(LOG_WARNING, "event=board_kept_unreadable why=\"%s\"", why);
    } else {
        struct board_edition *e = board_load_now(&c, data, data_len, why, sizeof why);
        if (e) {
            b->stats.from_disk = true;
            board_show(b, e);
            log_msg(LOG_NOTICE, "event=board_kept_shown serial=%" PRIu64 " notices=%zu",
                    b->stats.serial, e->notices.n);
        } else {
            log_msg(LOG_WARNING, "event=board_kept_unreadable why=\"%s\"", why);
        }
    }
    free(data);
    free(pointer);
}

void board_start(struct board *b)
{
    b->keep = board_keep_new(b->loop, b->p->boot->state_directory);
    if (!b->keep) {
        log_msg(LOG_ERR, "event=out-of-memory what=board");
        return;
    }
    show_kept(b);
    board_later(b, board_pace_about(FIRST_MS / 2));
    board_report_start(b->report);
}

void board_reload(struct board *b)
{
    char err[300] = "";
    if (!b->keep || !b->p->live->has_board)
        return; /* that needs a restart */
    if (!configure(b, b->p->live, err, sizeof err)) {
        log_msg(LOG_ERR, "event=board_reload_refused why=\"%s\" then=\"the keys before it stay\"",
                err);
        return;
    }
    if (b->load) /* what it loads was judged by the keys before; it asks again by itself */
        return;
    if (b->call)
        fetch_cancel(b->call);
    b->call = NULL;
    b->pace.failures = 0;
    b->told_refused = false;
    b->pace.waited = b->pace.asked_to_wait = b->pace.plain = b->pace.idle = false;
    board_forget_validator(&b->have); /* another board may use the same tag for something else */
    board_later(b, board_pace_soon());
}

void board_free(struct board *b)
{
    if (!b)
        return;
    if (b->call)
        fetch_cancel(b->call);
    board_report_free(b->report);
    fetcher_free(b->fetcher);
    board_load_free(b->load);
    board_keep_free(b->keep);
    board_edition_free(b->edition);
    loop_timer_free(b->timer);
    crypto_secret_free(b->token);
    free(b->pointer);
    board_forget_validator(&b->have);
    board_forget_validator(&b->candidates);
    free(b->url);
    free(b);
}

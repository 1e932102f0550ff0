/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Counts on their way to the board: once an hour as a text that waits until it was taken, and in
 * STATE_DIRECTORY/board/counts meanwhile, so that a restart loses none and a power cut those of the
 * last minutes. The file holds what board_tally.c would send: a batch that the board has already,
 * because its answer or the file's last change was lost, is counted once by its name. */
#include "lib/buf.h"
#include "lib/counts.h"
#include "lib/fetch.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/board.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { POST_MAX = 4096, POST_MS = 30000, SAVE_MS = 120000, PATH_LEN = 320 };

struct board_report {
    struct loop *loop;
    struct fetcher *fetcher;
    struct fetch *post;
    struct loop_timer *timer, *save_timer;
    struct board_tally *tally;
    char *router, *directory, *url;
    const char *token; /* the board's */
    uint32_t every_s;
    bool started, unsaved, told;
    uint64_t sent, bytes_sent, bytes_received;
};

/* --- the file ----------------------------------------------------------------------------------
 */

static bool write_whole(int dir, const char *name, const struct buf *b)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0640);
    bool fine = fd >= 0 && write(fd, b->data ? b->data : "", b->len) == (ssize_t)b->len;
    if (fd >= 0 && close(fd) != 0)
        fine = false;
    return fine;
}

/* Renamed over the old one; not synced: nobody waits for a sum. */
static void save(void *arg)
{
    struct board_report *r = arg;
    struct buf b;
    r->unsaved = false;
    buf_init(&b, BOARD_TALLY_MAX_FILE);
    board_tally_write(r->tally, r->router, &b);
    mkdir(r->directory, 0750);
    int dir = open(r->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = dir >= 0 && (b.len ? write_whole(dir, "counts.new", &b) &&
                                         renameat(dir, "counts.new", dir, "counts") == 0
                                   : unlinkat(dir, "counts", 0) == 0 || errno == ENOENT);
    if (!fine && !r->told)
        log_msg(LOG_WARNING, "event=board_counts_not_kept directory=%s why=\"%s\"", r->directory,
                strerror(errno));
    r->told = !fine;
    if (!fine && dir >= 0)
        unlinkat(dir, "counts.new", 0);
    if (dir >= 0)
        close(dir);
    buf_free(&b);
}

static void changed(struct board_report *r)
{
    if (!r->started || r->unsaved)
        return;
    r->unsaved = true;
    loop_timer_start(r->save_timer, SAVE_MS);
}

/* What was not sent before this start. */
static void load(struct board_report *r)
{
    char path[PATH_LEN], err[256] = "";
    char *text = malloc(BOARD_TALLY_MAX_FILE + 1);
    snprintf(path, sizeof path, "%s/counts", r->directory);
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    ssize_t n = fd >= 0 && text ? read(fd, text, BOARD_TALLY_MAX_FILE + 1) : 0;
    if (n > 0 && !board_tally_read(r->tally, text, (size_t)n, err, sizeof err))
        log_msg(LOG_WARNING, "event=board_counts_unreadable file=%s why=\"%s\"", path, err);
    if (fd >= 0)
        close(fd);
    free(text);
}

/* --- sending ------------------------------------------------------------------------------------
 */

static void report(void *arg);

static void again(struct board_report *r)
{
    loop_timer_start(r->timer, board_pace_about((uint64_t)r->every_s * 1000));
}

static void on_posted(void *arg, const struct fetch_answer *a)
{
    struct board_report *r = arg;
    bool taken = a->status >= 200 && a->status < 300;
    /* What the board will never take is not sent again; a token may still be put right. */
    bool hopeless = a->status == 400 || a->status == 413 || a->status == 415 || a->status == 422;
    size_t len;
    r->post = NULL;
    r->bytes_sent += a->sent;
    r->bytes_received += a->received;
    if (taken || hopeless) {
        board_tally_sent(r->tally);
        r->sent += taken;
        changed(r);
    }
    if (!taken)
        log_msg(LOG_WARNING, "event=board_counts_failed status=%u why=\"%s\" again=%s", a->status,
                a->err, hopeless ? "no" : "yes");
    if (taken && board_tally_text(r->tally, &len))
        report(r);
    else
        again(r);
}

static void report(void *arg)
{
    struct board_report *r = arg;
    char url[512];
    size_t len;
    board_tally_close(r->tally, r->router);
    const char *text = board_tally_text(r->tally, &len);
    snprintf(url, sizeof url, "%scounts", r->url);
    if (text && r->token && !r->post)
        r->post = fetch_start(r->fetcher,
                              &(struct fetch_request){.url = url,
                                                      .bearer = r->token,
                                                      .body = text,
                                                      .body_len = len,
                                                      .content_type = COUNTS_CONTENT_TYPE,
                                                      .max_bytes = POST_MAX,
                                                      .timeout_ms = POST_MS},
                              on_posted, r);
    if (!r->post)
        again(r);
}

/* --- begin and end ------------------------------------------------------------------------------
 */

void board_report_add(struct board_report *r, int64_t now_s, enum bundle_kind kind, const char *id,
                      const char *zone, const char *lang, unsigned displays, unsigned taps)
{
    if (!r->token)
        return;
    board_tally_add(r->tally, now_s, kind, id, zone, lang, displays, taps);
    changed(r);
}

void board_report_stats(const struct board_report *r, struct board_stats *out)
{
    out->counts_sent = r->sent;
    out->counts_lost = board_tally_lost(r->tally);
    out->bytes_sent += r->bytes_sent;
    out->bytes_received += r->bytes_received;
}

bool board_report_configure(struct board_report *r, const char *url, const char *token,
                            uint32_t every_s)
{
    char *copy = strdup(url);
    if (!copy)
        return false;
    free(r->url);
    r->url = copy;
    r->token = token;
    r->every_s = every_s;
    return true;
}

void board_report_start(struct board_report *r)
{
    size_t len;
    r->started = true;
    if (!r->token)
        return;
    load(r);
    if (board_tally_text(r->tally, &len)) /* soon, and not all routers of a city at once */
        loop_timer_start(r->timer, board_pace_about(BOARD_REPORT_SOON_MS));
    else
        again(r);
}

struct board_report *board_report_new(struct loop *loop, struct fetcher *fetcher,
                                      const char *router, const char *state_directory)
{
    struct board_report *r = calloc(1, sizeof *r);
    char directory[PATH_LEN - 16];
    if (!r)
        return NULL;
    snprintf(directory, sizeof directory, "%s/board", state_directory);
    r->loop = loop;
    r->fetcher = fetcher;
    r->timer = loop_timer_new(loop, report, r);
    r->save_timer = loop_timer_new(loop, save, r);
    r->tally = board_tally_new();
    r->router = strdup(router);
    r->directory = strdup(directory);
    if (r->timer && r->save_timer && r->tally && r->router && r->directory)
        return r;
    board_report_free(r);
    return NULL;
}

void board_report_free(struct board_report *r)
{
    if (!r)
        return;
    if (r->started && r->token)
        save(r);
    if (r->post)
        fetch_cancel(r->post);
    loop_timer_free(r->timer);
    loop_timer_free(r->save_timer);
    board_tally_free(r->tally);
    free(r->router);
    free(r->directory);
    free(r->url);
    free(r);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notices_directory of an administration: files that somebody drops there, or a version control
 * system checks out, are notices of its publishers. One that is wrong is named, with its line, to
 * the log and to the editors, and what was published of it before stays; one that is removed ends.
 */
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "noticeboard/importer_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

enum { QUIET_MS = 300, AGAIN_MS = 5000, LOOK_AGAIN_S = 30 * 60 };

struct folder {
    struct loop *loop;
    struct loop_watch *watch;
    struct loop_timer *timer;
    struct store *store;
    const struct board_conf *conf;
    const struct board_administration *administration;
    char id[IMPORTER_ID_LEN];
    char error[200]; /* of the first file that was left out */
    unsigned left_out;
};

static void leave_out(struct folder *f, const char *file, const char *why)
{
    if (f->left_out++ == 0)
        snprintf(f->error, sizeof f->error, "%.60s.md: %.120s", file, why);
    log_msg(LOG_WARNING, "event=file_left_out directory=\"%s\" file=\"%s.md\" why=\"%s\"",
            f->administration->notices_directory, file, why);
}

/* By its id, or the name that stands on notices. */
static const struct board_publisher *publisher_of(const struct board_administration *a,
                                                  const char *name)
{
    for (size_t i = 0; i < a->n_publishers; i++)
        if (strcmp(a->publishers[i].id, name) == 0 || strcmp(a->publishers[i].name, name) == 0)
            return &a->publishers[i];
    return NULL;
}

/* Why this publisher may not say that there; NULL: it may. */
static const char *forbidden(const struct folder *f, const struct board_publisher *p,
                             const struct notice *n, char why[static 160])
{
    for (char **z = n->zones; *z; z++) {
        bool all = strcmp(*z, "*") == 0;
        if (!all && !board_conf_zone(f->conf, *z))
            snprintf(why, 160, "found zone %.40s, which the board does not have", *z);
        else if (!board_publisher_may_use(p, *z))
            snprintf(why, 160, "found %s %.40s, where publisher %.40s may not publish",
                     all ? "zones:" : "zone", *z, p->id);
        else
            continue;
        return why;
    }
    return NULL;
}

/* Reads n as the item of its file; false if it is left out. */
static bool make_item(struct folder *f, struct notice *n, const struct board_publisher *p,
                      struct imported *item)
{
    char err[320] = "out of memory";
    uint8_t sum[SHA256_LEN];
    struct buf b;
    size_t len;
    char *name = strdup(p->name);
    if (name) {
        free(n->publisher);
        n->publisher = name;
    }
    buf_init(&b, 2 * NOTICE_MAX_BYTES);
    notice_write(&b, n);
    char *text = buf_take(&b, &len);
    *item = (struct imported){.text = text};
    if (name && text)
        item->notice = notice_parse(n->id, text, len, err, sizeof err);
    if (!item->notice) {
        leave_out(f, n->id, err);
        free(text);
        return false;
    }
    struct crypto_slice part = {text, len};
    crypto_hmac_sha256("", 0, &part, 1, sum);
    crypto_hex(sum, sizeof sum, item->hash);
    snprintf(item->guid, sizeof item->guid, "%s", n->id);
    return true;
}

static bool take(struct folder *f, struct notice *n, int64_t now)
{
    char why[160];
    struct imported item;
    const struct board_publisher *p = publisher_of(f->administration, n->publisher);
    if (!p) {
        snprintf(why, sizeof why, "found publisher \"%.60s\", expected one of %.32s in board.conf",
                 n->publisher, f->administration->id);
        leave_out(f, n->id, why);
        return true;
    }
    if (forbidden(f, p, n, why)) {
        leave_out(f, n->id, why);
        return true;
    }
    if (n->until <= now || !make_item(f, n, p, &item))
        return true;
    struct keep k = {.store = f->store,
                     .administration = f->administration,
                     .publisher = p,
                     .feed = f->id,
                     .approval = f->administration->approval,
                     .now = now};
    bool fine = keep_item(&k, &item);
    notice_free(item.notice);
    free(item.text);
    return fine;
}

struct present {
    const char *dir;
    struct guids *here;
    bool failed;
};

/* A file that is there, but could not be read, is no reason to end what it said before. */
static bool note_present(void *arg, const struct store_notice *n)
{
    struct present *p = arg;
    struct stat st;
    char path[512];
    snprintf(path, sizeof path, "%s/%s.md", p->dir, n->guid);
    if (lstat(path, &st) == 0 && !guids_add(p->here, n->guid))
        p->failed = true;
    return !p->failed;
}

static bool look(struct folder *f, int64_t now, size_t *files)
{
    const char *dir = f->administration->notices_directory;
    struct notice_set *set = notice_dir_read(dir);
    struct guids here = {0};
    struct present present = {.dir = dir, .here = &here};
    struct keep k = {
        .store = f->store, .administration = f->administration, .feed = f->id, .now = now};
    f->left_out = 0;
    f->error[0] = '\0';
    if (!set) {
        snprintf(f->error, sizeof f->error, "%.150s cannot be read", dir);
        return true;
    }
    if (set->skipped) {
        f->left_out = set->skipped;
        snprintf(f->error, sizeof f->error, "%u files cannot be read as notices; the log says why",
                 set->skipped);
    }
    bool fine = store_begin(f->store);
    if (fine) {
        for (size_t i = 0; fine && i < set->n; i++)
            fine = take(f, set->items[i], now);
        fine = fine && store_imported(f->store, f->id, note_present, &present) && !present.failed &&
               keep_only(&k, &here, NULL);
        fine = store_end(f->store, fine);
    }
    *files = set->n;
    guids_free(&here);
    notice_set_free(set);
    return fine;
}

static void on_change(void *arg)
{
    struct folder *f = arg;
    struct store_feed state;
    int64_t now = (int64_t)time(NULL);
    size_t files = 0;
    bool fine = look(f, now, &files);
    if (!fine) {
        log_msg(LOG_ERR, "event=store_failed what=files why=\"%s\"", store_error(f->store));
        loop_timer_start(f->timer, AGAIN_MS);
        return;
    }
    store_feed_get(f->store, f->id, &state);
    state = (struct store_feed){.id = f->id,
                                .due = now + LOOK_AGAIN_S,
                                .tried = now,
                                .succeeded = now,
                                .items = (int)files,
                                .failures = *f->error ? 1 : 0,
                                .error = *f->error ? f->error : NULL};
    store_feed_put(f->store, &state);
    /* Without a change too: a disk that was not there yet, a file whose time has come. */
    loop_timer_start(f->timer, *f->error && !f->watch ? AGAIN_MS : LOOK_AGAIN_S * 1000);
    if (!f->watch)
        f->watch =
            loop_watch_new(f->loop, f->administration->notices_directory, QUIET_MS, on_change, f);
}

struct folder *folder_new(struct loop *loop, struct store *store, const struct board_conf *conf,
                          const struct board_administration *a)
{
    struct folder *f = calloc(1, sizeof *f);
    if (!f || !(f->timer = loop_timer_new(loop, on_change, f))) {
        free(f);
        return NULL;
    }
    f->loop = loop;
    f->store = store;
    f->conf = conf;
    f->administration = a;
    snprintf(f->id, sizeof f->id, "%.32s/" IMPORTER_FILES, a->id);
    f->watch = loop_watch_new(loop, a->notices_directory, QUIET_MS, on_change, f);
    if (!f->watch)
        log_msg(LOG_WARNING, "event=directory_not_watched directory=\"%s\" why=\"%s\"",
                a->notices_directory, strerror(errno));
    loop_timer_start(f->timer, 0);
    return f;
}

void folder_free(struct folder *f)
{
    if (!f)
        return;
    loop_watch_free(f->watch);
    loop_timer_free(f->timer);
    free(f);
}

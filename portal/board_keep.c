/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STATE_DIRECTORY/board: `current` and the bundle that it names, so that a router which starts
 * while the board is away shows what it last knew. The bundle is written and synced under its
 * digest before `current` is renamed over the old one, and the bundle before it stays until the
 * next time: whenever the power fails there is a whole pair, and its signature and digest say so.
 *
 * A sync may take a second on worn flash; it is done by the C library's own thread (aio_fsync), and
 * looked after from a timer. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/board.h"
#include <aio.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOK_MS = 20, AGAIN_MS = 60000 };

struct pair {
    struct current current;
    char *pointer, *data;
    size_t pointer_len, len;
};

struct board_keep {
    struct loop_timer *timer;
    char *directory;
    int dir;               /* -1 while it cannot be had */
    struct pair now, next; /* being written; waiting (pointer NULL: none) */
    bool bundle_done;      /* of now: `current` is under way */
    struct aiocb sync;
    bool syncing, failing;
    char kept[2][CURRENT_NAME_LEN]; /* the bundles of `current` and of the one before it */
};

static void clear(struct pair *p)
{
    free(p->pointer);
    free(p->data);
    *p = (struct pair){0};
}

static bool write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        data += n;
        len -= (size_t)n;
    }
    return true;
}

static bool open_dir(struct board_keep *k)
{
    if (k->dir < 0) {
        if (mkdir(k->directory, 0750) != 0 && errno != EEXIST)
            return false;
        k->dir = open(k->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    }
    return k->dir >= 0;
}

/* Writes "new" and begins to sync it. */
static bool begin(struct board_keep *k, const char *data, size_t len)
{
    if (!open_dir(k))
        return false;
    unlinkat(k->dir, "new", 0);
    int fd = openat(k->dir, "new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0640);
    if (fd < 0)
        return false;
    k->sync = (struct aiocb){.aio_fildes = fd, .aio_sigevent.sigev_notify = SIGEV_NONE};
    if (!write_all(fd, data, len) || aio_fsync(O_SYNC, &k->sync) != 0) {
        int error = errno;
        close(fd);
        unlinkat(k->dir, "new", 0); /* a full disk needs its room */
        errno = error;
        return false;
    }
    k->syncing = true;
    return true;
}

/* Bundles that neither `current` nor the one before it names. */
static void sweep(struct board_keep *k)
{
    DIR *d = opendir(k->directory);
    const struct dirent *e;
    while (d && (e = readdir(d)))
        if (strlen(e->d_name) == CURRENT_NAME_LEN - 1 && strstr(e->d_name, ".bundle") &&
            strcmp(e->d_name, k->kept[0]) != 0 && strcmp(e->d_name, k->kept[1]) != 0)
            unlinkat(k->dir, e->d_name, 0);
    if (d)
        closedir(d);
}

/* A pointer without its bundle takes it from the one before it, where that names the same. */
static void inherit(struct pair *to, struct pair *from)
{
    if (to->data || memcmp(to->current.sha256, from->current.sha256, SIGN_KEY_LEN) != 0)
        return;
    to->data = from->data;
    to->len = from->len;
    from->data = NULL;
}

static void fail(struct board_keep *k)
{
    if (!k->failing)
        log_msg(LOG_ERR, "event=board_not_kept directory=%s why=\"%s\"", k->directory,
                strerror(errno));
    k->failing = true;
    if (!k->next.pointer) { /* nothing newer waits: try this again */
        k->next = k->now;
        k->now = (struct pair){0};
    } else {
        inherit(&k->next, &k->now);
    }
    clear(&k->now);
    loop_timer_start(k->timer, AGAIN_MS);
}

static void write_next(struct board_keep *k)
{
    char name[CURRENT_NAME_LEN];
    if (!k->now.pointer) {
        if (!k->next.pointer)
            return;
        k->now = k->next;
        k->next = (struct pair){0};
        current_bundle_name(&k->now.current, name);
        k->bundle_done = !k->now.data || strcmp(name, k->kept[0]) == 0;
    }
    bool fine = k->bundle_done ? begin(k, k->now.pointer, k->now.pointer_len)
                               : begin(k, k->now.data, k->now.len);
    if (fine)
        loop_timer_start(k->timer, LOOK_MS);
    else
        fail(k);
}

static void synced(struct board_keep *k, int error)
{
    char name[CURRENT_NAME_LEN];
    current_bundle_name(&k->now.current, name);
    k->syncing = false;
    close(k->sync.aio_fildes);
    errno = error;
    if (error || renameat(k->dir, "new", k->dir, k->bundle_done ? "current" : name) != 0) {
        error = errno;
        unlinkat(k->dir, "new", 0);
        errno = error;
        fail(k);
        return;
    }
    if (!k->bundle_done) {
        k->bundle_done = true;
    } else {
        if (strcmp(name, k->kept[0]) != 0) {
            memcpy(k->kept[1], k->kept[0], sizeof name);
            memcpy(k->kept[0], name, sizeof name);
        }
        if (k->failing)
            log_msg(LOG_NOTICE, "event=board_kept_again");
        k->failing = false;
        sweep(k);
        clear(&k->now);
    }
    write_next(k);
}

static void look(void *arg)
{
    struct board_keep *k = arg;
    if (!k->syncing) {
        write_next(k);
        return;
    }
    int state = aio_error(&k->sync);
    if (state == EINPROGRESS) {
        loop_timer_start(k->timer, LOOK_MS);
        return;
    }
    aio_return(&k->sync);
    synced(k, state);
}

void board_keep_save(struct board_keep *k, const struct current *c, char *pointer,
                     size_t pointer_len, char *data, size_t len)
{
    struct pair pair = {*c, pointer, data, pointer_len, len};
    inherit(&pair, &k->next);
    clear(&k->next);
    k->next = pair;
    if (!k->now.pointer)
        write_next(k);
}

bool board_keep_failing(const struct board_keep *k)
{
    return k->failing;
}

static bool read_file(int dir, const char *name, size_t max, char **out, size_t *len)
{
    struct stat st;
    size_t got = 0;
    ssize_t n = 0;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *out = NULL;
    if (fd < 0)
        return false;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && (size_t)st.st_size <= max)
        *out = malloc((size_t)st.st_size);
    while (*out && got < (size_t)st.st_size &&
           (n = read(fd, *out + got, (size_t)st.st_size - got)) > 0)
        got += (size_t)n;
    close(fd);
    *len = got;
    return *out != NULL;
}

bool board_keep_pointer(const struct board_keep *k, char **pointer, size_t *len)
{
    return k->dir >= 0 && read_file(k->dir, "current", CURRENT_MAX_BYTES, pointer, len);
}

bool board_keep_bundle(struct board_keep *k, const struct current *c, char **data, size_t *len)
{
    char name[CURRENT_NAME_LEN];
    current_bundle_name(c, name);
    if (k->dir < 0 || !read_file(k->dir, name, BUNDLE_MAX_BYTES, data, len))
        return false;
    memcpy(k->kept[0], name, sizeof name);
    return true;
}

struct board_keep *board_keep_new(struct loop *loop, const char *state_directory)
{
    struct board_keep *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->dir = -1;
    k->timer = loop_timer_new(loop, look, k);
    if (!k->timer || asprintf(&k->directory, "%s/board", state_directory) < 0) {
        k->directory = NULL;
        board_keep_free(k);
        return NULL;
    }
    open_dir(k);
    return k;
}

void board_keep_free(struct board_keep *k)
{
    if (!k)
        return;
    if (k->syncing) { /* its thread still has the descriptor */
        const struct aiocb *all[] = {&k->sync};
        while (aio_error(&k->sync) == EINPROGRESS && aio_suspend(all, 1, NULL) != 0)
            ;
        close(k->sync.aio_fildes);
    }
    loop_timer_free(k->timer);
    clear(&k->now);
    clear(&k->next);
    if (k->dir >= 0)
        close(k->dir);
    free(k->directory);
    free(k);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Watching a directory. inotify says at once that something changed; a timer gathers what changes
 * together into one call. inotify watches an inode and not a name, so every LOOK_MS the name is
 * looked up again: a directory that was replaced as a whole (a symbolic link that now points to the
 * next edition) is found that way. Where inotify has no room, the same look compares names, sizes
 * and times of the files instead. */
#include "lib/log.h"
#include "lib/loop.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOK_MS     5000
#define MAX_ENTRIES 8192 /* looked at without inotify */
#define CHANGES                                                                                    \
    (IN_CREATE | IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE | IN_ATTRIB |            \
     IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct loop_watch {
    struct loop *loop;
    char *dir;
    uint64_t quiet_ms;
    loop_timer_fn fn;
    void *arg;
    int fd; /* inotify, or -1 */
    struct loop_io *io;
    struct loop_timer *quiet, *look;
    dev_t dev;
    ino_t ino;       /* 0: the directory is not there */
    uint64_t digest; /* without inotify: what the files looked like */
};

static void changed(struct loop_watch *w)
{
    if (!loop_timer_running(w->quiet))
        loop_timer_start(w->quiet, w->quiet_ms);
}

static void on_quiet(void *arg)
{
    struct loop_watch *w = arg;

    w->fn(w->arg); /* may free w */
}

static void on_inotify(void *arg, int fd, int events)
{
    struct loop_watch *w = arg;
    char batch[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t got;

    (void)events;
    /* What happened does not matter, only that it did; the rest comes with the next turn. */
    got = read(fd, batch, sizeof batch);
    if (got > 0) {
        changed(w);
    } else if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
        loop_io_free(w->io);
        w->io = NULL;
        close(w->fd);
        w->fd = -1;
    }
}

/* FNV-1a over one file; files are added up, because readdir has no order. */
static uint64_t digest_file(const char *name, const struct stat *st)
{
    uint64_t facts[] = {st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
                        (uint64_t)st->st_mtim.tv_nsec};
    uint64_t h = 0xcbf29ce484222325U;

    for (const char *p = name; *p; p++)
        h = (h ^ (unsigned char)*p) * 0x100000001b3U;
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        h = (h ^ facts[i]) * 0x100000001b3U;
    return h;
}

static uint64_t digest_dir(const char *path)
{
    DIR *dir = opendir(path);
    uint64_t sum = 0;
    const struct dirent *e;

    if (!dir)
        return 0;
    for (int n = 0; n < MAX_ENTRIES && (e = readdir(dir)); n++) {
        struct stat st;
        if (fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && strcmp(e->d_name, "..") != 0)
            sum += digest_file(e->d_name, &st);
    }
    closedir(dir);
    return sum;
}

/* Begins again with inotify; without it w->io stays NULL and on_look compares digests. */
static void begin_inotify(struct loop_watch *w)
{
    loop_io_free(w->io);
    w->io = NULL;
    if (w->fd >= 0)
        close(w->fd);
    w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd >= 0 && inotify_add_watch(w->fd, w->dir, CHANGES) >= 0)
        w->io = loop_io_new(w->loop, w->fd, LOOP_READ, on_inotify, w);
    if (!w->io && w->fd >= 0) {
        close(w->fd);
        w->fd = -1;
    }
}

static void on_look(void *arg)
{
    struct loop_watch *w = arg;
    struct stat st;
    bool there = stat(w->dir, &st) == 0 && S_ISDIR(st.st_mode);
    bool other = there ? st.st_ino != w->ino || st.st_dev != w->dev : w->ino != 0;

    if (other) {
        w->ino = there ? st.st_ino : 0;
        w->dev = there ? st.st_dev : 0;
    }
    if (there && (other || !w->io)) {
        uint64_t digest = digest_dir(w->dir);
        if (!w->io && digest != w->digest)
            other = true;
        w->digest = digest;
        begin_inotify(w);
    }
    if (other)
        changed(w);
    loop_timer_start(w->look, LOOK_MS);
}

struct loop_watch *loop_watch_new(struct loop *loop, const char *dir, uint64_t quiet_ms,
                                  loop_timer_fn fn, void *arg)
{
    struct loop_watch *w;
    struct stat st;

    if (stat(dir, &st) != 0)
        return NULL;
    if (!S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return NULL;
    }
    w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    *w = (struct loop_watch){.loop = loop,
                             .quiet_ms = quiet_ms,
                             .fn = fn,
                             .arg = arg,
                             .fd = -1,
                             .dev = st.st_dev,
                             .ino = st.st_ino};
    w->dir = strdup(dir);
    w->quiet = loop_timer_new(loop, on_quiet, w);
    w->look = loop_timer_new(loop, on_look, w);
    if (!w->dir || !w->quiet || !w->look) {
        loop_watch_free(w);
        return NULL;
    }
    begin_inotify(w);
    if (!w->io) {
        log_msg(LOG_WARNING, "event=watch-without-inotify dir=\"%s\" look_every_ms=%d", dir,
                LOOK_MS);
        w->digest = digest_dir(dir);
    }
    loop_timer_start(w->look, LOOK_MS);
    return w;
}

void loop_watch_free(struct loop_watch *w)
{
    if (!w)
        return;
    loop_io_free(w->io);
    if (w->fd >= 0)
        close(w->fd);
    loop_timer_free(w->quiet);
    loop_timer_free(w->look);
    free(w->dir);
    free(w);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* STATE_DIRECTORY/passes on the disk. A new file beside it is written, synced and renamed over it,
 * so that whatever moment the power fails at there is a whole one. */
#include "lib/buf.h"
#include "lib/log.h"
#include "portal/passes.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_REPORTS = 20 };
#define MAX_BYTES ((off_t)512 << 20)

struct reports {
    unsigned n;
};

static void report(void *arg, size_t line, const char *why)
{
    struct reports *r = arg;
    if (r->n++ < MAX_REPORTS)
        log_msg(LOG_WARNING, "event=pass_unreadable line=%zu why=\"%s\"", line, why);
}

static char *read_whole(int fd, size_t *len)
{
    struct stat st;
    char *text = NULL;
    size_t got = 0;

    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_BYTES)
        return NULL;
    text = malloc((size_t)st.st_size + 1);
    while (text && got < (size_t)st.st_size) {
        ssize_t n = read(fd, text + got, (size_t)st.st_size - got);
        if (n <= 0)
            break; /* what was read is a part of it, and is kept */
        got += (size_t)n;
    }
    *len = got;
    return text;
}

void passes_load(struct passes *t, const char *directory)
{
    struct reports reports = {0};
    size_t len = 0;
    char *text = NULL;
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int fd = dir < 0 ? -1 : openat(dir, "passes", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 && errno != ENOENT)
        log_msg(LOG_ERR, "event=passes_unreadable path=%s/passes why=\"%s\"", directory,
                strerror(errno));
    if (fd >= 0)
        text = read_whole(fd, &len);
    if (text && !passes_read(t, text, len, report, &reports))
        log_msg(LOG_WARNING,
                "event=passes_of_another_key path=%s/passes bytes=%zu then=\"everybody taps once "
                "more\"",
                directory, len);
    else if (text)
        log_msg(LOG_NOTICE, "event=passes_read passes=%zu unreadable=%u", passes_count(t),
                reports.n);
    free(text);
    if (fd >= 0)
        close(fd);
    if (dir >= 0)
        close(dir);
}

static bool write_whole(int fd, const char *data, size_t len)
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
    return fsync(fd) == 0;
}

static bool replace(int dir, const char *data, size_t len)
{
    unlinkat(dir, "passes.new", 0); /* of a write that a power cut ended */
    int fd = openat(dir, "passes.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool fine = write_whole(fd, data, len);
    int error = errno;
    if (close(fd) != 0 && fine) {
        fine = false;
        error = errno;
    }
    if (fine && renameat(dir, "passes.new", dir, "passes") == 0) {
        fsync(dir); /* the name too */
        return true;
    }
    if (fine)
        error = errno;
    unlinkat(dir, "passes.new", 0); /* a full disk needs its room */
    errno = error;
    return false;
}

bool passes_save(const struct passes *t, const char *directory)
{
    struct buf text;
    buf_init(&text, passes_write_max(t));
    passes_write(t, &text);
    int dir = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = dir >= 0 && !text.failed && replace(dir, text.data, text.len);
    int error = text.failed ? ENOMEM : errno;
    buf_free(&text);
    if (dir >= 0)
        close(dir);
    errno = error;
    return fine;
}

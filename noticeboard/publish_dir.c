/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The published directory. A file is written beside its name, brought to the disk, and renamed over
 * it; the bundle before the `current` that names it. So a web server, a router and whoever comes
 * after a kill -9 see the old state or the new one. */
#include "noticeboard/publish_internal.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Readable by the web server that may serve it, whatever the umask; nothing in it is secret. */
#define MODE 0644
#define HALF ".half-" /* what begins with it was not finished */

static void remove_halves(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d));)
        if (strncmp(e->d_name, HALF, strlen(HALF)) == 0)
            unlinkat(dir, e->d_name, 0);
    closedir(d);
}

int out_open(const char *dir, char *err, size_t err_len)
{
    if (mkdir(dir, 0755) != 0 && errno != EEXIST) {
        snprintf(err, err_len, "out_directory %s cannot be made: %s", dir, strerror(errno));
        return -1;
    }
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int news = -1;
    if (fd >= 0 && (mkdirat(fd, "news", 0755) == 0 || errno == EEXIST))
        news = openat(fd, "news", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (news < 0) {
        snprintf(err, err_len, "out_directory %s cannot be used: %s", dir, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    remove_halves(fd);
    remove_halves(news);
    close(news);
    return fd;
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

bool out_write(int dir, const char *name, const char *data, size_t len, bool durable, char *err,
               size_t err_len)
{
    char half[160];
    const char *slash = strchr(name, '/');
    size_t folder = slash ? (size_t)(slash - name) + 1 : 0;
    snprintf(half, sizeof half, "%.*s" HALF "%s", (int)folder, name, name + folder);
    int fd = openat(dir, half, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, MODE);
    bool fine = fd >= 0 && fchmod(fd, MODE) == 0 && write_all(fd, data, len) &&
                (!durable || fsync(fd) == 0);
    int why = errno;
    if (fd >= 0 && close(fd) != 0 && fine) {
        fine = false;
        why = errno;
    }
    if (fine && renameat(dir, half, dir, name) != 0) {
        fine = false;
        why = errno;
    }
    if (fine && durable && fsync(dir) != 0) {
        fine = false;
        why = errno;
    }
    if (!fine) {
        snprintf(err, err_len, "%s cannot be written: %s", name, strerror(why));
        if (fd >= 0)
            unlinkat(dir, half, 0);
    }
    return fine;
}

char *out_read(int dir, const char *name, size_t max, size_t *len)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char *data = NULL;
    size_t got = 0;
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size >= 0 &&
        (size_t)st.st_size <= max)
        data = malloc((size_t)st.st_size + 1);
    while (data && got < (size_t)st.st_size) {
        ssize_t n = read(fd, data + got, (size_t)st.st_size - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    if (data && got != (size_t)st.st_size) {
        free(data);
        data = NULL;
    }
    if (data)
        data[got] = '\0';
    if (fd >= 0)
        close(fd);
    *len = data ? got : 0;
    return data;
}

void out_retire(int dir, const char *name)
{
    if (*name)
        utimensat(dir, name, NULL, AT_SYMLINK_NOFOLLOW);
}

bool out_is_bundle(const char *name)
{
    return strspn(name, "0123456789abcdef") == 2 * SIGN_KEY_LEN &&
           strcmp(name + 2 * SIGN_KEY_LEN, ".bundle") == 0;
}

void out_tidy(int dir, const char *current_bundle, int64_t now, uint32_t keep_s)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    struct stat st;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d));)
        if (out_is_bundle(e->d_name) && strcmp(e->d_name, current_bundle) != 0 &&
            fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_mtime + (int64_t)keep_s < now)
            unlinkat(dir, e->d_name, 0);
    closedir(d);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Secrets from files. A file that everybody may read, a whole key ring where one line belongs, or
 * an empty one is refused in words, because each of them would seem to work until somebody looks.
 */
#include "lib/crypto.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 4096

static bool check_file(int fd, char *err, size_t err_len)
{
    struct stat st;

    if (fstat(fd, &st) != 0) {
        snprintf(err, err_len, "cannot read: %s", strerror(errno));
        return false;
    }
    if (!S_ISREG(st.st_mode)) {
        snprintf(err, err_len, "is not a regular file");
        return false;
    }
    if (st.st_mode & (S_IRWXO | S_IWGRP)) {
        snprintf(err, err_len, "%s (mode %04o), expected 0640 or tighter",
                 st.st_mode & S_IWGRP   ? "its group may change it"
                 : st.st_mode & S_IWOTH ? "others may change it"
                                        : "others may read it",
                 (unsigned)(st.st_mode & 07777));
        return false;
    }
    return true;
}

/* One byte more than is allowed is read, so that too long a file is seen. */
static ssize_t read_whole(int fd, char *buf, size_t room)
{
    size_t len = 0;

    while (len < room) {
        ssize_t got = read(fd, buf + len, room - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -1;
        if (got == 0)
            break;
        len += (size_t)got;
    }
    return (ssize_t)len;
}

/* The one line of buf without its end, or NULL with the reason. */
static char *one_line(char *buf, size_t len, char *err, size_t err_len)
{
    const char *wrong = NULL;

    if (len > SECRET_MAX)
        wrong = "is longer than 4096 bytes";
    while (len && strchr(" \t\r\n", buf[len - 1]) && buf[len - 1])
        len--;
    if (!wrong && !len)
        wrong = "is empty";
    if (!wrong && memchr(buf, '\n', len))
        wrong = "has more than one line";
    if (!wrong && memchr(buf, '\0', len))
        wrong = "has a NUL byte in it";
    if (wrong) {
        snprintf(err, err_len, "%s", wrong);
        return NULL;
    }
    char *secret = strndup(buf, len);
    if (!secret)
        snprintf(err, err_len, "out of memory");
    return secret;
}

char *crypto_secret_read(const char *path, char *err, size_t err_len)
{
    char buf[SECRET_MAX + 1];
    char *secret = NULL;
    ssize_t len;
    /* O_NONBLOCK: opening a FIFO must not wait for its other end. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        snprintf(err, err_len, "cannot open: %s", strerror(errno));
        return NULL;
    }
    if (check_file(fd, err, err_len)) {
        len = read_whole(fd, buf, sizeof buf);
        if (len < 0)
            snprintf(err, err_len, "cannot read: %s", strerror(errno));
        else
            secret = one_line(buf, (size_t)len, err, err_len);
        crypto_wipe(buf, sizeof buf);
    }
    close(fd);
    return secret;
}

void crypto_secret_free(char *secret)
{
    if (!secret)
        return;
    crypto_wipe(secret, strlen(secret));
    free(secret);
}

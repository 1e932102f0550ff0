/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/keyfile.h"
#include "lib/crypto.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_key(int dir, uint8_t key[static KEYFILE_LEN])
{
    uint8_t data[KEYFILE_LEN + 1];
    struct stat st;
    int fd = openat(dir, "token.key", O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return false;
    ssize_t n = read(fd, data, sizeof data);
    bool fine = n == KEYFILE_LEN && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
                !(st.st_mode & (S_IRWXG | S_IRWXO));
    close(fd);
    if (fine)
        memcpy(key, data, KEYFILE_LEN);
    crypto_wipe(data, sizeof data);
    return fine;
}

static bool write_key(int dir, const uint8_t key[static KEYFILE_LEN])
{
    bool fine = false;
    unlinkat(dir, "token.key.new", 0);
    int fd =
        openat(dir, "token.key.new", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    errno = ENOSPC; /* a short write says nothing */
    fine = write(fd, key, KEYFILE_LEN) == KEYFILE_LEN && fsync(fd) == 0;
    fine = close(fd) == 0 && fine;
    fine = fine && renameat(dir, "token.key.new", dir, "token.key") == 0;
    if (!fine) { /* a full disk needs its room */
        int error = errno;
        unlinkat(dir, "token.key.new", 0);
        errno = error;
    }
    return fine;
}

bool keyfile_keep(const char *path, const uint8_t key[static KEYFILE_LEN])
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = dir >= 0 && write_key(dir, key);
    if (dir >= 0)
        close(dir);
    return fine;
}

bool keyfile_load(const char *path, uint8_t key[static KEYFILE_LEN], char *err, size_t err_len)
{
    int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool fine = false;
    if (dir >= 0)
        fine = read_key(dir, key);
    if (!fine) { /* none yet, damaged, or others could read it: a new one */
        crypto_random(key, KEYFILE_LEN);
        errno = 0;
        fine = dir >= 0 && write_key(dir, key);
        if (!fine)
            snprintf(err, err_len, "%s/token.key cannot be written: %s", path,
                     strerror(errno ? errno : ENOENT));
    }
    if (dir >= 0)
        close(dir);
    return fine;
}

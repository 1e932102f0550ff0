/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only part of the notices that touches the disk: a directory of *.md files, in name order.
 * Links and anything that is not a regular file are passed over (a pipe would stop the event loop),
 * and a file that cannot be read or understood is named in the log and left out, never the whole
 * set. */
#include "lib/log.h"
#include "lib/notice.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_NAME 100 /* bytes of a file's name */

void notice_timezone(const char *tz)
{
    setenv("TZ", tz ? tz : "CET-1CEST,M3.5.0,M10.5.0/3", 0);
    tzset();
}

/* Letters, digits, dot, dash, underscore, and ".md": the name is shown as the notice's id. */
static bool name_ok(const char *name)
{
    static const char fine[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t len = strlen(name);
    return len <= MAX_NAME && strspn(name, fine) == len;
}

static bool is_notice(const char *name)
{
    size_t len = strlen(name);
    return name[0] != '.' && len > 3 && strcmp(name + len - 3, ".md") == 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void skip(struct notice_set *set, const char *name, const char *reason)
{
    set->skipped++;
    log_msg(LOG_WARNING, "event=notice-skipped file=\"%.*s\" reason=\"%s\"", MAX_NAME, name,
            reason);
}

/* Names of the directory's notices, sorted; at most NOTICE_MAX_COUNT. */
static size_t list_names(DIR *d, struct notice_set *set, char **names)
{
    size_t n = 0;
    const struct dirent *e;
    while ((e = readdir(d))) {
        if (!is_notice(e->d_name))
            continue;
        if (!name_ok(e->d_name))
            skip(set, e->d_name, "a name with other characters than a-z A-Z 0-9 . _ - or too long");
        else if (n == NOTICE_MAX_COUNT)
            skip(set, e->d_name, "more than 4096 notices");
        else if (!(names[n] = strdup(e->d_name)))
            skip(set, e->d_name, "out of memory");
        else
            n++;
    }
    qsort(names, n, sizeof *names, by_name);
    return n;
}

/* At most room bytes of a regular file; -1 with the reason. */
static ssize_t read_file(int dir, const char *name, char *data, size_t room, const char **reason)
{
    struct stat st;
    size_t len = 0;
    ssize_t got = -1;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    *reason = "not a regular file";
    if (fd < 0) {
        if (errno != ELOOP)
            *reason = strerror(errno);
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        while (len < room && (got = read(fd, data + len, room - len)) > 0)
            len += (size_t)got;
        if (got < 0)
            *reason = strerror(errno);
    } else {
        len = 0;
        got = -1;
    }
    close(fd);
    return got < 0 ? -1 : (ssize_t)len;
}

static void read_notice(int dir, const char *name, char *data, struct notice_set *set)
{
    char err[320], id[MAX_NAME + 1];
    const char *reason;
    ssize_t len = read_file(dir, name, data, NOTICE_MAX_BYTES + 1, &reason);
    if (len < 0) {
        skip(set, name, reason);
        return;
    }
    size_t id_len = strlen(name) - 3;
    memcpy(id, name, id_len);
    id[id_len] = '\0';
    struct notice *n = notice_parse(id, data, (size_t)len, err, sizeof err);
    if (n)
        set->items[set->n++] = n;
    else
        skip(set, name, err);
}

struct notice_set *notice_dir_read(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d) {
        log_msg(LOG_WARNING, "event=notices-unreadable directory=\"%s\" reason=\"%s\"", dir,
                strerror(errno));
        return NULL;
    }
    size_t n = 0;
    struct notice_set *set = calloc(1, sizeof *set);
    char **names = calloc(NOTICE_MAX_COUNT, sizeof *names);
    char *data = malloc(NOTICE_MAX_BYTES + 1);
    if (!set || !names || !data)
        goto fail;
    n = list_names(d, set, names);
    set->items = calloc(n ? n : 1, sizeof(*set->items));
    if (!set->items)
        goto fail;
    for (size_t i = 0; i < n; i++)
        read_notice(dirfd(d), names[i], data, set);
    goto done;
fail:
    log_msg(LOG_ERR, "event=notices-unreadable directory=\"%s\" reason=\"out of memory\"", dir);
    notice_set_free(set);
    set = NULL;
done:
    for (size_t i = 0; i < n; i++)
        free(names[i]);
    free(names);
    free(data);
    closedir(d);
    return set;
}

void notice_set_free(struct notice_set *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        notice_free(set->items[i]);
    free(set->items);
    free(set);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One line there, one line back, over loggiad's unix socket. */
#include "portal/loggiactl.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { PATIENCE_S = 15, MAX_ANSWER = 1 << 20 };

int ctl_dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd = -1;

    if (strlen(path) < sizeof a.sun_path) {
        memcpy(a.sun_path, path, strlen(path) + 1);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    }
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0 ||
        connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
        fprintf(stderr, "loggiactl: %s: %s%s\n", path, strerror(errno),
                errno == ENOENT || errno == ECONNREFUSED ? " (is loggiad running?)" : "");
        if (fd >= 0)
            close(fd);
        return -1;
    }
    return fd;
}

/* One line; NULL if it does not come. */
static char *read_line(int fd)
{
    char *text = malloc(MAX_ANSWER);
    size_t len = 0;
    while (text && len < MAX_ANSWER - 1) {
        ssize_t n = recv(fd, text + len, MAX_ANSWER - 1 - len, 0);
        if (n <= 0)
            break;
        len += (size_t)n;
        if (text[len - 1] == '\n') {
            text[len] = 0;
            return text;
        }
    }
    free(text);
    return NULL;
}

/* Takes request over. NULL after saying why. */
json_t *ctl_ask(int fd, json_t *request)
{
    char *line = json_dumps(request, JSON_COMPACT), *answer = NULL;
    json_t *o = NULL;

    json_decref(request);
    if (line && send(fd, line, strlen(line), MSG_NOSIGNAL) > 0 &&
        send(fd, "\n", 1, MSG_NOSIGNAL) == 1)
        answer = read_line(fd);
    if (answer)
        o = json_loads(answer, JSON_REJECT_DUPLICATES, NULL);
    if (!o)
        fputs("loggiactl: loggiad did not answer (only root and its own user may ask)\n", stderr);
    free(line);
    free(answer);
    return o;
}

bool ctl_fine(const json_t *o)
{
    const char *why = json_string_value(json_object_get(o, "error"));
    if (json_is_true(json_object_get(o, "ok")))
        return true;
    if (o)
        fprintf(stderr, "loggiactl: %s\n", why ? why : "refused");
    return false;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The admin's socket. Who may speak is decided by SO_PEERCRED; MAC addresses in clear are for root.
 * One question at a time a connection; each command is in one of control_*.c. */
#include "lib/loop.h"
#include "portal/control_internal.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <utlist.h>

enum {
    MAX_TALKS = 16,
    TALK_MS = 10000 /* a silent admin is hung up on */
};

/* --- the socket
 * ----------------------------------------------------------------------------------- */

static bool address(const char *path, struct sockaddr_un *a)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof a->sun_path)
        return false;
    memcpy(a->sun_path, path, strlen(path) + 1);
    return true;
}

bool control_answers(const char *path)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && address(path, &a) &&
                   (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return answers;
}

void control_talk_free(struct talk *t)
{
    if (t->abandon)
        t->abandon(t);
    t->abandon = NULL;
    loop_io_free(t->io);
    t->io = NULL;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    loop_timer_free(t->timer);
    t->timer = NULL;
    t->ended = true;
    if (t->reading) /* the last answer of the gate frees it */
        return;
    DL_DELETE(t->c->talks, t);
    t->c->n_talks--;
    free(t->out);
    free(t);
}

static void send_out(struct talk *t)
{
    while (t->out_sent < t->out_len) {
        ssize_t n = send(t->fd, t->out + t->out_sent, t->out_len - t->out_sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            loop_io_set(t->io, LOOP_WRITE);
            return;
        }
        if (n < 0) {
            control_talk_free(t);
            return;
        }
        t->out_sent += (size_t)n;
    }
    free(t->out);
    t->out = NULL;
    t->out_len = t->out_sent = 0;
    t->busy = false;
    loop_io_set(t->io, LOOP_READ);
    loop_timer_start(t->timer, TALK_MS);
}

void control_reply(struct talk *t, json_t *o)
{
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    size_t n = text ? strlen(text) : 0;
    json_decref(o);
    t->out = text ? realloc(text, n + 2) : NULL;
    if (!t->out) {
        free(text);
        control_talk_free(t);
        return;
    }
    memcpy(t->out + n, "\n", 2);
    t->out_len = n + 1;
    t->out_sent = 0;
    send_out(t);
}

void control_refuse(struct talk *t, const char *why)
{
    control_reply(t, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

void control_refuse_lines(struct talk *t, const char *why, json_t *lines)
{
    control_reply(t, json_pack("{s:b, s:s, s:o}", "ok", 0, "error", why, "lines", lines));
}

/* --- lines
 * -------------------------------------------------------------------------------------------- */

static void on_line(struct talk *t, const char *line, size_t len)
{
    static const struct {
        const char *cmd;
        void (*on)(struct talk *t, const json_t *request);
    } commands[] = {{"status", control_on_status},   {"clients", control_on_clients},
                    {"kick", control_on_kick},       {"open", control_on_open},
                    {"reload", control_on_reload},   {"log-level", control_on_log_level},
                    {"facts", control_on_facts},     {"radius", control_on_radius},
                    {"foreign", control_on_foreign}, {"garden", control_on_garden}};
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const char *cmd = json_string_value(json_object_get(request, "cmd"));
    size_t i = 0, n = sizeof commands / sizeof *commands;

    t->busy = true;
    loop_timer_stop(t->timer);
    loop_io_set(t->io, 0);
    while (cmd && i < n && strcmp(commands[i].cmd, cmd) != 0)
        i++;
    if (!cmd)
        control_refuse(t, "not a JSON object with a \"cmd\"");
    else if (i == n)
        control_refuse(t, "no such command");
    else
        commands[i].on(t, request);
    json_decref(request);
}

static void on_talk(void *arg, int fd, int events)
{
    struct talk *t = arg;
    char line[CONTROL_LINE];

    if (events & LOOP_WRITE) {
        send_out(t);
        return;
    }
    ssize_t n = recv(fd, t->in + t->in_len, sizeof t->in - t->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        control_talk_free(t);
        return;
    }
    t->in_len += (size_t)n;
    char *nl = memchr(t->in, '\n', t->in_len);
    if (!nl) {
        if (t->in_len == sizeof t->in)
            control_talk_free(t);
        return;
    }
    size_t len = (size_t)(nl - t->in); /* one question at a time: what came behind it is dropped */
    memcpy(line, t->in, len);
    t->in_len = 0;
    on_line(t, line, len);
}

static void talk_is_late(void *arg)
{
    control_talk_free(arg);
}

static void on_accept(void *arg, int fd, int events)
{
    struct control *c = arg;
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    int s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    (void)events;

    if (s < 0)
        return;
    bool may = getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
               (peer.uid == 0 || peer.uid == geteuid());
    struct talk *t = may && c->n_talks < MAX_TALKS ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        close(s);
        return;
    }
    t->c = c;
    t->fd = s;
    t->root = peer.uid == 0;
    DL_APPEND(c->talks, t);
    c->n_talks++;
    t->timer = loop_timer_new(c->p->loop, talk_is_late, t);
    t->io = loop_io_new(c->p->loop, s, LOOP_READ, on_talk, t);
    if (t->timer && t->io)
        loop_timer_start(t->timer, TALK_MS);
    else
        control_talk_free(t);
}

struct control *control_new(struct portal *p, const char *path, char *err, size_t err_len)
{
    struct control *c = calloc(1, sizeof *c);
    struct sockaddr_un a;
    if (!c || !address(path, &a)) {
        snprintf(err, err_len, "%s: %s", path, c ? "the path is too long" : "out of memory");
        free(c);
        return NULL;
    }
    c->p = p;
    c->path = path;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    mode_t old = umask(0117); /* 0660 from the first moment */
    bool fine = c->fd >= 0 && bind(c->fd, (struct sockaddr *)&a, sizeof a) == 0 &&
                listen(c->fd, MAX_TALKS) == 0;
    int e = errno;
    umask(old);
    if (fine)
        c->io = loop_io_new(p->loop, c->fd, LOOP_READ, on_accept, c);
    if (c->io)
        return c;
    snprintf(err, err_len, "%s: %s", path, strerror(e));
    if (c->fd >= 0)
        close(c->fd);
    free(c);
    return NULL;
}

void control_free(struct control *c)
{
    struct talk *t, *tmp;
    if (!c)
        return;
    DL_FOREACH_SAFE (c->talks, t, tmp) {
        t->reading = 0; /* the gate's client is freed next: no answer comes */
        control_talk_free(t);
    }
    loop_io_free(c->io);
    close(c->fd);
    unlink(c->path);
    free(c);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl: asks a running loggiad over its unix socket, and shows the answer to a person or, with
 * --json, to a script. It holds no knowledge of its own. */
#include "portal/loggiactl.h"
#include "config.h"
#include "lib/config.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define DEFAULT_FILE   LOGGIA_SYSCONFDIR "/loggia.conf"
#define DEFAULT_SOCKET LOGGIA_RUNDIR "/control.sock"

enum { FINE = 0, FAILED = 1, USAGE = 2, NO_SUCH_CLIENT = 3, PATIENCE_S = 15, MAX_ANSWER = 1 << 20 };

static const char help[] =
    "usage: loggiactl [-c FILE | -s SOCKET] [--json] COMMAND\n\n"
    "  status         what loggiad does, and what it depends on\n"
    "  clients        who is online; --all: every device it knows\n"
    "  kick WHO       ends the session of a MAC address, session id or device; if the\n"
    "                 city knows the device it may join again\n\n"
    "  -c, --config FILE    find the socket by this configuration (" DEFAULT_FILE ")\n"
    "  -s, --socket SOCKET  or talk to this one (" DEFAULT_SOCKET ")\n"
    "  -j, --json           for scripts: stable keys, bytes and seconds\n"
    "  -a, --all            with clients: idle, denied and left devices too\n"
    "  -h, --help           this text\n"
    "  -V, --version        the version\n\n"
    "MAC addresses are shown to root only.\n"
    "Exit status: 0 fine; 1 loggiad does not answer or refused; 2 wrong usage or configuration;\n"
    "3 kick found no such session.\n";

struct options {
    const char *file, *socket;
    bool json, all;
    char path[108];
};

/* --- the talk
 * -------------------------------------------------------------------------------------- */

static int dial(const char *path)
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
static json_t *ask(int fd, json_t *request)
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

static bool fine(const json_t *o)
{
    const char *why = json_string_value(json_object_get(o, "error"));
    if (json_is_true(json_object_get(o, "ok")))
        return true;
    if (o)
        fprintf(stderr, "loggiactl: %s\n", why ? why : "refused");
    return false;
}

static void show(const struct options *o, const json_t *answer, void (*people)(const json_t *))
{
    if (!o->json) {
        people(answer);
        return;
    }
    json_dumpf(answer, stdout, JSON_INDENT(2));
    putchar('\n');
}

/* --- commands
 * --------------------------------------------------------------------------------------- */

static int status(const struct options *o, int fd, const char *arg)
{
    json_t *a = ask(fd, json_pack("{s:s}", "cmd", "status"));
    int result = fine(a) ? FINE : FAILED;
    (void)arg;
    if (result == FINE)
        show(o, a, ctl_show_status);
    json_decref(a);
    return result;
}

static int clients(const struct options *o, int fd, const char *arg)
{
    json_t *all = json_array(), *next = json_integer(0);
    int result = FINE;
    (void)arg;

    while (next && result == FINE) {
        json_t *a =
            ask(fd, json_pack("{s:s, s:b, s:o}", "cmd", "clients", "all", o->all, "after", next));
        result = fine(a) ? FINE : FAILED;
        json_array_extend(all, json_object_get(a, "clients"));
        next = json_incref(json_object_get(a, "next"));
        json_decref(a);
    }
    if (result == FINE)
        show(o, all, ctl_show_clients);
    json_decref(all);
    return result;
}

static int kick(const struct options *o, int fd, const char *arg)
{
    json_t *a = ask(fd, json_pack("{s:s, s:s}", "cmd", "kick", "who", arg));
    const char *why = json_string_value(json_object_get(a, "error"));
    int result = fine(a)                                           ? FINE
                 : why && strncmp(why, "no open session", 15) == 0 ? NO_SUCH_CLIENT
                                                                   : FAILED;
    if (result == FINE)
        show(o, a, ctl_show_kick);
    json_decref(a);
    return result;
}

static const struct {
    const char *name;
    int args;
    int (*run)(const struct options *o, int fd, const char *arg);
} commands[] = {{"status", 0, status}, {"clients", 0, clients}, {"kick", 1, kick}};

/* --- usage
 * ------------------------------------------------------------------------------------------- */

static void print_error(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* By -s; by the configuration; where there is none, the usual place. */
static bool find_socket(struct options *o)
{
    const char *file = o->file ? o->file : DEFAULT_FILE;
    if (o->socket)
        return true;
    o->socket = DEFAULT_SOCKET;
    if (!o->file && access(file, R_OK) != 0)
        return true;
    struct conf *c = config_load(file, 0, print_error, NULL);
    if (!c)
        return false;
    int n = snprintf(o->path, sizeof o->path, "%s/control.sock", c->run_directory);
    config_free(c);
    o->socket = o->path;
    return n > 0 && (size_t)n < sizeof o->path;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"all", no_argument, NULL, 'a'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:s:jahV", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->file = optarg;
            break;
        case 's':
            o->socket = optarg;
            break;
        case 'j':
            o->json = true;
            break;
        case 'a':
            o->all = true;
            break;
        case 'h':
            fputs(help, stdout);
            return FINE;
        case 'V':
            puts("loggiactl " PACKAGE_VERSION);
            return FINE;
        default:
            fputs("loggiactl: try --help\n", stderr);
            return USAGE;
        }
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct options o = {0};
    int result = parse(argc, argv, &o);
    int n = argc - optind;

    if (result >= 0)
        return result;
    for (size_t i = 0; n > 0 && i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, argv[optind]) != 0 || n != 1 + commands[i].args)
            continue;
        if (!find_socket(&o))
            return USAGE;
        int fd = dial(o.socket);
        if (fd < 0)
            return FAILED;
        result = commands[i].run(&o, fd, argv[optind + 1]);
        close(fd);
        return result;
    }
    fputs("loggiactl: expected one of: status, clients, kick WHO; try --help\n", stderr);
    return USAGE;
}

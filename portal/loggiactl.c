/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl: asks a running loggiad over its unix socket, and shows the answer to a person or, with
 * --json, to a script. Only the doctor (doctor.c) looks at the router itself. */
#include "portal/loggiactl.h"
#include "config.h"
#include "lib/config.h"
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_FILE   LOGGIA_SYSCONFDIR "/loggia.conf"
#define DEFAULT_SOCKET LOGGIA_RUNDIR "/control.sock"

enum { NO_SUCH_CLIENT = 3 };

static const char help[] =
    "usage: loggiactl [-c FILE | -s SOCKET] [--json] COMMAND\n\n"
    "  status         what loggiad does, and what it depends on\n"
    "  clients        who is online; --all: every device it knows\n"
    "  kick WHO       ends the session of a MAC address, session id or device; if the\n"
    "                 city knows the device it may join again\n"
    "  open MAC       lets a device in by hand, as a guest; --for 2h: for all of that time\n"
    "  doctor         looks for what is wrong with this router, and says how to mend it\n"
    "  explain CODE   what a citizen's error code (LG-101) means, and what to look at\n"
    "  garden         the walled garden of the configuration, for dnsmasq\n"
    "  reload         reads the configuration again; a wrong one is refused, with its errors\n"
    "  log-level [err|warning|notice|info|debug]\n"
    "                 shows how much loggiad logs, or changes it until it ends\n\n"
    "  -c, --config FILE    find the socket by this configuration (" DEFAULT_FILE ")\n"
    "  -s, --socket SOCKET  or talk to this one (" DEFAULT_SOCKET ")\n"
    "  -j, --json           for scripts: stable keys, bytes and seconds\n"
    "  -a, --all            with clients: idle, denied and left devices too\n"
    "  -f, --for TIME       with open: 90s, 10m, 2h, 1d, used or not\n"
    "      --strict         with doctor: what is merely doubtful is wrong too\n"
    "  -h, --help           this text\n"
    "  -V, --version        the version\n\n"
    "MAC addresses are shown to root only.\n"
    "Exit status: 0 fine; 1 loggiad does not answer or refused, or the doctor found something to\n"
    "mend; 2 wrong usage or configuration, or the doctor cannot look; 3 kick found no such\n"
    "session.\n";

void ctl_show(const struct ctl_options *o, const json_t *answer, void (*people)(const json_t *))
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

static int status(const struct ctl_options *o, int fd, const char *arg)
{
    json_t *a = ctl_ask(fd, json_pack("{s:s}", "cmd", "status"));
    int result = ctl_fine(a) ? CTL_FINE : CTL_FAILED;
    (void)arg;
    if (result == CTL_FINE)
        ctl_show(o, a, ctl_show_status);
    json_decref(a);
    return result;
}

static int clients(const struct ctl_options *o, int fd, const char *arg)
{
    json_t *all = json_array(), *next = json_integer(0);
    int result = CTL_FINE;
    (void)arg;

    while (next && result == CTL_FINE) {
        json_t *a = ctl_ask(
            fd, json_pack("{s:s, s:b, s:o}", "cmd", "clients", "all", o->all, "after", next));
        result = ctl_fine(a) ? CTL_FINE : CTL_FAILED;
        json_array_extend(all, json_object_get(a, "clients"));
        next = json_incref(json_object_get(a, "next"));
        json_decref(a);
    }
    if (result == CTL_FINE)
        ctl_show(o, all, ctl_show_clients);
    json_decref(all);
    return result;
}

static int kick(const struct ctl_options *o, int fd, const char *arg)
{
    json_t *a = ctl_ask(fd, json_pack("{s:s, s:s}", "cmd", "kick", "who", arg));
    const char *why = json_string_value(json_object_get(a, "error"));
    int result = ctl_fine(a)                                       ? CTL_FINE
                 : why && strncmp(why, "no open session", 15) == 0 ? NO_SUCH_CLIENT
                                                                   : CTL_FAILED;
    if (result == CTL_FINE)
        ctl_show(o, a, ctl_show_kick);
    json_decref(a);
    return result;
}

static const struct {
    const char *name;
    int min, max; /* arguments */
    bool alone;   /* works without loggiad: fd is -1 if it does not answer */
    int (*run)(const struct ctl_options *o, int fd, const char *arg);
} commands[] = {{"status", 0, 0, false, status},      {"clients", 0, 0, false, clients},
                {"kick", 1, 1, false, kick},          {"open", 1, 1, false, ctl_open},
                {"reload", 0, 0, false, ctl_reload},  {"log-level", 0, 1, false, ctl_log_level},
                {"explain", 1, 1, true, ctl_explain}, {"garden", 0, 0, true, ctl_garden},
                {"doctor", 0, 0, true, ctl_doctor}};

/* --- usage
 * ------------------------------------------------------------------------------------------- */

static void no_error(void *arg, const char *line)
{
    (void)arg, (void)line;
}

/* run_directory of a file that has errors elsewhere: an admin who has just broken it needs
 * loggiactl more than ever. */
static bool scan_directory(const char *file, char *out, size_t room)
{
    char line[512], path[108];
    bool found = false;
    FILE *f = fopen(file, "re");

    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, " run_directory = \"%107[^\"]\"", path) == 1)
            found = (size_t)snprintf(out, room, "%s/control.sock", path) < room;
    if (f)
        fclose(f);
    return found;
}

/* By -s; by the configuration; where there is none, the usual place. */
static bool find_socket(struct ctl_options *o)
{
    bool given = o->file != NULL;
    o->file = given ? o->file : DEFAULT_FILE;
    if (o->socket)
        return true;
    o->socket = DEFAULT_SOCKET;
    if (access(o->file, R_OK) != 0) {
        if (given)
            fprintf(stderr, "loggiactl: %s: %s\n", o->file, strerror(errno));
        return !given;
    }
    struct conf *c = config_load(o->file, 0, no_error, NULL);
    if (!c) {
        if (scan_directory(o->file, o->path, sizeof o->path))
            o->socket = o->path;
        return true;
    }
    int n = snprintf(o->path, sizeof o->path, "%s/control.sock", c->run_directory);
    config_free(c);
    o->socket = o->path;
    return n > 0 && (size_t)n < sizeof o->path;
}

/* -1: go on; else the exit status. */
static int parse(int argc, char **argv, struct ctl_options *o)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"socket", required_argument, NULL, 's'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"all", no_argument, NULL, 'a'},
                                          {"for", required_argument, NULL, 'f'},
                                          {"strict", no_argument, NULL, 't'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "c:s:jaf:hV", longs, NULL)) != -1) {
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
        case 'f':
            if (!ctl_seconds(optarg, &o->seconds)) {
                fprintf(stderr, "loggiactl: --for: found \"%.20s\", expected a time such as 2h\n",
                        optarg);
                return CTL_USAGE;
            }
            break;
        case 't':
            o->strict = true;
            break;
        case 'h':
            fputs(help, stdout);
            return CTL_FINE;
        case 'V':
            puts("loggiactl " PACKAGE_VERSION);
            return CTL_FINE;
        default:
            fputs("loggiactl: try --help\n", stderr);
            return CTL_USAGE;
        }
    }
    return -1;
}

static int run(struct ctl_options *o, size_t command, const char *arg)
{
    bool alone = commands[command].alone;
    int fd = -1, result;

    if (!find_socket(o) && !alone)
        return CTL_USAGE;
    if (commands[command].run != ctl_explain && commands[command].run != ctl_garden)
        fd = ctl_dial(o->socket);
    if (fd < 0 && !alone)
        return CTL_FAILED;
    result = commands[command].run(o, fd, arg);
    if (fd >= 0)
        close(fd);
    return result;
}

int main(int argc, char **argv)
{
    struct ctl_options o = {0};
    int result = parse(argc, argv, &o);
    int n = argc - optind - 1;

    if (result >= 0)
        return result;
    for (size_t i = 0; n >= 0 && i < sizeof commands / sizeof *commands; i++)
        if (strcmp(commands[i].name, argv[optind]) == 0 && n >= commands[i].min &&
            n <= commands[i].max)
            return run(&o, i, argv[optind + 1]); /* NULL behind the last */
    fputs("loggiactl: expected one of: status, clients, kick WHO, open MAC, doctor, explain CODE, "
          "garden, reload, log-level [LEVEL]; try --help\n",
          stderr);
    return CTL_USAGE;
}

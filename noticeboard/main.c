/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggia-board: the city's noticeboard. Without a command it serves, in the foreground, as the
 * other daemons do; with one it does that one thing for the admin at the terminal and ends (cli.c).
 */
#include "config.h"
#include "lib/log.h"
#include "lib/notice.h"
#include "lib/unprivileged.h"
#include "noticeboard/board.h"
#include "noticeboard/cli.h"

#include <getopt.h>
#include <malloc.h>
#include <stdio.h>

#define DEFAULT_FILE LOGGIA_SYSCONFDIR "/board.conf"

static const char help[] =
    "usage: loggia-board [-c FILE] [-v] [--check-config | --help-config]\n"
    "       loggia-board [-c FILE] admin add NAME --administration ID [--publisher ID]...\n"
    "                                    [--role writer|approver|admin] [--local]\n"
    "       loggia-board [-c FILE] admin list\n"
    "       loggia-board [-c FILE] admin remove NAME --administration ID\n"
    "       loggia-board [-c FILE] token ROUTER\n"
    "       loggia-board key new NAME\n"
    "The city's noticeboard: where editors write what splash pages show.\n\n"
    "  -c, --config FILE  configuration (" DEFAULT_FILE ")\n"
    "      --check-config check it, name every error, and end\n"
    "      --help-config  every option there is, and end\n"
    "  -v, --verbose      log all there is, whatever log_level says\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n\n"
    "Signals: SIGHUP reads the configuration again (a wrong one is refused and the old one\n"
    "stays), SIGTERM ends in order.\n"
    "Exit status: 0 ended in order; 1 could not start, or failed; 2 wrong configuration or "
    "usage.\n";

struct options {
    const char *file;
    bool check;
    int least; /* level that is logged whatever the file says */
};

static void print_error(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* -1: go on; else the exit status. Stops at the first word that is no option: the command. */
static int parse(int argc, char **argv, struct options *o)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"check-config", no_argument, NULL, 'k'},
                                          {"help-config", no_argument, NULL, 'o'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'V'},
                                          {NULL, 0, NULL, 0}};
    int c;

    while ((c = getopt_long(argc, argv, "+c:vhV", longs, NULL)) != -1) {
        switch (c) {
        case 'c':
            o->file = optarg;
            break;
        case 'k':
            o->check = true;
            break;
        case 'v':
            o->least = LOG_DEBUG;
            break;
        case 'o':
            board_conf_describe(stdout);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'V':
            puts("loggia-board " PACKAGE_VERSION);
            return 0;
        default:
            fputs("loggia-board: try --help\n", stderr);
            return 2;
        }
    }
    return -1;
}

static int serve(const struct options *o, struct board_conf *conf)
{
    char err[512] = "";
    int status = 1;
    struct board *b = board_new(o->file, conf, err, sizeof err);

    if (b)
        b->least_level = o->least;
    if (b && unprivileged_become(b->conf->user, err, sizeof err) && board_start(b, err, sizeof err))
        status = board_run(b);
    else
        log_msg(LOG_ERR, "event=failed why=\"%s\"", err);
    board_free(b);
    if (status == 0)
        log_msg(LOG_NOTICE, "event=stopped");
    return status;
}

/* Passwords pass through buffers that are not ours (libmicrohttpd's, GnuTLS's, libldap's): what is
 * given back to the allocator is overwritten, where the C library can. */
static void forget_freed_memory(void)
{
#ifdef M_PERTURB
    mallopt(M_PERTURB, 0x5a);
#endif
}

int main(int argc, char **argv)
{
    struct options o = {.file = DEFAULT_FILE, .least = LOG_EMERG};
    int status = parse(argc, argv, &o);

    if (status >= 0)
        return status;
    log_open("loggia-board", LOG_INFO);
    notice_timezone(NULL);
    if (optind < argc && !cli_needs_conf(argv[optind]))
        return cli_run(NULL, argc - optind, argv + optind);
    /* Who only checks, or types a command, may not be who reads the secrets. */
    struct board_conf *conf = board_conf_load(
        o.file, BOARD_PICTURES | (o.check || optind < argc ? 0 : BOARD_SECRETS), print_error, NULL);
    if (!conf)
        return 2;
    if (o.check || optind < argc) {
        status = o.check ? 0 : cli_run(conf, argc - optind, argv + optind);
        if (o.check)
            fprintf(stderr, "%s: fine\n", o.file);
        board_conf_free(conf);
        return status;
    }
    forget_freed_memory();
    log_set_level(o.least > (int)conf->log_level ? o.least : (int)conf->log_level);
    return serve(&o, conf);
}

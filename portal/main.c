/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiad: the portal of an access router. It shows the splash page, asks the city's RADIUS servers
 * whether a device may go online, tells loggia-gate, and keeps the accounts. One epoll loop, no
 * thread, no child process, no privilege once its port is bound; it never speaks netlink. If it
 * dies nobody goes offline, and the next one goes on where it was. */
#include "config.h"
#include "lib/config.h"
#include "lib/hurry.h"
#include "lib/log.h"
#include "lib/notice.h"
#include "lib/unprivileged.h"
#include "portal/portal.h"
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_FILE LOGGIA_SYSCONFDIR "/loggia.conf"

static const char help[] =
    "usage: loggiad [-c FILE] [-v] [--check-config | --help-config]\n"
    "The portal of an access router: splash page, sessions, RADIUS.\n\n"
    "  -c, --config FILE  configuration (" DEFAULT_FILE ")\n"
    "      --check-config check it, name every error, and end\n"
    "      --help-config  every option there is, and end\n"
    "  -v, --verbose      log all there is, whatever log_level says\n"
    "  -h, --help         this text\n"
    "  -V, --version      the version\n\n"
    "Signals: SIGHUP reads the configuration again (a wrong one is refused and the old one\n"
    "stays), SIGTERM ends in order; sessions stay open in the kernel.\n"
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

/* -1: go on; else the exit status. */
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

    while ((c = getopt_long(argc, argv, "c:vhV", longs, NULL)) != -1) {
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
            config_describe(stdout);
            return 0;
        case 'h':
            fputs(help, stdout);
            return 0;
        case 'V':
            puts("loggiad " PACKAGE_VERSION);
            return 0;
        default:
            fputs("loggiad: try --help\n", stderr);
            return 2;
        }
    }
    if (optind == argc)
        return -1;
    fprintf(stderr, "loggiad: unexpected argument '%s'; try --help\n", argv[optind]);
    return 2;
}

/* Somebody waits for each page; the gate, which lets him through then, is before us. */
#define HURRY_NICE (-5)

static int serve(const struct options *o, struct conf *conf)
{
    char err[512] = "";
    int status = 1;
    struct portal *p = portal_new(o->file, conf, err, sizeof err);

    hurry(HURRY_NICE);
    if (p)
        p->least_level = o->least;
    if (p && unprivileged_become(p->boot->user, err, sizeof err) &&
        portal_start(p, err, sizeof err))
        status = portal_run(p);
    else
        log_msg(LOG_ERR, "event=failed why=\"%s\"", err);
    portal_free(p);
    if (status == 0)
        log_msg(LOG_NOTICE, "event=stopped");
    return status;
}

/* A last password passes through buffers that are not ours (libmicrohttpd's, GnuTLS's): what is
 * given back to the allocator is overwritten. glibc can; elsewhere only our own copies are wiped.
 */
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
    log_open("loggiad", LOG_INFO);
    notice_timezone(NULL);
    struct conf *conf = config_load(o.file, CONFIG_SECRETS, print_error, NULL);
    if (!conf)
        return 2;
    if (o.check) {
        fprintf(stderr, "%s: fine\n", o.file);
        config_free(conf);
        return 0;
    }
    forget_freed_memory();
    log_set_level(o.least > (int)conf->log_level ? o.least : (int)conf->log_level);
    return serve(&o, conf);
}

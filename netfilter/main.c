/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggia-gate: the only privileged process of an access router.
 *
 * It does what only CAP_NET_ADMIN can: keep one nftables table, and see who is on the LAN. What to
 * open and when to close is loggiad's to say, through a closed table of verbs. It reads one file at
 * its start, runs no program, opens no path that anybody hands it, and holds nothing that the
 * kernel does not hold, too: it may be killed and started again at any time, and nobody on the LAN
 * notices.
 *
 * Order of starting: arguments and configuration; the lock, so that a table has one gate; the
 * socket, while there may be the right to make it; away with all privileges but one; the table. */
#include "lib/config.h"
#include "lib/confine.h"
#include "lib/hurry.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notify.h"
#include "lib/settle.h"
#include "netfilter/clients.h"
#include "netfilter/gate.h"
#include "netfilter/neigh.h"
#include "netfilter/neigh_lan.h"
#include "netfilter/privileges.h"
#include "netfilter/settings.h"
#include "netfilter/shape.h"

#include "config.h"
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Ahead of whatever else the router does: who is late after a foreign flush finds the kernel busy
 * with it (ruleset_read.c), and the gate works for microseconds at a time. */
#define HURRY_NICE (-10)

enum { EXIT_FAILED = 1, EXIT_USAGE = 2 };
enum action { RUN, CHECK, REMOVE };

struct program {
    struct gate gate;
    const char *file;
    enum action action;
    struct conf *conf;
    int lock_fd, listen_fd;
    char socket_path[sizeof((struct sockaddr_un *)0)->sun_path];
};

/* --- arguments and configuration
 * -------------------------------------------------------------------- */

static void usage(FILE *out)
{
    fputs("usage: loggia-gate [-c FILE] [--log-level LEVEL]\n"
          "       loggia-gate [-c FILE] --check-config | --remove\n"
          "       loggia-gate --help | --version\n"
          "\n"
          "  -c, --config FILE    instead of " LOGGIA_SYSCONFDIR "/loggia.conf\n"
          "      --check-config   name every wrong value of the file, and exit\n"
          "      --remove         delete the table: everything that it kept shut is open then\n"
          "      --log-level LEVEL  err, warning, notice, info (the default) or debug\n",
          out);
}

static int parse_arguments(struct program *p, int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check-config", no_argument, NULL, 'k'},
                                            {"remove", no_argument, NULL, 'r'},
                                            {"log-level", required_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {"version", no_argument, NULL, 'V'},
                                            {NULL, 0, NULL, 0}};
    int o;
    while ((o = getopt_long(argc, argv, "c:hV", options, NULL)) != -1) {
        if (o == 'c') {
            p->file = optarg;
        } else if (o == 'k') {
            p->action = CHECK;
        } else if (o == 'r') {
            p->action = REMOVE;
        } else if (o == 'l' && log_level_parse(optarg) >= 0) {
            log_set_level(log_level_parse(optarg));
        } else if (o == 'h') {
            usage(stdout);
            return 0;
        } else if (o == 'V') {
            puts("loggia-gate " PACKAGE_VERSION);
            return 0;
        } else {
            usage(stderr);
            return EXIT_USAGE;
        }
    }
    if (optind < argc) {
        usage(stderr);
        return EXIT_USAGE;
    }
    return -1; /* go on */
}

static void report(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static void report_to_log(void *arg, const char *line)
{
    (void)arg;
    log_msg(LOG_ERR, "event=bad-configuration %s", line);
}

static bool load(struct program *p)
{
    char err[256];
    p->conf = config_load(p->file, 0, report, NULL);
    if (!p->conf)
        return false;
    if (settings_rules(p->conf, &p->gate.configured, err, sizeof err)) {
        p->gate.rules = p->gate.configured;
        return true;
    }
    fprintf(stderr, "%s: %s\n", p->file, err);
    return false;
}

/* --- the lock and the socket
 * ----------------------------------------------------------------------- */

/* A name in the abstract namespace, which is one per network namespace, as tables are; the kernel
 * gives it back however the process ends. */
static bool lock_table(struct program *p, char *err, size_t err_len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int n = snprintf(a.sun_path + 1, sizeof a.sun_path - 1, "loggia-gate/%s", p->conf->table);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
    p->lock_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (p->lock_fd >= 0 && bind(p->lock_fd, (struct sockaddr *)&a, len) == 0)
        return true;
    if (errno == EADDRINUSE)
        snprintf(err, err_len, "another loggia-gate keeps table inet %s here already",
                 p->conf->table);
    else
        snprintf(err, err_len, "no lock for table inet %s: %s", p->conf->table, strerror(errno));
    return false;
}

static bool user_id(const char *name, uid_t *uid, gid_t *gid, char *err, size_t err_len)
{
    const struct passwd *pw = getpwnam(name);
    if (!pw) {
        snprintf(
            err, err_len,
            "user: there is no user \"%s\" on this system (useradd --system %s, or name another "
            "in the configuration)",
            name, name);
        return false;
    }
    *uid = pw->pw_uid;
    *gid = pw->pw_gid;
    return true;
}

/* Only loggiad's user and root may connect, which SO_PEERCRED sees to. Started as root, the socket
 * is made theirs; started as gate_user already (the unit does), it cannot be given away, and the
 * directory's group, which both daemons are in, opens it. */
static bool open_socket(struct program *p, uid_t *uid, char *err, size_t err_len)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    gid_t gid;
    if (!user_id(p->conf->user, uid, &gid, err, err_len))
        return false;
    int n = snprintf(a.sun_path, sizeof a.sun_path, "%s/gate.sock", p->conf->run_directory);
    if (n < 0 || (size_t)n >= sizeof a.sun_path) {
        snprintf(err, err_len, "run_directory: \"%s\" is too long for a socket",
                 p->conf->run_directory);
        return false;
    }
    p->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    unlink(a.sun_path); /* of a gate that was killed: we hold its lock */
    mode_t mask = umask(geteuid() == 0 ? 0177 : 0117);
    bool ok = p->listen_fd >= 0 && bind(p->listen_fd, (struct sockaddr *)&a, sizeof a) == 0;
    umask(mask);
    if (ok && geteuid() == 0)
        ok = chown(a.sun_path, *uid, gid) == 0;
    if (ok && listen(p->listen_fd, 16) == 0) {
        memcpy(p->socket_path, a.sun_path, sizeof p->socket_path);
        return true;
    }
    snprintf(err, err_len, "%s: %s", a.sun_path, strerror(errno));
    return false;
}

/* --- events
 * ------------------------------------------------------------------------------------------ */

static const char *lan_name_of(void *arg, const char *ifname)
{
    const struct gate *g = arg;
    return lan_name(g->lan, ifname);
}

static void on_lan_changed(void *arg)
{
    struct gate *g = arg;
    int r = keeper_refresh(g);
    if (r < 0)
        log_msg(LOG_ERR, "event=interfaces-not-taken-up error=\"%s\"", strerror(-r));
    else
        log_msg(LOG_INFO, "event=interfaces names=%zu addresses=%zu networks=%zu", g->rules.n_lan,
                g->rules.n_own, g->rules.n_networks);
}

static bool on_seen(void *arg, const struct gate_address *a)
{
    struct gate *g = arg;
    struct gate_reply r = {.verb = GATE_EV_APPEARED, .address = *a};
    adoption_look(g, &a->mac);
    bool wanted = !clients_find(g->clients, &a->mac);
    if (wanted)
        controller_event(g->controller, &r);
    return wanted;
}

static bool on_gone(void *arg, const struct gate_address *a)
{
    struct gate *g = arg;
    struct gate_reply r = {.verb = GATE_EV_GONE, .address = *a};
    bool wanted = clients_find(g->clients, &a->mac) != NULL;
    if (wanted)
        controller_event(g->controller, &r);
    return wanted;
}

/* The line here has no MAC: loggiad's has the device's pseudonym. */
static bool on_claimed(void *arg, const struct gate_address *a)
{
    static struct log_limit limit = {.interval_ms = 10000, .burst = 5};
    struct gate *g = arg;
    struct gate_reply r = {.verb = GATE_EV_CLAIMED, .address = *a};
    char shown[INET6_ADDRSTRLEN] = "";
    inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, shown, sizeof shown);
    log_limited(&limit, LOG_WARNING, "event=address-claimed address=%s interface=%s", shown,
                a->ifname);
    controller_event(g->controller, &r);
    return true;
}

static void on_end(void *arg, int signum)
{
    struct gate *g = arg;
    log_msg(LOG_NOTICE, "event=ending signal=%d open=%zu", signum, clients_count(g->clients));
    loop_stop(g->loop);
}

/* What stays as it was started with, whatever the file says now. */
static bool needs_restart(const struct conf *a, const struct conf *b)
{
    return strcmp(a->table, b->table) || strcmp(a->user, b->user) ||
           strcmp(a->gate_user, b->gate_user) || strcmp(a->run_directory, b->run_directory) ||
           a->nflog_group != b->nflog_group || a->shaping != b->shaping ||
           a->line_up_kbps != b->line_up_kbps || a->line_down_kbps != b->line_down_kbps ||
           a->offload != b->offload;
}

static void on_reload(void *arg, int signum)
{
    struct program *p = arg;
    struct ruleset_config rules;
    char err[256];
    (void)signum;
    struct conf *c = config_load(p->file, 0, report_to_log, NULL);
    if (c && needs_restart(p->conf, c)) {
        log_msg(LOG_ERR,
                "event=reload-refused reason=\"table, user, gate_user, run_directory, nflog_group, "
                "shaping, line_up, line_down and offload need a restart\"");
    } else if (c && !settings_rules(c, &rules, err, sizeof err)) {
        log_msg(LOG_ERR, "event=reload-refused reason=\"%s\"", err);
    } else if (c) {
        struct ruleset_config old = p->gate.configured;
        rules.shaped = p->gate.rules.shaped;
        rules.offload = p->gate.rules.offload;
        p->gate.configured = rules;
        int r = lan_configure(p->gate.lan, &rules);
        r = r == 0 ? keeper_refresh(&p->gate) : r;
        if (r == 0) {
            clients_set_max(p->gate.clients, c->max_clients);
            config_free(p->conf);
            p->conf = c;
            settle();
            log_msg(LOG_NOTICE, "event=reloaded interfaces=%zu", p->gate.rules.n_lan);
            return;
        }
        p->gate.configured = old;
        lan_configure(p->gate.lan, &old);
        log_msg(LOG_ERR, "event=reload-refused reason=\"%s\"", strerror(-r));
    } else {
        log_msg(LOG_ERR, "event=reload-refused reason=\"the file is wrong, the old one goes on\"");
    }
    config_free(c);
}

/* --- running
 * ----------------------------------------------------------------------------------------- */

static bool start(struct program *p, char *err, size_t err_len)
{
    struct gate *g = &p->gate;
    uid_t uid;
    hurry(HURRY_NICE);
    if (!lock_table(p, err, err_len) || !open_socket(p, &uid, err, err_len) ||
        !privileges_drop(p->conf->gate_user, err, err_len))
        return false;
    g->started_ms = loop_now_ms();
    g->loop = loop_new();
    g->clients = clients_new(p->conf->max_clients);
    g->lan = g->loop ? lan_new(g->loop, on_lan_changed, g, err, err_len) : NULL;
    if (!g->lan || !g->clients)
        return false;
    if (lan_configure(g->lan, &g->configured) < 0) {
        snprintf(err, err_len, "the interfaces cannot be listed");
        return false;
    }
    lan_fill(g->lan, &g->rules);
    g->rs = ruleset_new(&g->rules, err, err_len);
    if (!g->rs)
        return false;
    g->features = ruleset_features(g->rs);
    if (!(g->features & GATE_F_OFFLOAD))
        g->rules.offload = g->configured.offload = false;
    g->line_up_Bps = p->conf->line_up_kbps * 125;
    g->line_down_Bps = p->conf->line_down_kbps * 125;
    if (!keeper_start(g, err, err_len))
        return false;
    struct neigh_events events = {
        .lan_name = lan_name_of, .seen = on_seen, .gone = on_gone, .claimed = on_claimed, .arg = g};
    g->neigh = neigh_new(g->loop, &events, p->conf->nflog_group, err, err_len);
    if (!g->neigh)
        return false;
    g->controller = controller_new(g, p->listen_fd, uid);
    return g->controller != NULL;
}

static const char *offload_words(const struct gate *g)
{
    if (!g->rules.offload)
        return "no";
    return g->rules.n_fast_lan == 0 ? "no-lan" : g->rules.n_uplinks == 0 ? "no-uplink" : "yes";
}

static void say_ready(struct gate *g)
{
    settle();
    log_msg(LOG_NOTICE,
            "event=ready table=%s interfaces=%zu adopted=%zu flowtable=%s timeout_update=%s "
            "masked_mark=%s shaping=%s offload=%s start_ms=%llu",
            g->rules.table, g->rules.n_lan, clients_count(g->clients),
            g->features & GATE_F_FLOWTABLE ? "yes" : "no",
            g->features & GATE_F_TIMEOUT_UPDATE ? "yes" : "no",
            g->features & GATE_F_MASKED_MARK ? "yes" : "no", g->shape ? "htb" : "police",
            offload_words(g), (unsigned long long)(loop_now_ms() - g->started_ms));
    if (notify_ready() < 0)
        log_msg(LOG_WARNING, "event=not-notified error=\"%s\"", strerror(errno));
}

static int run(struct program *p)
{
    struct gate *g = &p->gate;
    char err[256] = "out of memory";
    int status = EXIT_FAILED;
    if (start(p, err, sizeof err)) {
        struct loop_signal *term = loop_signal_new(g->loop, SIGTERM, on_end, g);
        struct loop_signal *intr = loop_signal_new(g->loop, SIGINT, on_end, g);
        struct loop_signal *hup = loop_signal_new(g->loop, SIGHUP, on_reload, p);
        if (!confine(err, sizeof err)) /* a kernel without it: all else still holds */
            log_msg(LOG_WARNING, "event=not-confined error=\"%s\"", err);
        if (adoption_holds(g))
            g->on_adopted = say_ready;
        else
            say_ready(g);
        loop_run(g->loop);
        loop_signal_free(term);
        loop_signal_free(intr);
        loop_signal_free(hup);
        unlink(p->socket_path); /* where the directory lets us; else the next gate does it */
        status = 0;
    } else {
        log_msg(LOG_ERR, "event=not-started reason=\"%s\"", err);
    }
    controller_free(g->controller);
    g->controller = NULL;
    neigh_free(g->neigh);
    lan_free(g->lan);
    keeper_stop(g);
    shape_free(g->shape);
    ruleset_free(g->rs);
    clients_free(g->clients);
    if (g->loop)
        loop_free(g->loop);
    return status;
}

static int remove_table(struct program *p)
{
    char err[256] = "";
    struct ruleset *rs = ruleset_new(&p->gate.rules, err, sizeof err);
    int r = rs ? ruleset_remove(rs) : -1;
    r = r == 0 ? ruleset_guard(rs, false) : r;
    if (rs)
        ruleset_claims(rs, false);
    shape_remove(p->gate.rules.lan, p->gate.rules.n_lan);
    if (rs && r < 0)
        snprintf(err, sizeof err, "%s", strerror(-r));
    ruleset_free(rs);
    if (r == 0)
        return 0;
    log_msg(LOG_ERR, "event=not-removed table=%s reason=\"%s\"", p->gate.rules.table, err);
    return EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static struct program p = {
        .file = LOGGIA_SYSCONFDIR "/loggia.conf", .lock_fd = -1, .listen_fd = -1};
    log_open("loggia-gate", LOG_INFO);
    int status = parse_arguments(&p, argc, argv);
    if (status >= 0)
        return status;
    if (!load(&p))
        status = EXIT_USAGE;
    else if (p.action == CHECK)
        status = 0;
    else if (p.action == REMOVE)
        status = remove_table(&p);
    else
        status = run(&p);
    config_free(p.conf);
    if (p.listen_fd >= 0)
        close(p.listen_fd);
    if (p.lock_fd >= 0)
        close(p.lock_fd);
    return status;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The doctor's round: gathers what there is to know, calls each group of checks, and sums up. */
#include "portal/doctor.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const levels[DOCTOR_LEVELS] = {"ok", "warn", "bad"};

static void print(enum doctor_level level, const char *check, const char *what, const char *why,
                  const char *mend)
{
    static const char *const shown[DOCTOR_LEVELS] = {"ok  ", "warn", "BAD "};
    printf("%s  %-13s  %s\n", shown[level], check, what);
    if (why)
        printf("      %-13s  why:  %s\n", "", why);
    if (mend)
        printf("      %-13s  mend: %s\n", "", mend);
    fflush(stdout);
}

void doctor_say(struct doctor *d, const char *check, enum doctor_level level, const char *why,
                const char *mend, const char *fmt, ...)
{
    char what[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    d->counts[level]++;
    json_t *o = json_pack("{s:s, s:s, s:s}", "check", check, "level", levels[level], "what", what);
    if (why)
        json_object_set_new(o, "why", json_string(why));
    if (mend)
        json_object_set_new(o, "mend", json_string(mend));
    json_array_append_new(d->findings, o);
    if (!d->options->json)
        print(level, check, what, why, mend);
}

json_t *doctor_ask(struct doctor *d, const char *cmd)
{
    json_t *a = d->fd >= 0 ? ctl_ask(d->fd, json_pack("{s:s}", "cmd", cmd)) : NULL;
    if (a && json_is_true(json_object_get(a, "ok")))
        return a;
    json_decref(a);
    return NULL;
}

long long doctor_number(const char *path)
{
    long long n = -1;
    FILE *f = fopen(path, "re");
    if (f && fscanf(f, "%lld", &n) != 1)
        n = -1;
    if (f)
        fclose(f);
    return n;
}

void doctor_each_lan(struct doctor *d, doctor_lan_fn fn)
{
    for (size_t z = 0; d->conf && z < d->conf->n_zones; z++)
        for (size_t i = 0; i < d->conf->zones[z].n_interfaces; i++)
            fn(d, d->conf->zones[z].interfaces[i]);
}

bool doctor_has_v6(const struct doctor *d)
{
    for (size_t i = 0; i < d->n_lan; i++)
        if (d->lan[i].family == AF_INET6)
            return true;
    return false;
}

static void add_address(struct doctor *d, const char *ifname, const struct sockaddr *sa)
{
    struct doctor_address *a = &d->lan[d->n_lan];
    a->ifname = ifname;
    a->family = sa->sa_family;
    if (sa->sa_family == AF_INET)
        a->v4 = ((const struct sockaddr_in *)(const void *)sa)->sin_addr;
    else
        a->v6 = ((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
    if (sa->sa_family == AF_INET || !IN6_IS_ADDR_LINKLOCAL(&a->v6))
        d->n_lan++;
}

static void find_addresses(struct doctor *d)
{
    struct ifaddrs *all = NULL;

    if (getifaddrs(&all) != 0)
        return;
    for (size_t z = 0; z < d->conf->n_zones; z++)
        for (size_t i = 0; i < d->conf->zones[z].n_interfaces; i++)
            for (const struct ifaddrs *a = all; a; a = a->ifa_next)
                if (a->ifa_addr && d->n_lan < DOCTOR_MAX_ADDRESSES &&
                    (a->ifa_addr->sa_family == AF_INET || a->ifa_addr->sa_family == AF_INET6) &&
                    strcmp(a->ifa_name, d->conf->zones[z].interfaces[i]) == 0)
                    add_address(d, d->conf->zones[z].interfaces[i], a->ifa_addr);
    freeifaddrs(all);
}

static void config_error(void *arg, const char *line)
{
    doctor_say(arg, "configuration", DOCTOR_BAD,
               "loggiad refuses it: it goes on with the old one, and would not start again",
               "correct that line, then: loggiactl reload", "%s", line);
}

static void look(struct doctor *d)
{
    doctor_daemons(d);
    if (!d->conf) /* said, and nothing else can be compared with it */
        return;
    find_addresses(d);
    doctor_machine(d);
    doctor_firewall(d);
    doctor_uplink(d);
    doctor_names(d);
    doctor_garden(d);
    doctor_dhcp(d);
    doctor_tls(d);
    doctor_radius(d);
    doctor_state(d);
}

static int sum_up(struct doctor *d)
{
    bool sound = d->counts[DOCTOR_BAD] == 0 && !(d->options->strict && d->counts[DOCTOR_WARN]);
    if (d->options->json) {
        json_t *o =
            json_pack("{s:b, s:i, s:i, s:O}", "ok", sound, "bad", (int)d->counts[DOCTOR_BAD],
                      "warn", (int)d->counts[DOCTOR_WARN], "findings", d->findings);
        json_dumpf(o, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(o);
    } else {
        printf("%u fine, %u doubtful, %u to mend\n", d->counts[DOCTOR_OK], d->counts[DOCTOR_WARN],
               d->counts[DOCTOR_BAD]);
    }
    return sound ? CTL_FINE : CTL_FAILED;
}

int ctl_doctor(const struct ctl_options *o, int fd, const char *arg)
{
    struct doctor d = {.options = o, .fd = fd, .findings = json_array()};
    struct conf *conf;
    int result = CTL_USAGE;
    (void)arg;

    if (geteuid() != 0) {
        fputs("loggiactl: the doctor must be root, to see what it is to judge\n", stderr);
    } else if (access(o->file, R_OK) != 0) {
        fprintf(stderr, "loggiactl: %s: there is no such file, expected loggiad's configuration\n",
                o->file);
    } else {
        conf = config_load(o->file, CONFIG_SECRETS, config_error, &d);
        d.conf = conf;
        d.facts = doctor_ask(&d, "facts");
        look(&d);
        result = sum_up(&d);
        config_free(conf);
    }
    json_decref(d.facts);
    json_decref(d.findings);
    return result;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The federation without FreeRADIUS, for tests against real directories and for the sanitizers.
 * Usage: federation_drive FILE; FILE has one option a line ("authority comune",
 * "authority.user.filter VALUE"); commands come on stdin, one a line, each answered by one line of
 * JSON:
 *
 *   ask MAC                 → {"ms": …, "late_ms": …, "answers": [{"state": …, "stale": …, …}, …]}
 *   load THREADS N FIRST    → N questions of each thread, about devices 02:10:XX…: {"ms": …, …}
 *   together THREADS MAC    → the same question from all of them at once
 *   stats AUTHORITY, fed    → {"breaker": …, …}
 *   login MAC USER PASSWORD → {"ms": …, "result": "right", …}, and the device is bound
 *   logins THREADS N USER PASSWORD → {"ms": …, "right": …}
 *
 * late_ms is what this machine took for itself: so much later than it wanted to, at worst, a thread
 * that only sleeps was woken meanwhile. */
#include "radius-module/settings.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct settings *settings;
static struct fed *fed;
static struct report report;

static double now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* How late a thread that only sleeps was woken: what the machine itself takes from every deadline.
 */
static _Atomic unsigned late_us;

static void *metronome(void *arg)
{
    const struct timespec tick = {.tv_nsec = 2000000};
    for (;;) {
        double began = now_ms();
        nanosleep(&tick, NULL);
        unsigned late = (unsigned)((now_ms() - began - 2) * 1e3);
        if (late > late_us)
            late_us = late;
    }
    return arg;
}

static double late_ms(void) /* the worst since the last call */
{
    return atomic_exchange(&late_us, 0) / 1e3;
}

static void to_stderr(void *arg, int level, const char *line)
{
    (void)arg;
    fprintf(stderr, "<%d> %s\n", level, line);
}

static void fault(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

/* "a.b.c VALUE": section, sub and name; "authority NAME" and "profile NAME" begin a section. */
static void read_line(char *line)
{
    char err[SETTINGS_MAX_ERROR] = "", *value = strchr(line, ' '), *part[3] = {0};
    int n = 0;
    line[strcspn(line, "\n")] = 0;
    if (!value)
        return;
    *value++ = 0;
    if (strcmp(line, "authority") == 0 || strcmp(line, "profile") == 0) {
        if (!settings_begin(settings, line, value, err))
            fault(NULL, err);
        return;
    }
    for (char *p = strtok(line, "."); p && n < 3; p = strtok(NULL, "."))
        part[n++] = p;
    if (!settings_set(settings, n > 1 ? part[0] : NULL, n > 2 ? part[1] : NULL, part[n - 1], value,
                      err))
        fault(NULL, err);
}

static void ask(const struct mac *mac, struct decision_answer *answers)
{
    uint64_t began = clock_ms();
    fed_collect(fed, fed_ask(fed, mac), began, true, answers);
}

static void do_ask(const char *text)
{
    static const char *const states[] = {"unknown", "not_found", "found"};
    struct decision_answer answers[FED_MAX_AUTHORITIES];
    struct mac mac;
    if (!mac_parse(text, &mac))
        return;
    late_ms();
    double began = now_ms();
    ask(&mac, answers);
    double took = now_ms() - began;
    printf("{\"ms\": %.2f, \"late_ms\": %.2f, \"answers\": [", took, late_ms());
    for (size_t i = 0; i < settings->fed.n_authorities; i++)
        printf("%s{\"state\": \"%s\", \"stale\": %s, \"profile\": %d, \"denied\": %s}",
               i ? ", " : "", states[answers[i].state], answers[i].stale ? "true" : "false",
               answers[i].entitlement.profile, answers[i].entitlement.denied ? "true" : "false");
    printf("]}\n");
}

/* Checks a password, binds the device to whom it is, and asks about the device again. */
static void do_login(const char *text, const char *user, const char *password)
{
    static const char *const results[] = {"right", "wrong", "unknown", "limited"};
    struct login_ask login = {.user = user, .password = password, .password_len = strlen(password)};
    struct login_right right;
    if (!mac_parse(text, &login.mac))
        return;
    double began = now_ms();
    enum decision_login result = fed_login(fed, &login, &right);
    printf("{\"ms\": %.2f, \"result\": \"%s\", \"authority\": %d}\n", now_ms() - began,
           results[result], result == LOGIN_RIGHT ? (int)right.authority : -1);
    if (result == LOGIN_RIGHT)
        fed_bind(fed, &login.mac, 3600, &right);
}

struct load_login {
    pthread_t thread;
    unsigned first, n, right;
    const char *user, *password;
};

static void *login_thread(void *arg)
{
    struct load_login *t = arg;
    struct login_right right;
    for (unsigned i = t->first; i < t->first + t->n; i++) {
        struct login_ask login = {.mac = {{6, 0, 0, 1, (uint8_t)(i >> 8), (uint8_t)i}},
                                  .user = t->user,
                                  .password = t->password,
                                  .password_len = strlen(t->password)};
        t->right += fed_login(fed, &login, &right) == LOGIN_RIGHT;
    }
    return NULL;
}

/* N logins of each thread, each from a device of its own. */
static void do_logins(unsigned threads, unsigned n, const char *user, const char *password)
{
    struct load_login t[32] = {0};
    unsigned right = 0;
    double began = now_ms();
    threads = threads > 32 ? 32 : threads;
    for (unsigned i = 0; i < threads; i++) {
        t[i] = (struct load_login){.first = i * n, .n = n, .user = user, .password = password};
        pthread_create(&t[i].thread, NULL, login_thread, &t[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(t[i].thread, NULL);
        right += t[i].right;
    }
    printf("{\"ms\": %.1f, \"right\": %u}\n", now_ms() - began, right);
}

struct load {
    pthread_t thread;
    unsigned n, first;
    const struct mac *one; /* always this device */
    unsigned found, unknown;
    double worst_ms;
};

static void *load_thread(void *arg)
{
    struct load *l = arg;
    struct decision_answer answers[FED_MAX_AUTHORITIES];
    for (unsigned i = 0; i < l->n; i++) {
        unsigned d = l->first + i;
        struct mac mac = {
            {2, 0x10, (uint8_t)(d >> 24), (uint8_t)(d >> 16), (uint8_t)(d >> 8), (uint8_t)d}};
        double began = now_ms(), took;
        ask(l->one ? l->one : &mac, answers);
        took = now_ms() - began;
        l->worst_ms = took > l->worst_ms ? took : l->worst_ms;
        for (size_t k = 0; k < settings->fed.n_authorities; k++) {
            l->found += answers[k].state == ANSWER_FOUND;
            l->unknown += answers[k].state == ANSWER_UNKNOWN;
        }
    }
    return NULL;
}

static void do_load(unsigned threads, unsigned n, unsigned first, const struct mac *one)
{
    struct load l[64] = {0};
    unsigned found = 0, unknown = 0;
    late_ms();
    double began = now_ms(), worst = 0;
    threads = threads > 64 ? 64 : threads;
    for (unsigned i = 0; i < threads; i++) {
        l[i].n = n;
        l[i].first = first + i * n;
        l[i].one = one;
        pthread_create(&l[i].thread, NULL, load_thread, &l[i]);
    }
    for (unsigned i = 0; i < threads; i++) {
        pthread_join(l[i].thread, NULL);
        found += l[i].found;
        unknown += l[i].unknown;
        worst = l[i].worst_ms > worst ? l[i].worst_ms : worst;
    }
    double ms = now_ms() - began;
    printf("{\"ms\": %.1f, \"per_s\": %.0f, \"found\": %u, \"unknown\": %u, \"worst_ms\": %.1f, "
           "\"late_ms\": %.1f}\n",
           ms, threads * n / ms * 1e3, found, unknown, worst, late_ms());
}

static void do_fed(void)
{
    struct fed_stats s;
    fed_stats(fed, &s);
    printf("{\"questions\": %llu, \"coalesced\": %llu, \"remembered\": %llu, \"stale\": %llu, "
           "\"bulkhead\": %llu, \"deadline\": %llu, \"devices\": %zu}\n",
           (unsigned long long)s.questions, (unsigned long long)s.coalesced,
           (unsigned long long)s.remembered, (unsigned long long)s.stale,
           (unsigned long long)s.bulkhead, (unsigned long long)s.deadline, s.devices);
}

static void do_stats(unsigned authority)
{
    struct authority_stats s;
    if (authority >= settings->fed.n_authorities)
        return;
    fed_authority_stats(fed, authority, &s);
    printf("{\"breaker\": \"%s\", \"opened\": %llu, \"asked\": %llu, \"answered\": %llu, "
           "\"failed\": %llu, "
           "\"refused\": %llu, \"connections\": %u, \"last_error\": \"%s\"}\n",
           breaker_name(s.breaker), (unsigned long long)s.opened, (unsigned long long)s.asked,
           (unsigned long long)s.answered, (unsigned long long)s.failed,
           (unsigned long long)s.refused, s.connections, s.last_error);
}

int main(int argc, char **argv)
{
    char line[1024], word[64], user[128], password[128];
    unsigned a, b, c;
    struct mac mac;
    pthread_t ticking;
    FILE *f = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!f || !(settings = settings_new()))
        return 2;
    while (fgets(line, sizeof line, f))
        read_line(line);
    fclose(f);
    report_init(&report, to_stderr, NULL);
    if (pthread_create(&ticking, NULL, metronome, NULL) || pthread_detach(ticking))
        return 2;
    if (settings_finish(settings, fault, NULL) || !(fed = fed_new(&settings->fed, &report)) ||
        fed_start(fed))
        return 2;
    while (fgets(line, sizeof line, stdin)) {
        if (sscanf(line, "ask %63s", word) == 1)
            do_ask(word);
        else if (sscanf(line, "logins %u %u %127s %127s", &a, &b, user, password) == 4)
            do_logins(a, b, user, password);
        else if (sscanf(line, "login %63s %127s %127s", word, user, password) == 3)
            do_login(word, user, password);
        else if (sscanf(line, "load %u %u %u", &a, &b, &c) == 3)
            do_load(a, b, c, NULL);
        else if (sscanf(line, "together %u %63s", &a, word) == 2 && mac_parse(word, &mac))
            do_load(a, 1, 0, &mac);
        else if (sscanf(line, "stats %u", &a) == 1)
            do_stats(a);
        else if (strcmp(line, "fed\n") == 0)
            do_fed();
        fflush(stdout);
    }
    fed_free(fed);
    settings_free(settings);
    return 0;
}

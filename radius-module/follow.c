/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A follower opens its own connection, asks to be told, and waits; when the connection is lost it
 * begins again where it was (the cookie), and takes its time. It has no part in the breaker: that a
 * directory has nothing to tell is no illness, and when it is ill others notice. */
#include "radius-module/follow.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define AGAIN_MS   2000   /* after a connection that was lost, or could not be made */
#define REFUSED_MS 600000 /* a directory that does not offer it may some day */
#define LOOK_MS    60000

struct follower {
    struct follow *set;
    size_t index;
    const struct authority_conf *conf;
    pthread_t thread;
    bool has_thread, said;
    struct directory_cookie cookie;
    char filter[AUTHORITY_FILTER_ROOM];
    char names[FOLLOW_ATTRIBUTES][64];
    const char *attributes[FOLLOW_ATTRIBUTES + 1];
    struct values values;
};

struct follow {
    follow_fn fn;
    void *arg;
    struct report *report;
    int stop; /* eventfd: readable for ever once it is to end */
    size_t n;
    struct follower followers[];
};

/* --- what is followed ---------------------------------------------------------------------------
 */

/* Replaces each mark by a star: "whoever has one at all". */
static bool anybody(const char *format, const char *mark, char *out, size_t room)
{
    size_t at = strlen(out), len = strlen(mark);
    while (*format) {
        bool here = strncmp(format, mark, len) == 0;
        if (at + 2 > room)
            return false;
        out[at++] = here ? '*' : *format;
        format += here ? len : 1;
    }
    out[at] = 0;
    return true;
}

/* The attributes in "(ATTRIBUTE=%{mac})"; more of a filter than that is nobody's to take apart. */
static size_t device_attributes(const char *filter, char out[FOLLOW_ATTRIBUTES][64])
{
    static const char mark[] = "=%{mac})";
    size_t n = 0;
    for (const char *at = strstr(filter, mark); at && n < FOLLOW_ATTRIBUTES;
         at = strstr(at + 1, mark)) {
        const char *begin = at;
        while (begin > filter && begin[-1] != '(')
            begin--;
        size_t len = (size_t)(at - begin);
        if (len == 0 || len >= 64 || strcspn(begin, ":<>~*") < len)
            continue;
        memcpy(out[n], begin, len);
        out[n++][len] = 0;
    }
    return n;
}

bool follow_filter(const struct authority_conf *c, char filter[AUTHORITY_FILTER_ROOM],
                   char attributes[FOLLOW_ATTRIBUTES][64], size_t *n)
{
    *n = device_attributes(c->user_filter, attributes);
    if (*n == 0)
        return false;
    strcpy(filter, "(|");
    return anybody(c->user_filter, "%{mac}", filter, AUTHORITY_FILTER_ROOM - 1) &&
           (!c->login_filter ||
            anybody(c->login_filter, "%{user}", filter, AUTHORITY_FILTER_ROOM - 1)) &&
           strcat(filter, ")");
}

/* --- the threads --------------------------------------------------------------------------------
 */

/* True: it is to end. */
static bool wait_for_end(const struct follow *f, int ms)
{
    struct pollfd fd = {.fd = f->stop, .events = POLLIN};
    return poll(&fd, 1, ms) > 0;
}

static struct directory *reach(struct follower *w)
{
    const struct directory_conf *c = &w->conf->directory;
    char err[128];
    for (size_t i = 0; i < c->n_servers; i++) {
        struct directory *d = directory_open(c, i, err, sizeof err);
        if (d)
            return d;
    }
    return NULL;
}

/* Reads what there is. False: the end of this connection; *pause_ms until the next. */
static bool hear(struct follower *w, struct directory *d, bool *known, int *pause_ms)
{
    bool again = true;
    while (again) {
        bool before = *known;
        switch (directory_follow_next(d, &w->values, known, &again, &w->cookie)) {
        case CHANGE_ENTRY:
            w->set->fn(w->set->arg, w->index, &w->values);
            break;
        case CHANGE_REFUSED:
            *pause_ms = REFUSED_MS;
            return false;
        case CHANGE_DOWN:
            return false;
        default:
            break;
        }
        if (*known && !before)
            report_line(w->set->report, LOG_INFO, "event=following authority=%s", w->conf->name);
    }
    return true;
}

static void follow_one(struct follower *w, struct directory *d, int *pause_ms)
{
    struct pollfd fds[2] = {{.fd = w->set->stop, .events = POLLIN},
                            {.fd = directory_fd(d), .events = POLLIN}};
    bool known = w->cookie.len > 0; /* what comes then is what has changed since */
    if (!directory_follow(d, w->conf->user_base_dn, w->filter, w->attributes, &w->cookie))
        return;
    while (hear(w, d, &known, pause_ms)) {
        poll(fds, 2, LOOK_MS);
        if (fds[0].revents)
            return;
    }
}

static void *run(void *arg)
{
    struct follower *w = arg;
    int pause_ms;
    do {
        pause_ms = AGAIN_MS;
        struct directory *d = reach(w);
        if (d) {
            follow_one(w, d, &pause_ms);
            directory_close(d);
        }
        if (pause_ms == REFUSED_MS && !w->said) {
            w->said = true;
            report_line(
                w->set->report, LOG_INFO,
                "event=not_following authority=%s why=\"its directory does not offer content "
                "synchronisation\"",
                w->conf->name);
        }
    } while (!wait_for_end(w->set, pause_ms));
    return NULL;
}

/* --- begin and end ------------------------------------------------------------------------------
 */

struct follow *follow_new(const struct authority_conf *confs, size_t n, follow_fn fn, void *arg,
                          struct report *report)
{
    struct follow *f = calloc(1, sizeof *f + n * sizeof f->followers[0]);
    if (!f)
        return NULL;
    *f = (struct follow){.fn = fn, .arg = arg, .report = report, .stop = -1, .n = n};
    for (size_t i = 0; i < n; i++) {
        f->followers[i].set = f;
        f->followers[i].index = i;
        f->followers[i].conf = &confs[i];
    }
    return f;
}

int follow_start(struct follow *f)
{
    int rc = 0;
    f->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (f->stop < 0)
        return errno;
    for (size_t i = 0; rc == 0 && i < f->n; i++) {
        struct follower *w = &f->followers[i];
        size_t n = 0;
        if (!w->conf->follow || !follow_filter(w->conf, w->filter, w->names, &n))
            continue;
        for (size_t k = 0; k < n; k++)
            w->attributes[k] = w->names[k];
        rc = pthread_create(&w->thread, NULL, run, w);
        w->has_thread = rc == 0;
    }
    return rc;
}

void follow_free(struct follow *f)
{
    if (!f)
        return;
    if (f->stop >= 0 && eventfd_write(f->stop, 1)) {
        /* Only a counter at its end refuses: it is readable. */
    }
    for (size_t i = 0; i < f->n; i++)
        if (f->followers[i].has_thread)
            pthread_join(f->followers[i].thread, NULL);
    if (f->stop >= 0)
        close(f->stop);
    free(f);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The threads that bind: a few for each authority, each with one connection of its own, which it
 * opens when there is work and keeps. A connection that has gone in the meantime is replaced once;
 * so an idle timeout of the directory costs nobody a login. */
#include "lib/crypto.h"
#include "radius-module/login_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <utlist.h>

#define MOST_QUEUED 32 /* of one authority */

bool login_queue(struct desk *d, struct attempt *a)
{
    struct job *j = d->queued < MOST_QUEUED ? calloc(1, sizeof *j) : NULL;
    if (!j)
        return false;
    j->attempt = a;
    DL_APPEND(d->jobs, j);
    d->queued++;
    pthread_cond_broadcast(&d->login->work);
    return true;
}

/* With lock held. NULL: the end. */
static struct attempt *next_attempt(struct desk *d)
{
    while (!d->login->stop && !d->jobs)
        pthread_cond_wait(&d->login->work, &d->login->lock);
    struct job *j = d->jobs;
    if (!j)
        return NULL;
    struct attempt *a = j->attempt;
    DL_DELETE(d->jobs, j);
    d->queued--;
    free(j);
    return a;
}

static struct directory *reach(struct desk *d)
{
    const struct directory_conf *c = &d->conf->directory;
    char err[128] = "";
    for (size_t server = 0; server < c->n_servers; server++) {
        struct directory *link = directory_open_unbound(c, server, err, sizeof err);
        if (link)
            return link;
    }
    report_limited(d->login->report, LOG_WARNING,
                   "event=login_unreachable authority=%s error=\"%s\"", d->conf->name, err);
    return NULL;
}

static enum part_state check(struct desk *d, struct directory **link, const struct part *part,
                             const char *password, size_t len)
{
    const char *dn = part->exists ? part->dn : d->conf->login_nobody;
    for (bool old = *link != NULL;; old = false) {
        if (!*link && !(*link = reach(d)))
            return PART_UNKNOWN;
        enum directory_verdict v =
            directory_check(*link, dn, password, len, d->conf->login_timeout_ms);
        if (v == DIRECTORY_RIGHT)
            return part->exists ? PART_RIGHT : PART_WRONG;
        if (v == DIRECTORY_WRONG)
            return PART_WRONG;
        directory_close(*link);
        *link = NULL;
        if (!old)
            return PART_UNKNOWN;
    }
}

void *login_desk(void *arg)
{
    struct desk *d = arg;
    struct login *l = d->login;
    struct directory *link = NULL;
    struct attempt *a;
    pthread_mutex_lock(&l->lock);
    while ((a = next_attempt(d))) {
        enum part_state state = PART_UNKNOWN;
        if (!l->stop && clock_ms() < a->end_ms) {
            /* Nobody else touches this part or the password while the part is open. */
            pthread_mutex_unlock(&l->lock);
            state = check(d, &link, &a->parts[d->index], a->password, a->password_len);
            pthread_mutex_lock(&l->lock);
        }
        login_part_done(l, a, d->index, state);
    }
    pthread_mutex_unlock(&l->lock);
    directory_close(link);
    return NULL;
}

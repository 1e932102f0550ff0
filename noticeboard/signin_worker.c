/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The only threads of loggia-board: one for each administration that somebody signs in to, made
 * when the first one does. A job goes in by a queue and comes back by another, with an eventfd that
 * wakes the loop; a mutex guards both, and nothing else is shared. */
#include "lib/loop.h"
#include "noticeboard/signin_private.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { QUEUE = 16 };

struct lane {
    struct signin_worker *worker;
    char administration[40];
    pthread_t thread;
    pthread_cond_t wake;
    struct signin_job *first, **last;
    int waiting;
};

struct signin_worker {
    pthread_mutex_t lock;
    struct lane *lanes[BOARD_MAX_ADMINISTRATIONS];
    size_t n;
    struct signin_job *back, **back_last;
    bool ending;
    int fd;
    struct loop_io *io;
    void (*work)(struct signin_job *job);
    void (*done)(void *arg, struct signin_job *job);
    void *arg;
};

static void *run(void *arg)
{
    struct lane *lane = arg;
    struct signin_worker *w = lane->worker;
    uint64_t one = 1;

    pthread_mutex_lock(&w->lock);
    while (!w->ending) {
        struct signin_job *job = lane->first;
        if (!job) {
            pthread_cond_wait(&lane->wake, &w->lock);
            continue;
        }
        lane->first = job->next;
        if (!lane->first)
            lane->last = &lane->first;
        pthread_mutex_unlock(&w->lock);
        w->work(job);
        pthread_mutex_lock(&w->lock);
        lane->waiting--;
        job->next = NULL;
        *w->back_last = job;
        w->back_last = &job->next;
        if (write(w->fd, &one, sizeof one) != sizeof one)
            break; /* an eventfd takes it, unless it is gone */
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void give_back(struct signin_worker *w)
{
    pthread_mutex_lock(&w->lock);
    struct signin_job *job = w->back;
    w->back = NULL;
    w->back_last = &w->back;
    pthread_mutex_unlock(&w->lock);
    while (job) {
        struct signin_job *next = job->next;
        w->done(w->arg, job);
        job = next;
    }
}

static void on_done(void *arg, int fd, int events)
{
    uint64_t n;

    (void)events;
    if (read(fd, &n, sizeof n) == sizeof n)
        give_back(arg);
}

struct signin_worker *signin_worker_new(struct loop *loop, void (*work)(struct signin_job *),
                                        void (*done)(void *arg, struct signin_job *), void *arg,
                                        char *err, size_t err_len)
{
    struct signin_worker *w = calloc(1, sizeof *w);

    snprintf(err, err_len, "out of memory");
    if (!w)
        return NULL;
    pthread_mutex_init(&w->lock, NULL);
    w->back_last = &w->back;
    w->work = work;
    w->done = done;
    w->arg = arg;
    w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    w->io = w->fd >= 0 ? loop_io_new(loop, w->fd, LOOP_READ, on_done, w) : NULL;
    if (w->io)
        return w;
    snprintf(err, err_len, "eventfd: %s", strerror(errno));
    signin_worker_free(w);
    return NULL;
}

/* Signals are the loop's. */
static bool start(struct lane *lane)
{
    sigset_t all, before;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool fine = pthread_create(&lane->thread, NULL, run, lane) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return fine;
}

static struct lane *lane_of(struct signin_worker *w, const char *administration)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->lanes[i]->administration, administration) == 0)
            return w->lanes[i];
    struct lane *lane = w->n < BOARD_MAX_ADMINISTRATIONS ? calloc(1, sizeof *lane) : NULL;
    if (!lane)
        return NULL;
    lane->worker = w;
    lane->last = &lane->first;
    snprintf(lane->administration, sizeof lane->administration, "%s", administration);
    pthread_cond_init(&lane->wake, NULL);
    if (!start(lane)) {
        pthread_cond_destroy(&lane->wake);
        free(lane);
        return NULL;
    }
    w->lanes[w->n++] = lane;
    return lane;
}

bool signin_worker_give(struct signin_worker *w, struct signin_job *job)
{
    struct lane *lane = lane_of(w, job->administration);
    bool room = false;

    if (!lane)
        return false;
    pthread_mutex_lock(&w->lock);
    if (lane->waiting < QUEUE) {
        room = true;
        lane->waiting++;
        job->next = NULL;
        *lane->last = job;
        lane->last = &job->next;
        pthread_cond_signal(&lane->wake);
    }
    pthread_mutex_unlock(&w->lock);
    return room;
}

void signin_worker_free(struct signin_worker *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->ending = true;
    for (size_t i = 0; i < w->n; i++)
        pthread_cond_signal(&w->lanes[i]->wake);
    pthread_mutex_unlock(&w->lock);
    for (size_t i = 0; i < w->n; i++) {
        struct lane *lane = w->lanes[i];
        pthread_join(lane->thread, NULL);
        *w->back_last = lane->first;
        if (lane->first)
            w->back_last = lane->last;
        pthread_cond_destroy(&lane->wake);
        free(lane);
    }
    give_back(w);
    loop_io_free(w->io);
    if (w->fd >= 0)
        close(w->fd);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

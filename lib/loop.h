/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one event loop of a process: the room for libev (epoll). No threads, no locks; every callback
 * runs on the loop and must not block. */
#ifndef LOGGIA_LIB_LOOP_H
#define LOGGIA_LIB_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_io;
struct loop_timer;
struct loop_signal;

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

/* NULL if the kernel gives no epoll. One a process. */
struct loop *loop_new(void);
/* Frees the loop; watchers must have been freed before. */
void loop_free(struct loop *loop);
void loop_run(struct loop *loop); /* until loop_stop */
void loop_stop(struct loop *loop);

/* How long turns took, from the end of the waiting to the beginning of the next: so long nobody
 * else was served. The longest of the last one to two minutes, and for how much of it this thread
 * waited for a processor, a page or a lock (less by up to 0.2 ms than it was). */
#define LOOP_SLOW_US 5000
struct loop_turns {
    uint64_t n, slow; /* since the loop was made; longer than LOOP_SLOW_US */
    uint64_t longest_us, waited_us;
};
void loop_turns(const struct loop *loop, struct loop_turns *out);

/* Monotonic (CLOCK_BOOTTIME-like: never set back) and wall-clock time. */
uint64_t loop_now_ms(void);
uint64_t loop_now_us(void);

typedef void (*loop_io_fn)(void *arg, int fd, int events);
struct loop_io *loop_io_new(struct loop *loop, int fd, int events, loop_io_fn fn, void *arg);
void loop_io_set(struct loop_io *io, int events); /* 0 pauses */
void loop_io_free(struct loop_io *io);            /* does not close fd; NULL is fine */

typedef void (*loop_timer_fn)(void *arg);
struct loop_timer *loop_timer_new(struct loop *loop, loop_timer_fn fn, void *arg); /* not running */
void loop_timer_start(struct loop_timer *t, uint64_t after_ms); /* one shot; restarts if running */
void loop_timer_stop(struct loop_timer *t);
bool loop_timer_running(const struct loop_timer *t);
void loop_timer_free(struct loop_timer *t); /* NULL is fine */

typedef void (*loop_signal_fn)(void *arg, int signum);
struct loop_signal *loop_signal_new(struct loop *loop, int signum, loop_signal_fn fn, void *arg);
void loop_signal_free(struct loop_signal *s);

/* Calls fn once, at the end of this turn, just before the loop waits again: how changes of one turn
 * become one batch. Several calls of a turn run in order. */
void loop_defer(struct loop *loop, loop_timer_fn fn, void *arg);
/* Takes back every deferred call of fn with arg that has not been made: for who is being freed. */
void loop_undefer(struct loop *loop, loop_timer_fn fn, void *arg);

/* Calls fn at most once every quiet_ms after something in the directory dir changed (inotify).
 * Falls back to a look every 5 s where inotify has no room; by the same look a directory that was
 * replaced as a whole is found again. NULL with errno if dir is no directory. fn may free the
 * watch. */
struct loop_watch;
struct loop_watch *loop_watch_new(struct loop *loop, const char *dir, uint64_t quiet_ms,
                                  loop_timer_fn fn, void *arg);
void loop_watch_free(struct loop_watch *w);

#endif

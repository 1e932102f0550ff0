/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For bench/board.py: the noticeboard's side of N routers in one process. Each is the routers' own
 * code (portal/board*.c: when to ask, what to believe, loading, keeping) with its own fetcher and
 * state directory; only the rest of the portal is not there.
 *
 *   board_routers URL KEY N yes|no POLL_S DIRECTORY LOOK_S
 *
 * Every LOOK_S seconds a phone looks at each router; 0: nobody ever does.
 * Says "edition ROUTER SERIAL MONOTONIC_US" as each shows one; at each line of its input, the sums
 * as JSON; ends with its input. */
#include "lib/buf.h"
#include "lib/config.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/board.h"
#include "portal/portal.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 1 };

struct texts { /* stands where loggiad's is: what is shown changed */
    struct portal *p;
    int number;
};

static struct loop *loop;
static struct portal *routers;
static int n_routers;
static struct loop_timer *tick, *look;
static unsigned look_s;
static uint64_t tick_due_us, stall_us;

static uint64_t monotonic_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void texts_board_changed(struct texts *t)
{
    printf("edition %d %" PRIu64 " %" PRIu64 "\n", t->number,
           board_edition(t->p->board)->current.serial, monotonic_us());
    fflush(stdout);
}

/* How late a timer comes is how long the loop stood still. */
static void on_tick(void *arg)
{
    uint64_t now_us = loop_now_us();
    (void)arg;
    if (now_us > tick_due_us && now_us - tick_due_us > stall_us)
        stall_us = now_us - tick_due_us;
    loop_timer_start(tick, TICK_MS);
    tick_due_us = loop_now_us() + TICK_MS * 1000;
}

static void on_look(void *arg)
{
    (void)arg;
    for (int i = 0; i < n_routers; i++)
        board_looked(routers[i].board);
    loop_timer_start(look, (uint64_t)look_s * 1000);
}

static void say_sums(void)
{
    struct board_stats s, sum = {0};
    int up = 0, waiting = 0;
    for (int i = 0; i < n_routers; i++) {
        board_stats(routers[i].board, &s);
        sum.asked += s.asked;
        sum.fresh += s.fresh;
        sum.failures += s.failures;
        sum.refused += s.refused;
        sum.bytes_sent += s.bytes_sent;
        sum.bytes_received += s.bytes_received;
        if (s.longest_step_us > sum.longest_step_us)
            sum.longest_step_us = s.longest_step_us;
        up += s.heard_ms && !*s.last_error;
        waiting += s.state == BOARD_WAITING;
    }
    printf("{\"asked\": %" PRIu64 ", \"editions\": %" PRIu64 ", \"failures\": %" PRIu64
           ", \"refused\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"received\": %" PRIu64
           ", \"longest_step_us\": %" PRIu64 ", \"stall_us\": %" PRIu64
           ", \"up\": %d, \"waiting\": %d, \"at_us\": %" PRIu64 "}\n",
           sum.asked, sum.fresh, sum.failures, sum.refused, sum.bytes_sent, sum.bytes_received,
           sum.longest_step_us, stall_us, up, waiting, monotonic_us());
    fflush(stdout);
    stall_us = 0;
}

static void on_input(void *arg, int fd, int events)
{
    char line[64];
    (void)arg, (void)events;
    if (read(fd, line, sizeof line) <= 0)
        loop_stop(loop);
    else
        say_sums();
}

static void report(void *arg, const char *line)
{
    (void)arg;
    fprintf(stderr, "%s\n", line);
}

static bool begin(int i, char **argv)
{
    struct portal *p = &routers[i];
    struct buf text;
    char err[300] = "", directory[300];
    snprintf(directory, sizeof directory, "%s/%d", argv[6], i);
    mkdir(directory, 0755);
    buf_init(&text, 4096);
    buf_fmt(&text,
            "portal_name = wifi.prato.example\nzone duomo { interfaces = br-lan }\n"
            "nas_identifier = \"router-%d\"\nstate_directory = \"%s\"\n"
            "board { url = \"%s\" keys = {\"%s\"} long_poll = %s poll = %s }\n",
            i, directory, argv[1], argv[2], argv[4], argv[5]);
    p->loop = loop;
    p->boot = p->live = config_parse("bench", text.data, text.len, 0, report, NULL);
    buf_free(&text);
    p->texts = calloc(1, sizeof *p->texts);
    if (!p->boot || !p->texts)
        return false;
    *p->texts = (struct texts){p, i};
    p->board = board_new(p, err, sizeof err);
    if (!p->board)
        fprintf(stderr, "%s\n", err);
    else
        board_start(p->board);
    return p->board != NULL;
}

int main(int argc, char **argv)
{
    if (argc != 8)
        return 2;
    log_open("board_routers", LOG_ERR);
    n_routers = atoi(argv[3]);
    routers = calloc((size_t)n_routers, sizeof *routers);
    loop = loop_new();
    tick = loop_timer_new(loop, on_tick, NULL);
    look = loop_timer_new(loop, on_look, NULL);
    look_s = (unsigned)atoi(argv[7]);
    struct loop_io *input = loop_io_new(loop, 0, LOOP_READ, on_input, NULL);
    for (int i = 0; i < n_routers; i++)
        if (!begin(i, argv))
            return 1;
    if (look_s)
        on_look(NULL);
    on_tick(NULL);
    stall_us = 0;
    loop_run(loop);
    for (int i = 0; i < n_routers; i++) {
        board_free(routers[i].board);
        free(routers[i].texts);
        config_free(routers[i].boot);
    }
    loop_io_free(input);
    loop_timer_free(tick);
    loop_timer_free(look);
    loop_free(loop);
    free(routers);
    return 0;
}

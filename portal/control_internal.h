/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the admin's socket: control.c (the socket), control_status.c,
 * control_clients.c, control_admin.c and control_facts.c (the commands). Nobody else includes it.
 *
 * A command is given the talk and the request, and answers once, now or later, by control_reply or
 * control_refuse. One that answers later sets abandon, which is called if the talk ends first. */
#ifndef LOGGIA_PORTAL_CONTROL_INTERNAL_H
#define LOGGIA_PORTAL_CONTROL_INTERNAL_H

#include "portal/control.h"
#include "portal/portal.h"
#include <jansson.h>

#define CONTROL_PART 128 /* clients in one answer */
#define CONTROL_LINE 1024

struct gate_call;
struct loop_io;
struct loop_timer;
struct radius_checkup;
struct talk;

struct control {
    struct portal *p;
    const char *path;
    int fd;
    struct loop_io *io;
    struct talk *talks;
    unsigned n_talks;
};

struct reading { /* of one device's counters, for a list */
    struct talk *t;
    struct device *d;
};

struct talk {
    struct control *c;
    int fd;
    bool root, busy, ended;
    struct loop_io *io;
    struct loop_timer *timer;
    char in[CONTROL_LINE];
    size_t in_len;
    char *out;
    size_t out_len, out_sent;
    struct talk *prev, *next;
    void (*abandon)(struct talk *t);

    /* clients */
    struct reading readings[CONTROL_PART];
    unsigned reading; /* of them under way */
    json_int_t after;
    bool all;
    /* kick, open */
    struct device *device;
    struct loop_timer *late;
    const char *too_late; /* what to say if the device does not settle */
    struct waiter waiter;
    json_t *(*settled)(struct talk *t, const struct device *d);
    /* radius, foreign; status, facts */
    struct radius_checkup *checkup;
    json_t *rows;
    struct gate_call *call;
    void (*greeted)(struct talk *t);
};

void control_reply(struct talk *t, json_t *o); /* takes o over */
void control_talk_free(struct talk *t); /* freed later where the gate still owes it answers */
void control_refuse(struct talk *t, const char *why);
/* Refused with the lines of a file that is wrong. Takes lines over. */
void control_refuse_lines(struct talk *t, const char *why, json_t *lines);

/* Goes on by then when the gate has said how it is now, or soon if it does not. */
void control_greet(struct talk *t, void (*then)(struct talk *t));
/* How its rates are kept: shaped, shaped_up, shaped_all, unqueued. */
json_t *control_rates(const struct portal *p);
json_t *control_board(const struct portal *p); /* null without a board section */
void control_on_status(struct talk *t, const json_t *request);
void control_on_clients(struct talk *t, const json_t *request);
void control_on_kick(struct talk *t, const json_t *request);
void control_on_open(struct talk *t, const json_t *request);
void control_on_reload(struct talk *t, const json_t *request);
void control_on_log_level(struct talk *t, const json_t *request);
void control_on_facts(struct talk *t, const json_t *request);
void control_on_radius(struct talk *t, const json_t *request);
void control_on_foreign(struct talk *t, const json_t *request);
void control_on_garden(struct talk *t, const json_t *request); /* control_garden.c */

#endif

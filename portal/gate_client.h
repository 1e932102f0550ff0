/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal's end of the gate's socket: requests out, answers and events in, and a connection that
 * mends itself. While the gate is away requests wait; when it is back, and has told what the kernel
 * holds, those that were never answered are sent again, in their order (each verb may be repeated).
 */
#ifndef LOGGIA_PORTAL_GATE_CLIENT_H
#define LOGGIA_PORTAL_GATE_CLIENT_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct gate_client;
struct gate_call;

struct gate_client_handler {
    /* The gate said hello. Its devices follow, then listed. */
    void (*hello)(void *arg, const struct gate_hello *hello);
    void (*device)(void *arg, const struct gate_entry *entry);
    void (*listed)(void *arg, const struct gate_hello *hello);
    void (*lost)(void *arg);
    void (*event)(void *arg, const struct gate_reply *event);
    /* It will not be controlled by us: another loggiad is connected, or it speaks another version.
     * The client goes no further; the program should end. */
    void (*refused)(void *arg, enum gate_status why);
};

/* Begins to connect. path and handler are kept. */
struct gate_client *gate_client_new(struct loop *loop, const char *path,
                                    const struct gate_client_handler *handler, void *arg);
/* Open calls end without their callback. */
void gate_client_free(struct gate_client *g);
bool gate_client_ready(const struct gate_client *g); /* connected, and its devices are listed */
bool gate_client_lists(const struct gate_client *g); /* connected, its devices are on their way */
const struct gate_hello *
gate_client_hello(const struct gate_client *g); /* the last one, that a call
                                                   may have asked for */
size_t gate_client_waiting(const struct gate_client *g);
uint64_t gate_client_losses(const struct gate_client *g);

/* reply is NULL if deadline_ms (from now) passed without one, or with 0 never. */
typedef void (*gate_reply_fn)(void *arg, const struct gate_reply *reply);

/* seq of request is filled in here. Calls fn once (for GATE_FOREIGN: once for each GATE_MORE, and
 * once more; begun again at index 0 if the connection was lost), never before returning. NULL (fn
 * not called) if memory is out or too many calls with a deadline wait. What changes nothing and has
 * a deadline is asked while the devices are still being listed, too. */
struct gate_call *gate_client_call(struct gate_client *g, const struct gate_request *request,
                                   uint64_t deadline_ms, gate_reply_fn fn, void *arg);
void gate_call_cancel(struct gate_call *call); /* fn will not be called */

#endif

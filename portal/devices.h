/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The devices that the portal knows: a bounded table by MAC. A device stays as long as anything
 * happens with it (a session, a question, somebody who waits); of the idle ones the longest
 * untouched goes when the table is full, and of those that left by their own wish the last. */
#ifndef LOGGIA_PORTAL_DEVICES_H
#define LOGGIA_PORTAL_DEVICES_H

#include "lib/crypto.h"
#include "lib/mac.h"
#include "portal/limit.h"
#include "portal/session.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct devices;
struct device;
struct loop_timer;
struct radius_question;

/* Somebody who waits until a device has settled (session_is_settling turns false). */
struct waiter {
    void (*fn)(void *arg); /* called once; the waiter is off the list by then */
    void *arg;
    struct device *on; /* NULL: not waiting */
    struct waiter *prev, *next;
};

#define DEVICE_LOG_LEN 13 /* of the pseudonym in log lines */

struct device_login {
    const char *user, *password;
};

/* A hundred thousand of these are kept: the order of the fields leaves no gaps. */
struct device {
    struct mac mac;
    char pseudonym[DEVICE_LOG_LEN];
    enum { DEVICE_BUSY, DEVICE_REST, DEVICE_LEFT } list : 8;
    uint8_t counted;        /* devices.c: what devices_census has of it */
    bool in_flight, queued; /* its silent question; or waits for a place */
    bool close_again;       /* the kernel refused a CLOSE */
    bool login;             /* the question in flight is one */
    uint64_t serial;        /* grows from one new device to the next */
    char ifname[16];
    const struct conf_zone *zone; /* NULL: its interface is in none */
    struct session session;

    /* What sessions.c and silent.c have under way for it. */
    struct portal *portal;
    struct loop_timer *timer;
    struct radius_question *question;
    struct device *queue_prev, *queue_next;
    struct forgetting *forgetting;
    const struct conf_zone *session_zone; /* where the session began */
    char tap_lang[16];
    uint32_t number;  /* the gate's for it, as of the last time that it was open */
    uint32_t listing; /* the gate's list that it was last seen in */
    uint64_t asked_us;
    unsigned refs; /* gate calls and visits under way */

    /* Bound of taps: a bucket. */
    unsigned taps;
    uint64_t taps_since_ms;

    const struct device_login *lent; /* a last password, by the caller of sessions_login */
    struct limit wrong_logins; /* counted when asked, given back where the answer is not "no" */

    struct waiter *waiters;
    struct device *prev, *next;
    UT_hash_handle hh;
};

/* max idle devices are remembered. key names them in the log. */
struct devices *devices_new(size_t max, const uint8_t *key, size_t key_len);
void devices_free(struct devices *t, void (*fini)(struct device *d));

struct device *devices_find(const struct devices *t, const struct mac *mac);
/* How many are online, have left until the next tap, were denied: as of their last devices_touch.
 */
struct devices_census {
    size_t open, left, denied;
};
const struct devices_census *devices_census(const struct devices *t);
/* So many are about to come: before the first is there, its table is made as large at once. */
void devices_expect(struct devices *t, size_t n);
/* Finds or makes it. NULL if memory is out. */
struct device *devices_get(struct devices *t, const struct mac *mac);
/* To be called after every change: puts d on the list of idle ones or takes it off. Where there are
 * too many of those the longest untouched goes when devices_get makes the next one. */
void devices_touch(struct devices *t, struct device *d);
size_t devices_count(const struct devices *t);
struct device *devices_first(const struct devices *t); /* in order of serial */
struct device *devices_next(const struct device *d);

void device_wait(struct device *d, struct waiter *w, void (*fn)(void *arg), void *arg);
void device_unwait(struct waiter *w); /* fine if it does not wait */
void device_wake(struct device *d);

#endif

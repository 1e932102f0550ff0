/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which record may go next. Pure: no clock, no network, no disk.
 *
 * A centre must see a session's Start before its Interim-Updates and its Stop last, or it opens a
 * session that is over. So of each session one record is on its way, and the next one follows when
 * that is acknowledged. Between sessions there is no order, and that is what makes it fast: with
 * thousands of sessions, as many records as the window allows are on their way at once.
 * Accounting-On and -Off speak of all sessions: everything before them must have arrived, and
 * nothing after them may overtake. */
#include "portal/acct_internal.h"
#define HASH_NONFATAL_OOM           1
#define uthash_nonfatal_oom(object) ((void)(object))
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

struct acct_order_session {
    char id[ACCT_SESSION_ID_LEN];
    struct acct_entry *first, *last; /* the first is ready or on its way */
    UT_hash_handle hh;
};

#define APPEND(head, e)  DL_APPEND2(head, e, order_prev, order_next)
#define PREPEND(head, e) DL_PREPEND2(head, e, order_prev, order_next)
#define DELETE(head, e)  DL_DELETE2(head, e, order_prev, order_next)

static bool is_barrier(const struct acct_entry *e)
{
    return e->status == ACCT_ON || e->status == ACCT_OFF;
}

static struct acct_order_session *session_of(struct acct_order *o, const char *id)
{
    struct acct_order_session *s;

    HASH_FIND_STR(o->sessions, id, s);
    return s;
}

static struct acct_order_session *session_new(struct acct_order *o, const char *id)
{
    struct acct_order_session *s = calloc(1, sizeof *s);

    if (s == NULL)
        return NULL;
    memcpy(s->id, id, sizeof s->id);
    HASH_ADD_STR(o->sessions, id, s);
    if (s->hh.tbl != NULL)
        return s;
    free(s);
    return NULL;
}

/* Without memory to keep order by, the record goes at once: better than not at all. */
static void place(struct acct_order *o, struct acct_entry *e)
{
    struct acct_order_session *s = session_of(o, e->session);

    o->open++;
    e->later = NULL;
    if (s != NULL) {
        s->last->later = e;
        s->last = e;
        return;
    }
    s = session_new(o, e->session);
    if (s != NULL)
        s->first = s->last = e;
    APPEND(o->ready, e);
}

void acct_order_add(struct acct_order *o, struct acct_entry *e)
{
    if (o->barrier || o->held != NULL || (is_barrier(e) && o->open > 0)) {
        APPEND(o->held, e);
    } else if (is_barrier(e)) {
        o->barrier = true;
        o->open = 1;
        APPEND(o->ready, e);
    } else {
        place(o, e);
    }
}

struct acct_entry *acct_order_next(struct acct_order *o)
{
    struct acct_entry *e = o->ready;

    if (e != NULL)
        DELETE(o->ready, e);
    return e;
}

/* Everything that was open is done: on with what was held, up to the next barrier. */
static void release_held(struct acct_order *o)
{
    struct acct_entry *e;

    while ((e = o->held) != NULL && !o->barrier) {
        if (is_barrier(e) && o->open > 0)
            return;
        DELETE(o->held, e);
        if (is_barrier(e)) {
            o->barrier = true;
            o->open = 1;
            APPEND(o->ready, e);
        } else {
            place(o, e);
        }
    }
}

void acct_order_done(struct acct_order *o, struct acct_entry *e)
{
    struct acct_order_session *s = is_barrier(e) ? NULL : session_of(o, e->session);

    o->open--;
    if (is_barrier(e))
        o->barrier = false;
    if (s != NULL && s->first == e) {
        s->first = e->later;
        if (s->first != NULL) {
            APPEND(o->ready, s->first);
        } else {
            HASH_DEL(o->sessions, s);
            free(s);
        }
    }
    if (o->open == 0)
        release_held(o);
}

void acct_order_again(struct acct_order *o, struct acct_entry *e)
{
    PREPEND(o->ready, e);
}

void acct_order_free(struct acct_order *o)
{
    struct acct_order_session *s, *tmp;

    HASH_ITER (hh, o->sessions, s, tmp) {
        HASH_DEL(o->sessions, s);
        free(s);
    }
    memset(o, 0, sizeof *o);
}

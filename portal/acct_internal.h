/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the accounting's own files share: a record on its way (struct acct_entry), the order in
 * which records may go (acct_order.c). The file where they wait has a header of its own. */
#ifndef LOGGIA_PORTAL_ACCT_INTERNAL_H
#define LOGGIA_PORTAL_ACCT_INTERNAL_H

#include "portal/accounting.h"
#include "portal/radius_codec.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ACCT_SESSION_ID_LEN 33 /* with its NUL */

struct radius_exchange;

struct acct_entry {
    struct acct_entry *prev, *next;             /* accounting.c: arrival order */
    struct acct_entry *order_prev, *order_next; /* acct_order.c: ready, or held */
    struct acct_entry *later;                   /* acct_order.c: the session's next record */
    struct accounting *owner;
    struct radius_exchange *exchange; /* while it is on the way */
    enum acct_status status;
    char session[ACCT_SESSION_ID_LEN];
    bool scheduled;   /* known to the order */
    bool done;        /* acknowledged; kept until those before it in the file are */
    uint64_t place;   /* in the file; 0: nowhere */
    int64_t at;       /* Unix seconds */
    int64_t since_ms; /* the same moment on loop_now_ms's clock */
    size_t len;
    uint8_t packet[]; /* begun, not signed */
};

/* --- acct_record.c: pure -------------------------------------------------------------------------
 */
struct conf;
bool acct_record_begin(struct radius_packet *p, const struct conf *conf,
                       const struct acct_record *r);
/* The entry of a packet that acct_record_begin made, perhaps before the last restart; NULL if it is
 * none, or out of memory. wall and mono_ms are now. */
struct acct_entry *acct_entry_new(const uint8_t *packet, size_t len, int64_t wall,
                                  uint64_t mono_ms);

/* --- acct_order.c: pure --------------------------------------------------------------------------
 */
struct acct_order_session;
struct acct_order {
    struct acct_order_session *sessions; /* uthash */
    struct acct_entry *ready, *held;
    size_t open;  /* given, not done, without the held ones */
    bool barrier; /* an Accounting-On or -Off is the one that is open */
};
void acct_order_add(struct acct_order *o, struct acct_entry *e);
struct acct_entry *acct_order_next(struct acct_order *o); /* NULL: nothing may go now */
void acct_order_done(struct acct_order *o, struct acct_entry *e);
void acct_order_again(struct acct_order *o, struct acct_entry *e); /* it was not acknowledged */
void acct_order_free(struct acct_order *o);                        /* not the entries */

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Accounting (RFC 2866): Start, Interim-Update, Stop, Accounting-On and -Off, in order, none lost,
 * none doubled. While a server answers nothing touches the disk; once one does not, records wait in
 * a bounded file under the state directory (synced), and what was left there by a crash is sent
 * first. A record keeps its Acct-Session-Id and Event-Timestamp, by which the centre knows a
 * repetition. */
#ifndef LOGGIA_PORTAL_ACCOUNTING_H
#define LOGGIA_PORTAL_ACCOUNTING_H

#include "lib/mac.h"
#include <stddef.h>
#include <stdint.h>

struct loop;
struct conf;
struct radius_client;
struct accounting;

enum acct_status { ACCT_START = 1, ACCT_STOP = 2, ACCT_INTERIM = 3, ACCT_ON = 7, ACCT_OFF = 8 };
enum acct_cause { /* RFC 2866 section 5.10 */
                  ACCT_CAUSE_NONE = 0,
                  ACCT_CAUSE_USER_REQUEST = 1,
                  ACCT_CAUSE_LOST_CARRIER = 2,
                  ACCT_CAUSE_IDLE_TIMEOUT = 4,
                  ACCT_CAUSE_SESSION_TIMEOUT = 5,
                  ACCT_CAUSE_ADMIN_RESET = 6,
                  ACCT_CAUSE_NAS_REBOOT = 11,
                  ACCT_CAUSE_NAS_REQUEST = 10
};

struct acct_record {
    enum acct_status status;
    enum acct_cause cause;  /* STOP */
    struct mac mac;         /* not for ON and OFF */
    const char *session_id; /* at most 32 characters */
    const char *called_station, *zone;
    const uint8_t *class_value, *cui;
    uint8_t class_len, cui_len;
    uint32_t session_time_s;
    uint64_t up_bytes, down_bytes, up_packets,
        down_packets; /* up = Input (RFC 2866: from the user) */
    int64_t at;       /* Unix time of the event */
};

struct accounting *accounting_new(struct loop *loop, const struct conf *conf,
                                  struct radius_client *c, char *err, size_t err_len);
/* What is not acknowledged goes to the file first. Before the client's free; NULL is fine. */
void accounting_free(struct accounting *a);
/* Takes a copy. Never blocks; never fails for the caller (a full queue drops the oldest
 * Interim-Updates first, counts it and logs it). NULL: a router without a centre, nothing to do. */
void accounting_send(struct accounting *a, const struct acct_record *r);

struct accounting_stats {
    uint64_t sent; /* given to accounting_send */
    uint64_t acknowledged, dropped;
    size_t waiting; /* in memory and on disk */
    uint64_t disk_bytes;
    bool disk_failing; /* the queue cannot be written: full disk */
    int64_t oldest_at; /* Unix time of the oldest that waits, 0 if none */
};
/* All zero if a is NULL. */
void accounting_stats(const struct accounting *a, struct accounting_stats *out);

#endif

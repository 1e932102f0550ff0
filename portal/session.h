/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One device's way through the portal: unknown, asked about, opened, counted, closed. Pure: an
 * event goes in, the state changes, and what has to be done about it comes out as a set of
 * SESSION_DO_*. No socket, no timer, no clock: times are in the events. sessions.c does what is
 * asked for here.
 *
 *            appeared           accepted          opened
 *     IDLE ────────────► ASKING ─────────► OPENING ─────► OPEN ──┐ end, idle, quota, leave, kick
 *      ▲ │      tap        │ tap              ▲ │ refused   │    ▼
 *      │ └───────────► JOINING ───────────────┘ │  missing  │  CLOSING
 *      └────────────◄──────┴────────◄───────────┘   ◄───────┘    │
 *      └────────────────────────◄────────────────────────────────┘ closed
 *
 * While no server answers, a tap may be given a short session on the router's own account
 * (provisional): OPEN as any other, and asked about again, as the tap that it was, until a server
 * has said yes (its profile replaces the provisional one in place) or no (closed). */
#ifndef LOGGIA_PORTAL_SESSION_H
#define LOGGIA_PORTAL_SESSION_H

#include "lib/config.h"
#include "lib/gate_proto.h"
#include "portal/accounting.h"
#include "portal/radius_client.h"
#include "portal/tag.h"
#include <stdbool.h>
#include <stdint.h>

#define SESSION_ID_LEN        17 /* 16 hexadecimal digits, NUL */
#define SESSION_BACKSTOP_S    30 /* the kernel ends what we did not end, this much later */
#define SESSION_MAX_S         (30 * 86400)
#define SESSION_PROVISIONAL_S 300 /* at most, where no server answered a tap */

enum session_state {
    SESSION_IDLE,
    SESSION_ASKING,  /* the silent question waits or is in flight */
    SESSION_JOINING, /* a citizen tapped: question in flight */
    SESSION_OPENING, /* the gate was told to open */
    SESSION_OPEN,
    SESSION_CLOSING /* the gate was told to close; its answer brings the last counters */
};
const char *session_state_name(enum session_state s);

/* What the last question came to: which page an idle device is shown. */
enum session_outcome {
    SESSION_UNKNOWN, /* never asked, or the city does not know it: the splash page */
    SESSION_DENIED,  /* refused with a reason */
    SESSION_REFUSED, /* a tap was refused without one */
    SESSION_CENTRE_DOWN,
    SESSION_GATE_FULL,
    SESSION_GATE_FAILED
};

struct session_profile { /* what the session was granted, defaults filled in */
    uint32_t session_s, idle_s, interim_s;
    uint64_t up_Bps, down_Bps, quota_bytes; /* 0: no bound */
};

/* What the centre said in its own words, in one piece of memory: most devices have none of it. */
struct session_words {
    uint8_t reason_len, class_len, cui_len; /* the reason's with its NUL, or 0 */
    uint8_t bytes[];                        /* the three, one behind the other */
};

/* A hundred thousand of these are kept: what few have is in words, what is short stands together.
 * All zero is a device of which nothing is known; session_fini before its memory is given back. */
struct session {
    enum session_state state : 8;
    enum session_outcome outcome : 8;
    enum acct_cause cause : 8; /* why it is, or will be, closed; NONE while it may go on */
    bool left;                 /* no silent question until the next tap */
    bool reading;              /* a READ is in flight */
    bool resumed;              /* OPENING again: accounting has begun already */
    bool changing;             /* resumed, to change what the kernel has: its counters go on */
    bool change_waits;         /* changed once more meanwhile */
    bool provisional;          /* no server has agreed to it yet */
    bool confirming;           /* OPEN, and asked about */
    bool adopted;
    bool tap_waits;              /* tapped while closing */
    uint64_t silent_again_ms;    /* no silent question before this time */
    struct session_words *words; /* session_reason, session_class, session_cui */

    /* From ASKING on. */
    char id[TAG_ID_LEN];
    uint32_t seed; /* of the jitter */

    /* From OPENING on. */
    struct session_profile profile;
    int64_t start_ms, end_ms;  /* monotonic; start may lie before an adoption, so signed */
    int64_t start_s, end_s;    /* Unix time of the same */
    struct gate_counters base; /* counted before the kernel lost its counters */
    struct gate_counters seen; /* all that was counted, as of the last read */
    uint64_t read_ms, next_read_ms, next_interim_ms, active_ms;
    uint64_t confirm_ms; /* provisional: when to ask again */
};

/* The reason of DENIED ("": none), Class and Chargeable-User-Identity. They live until the next
 * event. Where memory is out there are none. */
const char *session_reason(const struct session *s);
const uint8_t *session_class(const struct session *s, uint8_t *len);
const uint8_t *session_cui(const struct session *s, uint8_t *len);
void session_fini(struct session *s);

enum session_event_kind {
    SESSION_APPEARED,   /* the device sent a packet; random, name a question */
    SESSION_TAPPED,     /* the same, by a citizen with a good token */
    SESSION_ANSWERED,   /* grant, guest, silent_retry_ms */
    SESSION_OPENED,     /* the gate's answer to OPEN: status */
    SESSION_COUNTED,    /* the gate's answer to READ: counters, NULL if there was none */
    SESSION_MISSING,    /* the kernel does not hold what it should */
    SESSION_CLOSED,     /* the gate's answer to CLOSE: counters, NULL if it was gone */
    SESSION_EXPIRED,    /* the kernel's backstop ended it: counters */
    SESSION_DUE,        /* session_next_ms came */
    SESSION_END,        /* somebody ends it: cause; USER_REQUEST also stops silent joining */
    SESSION_CHANGED,    /* the centre changes an open session (RFC 5176): what grant has */
    SESSION_CENTRE_BACK /* a provisional session is asked about at at_ms */
};

struct session_event {
    enum session_event_kind kind;
    uint64_t now_ms; /* monotonic */
    int64_t now_s;   /* Unix */
    uint8_t random[8];
    const struct radius_grant *grant;
    const struct conf_profile *guest;
    uint64_t silent_retry_ms;
    bool guest_when_down; /* ANSWERED: a tap that got no answer gets a provisional session */
    uint64_t at_ms;
    const struct gate_counters *counters;
    enum gate_status status;
    enum acct_cause cause;
};

/* In the order in which they are to be done. */
enum session_do {
    SESSION_DO_CANCEL = 1, /* the question in flight is of no interest any more */
    SESSION_DO_ASK = 2,    /* silently */
    SESSION_DO_TAP = 4,    /* ask as a tap; of an open session: to confirm it */
    SESSION_DO_OPEN = 8,
    SESSION_DO_START = 16, /* accounting */
    SESSION_DO_READ = 32,
    SESSION_DO_INTERIM = 64,
    SESSION_DO_CLOSE = 128,
    SESSION_DO_STOP = 256,
    SESSION_DO_SETTLE = 512,    /* whoever waits for this device can be answered */
    SESSION_DO_TAP_AGAIN = 1024 /* give it SESSION_TAPPED once more, now that it is closed */
};

unsigned session_step(struct session *s, const struct session_event *ev);

/* When to send SESSION_DUE; 0: not at all. */
uint64_t session_next_ms(const struct session *s);

/* A session that the kernel held when this loggiad came, in place of *s. Left of the kernel's
 * timeout tells the end, because the wall clock may have been set meanwhile. */
void session_adopt(struct session *s, const struct tag *tag, const struct gate_entry *entry,
                   uint64_t now_ms, int64_t now_s);

/* What to write beside it into the kernel. */
void session_tag(const struct session *s, const char *zone, struct tag *out);
/* What is left of the kernel's timeout, SESSION_BACKSTOP_S included. */
uint32_t session_timeout_s(const struct session *s, uint64_t now_ms);
uint64_t session_remaining_s(const struct session *s, uint64_t now_ms);
uint32_t session_time_s(const struct session *s, uint64_t now_ms);

/* Online, and stays so while the kernel is told what it is granted now. */
bool session_is_open(const struct session *s);
/* A question or the gate's answer is awaited: what the page will say is not known yet. */
bool session_is_settling(const struct session *s);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transitions of a device, one function an event. A session's numbers stay as they were until
 * the next one begins, so that the accounting Stop that a transition asks for can still be written
 * from them: nothing that asks for DO_STOP may begin another session in the same step. */
#include "portal/session.h"
#include "lib/crypto.h"
#include <stdlib.h>
#include <string.h>

enum {
    NO_ANSWER_RETRY_MS = 2000, /* the centre was silent: the device's next packet may ask again */
    LOOK_AGAIN_MS =
        1000, /* an open device that the gate calls closed is read, at most this often */
    NO_INTERIM_READ_S = 300,
    MIN_READ_MS = 1000,
    READ_FAILED_MS = 5000,
    MAX_QUOTA_READ_MS = 60000,
    GUESSED_Bps = 12500000,  /* for the quota of a device without a cap: 100 Mbit/s */
    CONFIRM_MS = 10000,      /* a provisional session is asked about after this */
    CONFIRM_AGAIN_MS = 30000 /* and then so often, if nobody says that the centre is back */
};

const char *session_state_name(enum session_state s)
{
    static const char *const names[] = {"idle", "asking", "joining", "opening", "open", "closing"};
    return s < sizeof names / sizeof *names ? names[s] : "?";
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t clamp(uint64_t v, uint64_t min, uint64_t max)
{
    return v < min ? min : v > max ? max : v;
}

const char *session_reason(const struct session *s)
{
    return s->words && s->words->reason_len ? (const char *)s->words->bytes : "";
}

const uint8_t *session_class(const struct session *s, uint8_t *len)
{
    *len = s->words ? s->words->class_len : 0;
    return s->words ? s->words->bytes + s->words->reason_len : NULL;
}

const uint8_t *session_cui(const struct session *s, uint8_t *len)
{
    *len = s->words ? s->words->cui_len : 0;
    return s->words ? s->words->bytes + s->words->reason_len + s->words->class_len : NULL;
}

void session_fini(struct session *s)
{
    free(s->words);
    s->words = NULL;
}

/* In place of the words before, which the new ones may be among. */
static void put_words(struct session *s, const char *reason, struct crypto_slice class_value,
                      struct crypto_slice cui)
{
    size_t reason_len = *reason ? strnlen(reason, RADIUS_MAX_VALUE) + 1 : 0;
    class_value.len = class_value.len <= TAG_OPAQUE ? class_value.len : 0;
    cui.len = cui.len <= TAG_OPAQUE ? cui.len : 0;
    size_t len = reason_len + class_value.len + cui.len;
    struct session_words *w = len ? calloc(1, sizeof *w + len) : NULL;
    if (w) {
        uint8_t *to = w->bytes;
        w->reason_len = (uint8_t)reason_len;
        w->class_len = (uint8_t)class_value.len;
        w->cui_len = (uint8_t)cui.len;
        if (reason_len)
            memcpy(to, reason, reason_len - 1);
        to += reason_len;
        if (class_value.len)
            memcpy(to, class_value.data, class_value.len);
        if (cui.len)
            memcpy(to + class_value.len, cui.data, cui.len);
    }
    free(s->words);
    s->words = w;
}

static void put_reason(struct session *s, const char *reason)
{
    uint8_t class_len, cui_len;
    const uint8_t *class_value = session_class(s, &class_len), *cui = session_cui(s, &cui_len);
    put_words(s, reason, (struct crypto_slice){class_value, class_len},
              (struct crypto_slice){cui, cui_len});
}

/* 90 … 110 % of ms, so that ten thousand sessions that began together do not stay together. */
static uint64_t jittered(struct session *s, uint64_t ms)
{
    s->seed ^= s->seed << 13;
    s->seed ^= s->seed >> 17;
    s->seed ^= s->seed << 5;
    return ms * 9 / 10 + ms / 5 * (s->seed & 0xffff) / 0xffff;
}

static uint64_t left_of_quota(const struct session *s)
{
    uint64_t used = s->seen.up_bytes + s->seen.down_bytes;
    return used < s->profile.quota_bytes ? s->profile.quota_bytes - used : 0;
}

/* How long the counters may go unread: until the next interim record, a third of the idle time, or
 * the earliest moment at which the quota could be used up. */
static uint64_t read_interval_ms(const struct session *s)
{
    const struct session_profile *p = &s->profile;
    uint64_t ms = 1000 * (uint64_t)(p->interim_s ? p->interim_s : NO_INTERIM_READ_S);
    if (p->idle_s)
        ms = least(ms, 1000 * (uint64_t)p->idle_s / 3);
    if (p->quota_bytes) {
        uint64_t rate = p->up_Bps && p->down_Bps ? p->up_Bps + p->down_Bps : GUESSED_Bps;
        uint64_t soonest_s = left_of_quota(s) / rate;
        ms = least(ms, clamp(1000 * least(soonest_s, 86400), MIN_READ_MS, MAX_QUOTA_READ_MS));
    }
    return ms < MIN_READ_MS ? MIN_READ_MS : ms;
}

static void begin_watching(struct session *s, uint64_t now_ms)
{
    s->reading = false;
    s->active_ms = s->read_ms = now_ms;
    s->next_interim_ms =
        s->profile.interim_s ? now_ms + jittered(s, 1000 * (uint64_t)s->profile.interim_s) : 0;
    s->next_read_ms = now_ms + read_interval_ms(s);
}

static void take_profile(struct session *s, const struct radius_grant *g,
                         const struct conf_profile *guest)
{
    struct session_profile *p = &s->profile;
    p->session_s = g->has_session && g->session_s ? g->session_s : guest->session_s;
    p->session_s = (uint32_t)clamp(p->session_s, 1, SESSION_MAX_S);
    p->idle_s = g->has_idle ? g->idle_s : guest->idle_s;
    p->interim_s = g->has_interim ? g->interim_s : guest->interim_s;
    p->up_Bps = g->has_up ? g->up_Bps : guest->up_kbps * 125;
    p->down_Bps = g->has_down ? g->down_Bps : guest->down_kbps * 125;
    p->quota_bytes = g->has_quota ? g->quota_bytes : guest->quota_mb * 1000000;
    put_words(s, "", (struct crypto_slice){g->class_value, g->class_len},
              (struct crypto_slice){g->cui, g->cui_len});
}

static void ask(struct session *s, enum session_state state, const struct session_event *ev)
{
    s->state = state;
    crypto_hex(ev->random, sizeof ev->random, s->id);
    memcpy(&s->seed, ev->random, sizeof s->seed);
    s->seed |= 1; /* xorshift never leaves zero */
}

static unsigned on_appeared(struct session *s, const struct session_event *ev)
{
    if (s->state == SESSION_IDLE && !s->left && ev->now_ms >= s->silent_again_ms) {
        ask(s, SESSION_ASKING, ev);
        return SESSION_DO_ASK;
    }
    if (s->state == SESSION_OPEN && !s->reading && ev->now_ms >= s->read_ms + LOOK_AGAIN_MS) {
        s->reading = true;
        return SESSION_DO_READ;
    }
    return 0;
}

static unsigned on_tapped(struct session *s, const struct session_event *ev)
{
    enum session_state was = s->state;
    switch (was) {
    case SESSION_IDLE:
    case SESSION_ASKING:
        s->left = false;
        ask(s, SESSION_JOINING, ev);
        return SESSION_DO_TAP | (was == SESSION_ASKING ? SESSION_DO_CANCEL : 0);
    case SESSION_OPENING:
    case SESSION_CLOSING:
        s->left = false;
        s->tap_waits = s->cause != ACCT_CAUSE_NONE;
        return 0;
    case SESSION_OPEN:
        return SESSION_DO_SETTLE;
    case SESSION_JOINING:
        break;
    }
    return 0;
}

/* Whoever ends a session is not interested in what is still asked about it. */
static unsigned stop_confirming(struct session *s)
{
    unsigned todo = s->confirming ? SESSION_DO_CANCEL : 0;
    s->confirming = false;
    return todo;
}

static unsigned idle(struct session *s, enum session_outcome outcome, unsigned todo)
{
    todo |= stop_confirming(s);
    s->state = SESSION_IDLE;
    s->outcome = outcome;
    s->reading = s->resumed = s->changing = s->change_waits = s->provisional = false;
    return todo | SESSION_DO_SETTLE;
}

static unsigned end(struct session *s, enum acct_cause cause)
{
    s->state = SESSION_CLOSING;
    s->cause = cause;
    return SESSION_DO_CLOSE | stop_confirming(s);
}

static unsigned on_accepted(struct session *s, const struct session_event *ev)
{
    s->start_s = ev->now_s;
    s->end_s = ev->now_s + s->profile.session_s;
    s->start_ms = (int64_t)ev->now_ms;
    s->end_ms = s->start_ms + 1000 * (int64_t)s->profile.session_s;
    memset(&s->base, 0, sizeof s->base);
    memset(&s->seen, 0, sizeof s->seen);
    s->resumed = s->changing = s->change_waits = s->adopted = s->tap_waits = false;
    s->confirming = false;
    s->cause = ACCT_CAUSE_NONE;
    s->silent_again_ms = 0;
    s->outcome = SESSION_UNKNOWN;
    s->state = SESSION_OPENING;
    return SESSION_DO_OPEN;
}

/* The kernel is told the profile that the session has now; its counters go on. */
static unsigned change(struct session *s)
{
    if (s->state == SESSION_OPENING) {
        s->change_waits = true;
        return 0;
    }
    s->resumed = s->changing = true;
    s->state = SESSION_OPENING;
    return SESSION_DO_OPEN;
}

/* From now on length_s more, in all at most SESSION_MAX_S. */
static void set_end(struct session *s, const struct session_event *ev, uint32_t length_s)
{
    int64_t had_ms = (int64_t)ev->now_ms - s->start_ms;
    int64_t whole_s = had_ms / 1000 + length_s;
    s->profile.session_s = (uint32_t)(whole_s < SESSION_MAX_S ? whole_s : SESSION_MAX_S);
    s->end_ms = s->start_ms + 1000 * (int64_t)s->profile.session_s;
    s->end_s = s->start_s + s->profile.session_s;
}

static void refused(struct session *s, const struct session_event *ev, bool tapped)
{
    s->silent_again_ms = ev->now_ms + ev->silent_retry_ms;
    put_reason(s, ev->grant->reason);
    s->outcome = ev->grant->reason[0] ? SESSION_DENIED : tapped ? SESSION_REFUSED : SESSION_UNKNOWN;
}

/* What the centre says of a session that it was not there to grant. */
static unsigned on_confirmed(struct session *s, const struct session_event *ev)
{
    s->confirming = false;
    if (ev->grant->result == RADIUS_NO_ANSWER || s->cause != ACCT_CAUSE_NONE) {
        s->confirm_ms = ev->now_ms + jittered(s, CONFIRM_AGAIN_MS);
        return 0;
    }
    s->provisional = false;
    if (ev->grant->result == RADIUS_ACCEPTED) {
        take_profile(s, ev->grant, ev->guest);
        set_end(s, ev, s->profile.session_s);
        return change(s);
    }
    refused(s, ev, true);
    if (s->state == SESSION_OPEN)
        return end(s, ACCT_CAUSE_NAS_REQUEST);
    s->cause = ACCT_CAUSE_NAS_REQUEST; /* ended as soon as it is open */
    return 0;
}

static unsigned on_answered(struct session *s, const struct session_event *ev)
{
    bool tapped = s->state == SESSION_JOINING;

    if (s->confirming)
        return on_confirmed(s, ev);
    if (s->state != SESSION_ASKING && !tapped)
        return 0;
    s->provisional = false;
    if (ev->grant->result == RADIUS_ACCEPTED) {
        take_profile(s, ev->grant, ev->guest);
        return on_accepted(s, ev);
    }
    if (ev->grant->result == RADIUS_NO_ANSWER && tapped && ev->guest_when_down) {
        take_profile(s, ev->grant, ev->guest);
        s->profile.session_s = (uint32_t)least(s->profile.session_s, SESSION_PROVISIONAL_S);
        s->provisional = true;
        s->confirm_ms = ev->now_ms + jittered(s, CONFIRM_MS);
        return on_accepted(s, ev);
    }
    if (ev->grant->result == RADIUS_NO_ANSWER) {
        s->silent_again_ms = ev->now_ms + NO_ANSWER_RETRY_MS;
        return idle(s, tapped ? SESSION_CENTRE_DOWN : s->outcome, 0);
    }
    refused(s, ev, tapped);
    return idle(s, s->outcome, 0);
}

static unsigned on_changed(struct session *s, const struct session_event *ev)
{
    const struct radius_grant *g = ev->grant;
    struct session_profile *p = &s->profile;

    if (!session_is_open(s) || s->cause != ACCT_CAUSE_NONE)
        return 0;
    if (g->has_session)
        set_end(s, ev, g->session_s);
    p->idle_s = g->has_idle ? g->idle_s : p->idle_s;
    p->interim_s = g->has_interim ? g->interim_s : p->interim_s;
    p->up_Bps = g->has_up ? g->up_Bps : p->up_Bps;
    p->down_Bps = g->has_down ? g->down_Bps : p->down_Bps;
    p->quota_bytes = g->has_quota ? g->quota_bytes : p->quota_bytes;
    return change(s);
}

static unsigned on_centre_back(struct session *s, const struct session_event *ev)
{
    if (s->provisional && !s->confirming)
        s->confirm_ms = ev->at_ms;
    return 0;
}

/* What was open before may still be open in the kernel, with counters: it is closed. */
static unsigned on_not_opened(struct session *s, const struct session_event *ev)
{
    bool tap_again = s->tap_waits;

    s->outcome = ev->status == GATE_FULL ? SESSION_GATE_FULL : SESSION_GATE_FAILED;
    s->silent_again_ms = ev->now_ms + NO_ANSWER_RETRY_MS;
    if (s->resumed)
        return end(s, s->cause != ACCT_CAUSE_NONE ? s->cause : ACCT_CAUSE_NAS_REQUEST);
    s->tap_waits = false;
    return idle(s, s->outcome, tap_again ? SESSION_DO_TAP_AGAIN : 0);
}

static unsigned on_opened(struct session *s, const struct session_event *ev)
{
    unsigned start = s->resumed ? 0 : SESSION_DO_START;

    if (s->state != SESSION_OPENING)
        return 0;
    if (ev->status != GATE_OK)
        return on_not_opened(s, ev);
    begin_watching(s, ev->now_ms);
    s->resumed = s->changing = false;
    if (s->cause != ACCT_CAUSE_NONE) { /* ended while it was being opened */
        s->state = SESSION_CLOSING;
        return start | SESSION_DO_CLOSE | stop_confirming(s);
    }
    s->state = SESSION_OPEN;
    if (s->change_waits) {
        s->change_waits = false;
        return start | change(s);
    }
    return start | SESSION_DO_SETTLE;
}

/* The kernel's counters, on top of what was counted before it lost some. True if they grew. */
static bool count(struct session *s, const struct gate_counters *c)
{
    struct gate_counters now = {
        .up_bytes = s->base.up_bytes + c->up_bytes,
        .up_packets = s->base.up_packets + c->up_packets,
        .down_bytes = s->base.down_bytes + c->down_bytes,
        .down_packets = s->base.down_packets + c->down_packets,
    };
    bool grew = now.up_packets > s->seen.up_packets || now.down_packets > s->seen.down_packets;
    if (now.up_bytes >= s->seen.up_bytes && now.down_bytes >= s->seen.down_bytes)
        s->seen = now; /* RFC 2866: what was reported never shrinks */
    return grew;
}

static unsigned on_counted(struct session *s, const struct session_event *ev)
{
    bool due = s->next_interim_ms && ev->now_ms >= s->next_interim_ms;

    s->reading = false;
    if (s->state != SESSION_OPEN)
        return 0;
    if (!ev->counters) { /* the kernel would not say: later */
        s->next_read_ms = ev->now_ms + READ_FAILED_MS;
        s->next_interim_ms = due ? s->next_read_ms : s->next_interim_ms;
        return 0;
    }
    if (count(s, ev->counters))
        s->active_ms = ev->now_ms;
    s->read_ms = ev->now_ms;
    if (s->profile.quota_bytes && left_of_quota(s) == 0)
        return end(s, ACCT_CAUSE_SESSION_TIMEOUT);
    if (s->profile.idle_s && ev->now_ms >= s->active_ms + 1000 * (uint64_t)s->profile.idle_s)
        return end(s, ACCT_CAUSE_IDLE_TIMEOUT);
    if (due)
        s->next_interim_ms = ev->now_ms + jittered(s, 1000 * (uint64_t)s->profile.interim_s);
    s->next_read_ms = ev->now_ms + read_interval_ms(s);
    return due ? SESSION_DO_INTERIM : 0;
}

static unsigned on_missing(struct session *s, const struct session_event *ev)
{
    if (s->state != SESSION_OPEN)
        return 0;
    s->reading = false;
    if ((int64_t)ev->now_ms >= s->end_ms) {
        s->cause = ACCT_CAUSE_SESSION_TIMEOUT;
        return idle(s, SESSION_UNKNOWN, SESSION_DO_STOP);
    }
    s->base = s->seen;
    s->resumed = true;
    s->state = SESSION_OPENING;
    return SESSION_DO_OPEN;
}

static unsigned on_closed(struct session *s, const struct session_event *ev)
{
    bool tap_again = s->tap_waits;

    if (s->state != SESSION_CLOSING)
        return 0;
    if (ev->counters)
        count(s, ev->counters);
    s->tap_waits = false;
    if (s->outcome == SESSION_UNKNOWN)
        s->silent_again_ms = 0;
    return idle(s, s->outcome, SESSION_DO_STOP | (tap_again ? SESSION_DO_TAP_AGAIN : 0));
}

static unsigned on_expired(struct session *s, const struct session_event *ev)
{
    if (s->state != SESSION_OPEN && s->state != SESSION_CLOSING)
        return 0;
    if (ev->counters)
        count(s, ev->counters);
    if (s->state == SESSION_CLOSING) /* the answer to our CLOSE ends it */
        return 0;
    s->cause = ACCT_CAUSE_SESSION_TIMEOUT;
    return idle(s, SESSION_UNKNOWN, SESSION_DO_STOP);
}

static unsigned on_due(struct session *s, const struct session_event *ev)
{
    if (s->state != SESSION_OPEN)
        return 0;
    if ((int64_t)ev->now_ms >= s->end_ms)
        return end(s, ACCT_CAUSE_SESSION_TIMEOUT);
    if (s->provisional && !s->confirming && ev->now_ms >= s->confirm_ms) {
        s->confirming = true;
        return SESSION_DO_TAP;
    }
    if (s->reading ||
        ev->now_ms < least(s->next_read_ms, s->next_interim_ms ? s->next_interim_ms : UINT64_MAX))
        return 0;
    s->reading = true;
    return SESSION_DO_READ;
}

static unsigned on_end(struct session *s, const struct session_event *ev)
{
    if (ev->cause == ACCT_CAUSE_USER_REQUEST)
        s->left = true;
    s->tap_waits = false;
    switch (s->state) {
    case SESSION_ASKING:
    case SESSION_JOINING:
        return idle(s, SESSION_UNKNOWN, SESSION_DO_CANCEL);
    case SESSION_OPENING:
        s->cause = ev->cause;
        return 0;
    case SESSION_OPEN:
        return end(s, ev->cause);
    case SESSION_IDLE:
        return SESSION_DO_SETTLE;
    case SESSION_CLOSING:
        break;
    }
    return 0;
}

unsigned session_step(struct session *s, const struct session_event *ev)
{
    static unsigned (*const on[])(struct session *, const struct session_event *) = {
        [SESSION_APPEARED] = on_appeared, [SESSION_TAPPED] = on_tapped,
        [SESSION_ANSWERED] = on_answered, [SESSION_OPENED] = on_opened,
        [SESSION_COUNTED] = on_counted,   [SESSION_MISSING] = on_missing,
        [SESSION_CLOSED] = on_closed,     [SESSION_EXPIRED] = on_expired,
        [SESSION_DUE] = on_due,           [SESSION_END] = on_end,
        [SESSION_CHANGED] = on_changed,   [SESSION_CENTRE_BACK] = on_centre_back,
    };
    return on[ev->kind](s, ev);
}

uint64_t session_next_ms(const struct session *s)
{
    uint64_t next = s->end_ms > 0 ? (uint64_t)s->end_ms : 1;
    if (s->state != SESSION_OPEN)
        return 0;
    if (!s->reading)
        next = least(next, s->next_read_ms);
    if (!s->reading && s->next_interim_ms)
        next = least(next, s->next_interim_ms);
    if (s->provisional && !s->confirming)
        next = least(next, s->confirm_ms);
    return next;
}

void session_adopt(struct session *s, const struct tag *tag, const struct gate_entry *entry,
                   uint64_t now_ms, int64_t now_s)
{
    int64_t left_s = (int64_t)entry->timeout_s - SESSION_BACKSTOP_S;
    int64_t by_clock_s = tag->end_s - now_s;
    int64_t length_s = (int64_t)clamp((uint64_t)(tag->end_s - tag->start_s), 1, SESSION_MAX_S);

    session_fini(s);
    memset(s, 0, sizeof *s);
    /* The kernel's timeout is rounded; where the wall clock agrees with it the tag is exact. */
    if (by_clock_s - left_s <= 2 && left_s - by_clock_s <= 2)
        left_s = by_clock_s;
    s->state = SESSION_OPEN;
    s->adopted = true;
    s->provisional = tag->lang[0] != 0;
    memcpy(s->id, tag->id, sizeof s->id);
    memcpy(&s->seed, entry->mac.b + 2, sizeof s->seed);
    s->seed = (s->seed ^ (uint32_t)now_ms) | 1;
    s->confirm_ms = now_ms + jittered(s, MIN_READ_MS);
    s->profile = (struct session_profile){.session_s = (uint32_t)length_s,
                                          .idle_s = tag->idle_s,
                                          .interim_s = tag->interim_s,
                                          .up_Bps = entry->up_Bps,
                                          .down_Bps = entry->down_Bps,
                                          .quota_bytes = tag->quota_bytes};
    put_words(s, "", (struct crypto_slice){tag->class_value, tag->class_len},
              (struct crypto_slice){tag->cui, tag->cui_len});
    s->start_s = tag->start_s;
    s->end_s = tag->end_s;
    s->end_ms = (int64_t)now_ms + 1000 * left_s;
    s->start_ms = s->end_ms - 1000 * length_s;
    s->base = s->seen = tag->base;
    count(s, &entry->counters);
    begin_watching(s, now_ms);
    s->next_read_ms = now_ms + jittered(s, 5 * MIN_READ_MS); /* the dump's counters may be zero */
}

void session_tag(const struct session *s, const char *zone, struct tag *out)
{
    memset(out, 0, sizeof *out);
    memcpy(out->id, s->id, sizeof out->id);
    size_t n = strnlen(zone, sizeof out->zone - 1);
    memcpy(out->zone, zone, n);
    out->start_s = s->start_s;
    out->end_s = s->end_s;
    out->interim_s = s->profile.interim_s;
    out->idle_s = s->profile.idle_s;
    out->quota_bytes = s->profile.quota_bytes;
    out->base = s->base;
    const uint8_t *class_value = session_class(s, &out->class_len);
    const uint8_t *cui = session_cui(s, &out->cui_len);
    if (out->class_len)
        memcpy(out->class_value, class_value, out->class_len);
    if (out->cui_len)
        memcpy(out->cui, cui, out->cui_len);
}

uint64_t session_remaining_s(const struct session *s, uint64_t now_ms)
{
    int64_t left = s->end_ms - (int64_t)now_ms;
    return left > 0 ? ((uint64_t)left + 999) / 1000 : 0;
}

uint32_t session_timeout_s(const struct session *s, uint64_t now_ms)
{
    return (uint32_t)session_remaining_s(s, now_ms) + SESSION_BACKSTOP_S;
}

uint32_t session_time_s(const struct session *s, uint64_t now_ms)
{
    int64_t ms = (int64_t)now_ms - s->start_ms;
    return ms > 0 ? (uint32_t)(ms / 1000) : 0;
}

bool session_is_open(const struct session *s)
{
    return s->state == SESSION_OPEN || (s->state == SESSION_OPENING && s->resumed);
}

bool session_is_settling(const struct session *s)
{
    return s->state == SESSION_ASKING || s->state == SESSION_JOINING ||
           s->state == SESSION_CLOSING || (s->state == SESSION_OPENING && !s->resumed);
}

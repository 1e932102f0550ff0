/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl clients, kick, open. Lists come in parts of CONTROL_PART clients, with counters read
 * from the kernel for that part, so that ten thousand clients neither block the loop nor need a
 * buffer of their size. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/control_internal.h"
#include "portal/gate_client.h"
#include <string.h>

enum {
    READ_MS = 1000, /* counters that come later than this are shown as last read */
    SETTLE_MS = 3000
};

/* --- clients
 * ---------------------------------------------------------------------------------------- */

static bool listed(const struct talk *t, const struct device *d)
{
    if ((json_int_t)d->serial <= t->after)
        return false;
    return t->all || session_is_open(&d->session) || d->session.state == SESSION_CLOSING;
}

static const char *standing(const struct session *s)
{
    if (s->state != SESSION_IDLE)
        return session_state_name(s->state);
    if (s->left)
        return "left";
    return s->outcome == SESSION_DENIED ? "denied" : "idle";
}

static json_t *client(const struct talk *t, const struct device *d)
{
    const struct session *s = &d->session;
    const struct conf_zone *zone = d->session_zone ? d->session_zone : d->zone;
    char mac[MAC_TEXT_LEN];
    uint64_t now = loop_now_ms();
    json_t *o = json_pack(
        "{s:s, s:s, s:s, s:s, s:s}", "mac", t->root ? mac_text(&d->mac, mac) : "hidden", "device",
        d->pseudonym, "state", standing(s), "zone", zone ? zone->name : "", "interface", d->ifname);
    if (!session_is_open(s) && s->state != SESSION_CLOSING)
        return o;
    json_t *session = json_pack(
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:b}", "session", s->id, "since",
        (json_int_t)s->start_s, "since_s", (json_int_t)session_time_s(s, now), "ends_in_s",
        (json_int_t)session_remaining_s(s, now), "up_bytes", (json_int_t)s->seen.up_bytes,
        "down_bytes", (json_int_t)s->seen.down_bytes, "up_Bps", (json_int_t)s->profile.up_Bps,
        "down_Bps", (json_int_t)s->profile.down_Bps, "quota_bytes",
        (json_int_t)s->profile.quota_bytes, "adopted", s->adopted, "provisional", s->provisional);
    json_object_update(o, session);
    json_decref(session);
    return o;
}

static void send_part(struct talk *t)
{
    json_t *rows = json_array(), *o = json_pack("{s:b, s:o}", "ok", 1, "clients", rows);
    const struct device *d = devices_first(t->c->p->devices);
    json_int_t last = 0;

    for (; d && json_array_size(rows) < CONTROL_PART; d = devices_next(d)) {
        if (!listed(t, d))
            continue;
        json_array_append_new(rows, client(t, d));
        last = (json_int_t)d->serial;
    }
    if (d)
        json_object_set_new(o, "next", json_integer(last));
    control_reply(t, o);
}

static void on_counters(void *arg, const struct gate_reply *r)
{
    struct reading *read = arg;
    struct talk *t = read->t;
    struct device *d = read->d;
    struct portal *p = d->portal;

    if (r && r->status == GATE_OK) {
        struct session_event ev = sessions_now(SESSION_COUNTED);
        ev.counters = &r->entry.counters;
        sessions_event(d, &ev);
    }
    d->refs--;
    devices_touch(p->devices, d);
    if (--t->reading)
        return;
    if (t->ended)
        control_talk_free(t);
    else
        send_part(t);
}

void control_on_clients(struct talk *t, const json_t *request)
{
    struct portal *p = t->c->p;
    struct gate_request r = {.verb = GATE_READ};
    unsigned n = 0;

    t->after = json_integer_value(json_object_get(request, "after"));
    t->all = json_is_true(json_object_get(request, "all"));
    for (struct device *d = devices_first(p->devices); d && n < CONTROL_PART; d = devices_next(d)) {
        if (!listed(t, d))
            continue;
        struct reading *read = &t->readings[n++];
        *read = (struct reading){t, d};
        r.entry.mac = d->mac;
        if (session_is_open(&d->session) &&
            gate_client_call(p->gate, &r, READ_MS, on_counters, read)) {
            t->reading++;
            d->refs++;
        }
    }
    if (!t->reading)
        send_part(t);
}

/* --- kick
 * -------------------------------------------------------------------------------------------- */

static struct device *find(struct portal *p, const char *who)
{
    struct mac mac;
    if (mac_parse(who, &mac))
        return devices_find(p->devices, &mac);
    for (struct device *d = devices_first(p->devices); d; d = devices_next(d))
        if (strcmp(d->session.id, who) == 0 || strcmp(d->pseudonym, who) == 0)
            return d;
    return NULL;
}

static void let_go(struct talk *t)
{
    struct device *d = t->device;

    t->abandon = NULL;
    t->device = NULL;
    device_unwait(&t->waiter);
    loop_timer_free(t->late);
    t->late = NULL;
    d->refs--;
    devices_touch(t->c->p->devices, d);
}

static void settled(void *arg)
{
    struct talk *t = arg;
    json_t *o = t->settled(t, t->device);

    let_go(t);
    control_reply(t, o);
}

static void is_late(void *arg)
{
    struct talk *t = arg;

    let_go(t);
    control_refuse(t, t->too_late);
}

/* Answers when the device has settled. False without memory; then nothing was begun. */
static bool when_settled(struct talk *t, struct device *d,
                         json_t *(*fn)(struct talk *t, const struct device *d), const char *late)
{
    t->late = loop_timer_new(t->c->p->loop, is_late, t);
    if (!t->late)
        return false;
    t->device = d;
    t->settled = fn;
    t->too_late = late;
    t->abandon = let_go;
    d->refs++;
    device_wait(d, &t->waiter, settled, t);
    loop_timer_start(t->late, SETTLE_MS);
    return true;
}

static json_t *kicked(struct talk *t, const struct device *d)
{
    const struct session *s = &d->session;
    (void)t;
    return json_pack("{s:b, s:s, s:s, s:I, s:I, s:I}", "ok", 1, "device", d->pseudonym, "session",
                     s->id, "since_s", (json_int_t)session_time_s(s, loop_now_ms()), "up_bytes",
                     (json_int_t)s->seen.up_bytes, "down_bytes", (json_int_t)s->seen.down_bytes);
}

void control_on_kick(struct talk *t, const json_t *request)
{
    const char *who = json_string_value(json_object_get(request, "who"));
    struct device *d = who ? find(t->c->p, who) : NULL;

    if (!d || !(session_is_open(&d->session) || d->session.state == SESSION_OPENING) ||
        !when_settled(t, d, kicked,
                      "the gate does not answer; the session is closed as soon as it does")) {
        control_refuse(t, "no open session of that MAC address or id");
        return;
    }
    log_msg(LOG_NOTICE, "event=kick device=%s session=%s", d->pseudonym, d->session.id);
    sessions_end(d, ACCT_CAUSE_ADMIN_RESET);
}

/* --- open: a device that nobody can press a button on, let in by hand
 * -------------------------------------------------------------------------------------------- */

static json_t *opened(struct talk *t, const struct device *d)
{
    if (d->session.state != SESSION_OPEN)
        return json_pack("{s:b, s:s}", "ok", 0, "error",
                         d->session.outcome == SESSION_GATE_FULL
                             ? "the gate has no room for another device (max_clients)"
                             : "the gate could not open it; its log says why");
    json_t *o = client(t, d);
    json_object_set_new(o, "ok", json_true());
    return o;
}

/* Where it was seen; a device never seen here is put in the first zone. */
static bool placed(struct device *d)
{
    return d->zone || sessions_place(d, d->portal->boot->zones[0].interfaces[0]);
}

void control_on_open(struct talk *t, const json_t *request)
{
    const char *who = json_string_value(json_object_get(request, "mac"));
    json_int_t seconds = json_integer_value(json_object_get(request, "seconds"));
    struct radius_grant grant = {.result = RADIUS_ACCEPTED};
    struct mac mac;
    struct device *d = who && mac_parse(who, &mac) ? sessions_device(t->c->p, &mac) : NULL;

    if (!d || !placed(d)) {
        control_refuse(t, "that is not the MAC address of a device");
        return;
    }
    if (seconds < 0 || seconds > SESSION_MAX_S) {
        control_refuse(t, "a session lasts from 1 second to 30 days");
    } else if (session_is_open(&d->session)) {
        control_refuse(t, "it is online already (kick it first, to open it for another time)");
    } else if (when_settled(t, d, opened, "the gate does not answer; it is opened once it does")) {
        /* For a given time means for all of it, used or not. */
        grant.has_session = grant.has_idle = seconds > 0;
        grant.session_s = (uint32_t)seconds;
        log_msg(LOG_NOTICE, "event=open_by_hand device=%s seconds=%lld", d->pseudonym,
                (long long)seconds);
        if (!sessions_admit(d, &grant)) {
            let_go(t);
            control_refuse(t, "its last session is being closed just now; try again");
        }
        return;
    } else {
        control_refuse(t, "out of memory");
    }
    devices_touch(t->c->p->devices, d);
}

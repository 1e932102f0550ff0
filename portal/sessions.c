/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes happen what session.c decides, in the order of its SESSION_DO_*: asks the centre, tells the
 * gate, writes accounting, sets the device's timer, wakes whoever waits. An answer comes back as
 * the next event. Nothing here decides anything. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/gate_client.h"
#include "portal/metrics.h"
#include "portal/portal.h"
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLOSE_AGAIN_MS = 1000, CONFIRM_APART_MS = 2 };

static struct log_limit provisional_limit = {.interval_ms = 60000, .burst = 10};

struct session_event sessions_now(enum session_event_kind kind)
{
    struct session_event ev = {.kind = kind, .now_ms = loop_now_ms(), .now_s = time(NULL)};
    if (kind == SESSION_APPEARED || kind == SESSION_TAPPED)
        crypto_random(ev.random, sizeof ev.random);
    return ev;
}

/* --- the outside world ------------------------------------------------------------------------ */

const char *sessions_station(const struct device *d, char buf[static PORTAL_STATION_LEN])
{
    const struct conf_zone *zone = d->session_zone ? d->session_zone : d->zone;
    struct ifreq r = {0};
    char text[MAC_TEXT_LEN];
    struct mac mac = {{0}};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s",
             d->ifname[0] ? d->ifname
             : zone       ? zone->interfaces[0]
                          : "lo");
    if (fd >= 0 && ioctl(fd, SIOCGIFHWADDR, &r) == 0)
        memcpy(mac.b, r.ifr_hwaddr.sa_data, sizeof mac.b);
    if (fd >= 0)
        close(fd);
    snprintf(buf, PORTAL_STATION_LEN, "%s:%.32s", mac_text_radius(&mac, text),
             zone ? zone->name : "");
    return buf;
}

static void account(struct device *d, enum acct_status status)
{
    const struct session *s = &d->session;
    char station[PORTAL_STATION_LEN];
    struct acct_record r = {
        .status = status,
        .cause = status == ACCT_STOP ? s->cause : ACCT_CAUSE_NONE,
        .mac = d->mac,
        .session_id = s->id,
        .called_station = sessions_station(d, station),
        .zone = d->session_zone ? d->session_zone->name : "",
        .session_time_s = status == ACCT_START ? 0 : session_time_s(s, loop_now_ms()),
        .up_bytes = s->seen.up_bytes,
        .down_bytes = s->seen.down_bytes,
        .up_packets = s->seen.up_packets,
        .down_packets = s->seen.down_packets,
        .at = time(NULL),
    };
    r.class_value = session_class(s, &r.class_len);
    r.cui = session_cui(s, &r.cui_len);
    accounting_send(d->portal->accounting, &r);
}

void sessions_account_nas(struct portal *p, enum acct_status status)
{
    struct device router = {.zone = &p->boot->zones[0]};
    char station[PORTAL_STATION_LEN];
    struct acct_record r = {.status = status, .at = time(NULL)};
    sessions_station(&router, station);
    station[MAC_TEXT_LEN - 1] = 0; /* the router itself is in no zone */
    r.called_station = station;
    accounting_send(p->accounting, &r);
}

static const char *cause_name(enum acct_cause c)
{
    switch (c) {
    case ACCT_CAUSE_USER_REQUEST:
        return "user-request";
    case ACCT_CAUSE_IDLE_TIMEOUT:
        return "idle-timeout";
    case ACCT_CAUSE_SESSION_TIMEOUT:
        return "session-timeout";
    case ACCT_CAUSE_ADMIN_RESET:
        return "admin-reset";
    case ACCT_CAUSE_NAS_REQUEST:
        return "nas-request";
    case ACCT_CAUSE_LOST_CARRIER:
        return "lost-carrier";
    case ACCT_CAUSE_NAS_REBOOT:
        return "nas-reboot";
    case ACCT_CAUSE_NONE:
        break;
    }
    return "none";
}

static void log_start(const struct device *d)
{
    const struct session *s = &d->session;
    log_msg(LOG_INFO,
            "event=online device=%s session=%s zone=%s seconds=%u down_Bps=%llu up_Bps=%llu "
            "took_us=%llu",
            d->pseudonym, s->id, d->session_zone ? d->session_zone->name : "", s->profile.session_s,
            (unsigned long long)s->profile.down_Bps, (unsigned long long)s->profile.up_Bps,
            (unsigned long long)(loop_now_us() - d->asked_us));
}

static void log_stop(const struct device *d)
{
    const struct session *s = &d->session;
    log_msg(LOG_INFO, "event=offline device=%s session=%s cause=%s seconds=%u up=%llu down=%llu",
            d->pseudonym, s->id, cause_name(s->cause), session_time_s(s, loop_now_ms()),
            (unsigned long long)s->seen.up_bytes, (unsigned long long)s->seen.down_bytes);
}

/* --- the gate ----------------------------------------------------------------------------------
 */

static void release(struct device *d)
{
    d->refs--;
    devices_touch(d->portal->devices, d);
}

static bool call(struct device *d, const struct gate_request *r, gate_reply_fn fn)
{
    if (!gate_client_call(d->portal->gate, r, 0, fn, d))
        return false;
    d->refs++;
    return true;
}

static void on_opened(void *arg, const struct gate_reply *reply)
{
    struct device *d = arg;
    struct session_event ev = sessions_now(SESSION_OPENED);
    ev.status = reply ? (enum gate_status)reply->status : GATE_KERNEL;
    if (ev.status != GATE_OK)
        log_msg(LOG_ERR, "event=open_failed device=%s status=%d errno=%d", d->pseudonym, ev.status,
                reply ? reply->error : 0);
    else
        d->number = reply->entry.number;
    sessions_event(d, &ev);
    release(d);
}

static void gate_open(struct device *d)
{
    struct session *s = &d->session;
    struct gate_request r = {.verb = GATE_OPEN};
    struct tag tag;

    if (!s->resumed || !d->session_zone)
        d->session_zone = d->zone;
    session_tag(s, d->session_zone ? d->session_zone->name : "none", &tag);
    if (s->provisional)
        snprintf(tag.lang, sizeof tag.lang, "%s", d->tap_lang[0] ? d->tap_lang : "x");
    if (tag_write(&tag, r.entry.tag) == TAG_WITHOUT_CLASS)
        log_msg(LOG_WARNING, "event=class_not_kept device=%s session=%s bytes=%u", d->pseudonym,
                s->id, tag.class_len);
    r.entry.mac = d->mac;
    /* Only to change what is there: of what the kernel has lost the counters are in the tag's base,
     * not to be carried over twice. */
    r.entry.same_session = s->changing;
    /* What is under way carries the number: downloads that hear nothing of the device go on, too.
     */
    r.entry.number = s->resumed ? d->number : 0;
    r.entry.timeout_s = session_timeout_s(s, loop_now_ms());
    r.entry.up_Bps = s->profile.up_Bps;
    r.entry.down_Bps = s->profile.down_Bps;
    if (!call(d, &r, on_opened)) {
        struct session_event ev = sessions_now(SESSION_OPENED);
        ev.status = GATE_KERNEL;
        sessions_event(d, &ev);
    }
}

static void on_closed(void *arg, const struct gate_reply *reply)
{
    struct device *d = arg;
    struct session_event ev = sessions_now(SESSION_CLOSED);

    if (reply && reply->status == GATE_KERNEL) {
        log_msg(LOG_ERR, "event=close_failed device=%s errno=%d", d->pseudonym, reply->error);
        d->close_again = true;
        if (d->timer)
            loop_timer_start(d->timer, CLOSE_AGAIN_MS);
    } else {
        if (reply && reply->status == GATE_OK)
            ev.counters = &reply->entry.counters;
        sessions_event(d, &ev);
    }
    release(d);
}

static void on_read(void *arg, const struct gate_reply *reply)
{
    struct device *d = arg;
    struct session_event ev = sessions_now(SESSION_COUNTED);

    if (reply && reply->status == GATE_OK)
        ev.counters = &reply->entry.counters;
    sessions_event(d, &ev);
    if (reply && reply->status == GATE_NOT_FOUND && d->session.state == SESSION_OPEN) {
        log_msg(LOG_WARNING, "event=missing_in_kernel device=%s session=%s", d->pseudonym,
                d->session.id);
        d->portal->counts.reopened++;
        ev = sessions_now(SESSION_MISSING);
        sessions_event(d, &ev);
    }
    release(d);
}

static void gate_ask(struct device *d, enum gate_verb verb)
{
    struct gate_request r = {.verb = (uint16_t)verb, .entry = {.mac = d->mac}};
    d->close_again = false;
    if (!call(d, &r, verb == GATE_CLOSE ? on_closed : on_read)) {
        struct session_event ev =
            sessions_now(verb == GATE_CLOSE ? SESSION_CLOSED : SESSION_COUNTED);
        sessions_event(d, &ev);
    }
}

/* --- the centre --------------------------------------------------------------------------------
 */

/* What a tap gets while no server answers; a password that nobody has checked gets nothing. */
static bool guest_when_down(const struct device *d)
{
    const struct portal *p = d->portal;
    const struct conf *conf = p->live->has_radius ? p->live : p->boot;
    return p->radius && !d->login && conf->radius.when_down == CONF_DOWN_GUEST;
}

static void count_answer(struct device *d, const struct radius_grant *grant)
{
    struct portal_counts *n = &d->portal->counts;
    bool tapped = d->session.state == SESSION_JOINING, confirming = d->session.confirming;

    switch (grant->result) {
    case RADIUS_ACCEPTED:
        confirming ? n->confirmed++
        : d->login ? n->joins_login++
        : tapped   ? n->joins_tap++
                   : n->joins_silent++;
        break;
    case RADIUS_REJECTED:
        confirming ? n->unconfirmed++ : n->rejects++;
        break;
    case RADIUS_NO_ANSWER:
        n->no_answers++;
        break;
    }
    metrics_join(d->portal->metrics,
                 confirming ? METRICS_CONFIRM
                 : d->login ? METRICS_PASSWORD
                 : tapped   ? METRICS_TAP
                            : METRICS_SILENT,
                 grant);
    log_msg(grant->result == RADIUS_ACCEPTED ? LOG_INFO : LOG_DEBUG,
            "event=answer device=%s how=%s result=%s reason=\"%s\" took_us=%u", d->pseudonym,
            confirming ? "confirm"
            : d->login ? "login"
            : tapped   ? "tap"
                       : "silent",
            grant->result == RADIUS_ACCEPTED   ? "accept"
            : grant->result == RADIUS_REJECTED ? "reject"
                                               : "none",
            grant->reason, grant->took_us);
    if (tapped && grant->result == RADIUS_NO_ANSWER && guest_when_down(d)) {
        n->provisional++;
        log_limited(&provisional_limit, LOG_WARNING,
                    "event=provisional device=%s session=%s why=\"no RADIUS server answers\"",
                    d->pseudonym, d->session.id);
    }
}

const struct conf_zone *device_live_zone(const struct device *d)
{
    const struct conf_zone *zone = d->session_zone ? d->session_zone : d->zone;
    return zone ? config_zone_named(d->portal->live, zone->name) : NULL;
}

/* A form is about the place where the device is now. */
const char *device_terms_id(const struct device *d)
{
    const struct conf *live = d->portal->live;
    const struct conf_zone *zone = d->zone ? config_zone_named(live, d->zone->name) : NULL;
    return zone ? zone->terms_id : live->terms_id;
}

/* What a visitor gets where the device is, as the live configuration has it. */
static const struct conf_profile *guest_profile(const struct device *d)
{
    const struct conf *live = d->portal->live;
    const struct conf_zone *zone = device_live_zone(d);
    return zone ? &zone->guest : &live->guest;
}

void sessions_answered(struct device *d, const struct radius_grant *grant)
{
    struct portal *p = d->portal;
    struct session_event ev = sessions_now(SESSION_ANSWERED);

    count_answer(d, grant);
    ev.grant = grant;
    ev.guest_when_down = guest_when_down(d);
    ev.guest = guest_profile(d);
    ev.silent_retry_ms = 1000 * (uint64_t)p->live->silent_retry_s;
    sessions_event(d, &ev);
}

static void on_tap_answer(void *arg, const struct radius_grant *grant)
{
    struct device *d = arg;
    d->question = NULL;
    if (d->login && grant->result != RADIUS_REJECTED) {
        limit_give_back(&d->wrong_logins);
        limit_give_back(&d->portal->wrong_logins);
    } else if (d->login) {
        d->portal->counts.wrong_logins++;
    }
    sessions_answered(d, grant);
    d->login = false;
}

static void ask_tap(struct device *d)
{
    struct portal *p = d->portal;
    char station[PORTAL_STATION_LEN];
    bool tapped = d->session.state == SESSION_JOINING;
    if (tapped)
        d->session_zone = d->zone;
    d->login = d->lent != NULL;
    struct radius_ask ask = {.kind = d->login ? RADIUS_PASSWORD : RADIUS_TAP,
                             .mac = d->mac,
                             .called_station = sessions_station(d, station),
                             .zone = d->zone ? d->zone->name : "",
                             .terms_id = device_terms_id(d),
                             .lang = d->tap_lang,
                             .user = d->lent ? d->lent->user : NULL,
                             .password = d->lent ? d->lent->password : NULL,
                             .acct_session_id = d->session.id};

    forget_cancel(d);
    d->asked_us = loop_now_us();
    if (p->embedded) {
        struct radius_grant grant = embedded_answer(p->embedded, RADIUS_TAP, &d->mac);
        sessions_answered(d, &grant);
        return;
    }
    /* Nobody waits for servers that are known to be dead; what asks them again is the confirmation
     * of the session that this begins. */
    bool dead = tapped && guest_when_down(d) && !radius_client_may_answer(p->radius);
    d->question = dead ? NULL : radius_ask(p->radius, &ask, on_tap_answer, d);
    if (!d->question)
        on_tap_answer(d, &(struct radius_grant){.result = RADIUS_NO_ANSWER});
}

/* --- doing -------------------------------------------------------------------------------------
 */

static void on_timer(void *arg)
{
    struct device *d = arg;
    struct session_event ev = sessions_now(SESSION_DUE);
    if (d->session.state == SESSION_CLOSING && d->close_again)
        gate_ask(d, GATE_CLOSE);
    else
        sessions_event(d, &ev);
}

static void set_timer(struct device *d)
{
    uint64_t next = session_next_ms(&d->session), now = loop_now_ms();

    if (!next) {
        if (d->timer && !d->close_again)
            loop_timer_stop(d->timer);
        return;
    }
    if (!d->timer)
        d->timer = loop_timer_new(d->portal->loop, on_timer, d);
    if (d->timer)
        loop_timer_start(d->timer, next > now ? next - now : 0);
}

static void cancel_question(struct device *d)
{
    silent_cancel(d);
    if (d->question)
        radius_cancel(d->question);
    d->question = NULL;
    d->login = false;
}

static void perform(struct device *d, unsigned todo)
{
    if (todo & SESSION_DO_CANCEL)
        cancel_question(d);
    if (todo & SESSION_DO_ASK)
        silent_ask(d);
    if (todo & SESSION_DO_TAP)
        ask_tap(d);
    if (todo & SESSION_DO_OPEN)
        gate_open(d);
    if (todo & SESSION_DO_START) {
        log_start(d);
        account(d, ACCT_START);
    }
    if (todo & SESSION_DO_READ)
        gate_ask(d, GATE_READ);
    if (todo & SESSION_DO_INTERIM) {
        d->portal->counts.interims++;
        account(d, ACCT_INTERIM);
    }
    if (todo & SESSION_DO_CLOSE)
        gate_ask(d, GATE_CLOSE);
    if (todo & SESSION_DO_STOP) {
        d->portal->counts.stops++;
        log_stop(d);
        account(d, ACCT_STOP);
    }
}

void sessions_event(struct device *d, struct session_event *ev)
{
    struct gate_counters was = d->session.seen;

    d->refs++; /* stays, whatever those who wait may do */
    unsigned todo = session_step(&d->session, ev);
    metrics_traffic(d->portal->metrics, &was, &d->session);
    perform(d, todo);
    if (todo & SESSION_DO_TAP_AGAIN)
        sessions_tap(d, d->tap_lang);
    set_timer(d);
    if ((todo & SESSION_DO_SETTLE) && !device_is_settling(d))
        device_wake(d);
    release(d);
}

bool device_is_settling(const struct device *d)
{
    return session_is_settling(&d->session) || forget_state(d) == FORGET_ASKING;
}

/* Not all at once: those that got a provisional session are asked about one after the other. */
void sessions_centre_back(void *portal)
{
    struct portal *p = portal;
    struct session_event ev = sessions_now(SESSION_CENTRE_BACK);

    ev.at_ms = ev.now_ms;
    for (struct device *d = devices_first(p->devices); d; d = devices_next(d)) {
        if (!d->session.provisional)
            continue;
        sessions_event(d, &ev);
        ev.at_ms += CONFIRM_APART_MS;
    }
}

struct device *sessions_device(struct portal *p, const struct mac *mac)
{
    struct device *d = mac_is_device(mac) ? devices_get(p->devices, mac) : NULL;
    if (d)
        d->portal = p;
    return d;
}

bool sessions_place(struct device *d, const char *ifname)
{
    if (strncmp(d->ifname, ifname, sizeof d->ifname) != 0) {
        memset(d->ifname, 0, sizeof d->ifname);
        memcpy(d->ifname, ifname, strnlen(ifname, sizeof d->ifname - 1));
    }
    d->zone = config_zone_of(d->portal->boot, d->ifname);
    return d->zone != NULL;
}

void sessions_appeared(struct device *d, bool urgent)
{
    struct session_event ev = sessions_now(SESSION_APPEARED);
    sessions_event(d, &ev);
    if (urgent && d->session.state == SESSION_ASKING)
        silent_urge(d);
}

void sessions_tap(struct device *d, const char *lang)
{
    struct session_event ev = sessions_now(SESSION_TAPPED);
    if (lang != d->tap_lang)
        snprintf(d->tap_lang, sizeof d->tap_lang, "%s", lang);
    sessions_event(d, &ev);
}

/* As if a citizen had tapped and the centre had granted this, but nobody is asked. */
bool sessions_admit(struct device *d, const struct radius_grant *grant)
{
    struct session_event ev = sessions_now(SESSION_TAPPED);

    if (d->session.state != SESSION_IDLE && d->session.state != SESSION_ASKING)
        return false;
    forget_cancel(d);
    perform(d, session_step(&d->session, &ev) & ~(unsigned)SESSION_DO_TAP);
    d->session_zone = d->zone;
    d->asked_us = loop_now_us();
    ev = sessions_now(SESSION_ANSWERED);
    ev.grant = grant;
    ev.guest = guest_profile(d);
    sessions_event(d, &ev);
    return true;
}

void sessions_login(struct device *d, const char *lang, const char *user, const char *password)
{
    d->lent = &(struct device_login){user, password};
    sessions_tap(d, lang);
    d->lent = NULL;
}

void sessions_end(struct device *d, enum acct_cause cause)
{
    struct session_event ev = sessions_now(SESSION_END);
    ev.cause = cause;
    if (cause == ACCT_CAUSE_USER_REQUEST && d->portal->embedded)
        embedded_left(d->portal->embedded, &d->mac);
    sessions_event(d, &ev);
}

void sessions_change(struct device *d, const struct radius_grant *grant)
{
    struct session_event ev = sessions_now(SESSION_CHANGED);
    ev.grant = grant;
    sessions_event(d, &ev);
}

void sessions_fini(struct device *d)
{
    cancel_question(d);
    forget_cancel(d);
}

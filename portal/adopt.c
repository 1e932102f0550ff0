/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the gate says by itself. On each connection it lists what the kernel holds, and that is what
 * counts: a session that we do not know is adopted by its tag (we are the ones who were restarted),
 * one of ours that is not there is opened again (somebody took it away while the gate was dead),
 * and what nobody can explain is closed.
 *
 * With a hundred thousand devices the list takes a second. Who asks for a page meanwhile, and is
 * not on it yet, is looked for by name: nobody who is online is shown the splash page, and nobody
 * waits for the others. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/accounting.h"
#include "portal/gate_client.h"
#include "portal/portal.h"
#include "portal/whose.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static void on_hello(void *arg, const struct gate_hello *hello)
{
    struct portal *p = arg;
    whose_forget(p->whose);
    p->listing++;
    log_msg(LOG_DEBUG, "event=gate_hello pid=%u open=%u", hello->pid, hello->open_devices);
}

static void on_stray_closed(void *arg, const struct gate_reply *reply)
{
    (void)arg;
    (void)reply;
}

static const struct conf_zone *zone_by_name(const struct conf *conf, const char *name)
{
    for (size_t i = 0; i < conf->n_zones; i++)
        if (strcmp(conf->zones[i].name, name) == 0)
            return &conf->zones[i];
    return &conf->zones[0]; /* renamed meanwhile */
}

static void adopt(struct portal *p, struct device *d, const struct gate_entry *e,
                  const struct tag *tag)
{
    bool waited = device_is_settling(d);
    sessions_fini(d);
    session_adopt(&d->session, tag, e, loop_now_ms(), time(NULL));
    d->session_zone = zone_by_name(p->boot, tag->zone);
    if (tag->lang[0])
        snprintf(d->tap_lang, sizeof d->tap_lang, "%s", tag->lang);
    if (!d->zone)
        d->zone = d->session_zone;
    p->counts.adopted++;
    log_msg(LOG_DEBUG, "event=adopted device=%s session=%s zone=%s remaining_s=%llu", d->pseudonym,
            d->session.id, tag->zone,
            (unsigned long long)session_remaining_s(&d->session, loop_now_ms()));
    /* One harmless event sets the timer; one that has ended meanwhile is closed by it. */
    struct session_event ev = sessions_now(SESSION_DUE);
    sessions_event(d, &ev);
    if (waited)
        device_wake(d);
}

static void on_device(void *arg, const struct gate_entry *e)
{
    struct portal *p = arg;
    devices_expect(p->devices, e->in_all);
    struct device *d = sessions_device(p, &e->mac);
    struct tag tag;
    bool readable = tag_read(e->tag, &tag);

    if (!d)
        return;
    d->listing = p->listing;
    d->number = e->number;
    switch (d->session.state) {
    case SESSION_OPENING:
    case SESSION_CLOSING: /* our request is sent again, and decides */
        return;
    case SESSION_OPEN:
        if (!readable || strcmp(tag.id, d->session.id) != 0)
            d->listing--; /* another session's: ours replaces it */
        return;
    case SESSION_IDLE:
    case SESSION_ASKING:
    case SESSION_JOINING:
        break;
    }
    if (readable) {
        adopt(p, d, e, &tag);
        return;
    }
    log_msg(LOG_WARNING, "event=stray_closed device=%s why=\"its tag cannot be read\"",
            d->pseudonym);
    struct gate_request r = {.verb = GATE_CLOSE, .entry = {.mac = e->mac}};
    gate_client_call(p->gate, &r, 0, on_stray_closed, p);
    devices_touch(p->devices, d);
}

bool adopt_is_known(const struct device *d)
{
    const struct portal *p = d->portal;
    bool ours = d->session.state == SESSION_OPENING || d->session.state == SESSION_OPEN ||
                d->session.state == SESSION_CLOSING;
    return ours || d->listing == p->listing || !gate_client_lists(p->gate);
}

struct gate_call *adopt_look(struct device *d, gate_reply_fn fn, void *arg)
{
    struct gate_request r = {.verb = GATE_READ, .entry = {.mac = d->mac}};
    return gate_client_call(d->portal->gate, &r, PORTAL_WAIT_MS, fn, arg);
}

void adopt_found(struct device *d, const struct gate_reply *reply)
{
    if (adopt_is_known(d))
        return; /* the list was faster */
    if (reply->status == GATE_OK)
        on_device(d->portal, &reply->entry);
    else if (reply->status == GATE_NOT_FOUND)
        d->listing = d->portal->listing;
}

static void on_listed(void *arg, const struct gate_hello *hello)
{
    struct portal *p = arg;
    size_t missing = 0;

    /* At the first list there is nobody but those that are on it. */
    for (struct device *d = p->listing > 1 ? devices_first(p->devices) : NULL; d;
         d = devices_next(d)) {
        if (d->session.state != SESSION_OPEN || d->listing == p->listing)
            continue;
        struct session_event ev = sessions_now(SESSION_MISSING);
        missing++;
        sessions_event(d, &ev);
    }
    p->counts.reopened += missing;
    log_msg(missing ? LOG_WARNING : LOG_NOTICE,
            "event=gate_connected pid=%u open=%u adopted=%llu reopened=%zu", hello->pid,
            hello->open_devices, (unsigned long long)p->counts.adopted, missing);
    if (!p->listed_once && p->counts.adopted == 0)
        sessions_account_nas(p, ACCT_ON);
    p->listed_once = true;
    portal_say_ready(p);
}

static void on_appeared(struct portal *p, const struct gate_address *a)
{
    struct device *d = sessions_device(p, &a->mac);
    char ifname[sizeof a->ifname + 1] = "";

    memcpy(ifname, a->ifname, sizeof a->ifname);
    if (!d)
        return;
    if (sessions_place(d, ifname))
        sessions_appeared(d, false);
    else
        devices_touch(p->devices, d);
}

static void on_expired(struct portal *p, const struct gate_entry *e)
{
    struct device *d = devices_find(p->devices, &e->mac);
    struct session_event ev = sessions_now(SESSION_EXPIRED);
    if (!d)
        return;
    log_msg(LOG_WARNING, "event=expired_in_kernel device=%s session=%s", d->pseudonym,
            d->session.id);
    ev.counters = &e->counters;
    sessions_event(d, &ev);
}

/* On 10.80.0.0/20 somebody says that it is 10.80.0.1: this router. */
static void on_claimed(struct portal *p, const struct gate_address *a)
{
    static struct log_limit limit = {.interval_ms = 10000, .burst = 5};
    struct device *d = sessions_device(p, &a->mac);
    char shown[INET6_ADDRSTRLEN] = "";

    p->counts.claims++;
    inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, shown, sizeof shown);
    log_limited(
        &limit, LOG_WARNING,
        "event=address_claimed device=%s address=%s interface=%.16s why=\"a device says that "
        "it is this router: it reads what others send, or has that address by mistake\"",
        d ? d->pseudonym : "unknown", shown, a->ifname);
    if (d)
        devices_touch(p->devices, d);
}

static void on_event(void *arg, const struct gate_reply *r)
{
    struct portal *p = arg;
    whose_forget(p->whose);
    switch (r->verb) {
    case GATE_EV_APPEARED:
        on_appeared(p, &r->address);
        break;
    case GATE_EV_EXPIRED:
        on_expired(p, &r->entry);
        break;
    case GATE_EV_REBUILT:
        p->counts.rebuilt++;
        log_msg(
            LOG_WARNING,
            "event=table_rebuilt gap_us=%u why=\"another program deleted table inet %s; look for "
            "'nft flush ruleset' in firewall scripts\"",
            r->gap_us, p->boot->table);
        break;
    case GATE_EV_CLAIMED:
        on_claimed(p, &r->address);
        break;
    default: /* GONE: the session's idle time says when it ends */
        break;
    }
}

static void on_refused(void *arg, enum gate_status why)
{
    struct portal *p = arg;
    char line[160];
    if (why == GATE_BUSY)
        snprintf(line, sizeof line, "another loggiad already controls table %.64s", p->boot->table);
    else if (why == GATE_VERSION)
        snprintf(line, sizeof line, "loggia-gate is of another version: restart it too");
    else
        snprintf(line, sizeof line, "loggia-gate refused the greeting (status %d)", why);
    portal_fail(p, line);
}

const struct gate_client_handler adopt_handler = {
    .hello = on_hello,
    .device = on_device,
    .listed = on_listed,
    .event = on_event,
    .refused = on_refused,
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The admin's socket. Who may speak is decided by SO_PEERCRED; MAC addresses in clear are for root.
 * Lists come in parts of 128 clients, with counters read from the kernel for that part, so that
 * ten thousand clients neither block the loop nor need a buffer of their size. */
#include "portal/control.h"
#include "config.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/gate_client.h"
#include "portal/portal.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

enum {
    MAX_TALKS = 16,
    MAX_LINE = 1024,
    MAX_PART = 128,
    TALK_MS = 10000, /* a silent admin is hung up on */
    READ_MS = 1000,  /* counters that come later than this are shown as last read */
    KICK_MS = 3000
};

struct reading { /* of one device's counters, for a list */
    struct talk *t;
    struct device *d;
};

struct talk {
    struct control *c;
    int fd;
    bool root, busy, ended;
    struct reading readings[MAX_PART];
    unsigned reading; /* of them under way */
    struct loop_io *io;
    struct loop_timer *timer, *kick_timer;
    char in[MAX_LINE];
    size_t in_len;
    char *out;
    size_t out_len, out_sent;
    json_int_t after;
    bool all;
    struct device *kicked;
    struct waiter waiter;
    struct talk *prev, *next;
};

struct control {
    struct portal *p;
    const char *path;
    int fd;
    struct loop_io *io;
    struct talk *talks;
    unsigned n_talks;
};

/* --- the socket
 * ----------------------------------------------------------------------------------- */

static bool address(const char *path, struct sockaddr_un *a)
{
    memset(a, 0, sizeof *a);
    a->sun_family = AF_UNIX;
    if (strlen(path) >= sizeof a->sun_path)
        return false;
    memcpy(a->sun_path, path, strlen(path) + 1);
    return true;
}

bool control_answers(const char *path)
{
    struct sockaddr_un a;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool answers = fd >= 0 && address(path, &a) &&
                   (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return answers;
}

static void talk_free(struct talk *t)
{
    loop_io_free(t->io);
    t->io = NULL;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    loop_timer_free(t->timer);
    loop_timer_free(t->kick_timer);
    t->timer = t->kick_timer = NULL;
    device_unwait(&t->waiter);
    if (t->kicked) {
        t->kicked->refs--;
        devices_touch(t->c->p->devices, t->kicked);
        t->kicked = NULL;
    }
    t->ended = true;
    if (t->reading) /* the last answer of the gate frees it */
        return;
    DL_DELETE(t->c->talks, t);
    t->c->n_talks--;
    free(t->out);
    free(t);
}

static void send_out(struct talk *t)
{
    while (t->out_sent < t->out_len) {
        ssize_t n = send(t->fd, t->out + t->out_sent, t->out_len - t->out_sent,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            loop_io_set(t->io, LOOP_WRITE);
            return;
        }
        if (n < 0) {
            talk_free(t);
            return;
        }
        t->out_sent += (size_t)n;
    }
    free(t->out);
    t->out = NULL;
    t->out_len = t->out_sent = 0;
    t->busy = false;
    loop_io_set(t->io, LOOP_READ);
    loop_timer_start(t->timer, TALK_MS);
}

static void reply(struct talk *t, json_t *o)
{
    char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
    size_t n = text ? strlen(text) : 0;
    json_decref(o);
    t->out = text ? realloc(text, n + 2) : NULL;
    if (!t->out) {
        free(text);
        talk_free(t);
        return;
    }
    memcpy(t->out + n, "\n", 2);
    t->out_len = n + 1;
    t->out_sent = 0;
    send_out(t);
}

static void refuse(struct talk *t, const char *why)
{
    reply(t, json_pack("{s:b, s:s}", "ok", 0, "error", why));
}

/* --- status
 * ---------------------------------------------------------------------------------------- */

static json_t *gate_status(const struct portal *p)
{
    const struct gate_hello *h = gate_client_hello(p->gate);
    return json_pack(
        "{s:b, s:i, s:I, s:I, s:I, s:I, s:I, s:I}", "connected", gate_client_ready(p->gate), "pid",
        (int)h->pid, "max_devices", (json_int_t)h->max_devices, "waiting",
        (json_int_t)gate_client_waiting(p->gate), "losses", (json_int_t)gate_client_losses(p->gate),
        "rebuilt", (json_int_t)p->counts.rebuilt, "adopted", (json_int_t)p->counts.adopted,
        "reopened", (json_int_t)p->counts.reopened);
}

static json_t *radius_status(const struct portal *p)
{
    struct radius_server_stats s[CONFIG_MAX_SERVERS];
    size_t n = radius_client_stats(p->radius, s, CONFIG_MAX_SERVERS);
    json_t *servers = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *dropped = json_object();
        for (int f = RADIUS_FINE + 1; f < RADIUS_FAULTS; f++)
            json_object_set_new(dropped, radius_fault_name((enum radius_fault)f),
                                json_integer((json_int_t)s[i].dropped[f]));
        json_array_append_new(
            servers,
            json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "name", s[i].name, "alive",
                      s[i].alive, "requests", (json_int_t)s[i].requests, "retransmissions",
                      (json_int_t)s[i].retransmissions, "accepts", (json_int_t)s[i].accepts,
                      "rejects", (json_int_t)s[i].rejects, "timeouts", (json_int_t)s[i].timeouts,
                      "last_rtt_us", (json_int_t)s[i].last_rtt_us, "dropped", dropped));
    }
    return servers;
}

static json_t *accounting_status(const struct portal *p)
{
    struct accounting_stats a;
    accounting_stats(p->accounting, &a);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "sent", (json_int_t)a.sent,
                     "acknowledged", (json_int_t)a.acknowledged, "waiting", (json_int_t)a.waiting,
                     "dropped", (json_int_t)a.dropped, "disk_bytes", (json_int_t)a.disk_bytes,
                     "disk_failing", a.disk_failing, "oldest_s",
                     (json_int_t)(a.oldest_at ? time(NULL) - a.oldest_at : 0));
}

static json_t *web_status(const struct portal *p)
{
    struct http_stats h;
    http_server_stats(p->http, &h);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:i, s:I, s:I, s:I}", "requests",
                     (json_int_t)h.requests, "bad_requests", (json_int_t)h.bad_requests,
                     "too_large", (json_int_t)h.too_large, "timeouts", (json_int_t)h.timeouts,
                     "refused_connections", (json_int_t)h.refused_connections, "connections",
                     (int)h.connections, "redirects", (json_int_t)p->counts.redirects, "pages",
                     (json_int_t)p->counts.pages, "bad_tokens", (json_int_t)p->counts.bad_tokens);
}

static json_t *sessions_status(const struct portal *p)
{
    json_int_t open = 0, left = 0, denied = 0;
    for (const struct device *d = devices_first(p->devices); d; d = devices_next(d)) {
        open += session_is_open(&d->session);
        left += d->session.left;
        denied += d->session.state == SESSION_IDLE && d->session.outcome == SESSION_DENIED;
    }
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "open", open,
                     "known", (json_int_t)devices_count(p->devices), "left", left, "denied", denied,
                     "joins_silent", (json_int_t)p->counts.joins_silent, "joins_tap",
                     (json_int_t)p->counts.joins_tap, "rejects", (json_int_t)p->counts.rejects,
                     "no_answers", (json_int_t)p->counts.no_answers, "asking",
                     (json_int_t)p->n_asking, "queued", (json_int_t)p->n_queued, "forgetting",
                     (json_int_t)p->n_forgetting);
}

static json_t *not_kept(const struct portal *p)
{
    const char *what[PORTAL_KEEPS];
    json_t *names = json_array();
    size_t n = portal_not_kept(p, what);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(names, json_string(what[i]));
    return names;
}

static void on_status(struct talk *t, const json_t *request)
{
    const struct portal *p = t->c->p;
    unsigned skipped = 0;
    size_t notices = texts_notice_count(p->texts, &skipped);
    (void)request;
    reply(t, json_pack(
                 "{s:b, s:s, s:i, s:I, s:s, s:s, s:s, s:b, s:b, s:o, s:o, s:o, s:o, s:o, s:{s:I, "
                 "s:I}, s:b, s:I, s:o}",
                 "ok", 1, "version", PACKAGE_VERSION, "pid", (int)getpid(), "uptime_s",
                 (json_int_t)((loop_now_ms() - p->started_ms) / 1000), "network", p->live->network,
                 "portal_name", p->live->portal_name, "table", p->boot->table, "key_kept",
                 p->key_kept, "clock_sane", texts_clock_sane(), "sessions", sessions_status(p),
                 "gate", gate_status(p), "radius", radius_status(p), "accounting",
                 accounting_status(p), "web", web_status(p), "notices", "read", (json_int_t)notices,
                 "skipped", (json_int_t)skipped, "embedded", p->embedded != NULL, "passes",
                 (json_int_t)(p->embedded ? embedded_passes(p->embedded) : 0), "not_kept",
                 not_kept(p)));
}

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
        "{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "session", s->id, "since",
        (json_int_t)s->start_s, "since_s", (json_int_t)session_time_s(s, now), "ends_in_s",
        (json_int_t)session_remaining_s(s, now), "up_bytes", (json_int_t)s->seen.up_bytes,
        "down_bytes", (json_int_t)s->seen.down_bytes, "up_Bps", (json_int_t)s->profile.up_Bps,
        "down_Bps", (json_int_t)s->profile.down_Bps, "quota_bytes",
        (json_int_t)s->profile.quota_bytes, "adopted", s->adopted);
    json_object_update(o, session);
    json_decref(session);
    return o;
}

static void send_part(struct talk *t)
{
    json_t *rows = json_array(), *o = json_pack("{s:b, s:o}", "ok", 1, "clients", rows);
    const struct device *d = devices_first(t->c->p->devices);
    json_int_t last = 0;

    for (; d && json_array_size(rows) < MAX_PART; d = devices_next(d)) {
        if (!listed(t, d))
            continue;
        json_array_append_new(rows, client(t, d));
        last = (json_int_t)d->serial;
    }
    if (d)
        json_object_set_new(o, "next", json_integer(last));
    reply(t, o);
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
        talk_free(t);
    else
        send_part(t);
}

static void on_clients(struct talk *t, const json_t *request)
{
    struct portal *p = t->c->p;
    struct gate_request r = {.verb = GATE_READ};
    unsigned n = 0;

    t->after = json_integer_value(json_object_get(request, "after"));
    t->all = json_is_true(json_object_get(request, "all"));
    for (struct device *d = devices_first(p->devices); d && n < MAX_PART; d = devices_next(d)) {
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

static void kicked(void *arg)
{
    struct talk *t = arg;
    struct device *d = t->kicked;
    const struct session *s = &d->session;

    loop_timer_stop(t->kick_timer);
    t->kicked = NULL;
    json_t *o =
        json_pack("{s:b, s:s, s:s, s:I, s:I, s:I}", "ok", 1, "device", d->pseudonym, "session",
                  s->id, "since_s", (json_int_t)session_time_s(s, loop_now_ms()), "up_bytes",
                  (json_int_t)s->seen.up_bytes, "down_bytes", (json_int_t)s->seen.down_bytes);
    d->refs--;
    devices_touch(t->c->p->devices, d);
    reply(t, o);
}

static void kick_is_late(void *arg)
{
    struct talk *t = arg;
    device_unwait(&t->waiter);
    t->kicked->refs--;
    devices_touch(t->c->p->devices, t->kicked);
    t->kicked = NULL;
    refuse(t, "the gate does not answer; the session is closed as soon as it does");
}

static void on_kick(struct talk *t, const json_t *request)
{
    const char *who = json_string_value(json_object_get(request, "who"));
    struct device *d = who ? find(t->c->p, who) : NULL;

    if (!t->kick_timer)
        t->kick_timer = loop_timer_new(t->c->p->loop, kick_is_late, t);
    if (!d || !t->kick_timer ||
        !(session_is_open(&d->session) || d->session.state == SESSION_OPENING)) {
        refuse(t, "no open session of that MAC address or id");
        return;
    }
    log_msg(LOG_NOTICE, "event=kick device=%s session=%s", d->pseudonym, d->session.id);
    t->kicked = d;
    d->refs++;
    device_wait(d, &t->waiter, kicked, t);
    loop_timer_start(t->kick_timer, KICK_MS);
    sessions_end(d, ACCT_CAUSE_ADMIN_RESET);
}

/* --- lines
 * -------------------------------------------------------------------------------------------- */

static void on_line(struct talk *t, const char *line, size_t len)
{
    static const struct {
        const char *cmd;
        void (*on)(struct talk *t, const json_t *request);
    } commands[] = {{"status", on_status}, {"clients", on_clients}, {"kick", on_kick}};
    json_t *request = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    const char *cmd = json_string_value(json_object_get(request, "cmd"));
    size_t i = 0, n = sizeof commands / sizeof *commands;

    t->busy = true;
    loop_timer_stop(t->timer);
    loop_io_set(t->io, 0);
    while (cmd && i < n && strcmp(commands[i].cmd, cmd) != 0)
        i++;
    if (!cmd)
        refuse(t, "not a JSON object with a \"cmd\"");
    else if (i == n)
        refuse(t, "no such command");
    else
        commands[i].on(t, request);
    json_decref(request);
}

static void on_talk(void *arg, int fd, int events)
{
    struct talk *t = arg;
    char line[MAX_LINE];

    if (events & LOOP_WRITE) {
        send_out(t);
        return;
    }
    ssize_t n = recv(fd, t->in + t->in_len, sizeof t->in - t->in_len, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        talk_free(t);
        return;
    }
    t->in_len += (size_t)n;
    char *nl = memchr(t->in, '\n', t->in_len);
    if (!nl) {
        if (t->in_len == sizeof t->in)
            talk_free(t);
        return;
    }
    size_t len = (size_t)(nl - t->in); /* one question at a time: what came behind it is dropped */
    memcpy(line, t->in, len);
    t->in_len = 0;
    on_line(t, line, len);
}

static void talk_is_late(void *arg)
{
    talk_free(arg);
}

static void on_accept(void *arg, int fd, int events)
{
    struct control *c = arg;
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof peer;
    int s = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    (void)events;

    if (s < 0)
        return;
    bool may = getsockopt(s, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
               (peer.uid == 0 || peer.uid == geteuid());
    struct talk *t = may && c->n_talks < MAX_TALKS ? calloc(1, sizeof *t) : NULL;
    if (!t) {
        close(s);
        return;
    }
    t->c = c;
    t->fd = s;
    t->root = peer.uid == 0;
    DL_APPEND(c->talks, t);
    c->n_talks++;
    t->timer = loop_timer_new(c->p->loop, talk_is_late, t);
    t->io = loop_io_new(c->p->loop, s, LOOP_READ, on_talk, t);
    if (t->timer && t->io)
        loop_timer_start(t->timer, TALK_MS);
    else
        talk_free(t);
}

struct control *control_new(struct portal *p, const char *path, char *err, size_t err_len)
{
    struct control *c = calloc(1, sizeof *c);
    struct sockaddr_un a;
    if (!c || !address(path, &a)) {
        snprintf(err, err_len, "%s: %s", path, c ? "the path is too long" : "out of memory");
        free(c);
        return NULL;
    }
    c->p = p;
    c->path = path;
    c->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    unlink(path);
    mode_t old = umask(0117); /* 0660 from the first moment */
    bool fine = c->fd >= 0 && bind(c->fd, (struct sockaddr *)&a, sizeof a) == 0 &&
                listen(c->fd, MAX_TALKS) == 0;
    int e = errno;
    umask(old);
    if (fine)
        c->io = loop_io_new(p->loop, c->fd, LOOP_READ, on_accept, c);
    if (c->io)
        return c;
    snprintf(err, err_len, "%s: %s", path, strerror(e));
    if (c->fd >= 0)
        close(c->fd);
    free(c);
    return NULL;
}

void control_free(struct control *c)
{
    struct talk *t, *tmp;
    if (!c)
        return;
    DL_FOREACH_SAFE (c->talks, t, tmp) {
        t->reading = 0; /* the gate's client is freed next: no answer comes */
        talk_free(t);
    }
    loop_io_free(c->io);
    close(c->fd);
    unlink(c->path);
    free(c);
}

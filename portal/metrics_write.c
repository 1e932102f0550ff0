/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The metrics, one function a part of the house. Names are a contract with the dashboards of those
 * who run this: docs/metrics.md lists them, and a test compares. */
#include "config.h"
#include "lib/cert.h"
#include "lib/config.h"
#include "lib/http.h"
#include "lib/loop.h"
#include "portal/board.h"
#include "portal/dynauth.h"
#include "portal/gate_client.h"
#include "portal/metrics_internal.h"
#include "portal/metrics_text.h"
#include "portal/portal.h"
#include "portal/secure.h"
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void one(struct buf *b, const char *name, const char *type, uint64_t value, const char *help)
{
    metrics_family(b, name, type, help);
    metrics_sample(b, name, NULL, value);
}

static void labelled(struct buf *b, const char *name, const char *label, const char *is,
                     uint64_t value)
{
    const struct metrics_label labels[] = {{label, is}, {NULL, NULL}};
    metrics_sample(b, name, labels, value);
}

static void write_self(struct buf *b, const struct metrics *m)
{
    metrics_family(b, "loggia_build_info", "gauge", "Always 1; the version is in the label.");
    labelled(b, "loggia_build_info", "version", PACKAGE_VERSION, 1);
    one(b, "process_start_time_seconds", "gauge", (uint64_t)m->p->started_s,
        "When loggiad started, Unix time.");
    one(b, "loggia_config_last_reload_successful", "gauge", !m->reload_failed,
        "0 while the last reload was refused and the configuration before it goes on.");
}

static void write_joins(struct buf *b, const struct metrics *m)
{
    static const char *const kinds[] = {"silent", "tap", "password", "confirm"};
    static const char *const results[] = {"accepted", "rejected", "denied", "no_answer"};

    metrics_family(b, "loggia_joins_total", "counter",
                   "Questions to the city whether a device may go online, by how it asked and what "
                   "came of it.");
    for (int k = 0; k < METRICS_KINDS; k++)
        for (int r = 0; r < METRICS_RESULTS; r++) {
            const struct metrics_label labels[] = {
                {"kind", kinds[k]}, {"result", results[r]}, {NULL, NULL}};
            metrics_sample(b, "loggia_joins_total", labels, m->joins[k][r]);
        }
    metrics_histogram(b, "loggia_splash_duration_seconds",
                      "From a request's first byte to the splash page, the silent question "
                      "included.",
                      &m->splash);
    metrics_histogram(b, "loggia_tap_duration_seconds",
                      "From the press of the button to the answer: online, or why not.", &m->tap);
}

static void write_sessions(struct buf *b, const struct metrics *m)
{
    const struct portal *p = m->p;
    one(b, "loggia_sessions", "gauge", devices_census(p->devices)->open,
        "Sessions that are open now.");
    one(b, "loggia_devices", "gauge", devices_count(p->devices),
        "Devices that loggiad remembers, online or not.");
    one(b, "loggia_sessions_ended_total", "counter", p->counts.stops, "Sessions that ended.");
    one(b, "loggia_sessions_adopted_total", "counter", p->counts.adopted,
        "Sessions found in the kernel at a start and gone on with.");
    one(b, "loggia_sessions_reopened_total", "counter", p->counts.reopened,
        "Sessions that the kernel had lost and that were opened again.");
    one(b, "loggia_sessions_provisional_total", "counter", p->counts.provisional,
        "Sessions begun while no server answered (when_radius_down = guest).");
    if (p->embedded)
        one(b, "loggia_passes", "gauge", embedded_passes(p->embedded),
            "Passes that this router keeps, where there is no centre.");
    metrics_family(b, "loggia_silent_questions", "gauge",
                   "Silent questions on their way, or waiting for a place.");
    labelled(b, "loggia_silent_questions", "state", "asking", p->n_asking);
    labelled(b, "loggia_silent_questions", "state", "queued", p->n_queued);
    metrics_family(b, "loggia_traffic_bytes_total", "counter",
                   "Bytes delivered: up from citizens' devices, down to them.");
    labelled(b, "loggia_traffic_bytes_total", "direction", "up", m->up_bytes);
    labelled(b, "loggia_traffic_bytes_total", "direction", "down", m->down_bytes);
}

/* --- radius
 * ---------------------------------------------------------------------------------------- */

static void by_purpose(struct buf *b, const char *name, const struct radius_server_stats *s,
                       uint64_t access, uint64_t accounting)
{
    const struct metrics_label one_label[] = {
        {"server", s->name}, {"purpose", "access"}, {NULL, NULL}};
    const struct metrics_label other[] = {
        {"server", s->name}, {"purpose", "accounting"}, {NULL, NULL}};
    metrics_sample(b, name, one_label, access);
    metrics_sample(b, name, other, accounting);
}

static void write_answers(struct buf *b, const struct radius_server_stats *s, size_t n)
{
    const char *name = "loggia_radius_answers_total";
    metrics_family(b, name, "counter", "Right answers of RADIUS servers.");
    for (size_t i = 0; i < n; i++) {
        const struct {
            const char *answer;
            uint64_t n;
        } rows[] = {{"accept", s[i].accepts},
                    {"reject", s[i].rejects},
                    {"accounting", s[i].acct_responses}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const struct metrics_label labels[] = {
                {"server", s[i].name}, {"answer", rows[k].answer}, {NULL, NULL}};
            metrics_sample(b, name, labels, rows[k].n);
        }
    }
}

static void write_dropped(struct buf *b, const struct radius_server_stats *s, size_t n)
{
    const char *name = "loggia_radius_dropped_replies_total";
    metrics_family(b, name, "counter",
                   "Replies that were not believed. A fault in every authenticator means that the "
                   "secret differs.");
    for (size_t i = 0; i < n; i++)
        for (int f = RADIUS_FINE + 1; f < RADIUS_FAULTS; f++) {
            const struct metrics_label labels[] = {
                {"server", s[i].name},
                {"fault", radius_fault_name((enum radius_fault)f)},
                {NULL, NULL}};
            metrics_sample(b, name, labels, s[i].dropped[f]);
        }
}

static void write_radius(struct buf *b, const struct metrics *m)
{
    struct radius_server_stats s[CONFIG_MAX_SERVERS];
    size_t n = m->p->radius ? radius_client_stats(m->p->radius, s, CONFIG_MAX_SERVERS) : 0;
    if (n == 0) /* a router that decides by itself */
        return;
    metrics_family(b, "loggia_radius_up", "gauge", "Whether the server is thought to live.");
    for (size_t i = 0; i < n; i++)
        by_purpose(b, "loggia_radius_up", &s[i], s[i].alive, s[i].acct_alive);
    metrics_family(b, "loggia_radius_requests_total", "counter", "Questions put to the server.");
    for (size_t i = 0; i < n; i++)
        by_purpose(b, "loggia_radius_requests_total", &s[i], s[i].requests, s[i].acct_requests);
    write_answers(b, s, n);
    metrics_family(b, "loggia_radius_retransmissions_total", "counter", "Questions sent again.");
    for (size_t i = 0; i < n; i++)
        labelled(b, "loggia_radius_retransmissions_total", "server", s[i].name,
                 s[i].retransmissions);
    metrics_family(b, "loggia_radius_timeouts_total", "counter",
                   "Questions that the server did not answer in its share of the time.");
    for (size_t i = 0; i < n; i++)
        labelled(b, "loggia_radius_timeouts_total", "server", s[i].name, s[i].timeouts);
    write_dropped(b, s, n);
    metrics_family(b, "loggia_radius_last_answer_duration_seconds", "gauge",
                   "How long the server's last answer took.");
    for (size_t i = 0; i < n; i++) {
        const struct metrics_label labels[] = {{"server", s[i].name}, {NULL, NULL}};
        metrics_sample_us(b, "loggia_radius_last_answer_duration_seconds", labels,
                          s[i].last_rtt_us);
    }
}

/* RFC 5176 */
static void write_centre_requests(struct buf *b, const struct metrics *m)
{
    struct dynauth_stats s;
    if (!m->p->dynauth)
        return;
    dynauth_stats(m->p->dynauth, &s);
    uint64_t dropped = s.strangers + s.stale;
    for (int f = RADIUS_FINE + 1; f < RADIUS_FAULTS; f++)
        dropped += s.dropped[f];
    const struct {
        const char *result;
        uint64_t n;
    } rows[] = {
        {"done", s.acks}, {"refused", s.naks}, {"repeated", s.repeated}, {"dropped", dropped}};
    metrics_family(b, "loggia_centre_requests_total", "counter",
                   "Requests of the centre to end or change a session, by what came of them.");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        labelled(b, "loggia_centre_requests_total", "result", rows[i].result, rows[i].n);
}

static void write_accounting(struct buf *b, const struct metrics *m)
{
    struct accounting_stats a;
    if (!m->p->accounting)
        return;
    accounting_stats(m->p->accounting, &a);
    int64_t age = a.oldest_at ? time(NULL) - a.oldest_at : 0;
    one(b, "loggia_accounting_records_total", "counter", a.sent, "Records made.");
    one(b, "loggia_accounting_acknowledged_records_total", "counter", a.acknowledged,
        "Records that a server has confirmed.");
    one(b, "loggia_accounting_dropped_records_total", "counter", a.dropped,
        "Records given up because the queue was full.");
    one(b, "loggia_accounting_waiting_records", "gauge", a.waiting,
        "Records that wait to be confirmed, in memory and on disk.");
    one(b, "loggia_accounting_oldest_record_age_seconds", "gauge", age > 0 ? (uint64_t)age : 0,
        "Age of the oldest record that waits.");
    one(b, "loggia_accounting_disk_bytes", "gauge", a.disk_bytes, "Size of the queue on disk.");
    one(b, "loggia_accounting_disk_failing", "gauge", a.disk_failing,
        "1 while the queue cannot be written: what waits is lost if loggiad ends.");
}

/* --- the rest
 * -------------------------------------------------------------------------------------- */

static void write_gate(struct buf *b, const struct metrics *m, const struct gate_hello *hello)
{
    const struct portal *p = m->p;
    one(b, "loggia_gate_up", "gauge", hello != NULL, "Whether loggia-gate answers.");
    one(b, "loggia_gate_losses_total", "counter", gate_client_losses(p->gate),
        "Times that the connection to the gate was lost.");
    one(b, "loggia_gate_rebuilds_total", "counter", p->counts.rebuilt,
        "Times that somebody deleted the gate's table and it was rebuilt.");
    one(b, "loggia_address_claims_total", "counter", p->counts.claims,
        "Times that a device of the LAN said that an address of this router is its own.");
    if (!hello)
        return;
    metrics_family(b, "loggia_gate_transactions_total", "counter",
                   "Netlink transactions of the gate since it started.");
    labelled(b, "loggia_gate_transactions_total", "result", "committed",
             hello->transactions - hello->transactions_failed);
    labelled(b, "loggia_gate_transactions_total", "result", "failed", hello->transactions_failed);
    one(b, "loggia_gate_devices", "gauge", hello->open_devices, "Devices open in the kernel.");
    one(b, "loggia_gate_max_devices", "gauge", hello->max_devices, "The most that may be open.");
}

static void write_kept(struct buf *b, const struct metrics *m)
{
    static const char *const all[PORTAL_KEEPS] = {"token-key", "passes", "accounting"};
    const char *lost[PORTAL_KEEPS];
    size_t n = portal_not_kept(m->p, lost);

    metrics_family(b, "loggia_not_kept", "gauge",
                   "1 while it cannot be written to disk, and would be lost with loggiad.");
    for (size_t i = 0; i < PORTAL_KEEPS; i++) {
        uint64_t is_lost = 0;
        for (size_t k = 0; k < n; k++)
            is_lost |= strcmp(lost[k], all[i]) == 0;
        labelled(b, "loggia_not_kept", "what", all[i], is_lost);
    }
}

static void write_notices(struct buf *b, const struct metrics *m)
{
    unsigned skipped = 0;
    size_t n = texts_notice_count(m->p->texts, &skipped);
    const char *dir = m->p->live->notices_directory;
    struct stat st;
    one(b, "loggia_notices", "gauge", n, "Notices read.");
    one(b, "loggia_notices_skipped", "gauge", skipped, "Files that are no right notice.");
    if (dir && stat(dir, &st) == 0) {
        int64_t age = time(NULL) - st.st_mtime;
        one(b, "loggia_notices_age_seconds", "gauge", age > 0 ? (uint64_t)age : 0,
            "Since a notice last came or went.");
    }
}

static void write_board(struct buf *b, const struct metrics *m)
{
    struct board_stats s;
    if (!m->p->board)
        return;
    board_stats(m->p->board, &s);
    one(b, "loggia_board_up", "gauge", s.heard_ms && !*s.last_error,
        "1 if the noticeboard's last answer was in order.");
    one(b, "loggia_board_serial", "gauge", s.serial, "Edition that is shown; 0: none.");
    one(b, "loggia_board_created_timestamp_seconds", "gauge", (uint64_t)s.created_s,
        "When what is shown was last signed, Unix time.");
    one(b, "loggia_board_expires_timestamp_seconds", "gauge", (uint64_t)s.expires_s,
        "Until when that signature counts, Unix time.");
    one(b, "loggia_board_parts_skipped", "gauge", s.skipped,
        "Notices and services of the edition that cannot be read.");
    one(b, "loggia_board_questions_total", "counter", s.asked, "Questions to the noticeboard.");
    one(b, "loggia_board_editions_total", "counter", s.fresh, "New editions shown.");
    one(b, "loggia_board_failures_total", "counter", s.failures,
        "Questions that came to nothing, refused answers among them.");
    one(b, "loggia_board_refused_total", "counter", s.refused,
        "Answers that were not believed: signature, key, serial, dates, digest or length.");
    metrics_family(b, "loggia_board_bytes_total", "counter", "Bytes of HTTP, heads included.");
    labelled(b, "loggia_board_bytes_total", "direction", "received", s.bytes_received);
    labelled(b, "loggia_board_bytes_total", "direction", "sent", s.bytes_sent);
    one(b, "loggia_board_not_kept", "gauge", s.keeping_fails,
        "1 while the last good edition cannot be written to disk.");
    one(b, "loggia_board_counts_lost_total", "counter", s.counts_lost,
        "Sums of displays and taps for which there was no room.");
}

struct listener {
    const char *name;
    struct http_stats stats;
};

static void write_listeners(struct buf *b, const struct listener *l, size_t n)
{
    metrics_family(b, "loggia_http_requests_total", "counter", "Requests of citizens' devices.");
    for (size_t i = 0; i < n; i++)
        labelled(b, "loggia_http_requests_total", "listener", l[i].name, l[i].stats.requests);
    metrics_family(b, "loggia_http_connections", "gauge", "Connections open now.");
    for (size_t i = 0; i < n; i++)
        labelled(b, "loggia_http_connections", "listener", l[i].name, l[i].stats.connections);
    metrics_family(b, "loggia_http_failures_total", "counter",
                   "Connections and requests that were refused or came to nothing.");
    for (size_t i = 0; i < n; i++) {
        const struct {
            const char *reason;
            uint64_t n;
        } rows[] = {{"bad_request", l[i].stats.bad_requests},
                    {"too_large", l[i].stats.too_large},
                    {"timeout", l[i].stats.timeouts},
                    {"refused", l[i].stats.refused_connections}};
        for (size_t k = 0; k < sizeof rows / sizeof *rows; k++) {
            const struct metrics_label labels[] = {
                {"listener", l[i].name}, {"reason", rows[k].reason}, {NULL, NULL}};
            metrics_sample(b, "loggia_http_failures_total", labels, rows[k].n);
        }
    }
}

static void write_web(struct buf *b, const struct metrics *m)
{
    const struct portal *p = m->p;
    const struct cert_facts *certificate = p->secure ? secure_certificate(p->secure) : NULL;
    struct listener l[2] = {{.name = "http"}, {.name = "https"}};

    http_server_stats(p->http, &l[0].stats);
    if (p->secure)
        secure_stats(p->secure, &l[1].stats);
    write_listeners(b, l, p->secure ? 2 : 1);
    if (certificate)
        one(b, "loggia_certificate_expiry_timestamp_seconds", "gauge",
            (uint64_t)certificate->not_after_s,
            "When the certificate of the secure pages, or one of its chain, expires, Unix time.");
    one(b, "loggia_redirects_total", "counter", p->counts.redirects,
        "Requests for other hosts that were led to the portal.");
    one(b, "loggia_pages_total", "counter", p->counts.pages, "Pages shown.");
    one(b, "loggia_bad_tokens_total", "counter", p->counts.bad_tokens,
        "Forms that were too old or another device's.");
    metrics_family(b, "loggia_logins_refused_total", "counter",
                   "Last passwords that were wrong, or one too many in a time.");
    labelled(b, "loggia_logins_refused_total", "reason", "wrong", p->counts.wrong_logins);
    labelled(b, "loggia_logins_refused_total", "reason", "limited", p->counts.limited_logins);
}

static void of_turns(struct buf *b, const char *name, const char *daemon, uint64_t value, bool us)
{
    const struct metrics_label labels[] = {{"daemon", daemon}, {NULL, NULL}};
    if (us)
        metrics_sample_us(b, name, labels, value);
    else
        metrics_sample(b, name, labels, value);
}

/* hello: NULL, or of a gate that may be too old to count. */
static void write_loops(struct buf *b, const struct metrics *m, const struct gate_hello *hello)
{
    struct loop_turns own;
    bool gate = hello && hello->turns > 0;
    loop_turns(m->p->loop, &own);
    const struct {
        const char *name, *type, *help;
        uint64_t own, gate;
        bool us;
    } rows[] = {
        {"loggia_loop_turns_total", "counter", "Turns of the daemon's event loop.", own.n,
         gate ? hello->turns : 0, false},
        {"loggia_loop_slow_turns_total", "counter", "Turns that took longer than 5 ms.", own.slow,
         gate ? hello->slow_turns : 0, false},
        {"loggia_loop_longest_turn_seconds", "gauge",
         "The longest turn of the last one to two minutes: so long nobody else was served.",
         own.longest_us, gate ? hello->longest_turn_us : 0, true},
        {"loggia_loop_longest_turn_waiting_seconds", "gauge",
         "For how much of that it waited for a processor.", own.waited_us,
         gate ? hello->longest_turn_waited_us : 0, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        metrics_family(b, rows[i].name, rows[i].type, rows[i].help);
        of_turns(b, rows[i].name, "loggiad", rows[i].own, rows[i].us);
        if (gate)
            of_turns(b, rows[i].name, "loggia-gate", rows[i].gate, rows[i].us);
    }
}

void metrics_write(struct buf *b, const struct metrics *m, const struct gate_hello *hello)
{
    write_self(b, m);
    write_joins(b, m);
    write_sessions(b, m);
    write_radius(b, m);
    write_centre_requests(b, m);
    write_accounting(b, m);
    write_gate(b, m, hello);
    write_loops(b, m, hello);
    write_kept(b, m);
    write_notices(b, m);
    write_board(b, m);
    write_web(b, m);
}

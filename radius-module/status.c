/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "radius-module/status.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *const verdict_names[] = {"accept", "splash", "deny"};

void status_count(struct status_counts *c, const struct decision *d)
{
    __atomic_fetch_add(&c->verdicts[d->verdict][d->degraded], 1, __ATOMIC_RELAXED);
}

/* --- for Prometheus -----------------------------------------------------------------------------
 */

static void head(FILE *out, const char *name, const char *type, const char *help)
{
    fprintf(out, "# HELP loggia_%s %s\n# TYPE loggia_%s %s\n", name, help, name, type);
}

static void number(FILE *out, const char *name, const char *type, uint64_t n, const char *help)
{
    head(out, name, type, help);
    fprintf(out, "loggia_%s %llu\n", name, (unsigned long long)n);
}

static void decisions(FILE *out, const struct status_counts *c)
{
    head(out, "decisions_total", "counter",
         "Answers to routers; degraded: taken while an authority or the store was silent.");
    for (int v = 0; v < 3; v++)
        for (int d = 0; d < 2; d++)
            fprintf(out, "loggia_decisions_total{verdict=\"%s\",degraded=\"%s\"} %llu\n",
                    verdict_names[v], d ? "yes" : "no",
                    (unsigned long long)__atomic_load_n(&c->verdicts[v][d], __ATOMIC_RELAXED));
}

static uint64_t is_up(const struct authority_stats *a)
{
    return a->breaker == BREAKER_CLOSED;
}

static uint64_t connections(const struct authority_stats *a)
{
    return a->connections;
}

static uint64_t in_flight(const struct authority_stats *a)
{
    return a->in_flight;
}

static uint64_t asked(const struct authority_stats *a)
{
    return a->asked;
}

static uint64_t failed(const struct authority_stats *a)
{
    return a->failed;
}

static uint64_t refused(const struct authority_stats *a)
{
    return a->refused;
}

static uint64_t opened(const struct authority_stats *a)
{
    return a->opened;
}

static uint64_t remembered(const struct authority_stats *a)
{
    return a->remembered;
}

static uint64_t stale(const struct authority_stats *a)
{
    return a->stale;
}

static const struct figure {
    const char *name, *type, *help;
    uint64_t (*of)(const struct authority_stats *a);
} figures[] = {
    {"authority_up", "gauge", "1 while its breaker is closed.", is_up},
    {"authority_connections", "gauge", "Connections open to its directory.", connections},
    {"authority_in_flight", "gauge", "Searches that wait for its answer.", in_flight},
    {"authority_searches_total", "counter", "Searches put to it.", asked},
    {"authority_failures_total", "counter", "Searches that failed or timed out.", failed},
    {"authority_refusals_total", "counter", "Searches not sent: breaker open, or too many waiting.",
     refused},
    {"authority_breaker_openings_total", "counter", "Times that its breaker opened.", opened},
    {"authority_remembered_total", "counter", "Questions that the memory answered.", remembered},
    {"authority_stale_total", "counter", "Its last answers, served while it was silent.", stale},
};

static void authority_durations(FILE *out, const struct status_source *s)
{
    const char *name = "authority_answer_duration_seconds";
    struct authority_stats a;
    head(out, name, "histogram", "From a question to its directory's answer.");
    for (size_t i = 0; i < s->conf->n_authorities; i++) {
        const char *who = s->conf->authorities[i].name;
        uint64_t sum = 0;
        fed_authority_stats(s->fed, i, &a);
        for (size_t b = 0; b < AUTHORITY_BUCKETS; b++) {
            sum += a.within[b];
            if (authority_bucket_ms[b])
                fprintf(out, "loggia_%s_bucket{authority=\"%s\",le=\"%g\"} %llu\n", name, who,
                        authority_bucket_ms[b] / 1e3, (unsigned long long)sum);
        }
        fprintf(out, "loggia_%s_bucket{authority=\"%s\",le=\"+Inf\"} %llu\n", name, who,
                (unsigned long long)sum);
        fprintf(out, "loggia_%s_sum{authority=\"%s\"} %g\n", name, who, (double)a.took_ms / 1e3);
        fprintf(out, "loggia_%s_count{authority=\"%s\"} %llu\n", name, who,
                (unsigned long long)sum);
    }
}

static void authorities(FILE *out, const struct status_source *s)
{
    struct authority_stats a;
    for (size_t f = 0; f < sizeof figures / sizeof *figures; f++) {
        head(out, figures[f].name, figures[f].type, figures[f].help);
        for (size_t i = 0; i < s->conf->n_authorities; i++) {
            fed_authority_stats(s->fed, i, &a);
            fprintf(out, "loggia_%s{authority=\"%s\"} %llu\n", figures[f].name,
                    s->conf->authorities[i].name, (unsigned long long)figures[f].of(&a));
        }
    }
    authority_durations(out, s);
}

static void store(FILE *out, const struct status_source *s)
{
    struct guard g[2];
    guard_stats(s->reading, &g[0]);
    guard_stats(s->writing, &g[1]);
    head(out, "store_up", "gauge", "1 while the pass store's breaker is closed.");
    for (int i = 0; i < 2; i++)
        fprintf(out, "loggia_store_up{what=\"%s\"} %d\n", g[i].name,
                g[i].breaker.state == BREAKER_CLOSED);
    head(out, "store_questions_total", "counter", "Questions put to the pass store.");
    for (int i = 0; i < 2; i++)
        fprintf(out, "loggia_store_questions_total{what=\"%s\"} %llu\n", g[i].name,
                (unsigned long long)g[i].asked);
    head(out, "store_failures_total", "counter", "Of those, that it did not answer.");
    for (int i = 0; i < 2; i++)
        fprintf(out, "loggia_store_failures_total{what=\"%s\"} %llu\n", g[i].name,
                (unsigned long long)g[i].failed);
    head(out, "store_refusals_total", "counter", "Questions that were decided without it.");
    for (int i = 0; i < 2; i++)
        fprintf(out, "loggia_store_refusals_total{what=\"%s\"} %llu\n", g[i].name,
                (unsigned long long)g[i].refused);
    number(out, "store_waiting", "gauge", s->waiting, "What is still to be written to it.");
}

void status_metrics(FILE *out, const struct status_source *s)
{
    struct fed_stats f;
    fed_stats(s->fed, &f);
    decisions(out, s->counts);
    number(out, "questions_total", "counter", f.questions, "Questions about a device.");
    number(out, "questions_coalesced_total", "counter", f.coalesced,
           "Of those, asked while the same was on its way.");
    number(out, "questions_remembered_total", "counter", f.remembered,
           "Of those, answered from memory alone.");
    number(out, "deadline_exceeded_total", "counter", f.deadline,
           "Questions that waited until the deadline.");
    number(out, "bulkhead_refusals_total", "counter", f.bulkhead,
           "Workers that did not wait for a silent authority, for enough did.");
    number(out, "rechecks_total", "counter", f.rechecked,
           "Times that everybody was asked about a device that is online.");
    number(out, "followed_total", "counter", f.followed,
           "Changes that directories told by themselves, of devices in the memory.");
    number(out, "shut_out_total", "counter", f.denied, "Devices that an authority has shut out.");
    number(out, "disconnects_total", "counter", s->disconnects,
           "Disconnect-Requests for sessions of those.");
    number(out, "changed_total", "counter", f.changed,
           "Devices of which an authority has said something else while they were online.");
    number(out, "changes_total", "counter", s->changes, "CoA-Requests for sessions of those.");
    number(out, "remembered_devices", "gauge", f.devices, "Devices in the memory.");
    authorities(out, s);
    store(out, s);
}

/* --- for people ---------------------------------------------------------------------------------
 */

/* The bucket's end, below which so many of a hundred lie; 0: none answered, or it has no end. */
static uint32_t percentile(const struct authority_stats *a, unsigned percent)
{
    uint64_t all = 0, sum = 0;
    for (size_t b = 0; b < AUTHORITY_BUCKETS; b++)
        all += a->within[b];
    for (size_t b = 0; all && b < AUTHORITY_BUCKETS; b++) {
        sum += a->within[b];
        if (sum * 100 >= all * percent)
            return authority_bucket_ms[b];
    }
    return 0;
}

static void put_percentile(FILE *out, const struct authority_stats *a, unsigned percent)
{
    uint32_t ms = percentile(a, percent);
    if (ms)
        fprintf(out, " p%u=%ums", percent, ms);
    else
        fprintf(out, " p%u=%s", percent, a->answered ? ">2000ms" : "-");
}

void status_authority(FILE *out, const struct status_source *s, size_t authority)
{
    struct authority_stats a;
    fed_authority_stats(s->fed, authority, &a);
    fprintf(out, "breaker=%s connections=%u in_flight=%u asked=%llu answered=%llu",
            breaker_name(a.breaker), a.connections, a.in_flight, (unsigned long long)a.asked,
            (unsigned long long)a.answered);
    fprintf(out, " failed=%llu refused=%llu opened=%llu remembered=%llu stale=%llu last_ms=%u",
            (unsigned long long)a.failed, (unsigned long long)a.refused,
            (unsigned long long)a.opened, (unsigned long long)a.remembered,
            (unsigned long long)a.stale, a.last_ms);
    put_percentile(out, &a, 50);
    put_percentile(out, &a, 95);
    put_percentile(out, &a, 99);
    /* What libldap said, perhaps of a stranger's words. */
    for (char *c = a.last_error; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == '"' || *c == 0x7f)
            *c = '?';
    fprintf(out, " last_error=\"%s\"", a.last_error);
}

static void put_store(FILE *out, struct guard *guard)
{
    struct guard g;
    guard_stats(guard, &g);
    fprintf(out, "store %s: breaker=%s inside=%u asked=%llu failed=%llu refused=%llu\n", g.name,
            breaker_name(g.breaker.state), g.inside, (unsigned long long)g.asked,
            (unsigned long long)g.failed, (unsigned long long)g.refused);
}

void status_text(FILE *out, const struct status_source *s)
{
    char now[32] = "";
    time_t t = time(NULL);
    struct tm tm;
    struct fed_stats f;
    fed_stats(s->fed, &f);
    if (gmtime_r(&t, &tm))
        strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &tm);
    fprintf(out, "at %s\n", now);
    for (size_t i = 0; i < s->conf->n_authorities; i++) {
        fprintf(out, "authority %s: ", s->conf->authorities[i].name);
        status_authority(out, s, i);
        fputc('\n', out);
    }
    put_store(out, s->reading);
    put_store(out, s->writing);
    fprintf(out, "store: waiting=%zu\n", s->waiting);
    fprintf(out, "memory: devices=%zu questions=%llu remembered=%llu coalesced=%llu stale=%llu\n",
            f.devices, (unsigned long long)f.questions, (unsigned long long)f.remembered,
            (unsigned long long)f.coalesced, (unsigned long long)f.stale);
    fprintf(out,
            "online: rechecked=%llu followed=%llu shut_out=%llu disconnects=%llu "
            "changed=%llu changes=%llu\n",
            (unsigned long long)f.rechecked, (unsigned long long)f.followed,
            (unsigned long long)f.denied, (unsigned long long)s->disconnects,
            (unsigned long long)f.changed, (unsigned long long)s->changes);
}

/* --- files --------------------------------------------------------------------------------------
 */

int status_replace(const char *path, void (*write)(FILE *out, const struct status_source *s),
                   const struct status_source *s)
{
    char other[512];
    int err = 0;
    if ((size_t)snprintf(other, sizeof other, "%s.new", path) >= sizeof other)
        return ENAMETOOLONG;
    unlink(other); /* a link that somebody left there is not followed */
    FILE *out = fopen(other, "wxe");
    if (!out)
        return errno;
    write(out, s);
    if (fchmod(fileno(out), 0644) || ferror(out))
        err = EIO;
    if (fclose(out) || (!err && rename(other, path)))
        err = errno;
    if (err)
        unlink(other);
    return err;
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store's own thread. Everything that no citizen waits for is done here, so that it costs no
 * worker: what the authorities said is written down when it changes; every half second it looks for
 * what other servers have changed (which is how a store that was silent is found to be back, too);
 * those who are online are asked about again (a server that has just begun reads in the accounting
 * who that is); and who has been shut out is cut off, who may do something else now is changed,
 * wherever the accounting says that a session of the device is open.
 *
 * What is to be written waits here while the store is silent, bounded. The thread expands the same
 * configured texts as a worker does, in a request of its own making that has nothing but a
 * Calling-Station-Id. It may be blocked by the store for one query_timeout, like anybody. */
#include "radius-module/rlm_loggia.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utlist.h>

#define MOST_JOBS 65536
#define LINGER_MS                                                                                  \
    5 /* answers wait so long for more of their kind: no longer, for what another server writes    \
         meanwhile is younger */
#define MOST_TEXT     2000 /* of a batch: the server cuts what it escapes at 2,048 */
#define MOST_AT_ONCE  32
#define MOST_CHANGES  1000 /* at one look */
#define MOST_SESSIONS 16   /* of one device */
#define ONLINE_MS     300  /* at one look, for reading who is online */

enum job_kind {
    JOB_STORE,
    JOB_ANNOUNCE,
    JOB_CUT,
    JOB_CHANGE,
    JOB_LIMIT, /* of a person's devices */
    JOB_OUST   /* one of them */
};

#define NAME_LEN 33

struct job {
    enum job_kind kind;
    struct mac mac;
    char name[NAME_LEN]; /* the person's pseudonym; instead of mac, if not empty, the device's */
    struct job *prev, *next;
};

struct rlm_loggia_store {
    rlm_loggia_t *inst;
    pthread_t thread;
    pthread_mutex_t lock; /* of the jobs; taken behind the federation's */
    int wake;
    bool stop;
    struct job *jobs, *answers; /* answers: JOB_STORE alone */
    size_t n_jobs;              /* both */
    uint64_t due_ms;            /* when the answers are to be written */
    uint64_t dropped;
    unsigned long long since, read_to; /* changes: seen twice, seen once */
    struct disconnects *disconnects;
    uint64_t sent, changes; /* of those */
    bool beginning;         /* who is online is still being read */
    char online[64];        /* Acct-Unique-Session-Id of the last that was */
    size_t n_online;
};

/* --- jobs ---------------------------------------------------------------------------------------
 */

static void push_named(struct rlm_loggia_store *s, enum job_kind kind, const struct mac *mac,
                       const char *name)
{
    struct job *j = NULL;
    pthread_mutex_lock(&s->lock);
    if (s->n_jobs < MOST_JOBS && (j = calloc(1, sizeof *j))) {
        j->kind = kind;
        j->mac = mac ? *mac : (struct mac){0};
        snprintf(j->name, sizeof j->name, "%s", name);
        bool first = kind == JOB_STORE ? !s->answers : !s->jobs;
        if (kind == JOB_STORE && first)
            s->due_ms = clock_ms() + LINGER_MS;
        if (kind == JOB_STORE)
            DL_APPEND(s->answers, j);
        else
            DL_APPEND(s->jobs, j);
        s->n_jobs++;
        if (first && eventfd_write(s->wake, 1)) {
            /* Only a counter at its end refuses: the thread is awake. */
        }
    } else {
        s->dropped++;
    }
    pthread_mutex_unlock(&s->lock);
    if (!j)
        report_limited(&s->inst->report, LOG_ERR, "event=store_queue_full");
}

static void push(struct rlm_loggia_store *s, enum job_kind kind, const struct mac *mac)
{
    push_named(s, kind, mac, "");
}

static void on_change(void *arg, const struct mac *mac, enum fed_change what)
{
    struct rlm_loggia_store *s = arg;
    if (what == FED_STORE) {
        if (s->inst->queries[QUERY_ANSWERS] || s->inst->queries[QUERY_ANSWERS_MANY])
            push(s, JOB_STORE, mac);
        return;
    }
    if (what == FED_DENIED && s->inst->queries[QUERY_ANNOUNCE])
        push(s, JOB_ANNOUNCE, mac);
    if (s->inst->queries[QUERY_SESSIONS])
        push(s, what == FED_CHANGED ? JOB_CHANGE : JOB_CUT, mac);
}

void rlm_loggia_announce(struct rlm_loggia_store *s, const struct mac *mac)
{
    if (s && s->inst->queries[QUERY_ANNOUNCE])
        push(s, JOB_ANNOUNCE, mac);
}

void rlm_loggia_limit(struct rlm_loggia_store *s, const char *person)
{
    if (s)
        push_named(s, JOB_LIMIT, NULL, person);
}

/* --- a request of one's own ---------------------------------------------------------------------
 */

REQUEST *rlm_loggia_request(const struct mac *mac)
{
    char text[MAC_TEXT_LEN];
    REQUEST *r = request_alloc(NULL);
    if (!r)
        return NULL;
    r->packet = rad_alloc(r, true);
    r->reply = rad_alloc(r, false);
    if (!r->packet || !r->reply) {
        talloc_free(r);
        return NULL;
    }
    r->timestamp = time(NULL);
    gettimeofday(&r->packet->timestamp, NULL);
    if (mac) {
        mac_format(mac, "AA-BB-CC-DD-EE-FF", text);
        fr_pair_value_strcpy(
            radius_pair_create(r->packet, &r->packet->vps, PW_CALLING_STATION_ID, 0), text);
    }
    return r;
}

static void control_number(REQUEST *r, DICT_ATTR const *attribute, unsigned long long n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", n);
    rlm_loggia_control(r, attribute, text);
}

static REQUEST *request_for(rlm_loggia_t *inst, const struct job *j)
{
    REQUEST *r = rlm_loggia_request(j->name[0] ? NULL : &j->mac);
    enum rlm_attribute a = j->kind == JOB_LIMIT ? ATTRIBUTE_PERSON : ATTRIBUTE_DEVICE;
    if (r && j->name[0])
        rlm_loggia_control(r, inst->attributes[a], j->name);
    return r;
}

/* --- what the authorities said ------------------------------------------------------------------
 */

static struct job *next_answer(struct rlm_loggia_store *s)
{
    pthread_mutex_lock(&s->lock);
    struct job *j = s->stop ? NULL : s->answers;
    if (j)
        DL_DELETE(s->answers, j);
    pthread_mutex_unlock(&s->lock);
    return j;
}

/* Done, or (after a while, with whatever is there by then) to be done again. */
static void answers_over(struct rlm_loggia_store *s, struct job *list, bool done)
{
    struct job *j, *next;
    pthread_mutex_lock(&s->lock);
    DL_FOREACH_SAFE (list, j, next) {
        s->n_jobs -= done;
        if (done)
            free(j);
    }
    if (!done) {
        DL_CONCAT(list, s->answers);
        s->answers = list;
        s->due_ms = clock_ms() + s->inst->settings->store_poll_ms;
    }
    pthread_mutex_unlock(&s->lock);
}

static bool is_in(const struct job *list, const struct mac *mac)
{
    const struct job *j;
    DL_FOREACH (list, j)
        if (mac_equal(&j->mac, mac))
            return true;
    return false;
}

/* As many as one text holds, but of each device only one. False: the store did not take them, or
 * there are none. */
static bool write_many(struct rlm_loggia_store *s)
{
    rlm_loggia_t *inst = s->inst;
    char text[MOST_TEXT + RLM_RECORD] = "";
    size_t len = 0;
    struct job *list = NULL, *j;
    for (int n = 0; n < MOST_AT_ONCE && len < MOST_TEXT / 8 * 7 && (j = next_answer(s)); n++) {
        bool twice = is_in(list, &j->mac);
        char record[RLM_RECORD];
        size_t more = twice ? 0 : rlm_loggia_answers_record(inst, &j->mac, record);
        if (len + more > MOST_TEXT || twice) { /* the next time */
            struct job *late = NULL;
            DL_APPEND(late, j);
            if (more)
                fed_store_failed(inst->fed, &j->mac);
            answers_over(s, late, false);
            break;
        }
        DL_APPEND(list, j);
        memcpy(text + len, record, more);
        len += more;
    }
    text[len] = 0;
    if (!list)
        return false;
    REQUEST *r = len ? rlm_loggia_request(NULL) : NULL;
    if (r)
        rlm_loggia_control(r, inst->attributes[ATTRIBUTE_BATCH], text);
    bool done = len == 0 || (r && rlm_loggia_write(inst, r, QUERY_ANSWERS_MANY));
    talloc_free(r);
    DL_FOREACH (list, j)
        if (!done)
            fed_store_failed(inst->fed, &j->mac);
    answers_over(s, list, done);
    return done;
}

static bool write_one(struct rlm_loggia_store *s)
{
    struct job *list = NULL, *j = next_answer(s);
    REQUEST *r = j ? rlm_loggia_request(&j->mac) : NULL;
    bool done = r && rlm_loggia_answers_put(s->inst, r, &j->mac);
    talloc_free(r);
    if (j) {
        DL_APPEND(list, j);
        answers_over(s, list, done);
    }
    return done;
}

/* When they are next to be written: no later than `at`. */
static uint64_t answers_due(struct rlm_loggia_store *s, uint64_t at)
{
    pthread_mutex_lock(&s->lock);
    uint64_t due = s->answers && s->due_ms < at ? s->due_ms : at;
    pthread_mutex_unlock(&s->lock);
    return due;
}

/* False: some wait still, for the store does not take them. */
static bool write_answers(struct rlm_loggia_store *s)
{
    bool many = s->inst->queries[QUERY_ANSWERS_MANY];
    while (many ? write_many(s) : write_one(s))
        ;
    return answers_due(s, UINT64_MAX) == UINT64_MAX;
}

/* --- what is done -------------------------------------------------------------------------------
 */

/* "ADDRESS SESSION NAS", the last of which may have blanks in it. */
static bool tell_router(struct rlm_loggia_store *s, char *text, const uint64_t *limits)
{
    char *session = strchr(text, ' '), *nas = session ? strchr(session + 1, ' ') : NULL;
    if (!nas)
        return true; /* "none" */
    *session++ = *nas++ = 0;
    if (!disconnects_send(s->disconnects, text, session, nas, limits))
        return false;
    __atomic_fetch_add(limits ? &s->changes : &s->sent, 1, __ATOMIC_RELAXED);
    return true;
}

/* The n-th row of a query that gives one after the other, "none" behind the last. False: the store
 * did not answer. */
static bool nth_row(rlm_loggia_t *inst, const struct job *j, enum rlm_query query, unsigned n,
                    char *out, size_t room)
{
    REQUEST *r = request_for(inst, j);
    out[0] = 0;
    if (!r)
        return false;
    control_number(r, inst->attributes[ATTRIBUTE_NTH], n);
    if (guard_enter(&inst->reading, clock_ms())) {
        rlm_loggia_expand(inst, r, query, out, room);
        guard_leave(&inst->reading, out[0]);
    }
    talloc_free(r);
    return out[0];
}

/* Every session of the device that is open, on whatever router: ends, or may do this from now on.
 */
static bool tell_routers(struct rlm_loggia_store *s, const struct job *j, const uint64_t *limits)
{
    char text[600];
    for (unsigned n = 0; n < MOST_SESSIONS; n++) {
        if (!nth_row(s->inst, j, QUERY_SESSIONS, n, text, sizeof text))
            return false;
        if (strcmp(text, "none") == 0)
            return true;
        if (!tell_router(s, text, limits))
            return false;
    }
    return true;
}

/* As if the device appeared now. Who would be shut out is cut off by another job; who would be sent
 * to the splash (the entry is gone, and there is no pass) goes on as a guest, for no longer than
 * one; unless somebody who might know better is silent. */
static bool change(struct rlm_loggia_store *s, const struct job *j)
{
    const struct decision_rules *rules = &s->inst->settings->fed.rules;
    struct decision d;
    REQUEST *r = request_for(s->inst, j);
    if (!r)
        return false;
    rlm_loggia_decide(s->inst, r, &j->mac, &d);
    talloc_free(r);
    if (d.verdict == VERDICT_DENY || (d.verdict == VERDICT_SPLASH && d.degraded))
        return true;
    return tell_routers(
        s, j, d.verdict == VERDICT_ACCEPT ? d.limits : rules->profiles[rules->guest].limits);
}

/* Those bound longest ago, beyond so many. */
static bool limit(struct rlm_loggia_store *s, const struct job *j)
{
    unsigned keep = s->inst->settings->login_devices;
    char text[80];
    for (unsigned n = 0; n < MOST_SESSIONS; n++) {
        if (!nth_row(s->inst, j, QUERY_OLDEST, keep + n, text, sizeof text))
            return false;
        if (strcmp(text, "none") == 0)
            return true;
        push_named(s, JOB_OUST, NULL, text);
    }
    return true;
}

/* A device that is known by its pseudonym alone: its pass goes, here and everywhere, and its
 * session. */
static bool oust(struct rlm_loggia_store *s, const struct job *j)
{
    rlm_loggia_t *inst = s->inst;
    char ignored[32];
    REQUEST *r = request_for(inst, j);
    if (!r || !guard_enter(&inst->writing, clock_ms())) {
        talloc_free(r);
        return false;
    }
    rlm_loggia_expand(inst, r, QUERY_FORGET, ignored, sizeof ignored);
    guard_leave(&inst->writing, true);
    fed_changed_elsewhere(inst->fed, j->name, 0);
    bool done = !inst->queries[QUERY_ANNOUNCE] || rlm_loggia_write(inst, r, QUERY_ANNOUNCE);
    talloc_free(r);
    return done && (!inst->queries[QUERY_SESSIONS] || tell_routers(s, j, NULL));
}

/* False: the store (or the routers) must do without it for now. */
static bool do_job(struct rlm_loggia_store *s, const struct job *j)
{
    if (j->kind == JOB_CUT)
        return tell_routers(s, j, NULL);
    if (j->kind == JOB_CHANGE)
        return change(s, j);
    if (j->kind == JOB_LIMIT)
        return limit(s, j);
    if (j->kind == JOB_OUST)
        return oust(s, j);
    /* Who hears of it reads what is stored of the device, at once and once. */
    REQUEST *r = write_answers(s) ? request_for(s->inst, j) : NULL;
    bool done = r && rlm_loggia_write(s->inst, r, QUERY_ANNOUNCE);
    talloc_free(r);
    return done;
}

static void do_jobs(struct rlm_loggia_store *s)
{
    for (;;) {
        pthread_mutex_lock(&s->lock);
        struct job *j = s->stop ? NULL : s->jobs;
        if (j)
            DL_DELETE(s->jobs, j);
        pthread_mutex_unlock(&s->lock);
        if (!j)
            return;
        bool done = do_job(s, j);
        pthread_mutex_lock(&s->lock);
        if (done)
            s->n_jobs--;
        else
            DL_PREPEND(s->jobs, j);
        pthread_mutex_unlock(&s->lock);
        if (!done)
            return;
        free(j);
    }
}

/* --- what other servers have changed ------------------------------------------------------------
 */

/* "NUMBER DEVICE", behind it "banned" or "banned:SECONDS" if it is. False: that was the last. Who
 * is banned may be online wherever the accounting says; each server cuts, for none knows which of
 * them is up, and a router that has done it already says so. */
static bool take_change(struct rlm_loggia_store *s, char *text)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    uint32_t banned_s = 0;
    if (end == text || *end != ' ' || number <= s->read_to)
        return false;
    s->read_to = number;
    char *device = end + 1, *word = strchr(device, ' ');
    if (word)
        *word++ = 0;
    bool banned = word && rlm_loggia_read_ban(word, &banned_s);
    fed_changed_elsewhere(s->inst->fed, device, banned_s);
    if (banned && s->inst->queries[QUERY_SESSIONS])
        push_named(s, JOB_CUT, NULL, device);
    return true;
}

/* Each change is taken twice, at two looks: numbers are given before a transaction is over, so a
 * smaller one may come into sight a moment later. Taking one twice does no harm. False: the store
 * does not answer. */
static bool look_for_changes(struct rlm_loggia_store *s)
{
    rlm_loggia_t *inst = s->inst;
    unsigned long long before = s->read_to;
    char text[128];
    bool more = true;
    if (!inst->queries[QUERY_CHANGES])
        return true;
    if (!guard_enter(&inst->reading, clock_ms()))
        return false;
    bool ok = true;
    s->read_to = s->since;
    for (int i = 0; more && i < MOST_CHANGES; i++) {
        REQUEST *r = rlm_loggia_request(NULL);
        if (!r)
            break;
        control_number(r, inst->attributes[ATTRIBUTE_SINCE], s->read_to);
        rlm_loggia_expand(inst, r, QUERY_CHANGES, text, sizeof text);
        talloc_free(r);
        ok = text[0];
        more = take_change(s, text);
    }
    if (s->read_to < before)
        s->read_to = before;
    if (ok)
        s->since = before;
    guard_leave(&inst->reading, ok);
    return ok;
}

/* --- who is online when a server begins ---------------------------------------------------------
 */

/* "SESSION PSEUDONYM SEALED". What cannot be read is nobody's that this server could ask about. */
static void take_online(struct rlm_loggia_store *s, char *text)
{
    rlm_loggia_t *inst = s->inst;
    struct rlm_loggia_row row;
    struct mac mac;
    char *pseudonym = strchr(text, ' '), *sealed = pseudonym ? strchr(pseudonym + 1, ' ') : NULL;
    if (!sealed) {
        s->beginning = false; /* another query than the sample's: it would never end */
        return;
    }
    *pseudonym++ = *sealed++ = 0;
    strlcpy(s->online, text, sizeof s->online);
    if (!rlm_loggia_unseal_device(inst, pseudonym, sealed, &mac) || !mac_is_device(&mac))
        return;
    s->n_online++;
    if (!fed_live(inst->fed, &mac, true) || !inst->queries[QUERY_LOOKUP])
        return;
    REQUEST *r = rlm_loggia_request(&mac); /* whom it is bound to */
    if (!r)
        return;
    rlm_loggia_expand(inst, r, QUERY_LOOKUP, row.text, sizeof row.text);
    rlm_loggia_read_row(inst, &mac, &row);
    talloc_free(r);
}

/* A slice at each look, so that nothing else waits long; while the store is silent, later. */
static void look_who_is_online(struct rlm_loggia_store *s)
{
    rlm_loggia_t *inst = s->inst;
    char text[160];
    bool ok = true;
    if (!s->beginning || !guard_enter(&inst->reading, clock_ms()))
        return;
    for (uint64_t end = clock_ms() + ONLINE_MS; s->beginning && ok && clock_ms() < end;) {
        REQUEST *r = rlm_loggia_request(NULL);
        if (!r)
            break;
        rlm_loggia_control(r, inst->attributes[ATTRIBUTE_SINCE], s->online);
        rlm_loggia_expand(inst, r, QUERY_ONLINE, text, sizeof text);
        talloc_free(r);
        ok = text[0];
        if (strcmp(text, "none") == 0 || s->n_online >= inst->settings->fed.remember) {
            s->beginning = false;
            report_line(&inst->report, LOG_INFO, "event=online_read sessions=%zu", s->n_online);
        } else if (ok) {
            take_online(s, text);
        }
    }
    guard_leave(&inst->reading, ok);
}

/* --- how it is ---------------------------------------------------------------------------------
 */

void rlm_loggia_status(rlm_loggia_t *inst, struct status_source *out)
{
    struct rlm_loggia_store *s = inst->store;
    *out = (struct status_source){.conf = &inst->settings->fed,
                                  .fed = inst->fed,
                                  .reading = &inst->reading,
                                  .writing = &inst->writing,
                                  .counts = &inst->counts};
    if (!s)
        return;
    out->disconnects = __atomic_load_n(&s->sent, __ATOMIC_RELAXED);
    out->changes = __atomic_load_n(&s->changes, __ATOMIC_RELAXED);
    pthread_mutex_lock(&s->lock);
    out->waiting = s->n_jobs;
    pthread_mutex_unlock(&s->lock);
}

static void write_file(struct rlm_loggia_store *s, const char *path,
                       void (*write)(FILE *, const struct status_source *))
{
    struct status_source source;
    if (!path)
        return;
    rlm_loggia_status(s->inst, &source);
    int err = status_replace(path, write, &source);
    if (err)
        report_limited(&s->inst->report, LOG_WARNING,
                       "event=status_unwritable file=%s error=\"%s\"", path, strerror(err));
}

/* --- the thread ---------------------------------------------------------------------------------
 */

static bool wait_for_work(struct rlm_loggia_store *s, uint64_t until_ms, int disconnects_ms)
{
    struct pollfd fds[3] = {{.fd = s->wake, .events = POLLIN}};
    int routers[2];
    uint64_t now = clock_ms();
    int ms = until_ms > now ? (int)(until_ms - now) : 0;
    eventfd_t ignored;
    disconnects_fds(s->disconnects, routers);
    for (int i = 0; i < 2; i++)
        fds[1 + i] = (struct pollfd){.fd = routers[i], .events = POLLIN};
    poll(fds, 3, disconnects_ms >= 0 && disconnects_ms < ms ? disconnects_ms : ms);
    if (fds[0].revents)
        eventfd_read(s->wake, &ignored);
    pthread_mutex_lock(&s->lock);
    bool go_on = !s->stop;
    pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct rlm_loggia_store *s = arg;
    const struct settings *c = s->inst->settings;
    unsigned rounds = c->fed.recheck_s * 1000 / c->store_poll_ms;
    uint64_t next = clock_ms(), status = next;
    do {
        if (clock_ms() >= status) {
            write_file(s, c->metrics_file, status_metrics);
            write_file(s, c->status_file, status_text);
            status = clock_ms() + c->status_interval_s * UINT64_C(1000);
        }
        if (clock_ms() >= next) {
            if (look_for_changes(s)) /* the server starts sql behind this thread */
                look_who_is_online(s);
            fed_tick(s->inst->fed, rounds);
            next = clock_ms() + c->store_poll_ms;
        }
        do_jobs(s);
        if (answers_due(s, UINT64_MAX) <= clock_ms())
            write_answers(s);
        rlm_loggia_retire(s->inst);
    } while (wait_for_work(s, answers_due(s, next), disconnects_serve(s->disconnects)));
    return NULL;
}

struct rlm_loggia_store *rlm_loggia_store_start(rlm_loggia_t *inst)
{
    struct rlm_loggia_store *s = calloc(1, sizeof *s);
    sigset_t all, before;
    if (!s)
        return NULL;
    s->inst = inst;
    s->beginning = inst->queries[QUERY_ONLINE] && rlm_loggia_is_first(inst->name);
    strlcpy(s->online, "0", sizeof s->online);
    pthread_mutex_init(&s->lock, NULL);
    s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    s->disconnects = disconnects_new(inst);
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    inst->store = s; /* the thread wants to know, too */
    int rc = s->wake < 0 || !s->disconnects ? -1 : pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc) {
        inst->store = NULL;
        disconnects_free(s->disconnects);
        if (s->wake >= 0)
            close(s->wake);
        free(s);
        return NULL;
    }
    fed_on_change(inst->fed, on_change, s);
    return s;
}

/* At detach rlm_sql may be gone already: what still waits is lost, and written again when it is
 * next seen. */
void rlm_loggia_store_stop(struct rlm_loggia_store *s)
{
    struct job *j, *next;
    if (!s)
        return;
    fed_on_change(s->inst->fed, NULL, NULL);
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_mutex_unlock(&s->lock);
    if (eventfd_write(s->wake, 1)) {
        /* It is awake. */
    }
    pthread_join(s->thread, NULL);
    DL_CONCAT(s->jobs, s->answers);
    DL_FOREACH_SAFE (s->jobs, j, next) {
        free(j);
    }
    disconnects_free(s->disconnects);
    close(s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

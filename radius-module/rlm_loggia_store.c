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
#include "radius-module/rlm_loggia_store.h"

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
#define MOST_TEXT    2000 /* of a batch: the server cuts what it escapes at 2,048 */
#define MOST_AT_ONCE 32

/* --- jobs ---------------------------------------------------------------------------------------
 */

void store_push(struct rlm_loggia_store *s, enum job_kind kind, const struct mac *mac,
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
    store_push(s, kind, mac, "");
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
        store_push(s, JOB_LIMIT, NULL, person);
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

void store_number(REQUEST *r, DICT_ATTR const *attribute, unsigned long long n)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", n);
    rlm_loggia_control(r, attribute, text);
}

REQUEST *store_request(rlm_loggia_t *inst, const struct job *j)
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
bool store_write_answers(struct rlm_loggia_store *s)
{
    bool many = s->inst->queries[QUERY_ANSWERS_MANY];
    while (many ? write_many(s) : write_one(s))
        ;
    return answers_due(s, UINT64_MAX) == UINT64_MAX;
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
            if (store_look_for_changes(s)) /* the server starts sql behind this thread */
                store_look_who_is_online(s);
            fed_tick(s->inst->fed, rounds);
            next = clock_ms() + c->store_poll_ms;
        }
        store_do_jobs(s);
        if (answers_due(s, UINT64_MAX) <= clock_ms())
            store_write_answers(s);
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

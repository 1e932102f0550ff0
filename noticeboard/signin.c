/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The loop's side of the sign-in: limits, the account that the command line made, roles.
 *
 * An account of the command line with a password of its own is asked for that one; one without, and
 * everybody else, for the directory's. What somebody may do is the sum of what the command line and
 * the groups grant, publisher by publisher. */
#include "noticeboard/signin.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "noticeboard/signin_private.h"
#include "noticeboard/store.h"
#include "noticeboard/throttle.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct signin {
    struct store *store;
    struct signin_worker *worker;
    struct throttle names, addresses;
    uint8_t key[SHA256_LEN];
    uint64_t next;
    struct {
        uint64_t number;
        signin_fn fn;
        void *arg;
        /* What the answer needs of the configuration, which may change meanwhile. */
        char grants[BOARD_MAX_ROLES][128];
        int roles[BOARD_MAX_ROLES];
        char account[SIGNIN_ROLES_LEN]; /* of the command line */
        int account_role;
    } open[256];
};

/* One account has one limit, however its name is typed: a directory does not tell "Anna", "ANNA"
 * and " anna " apart. */
static const char *folded(const char *name, char out[static SIGNIN_NAME_MAX + 1])
{
    size_t at = 0;

    for (; *name && at < SIGNIN_NAME_MAX; name++) {
        bool blank = *name == ' ' || *name == '\t';
        if (blank && (!at || out[at - 1] == ' '))
            continue;
        out[at++] = blank ? ' ' : *name >= 'A' && *name <= 'Z' ? (char)(*name | 0x20) : *name;
    }
    out[at - (at && out[at - 1] == ' ')] = '\0';
    return out;
}

/* Whoever has one IPv6 address has 2^64 of them: their network counts as one. */
static const char *network(const char *address, char out[static 64])
{
    struct in6_addr a;

    snprintf(out, 64, "%s", address);
    if (inet_pton(AF_INET6, address, &a) == 1) {
        memset(a.s6_addr + 8, 0, 8);
        inet_ntop(AF_INET6, &a, out, 64);
    }
    return out;
}

static uint64_t hashed(const struct signin *s, const char *kind, const char *a, const char *b)
{
    const struct crypto_slice parts[] = {
        {kind, strlen(kind) + 1}, {a, strlen(a) + 1}, {b, strlen(b)}};
    uint8_t digest[SHA256_LEN];
    uint64_t out;

    crypto_hmac_sha256(s->key, sizeof s->key, parts, 3, digest);
    memcpy(&out, digest, sizeof out);
    return out | 1;
}

static uint64_t name_of(const struct signin *s, const char *administration, const char *name)
{
    char plain[SIGNIN_NAME_MAX + 1];

    return hashed(s, "name", administration, folded(name, plain));
}

static uint64_t address_of(const struct signin *s, const char *address)
{
    char whole[64];

    return hashed(s, "address", network(address, whole), "");
}

/* --- the job
 * ------------------------------------------------------------------------------------------------
 */
static char *copied(const char *text)
{
    return text ? strdup(text) : NULL;
}

static void job_free(struct signin_job *job)
{
    struct board_directory *d = &job->directory;
    char *texts[] = {d->uri,          d->base,    d->filter,        d->group_base,
                     d->group_filter, d->bind_dn, d->password_file, d->ca_file};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(texts[i]);
    crypto_secret_free(d->password);
    for (size_t i = 0; i < job->n_groups; i++)
        free(job->groups[i]);
    crypto_wipe(job, sizeof *job);
    free(job);
}

static void copy_directory(struct signin_job *job, const struct board_administration *a)
{
    const struct board_directory *d = &a->directory;

    job->directory = (struct board_directory){.uri = copied(d->uri),
                                              .base = copied(d->base),
                                              .filter = copied(d->filter),
                                              .group_base = copied(d->group_base),
                                              .group_filter = copied(d->group_filter),
                                              .bind_dn = copied(d->bind_dn),
                                              .password = copied(d->password),
                                              .ca_file = copied(d->ca_file),
                                              .start_tls = d->start_tls,
                                              .timeout_ms = d->timeout_ms};
    for (size_t i = 0; i < a->n_grants && (job->groups[i] = copied(a->grants[i].group)); i++)
        job->n_groups++;
}

static void work(struct signin_job *job)
{
    if (job->by_directory)
        signin_ldap(job);
    else if (job->recheck)
        job->verdict = *job->stored ? SIGNIN_RIGHT : SIGNIN_WRONG;
    else
        job->verdict =
            crypto_password_check(job->password, job->stored) ? SIGNIN_RIGHT : SIGNIN_WRONG;
    crypto_wipe(job->password, sizeof job->password);
}

/* --- roles
 * ----------------------------------------------------------------------------------------------------
 */
/* ",a,b," with a role becomes ",a:2,b:2,". */
static void add_roles(struct signin_answer *a, const char *publishers, int role)
{
    for (const char *p = publishers + 1; *p;) {
        size_t len = strcspn(p, ","), used = strlen(a->roles);
        if (len && used + len + 4 < sizeof a->roles)
            snprintf(a->roles + used, sizeof a->roles - used, "%s%.*s:%d,", used ? "" : ",",
                     (int)len, p, role);
        p += len + (p[len] == ',');
    }
    if (role > a->role)
        a->role = role;
}

static void answer(struct signin *s, size_t place, const struct signin_job *job)
{
    struct signin_answer a = {.verdict = job->verdict, .role = -1};
    signin_fn fn = s->open[place].fn;
    void *arg = s->open[place].arg;

    snprintf(a.name, sizeof a.name, "%s", *job->canonical ? job->canonical : job->name);
    snprintf(a.login, sizeof a.login, "%s", job->name);
    snprintf(a.shown, sizeof a.shown, "%s", *job->shown ? job->shown : job->name);
    if (*s->open[place].account)
        add_roles(&a, s->open[place].account, s->open[place].account_role);
    for (size_t i = 0; i < BOARD_MAX_ROLES; i++)
        if (job->in_groups & (1U << i))
            add_roles(&a, s->open[place].grants[i], s->open[place].roles[i]);
    if (a.verdict == SIGNIN_RIGHT && a.role < 0)
        a.verdict = SIGNIN_NO_ROLE;
    s->open[place].number = 0;
    fn(arg, &a);
}

static void note_wrong(struct signin *s, const struct signin_job *job, uint64_t typed,
                       uint64_t name, int64_t now)
{
    static struct log_limit limit = {.interval_ms = 60000, .burst = 20};

    throttle_failed(&s->names, name, now);
    if (name != typed)
        throttle_failed(&s->names, typed, now);
    throttle_failed(&s->addresses, address_of(s, job->address), now);
    log_limited(&limit, LOG_NOTICE, "event=signin_refused administration=%s name=%s address=%s",
                job->administration, job->name, job->address);
}

/* What the limits have to know of an answer to somebody who typed a password. */
static void judge(struct signin *s, struct signin_job *job)
{
    int64_t now = (int64_t)time(NULL);
    uint64_t typed = name_of(s, job->administration, job->name);
    uint64_t name = *job->canonical ? name_of(s, job->administration, job->canonical) : typed;

    if (job->verdict == SIGNIN_WRONG) {
        note_wrong(s, job, typed, name, now);
    } else if (job->verdict == SIGNIN_RIGHT) {
        if (!throttle_may(&s->names, name, now)) { /* guessed under another of its names */
            job->verdict = SIGNIN_TRIES;
            return;
        }
        throttle_fine(&s->names, name);
        throttle_fine(&s->names, typed);
    }
}

/* What is wrong with a directory, for the log. */
static void note_trouble(const struct signin_job *job)
{
    static struct log_limit limit = {.interval_ms = 60000, .burst = 20};

    if (job->verdict == SIGNIN_REFUSED)
        log_limited(&limit, LOG_ERR, "event=directory_refuses administration=%s why=\"%s\"",
                    job->administration, job->why);
    else if (job->verdict == SIGNIN_UNAVAILABLE)
        log_limited(&limit, LOG_WARNING, "event=directory_away administration=%s why=\"%s\"",
                    job->administration, job->why);
}

static void done(void *arg, struct signin_job *job)
{
    struct signin *s = arg;

    note_trouble(job);
    if (!job->recheck)
        judge(s, job);
    for (size_t i = 0; i < sizeof s->open / sizeof *s->open; i++)
        if (s->open[i].number == job->number)
            answer(s, i, job);
    job_free(job);
}

/* --- asking
 * ------------------------------------------------------------------------------------------------------
 */
struct account {
    bool known, local;
    char stored[CRYPTO_PASSWORD_LEN], publishers[SIGNIN_ROLES_LEN];
    int role;
};

static bool note_account(void *arg, const struct store_account *a)
{
    struct account *out = arg;

    out->known = true;
    out->local = a->password != NULL;
    out->role = a->role;
    snprintf(out->stored, sizeof out->stored, "%s", a->password ? a->password : "");
    snprintf(out->publishers, sizeof out->publishers, "%s", a->publishers);
    return false;
}

static void refuse(signin_fn fn, void *arg, enum signin_verdict verdict)
{
    fn(arg, &(struct signin_answer){.verdict = verdict, .role = -1});
}

static void remember(struct signin *s, size_t place, const struct board_administration *a,
                     const struct account *account)
{
    snprintf(s->open[place].account, sizeof s->open[place].account, "%s",
             account->known ? account->publishers : "");
    s->open[place].account_role = account->role;
    for (size_t i = 0; i < a->n_grants; i++) {
        const struct board_grant *g = &a->grants[i];
        char *out = s->open[place].grants[i];
        size_t room = sizeof s->open[place].grants[i], at = (size_t)snprintf(out, room, ",");
        for (size_t k = 0; k < g->n_publishers && at < room; k++)
            at += (size_t)snprintf(out + at, room - at, "%s,", g->publishers[k]);
        if (!g->n_publishers)
            snprintf(out, room, ",*,");
        s->open[place].roles[i] = (int)g->role;
    }
}

static size_t free_place(const struct signin *s)
{
    size_t i = 0;

    while (i < sizeof s->open / sizeof *s->open && s->open[i].number)
        i++;
    return i;
}

/* password and address NULL: of somebody who is signed in. */
static struct signin_job *job_new(struct signin *s, const struct board_administration *a,
                                  const char *name, const char *password, const char *address,
                                  const struct account *account)
{
    struct signin_job *job = calloc(1, sizeof *job);

    if (!job)
        return NULL;
    snprintf(job->administration, sizeof job->administration, "%s", a->id);
    snprintf(job->name, sizeof job->name, "%s", name);
    snprintf(job->password, sizeof job->password, "%s", password ? password : "");
    snprintf(job->address, sizeof job->address, "%s", address ? address : "");
    job->recheck = !password;
    job->number = ++s->next;
    job->by_directory = a->has_directory && !account->local;
    if (job->by_directory)
        copy_directory(job, a);
    else
        memcpy(job->stored, account->stored, sizeof job->stored);
    return job;
}

static uint64_t give(struct signin *s, const struct board_administration *a, const char *name,
                     const char *password, const char *address, signin_fn fn, void *arg)
{
    size_t place = free_place(s);
    struct account account = {.role = -1};
    struct signin_job *job = NULL;

    store_accounts(s->store, a->id, name, note_account, &account);
    if (place < sizeof s->open / sizeof *s->open)
        job = job_new(s, a, name, password, address, &account);
    if (!job) {
        refuse(fn, arg, SIGNIN_UNAVAILABLE);
        return 0;
    }
    uint64_t number = job->number;
    s->open[place].number = number;
    s->open[place].fn = fn;
    s->open[place].arg = arg;
    remember(s, place, a, &account);
    if (signin_worker_give(s->worker, job))
        return number;
    s->open[place].number = 0;
    job_free(job);
    refuse(fn, arg, SIGNIN_UNAVAILABLE);
    return 0;
}

uint64_t signin_ask(struct signin *s, const struct board_administration *a, const char *name,
                    const char *password, const char *address, signin_fn fn, void *arg)
{
    int64_t now = (int64_t)time(NULL);

    if (!*name || strlen(name) > SIGNIN_NAME_MAX || !*password ||
        strlen(password) > SIGNIN_PASSWORD_MAX) {
        refuse(fn, arg, SIGNIN_WRONG);
        return 0;
    }
    if (!throttle_may(&s->names, name_of(s, a->id, name), now) ||
        !throttle_may(&s->addresses, address_of(s, address), now)) {
        refuse(fn, arg, SIGNIN_TRIES);
        return 0;
    }
    return give(s, a, name, password, address, fn, arg);
}

uint64_t signin_recheck(struct signin *s, const struct board_administration *a, const char *login,
                        signin_fn fn, void *arg)
{
    return give(s, a, login, NULL, NULL, fn, arg);
}

void signin_cancel(struct signin *s, uint64_t number)
{
    for (size_t i = 0; number && i < sizeof s->open / sizeof *s->open; i++)
        if (s->open[i].number == number)
            s->open[i].number = 0;
}

struct signin *signin_new(struct loop *loop, struct store *store, char *err, size_t err_len)
{
    struct signin *s = calloc(1, sizeof *s);

    if (!s) {
        snprintf(err, err_len, "out of memory");
        return NULL;
    }
    s->store = store;
    s->names.free = 5;
    s->names.pause_s = 30;
    s->names.forget_s = 60 * 60;
    s->addresses.free = 30;
    s->addresses.pause_s = 10;
    s->addresses.forget_s = 60 * 60;
    crypto_random(s->key, sizeof s->key);
    signin_ldap_prepare();
    s->worker = signin_worker_new(loop, work, done, s, err, err_len);
    if (s->worker)
        return s;
    signin_free(s);
    return NULL;
}

void signin_free(struct signin *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < sizeof s->open / sizeof *s->open; i++)
        s->open[i].number = 0;
    signin_worker_free(s->worker);
    free(s);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One attempt, from the name to the result. The worker that brought it waits; the I/O thread finds
 * the entries and hands them to the desks (login_bind.c), whose threads bind. An attempt belongs to
 * all who still work on it, and the last one wipes it.
 *
 * Where the same name is somebody in two directories these are two people, and the password tells
 * which; where it is right in both, the first in the configuration is meant. */
#include "lib/crypto.h"
#include "radius-module/federation.h"
#include "radius-module/login_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define MOST_COUNTED 65536 /* names and devices with a wrong password behind them */

/* --- attempts -----------------------------------------------------------------------------------
 */

static struct attempt *attempt_new(const struct login *l, const struct login_ask *ask)
{
    struct attempt *a = calloc(1, sizeof *a + l->n * sizeof a->parts[0]);
    pthread_condattr_t attr;
    if (!a)
        return NULL;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&a->changed, &attr);
    pthread_condattr_destroy(&attr);
    a->refs = 1;
    a->end_ms = clock_ms() + l->conf->login_deadline_ms;
    a->password_len = ask->password_len;
    memcpy(a->password, ask->password, ask->password_len);
    return a;
}

static void attempt_release(struct attempt *a)
{
    if (--a->refs)
        return;
    crypto_wipe(a->password, sizeof a->password);
    pthread_cond_destroy(&a->changed);
    free(a);
}

void login_part_done(struct login *l, struct attempt *a, size_t authority, enum part_state state)
{
    (void)l;
    a->parts[authority].state = state;
    pthread_cond_broadcast(&a->changed);
    attempt_release(a);
}

void login_found(struct login *l, size_t authority, void *token,
                 const struct decision_answer *found, const char *dn)
{
    struct attempt *a = token;
    struct part *p = &a->parts[authority];
    pthread_mutex_lock(&l->lock);
    p->answer = *found;
    p->exists = found->state == ANSWER_FOUND && dn && dn[0];
    if (p->exists)
        memcpy(p->dn, dn, strnlen(dn, sizeof p->dn - 1));
    if (l->stop || found->state == ANSWER_UNKNOWN || !login_queue(&l->desks[authority], a))
        login_part_done(l, a, authority, PART_UNKNOWN);
    pthread_mutex_unlock(&l->lock);
}

/* --- who is asked -------------------------------------------------------------------------------
 */

static bool has_realm(const struct authority_conf *c, const char *realm)
{
    for (size_t i = 0; i < c->n_realms; i++)
        if (strcasecmp(c->realms[i], realm) == 0)
            return true;
    return false;
}

/* The name as this authority knows it; NULL: it has nothing to say. One without realms knows names
 * with an @ in them, if it likes. */
static const char *name_for(const struct authority_conf *c, const char *user, const char *bare,
                            const char *realm)
{
    if (!c->login_filter)
        return NULL;
    if (!realm || c->n_realms == 0)
        return user;
    return has_realm(c, realm) ? bare : NULL;
}

static void ask_all(struct login *l, struct attempt *a, const char *user)
{
    char bare[LOGIN_USER_MAX + 256];
    const char *at = strrchr(user, '@');
    size_t len = at ? (size_t)(at - user) : strlen(user);
    memcpy(bare, user, len);
    bare[len] = 0;
    for (size_t i = 0; i < l->n; i++) {
        const char *name = name_for(&l->conf->authorities[i], user, bare, at ? at + 1 : NULL);
        struct subject whom = {.kind = SUBJECT_USER, .name = name};
        if (!name)
            continue;
        pthread_mutex_lock(&l->lock);
        a->parts[i].state = PART_OPEN;
        a->refs++;
        pthread_mutex_unlock(&l->lock);
        if (!name[0] || strlen(name) > LOGIN_USER_MAX) {
            /* Nobody has that name; found out as slowly as about any other. */
            login_found(l, i, a, &(struct decision_answer){.state = ANSWER_NOT_FOUND}, NULL);
        } else if (!authorities_ask(l->authorities, i, &whom, a)) {
            pthread_mutex_lock(&l->lock);
            login_part_done(l, a, i, PART_UNKNOWN);
            pthread_mutex_unlock(&l->lock);
        }
    }
}

/* --- the result ---------------------------------------------------------------------------------
 */

/* With lock held. True: waiting longer changes nothing. Past `patient_ms` one right password is
 * enough, whoever else is still thinking. */
static bool settled(const struct login *l, const struct attempt *a, bool patient,
                    enum decision_login *out, size_t *who)
{
    bool open = false;
    *out = LOGIN_WRONG;
    for (size_t i = 0; i < l->n; i++) {
        switch (a->parts[i].state) {
        case PART_RIGHT:
            *out = LOGIN_RIGHT;
            *who = i;
            return !open || !patient;
        case PART_OPEN:
            open = true;
            *out = LOGIN_UNKNOWN;
            break;
        case PART_UNKNOWN:
            *out = LOGIN_UNKNOWN;
            break;
        default:
            break;
        }
    }
    return !open;
}

static enum decision_login wait_for_result(struct login *l, struct attempt *a, size_t *who)
{
    uint64_t patient_ms = clock_ms() + l->conf->deadline_ms, now;
    enum decision_login out;
    for (;;) {
        now = clock_ms();
        if (settled(l, a, now < patient_ms, &out, who) || now >= a->end_ms)
            return out;
        uint64_t until_ms = now < patient_ms && patient_ms < a->end_ms ? patient_ms : a->end_ms;
        struct timespec until = {.tv_sec = (time_t)(until_ms / 1000),
                                 .tv_nsec = (long)(until_ms % 1000) * 1000000};
        pthread_cond_timedwait(&a->changed, &l->lock, &until);
    }
}

/* With lock held. Whether to count it: an attempt that one directory refused counts although
 * another is silent, or its silence would be leave to guess. */
static bool refused(const struct login *l, const struct attempt *a)
{
    for (size_t i = 0; i < l->n; i++)
        if (a->parts[i].state == PART_WRONG)
            return true;
    return false;
}

static enum decision_login try(struct login *l, const struct login_ask *ask,
                               struct login_right *right, bool *counts)
{
    struct attempt *a = attempt_new(l, ask);
    size_t who = 0;
    if (!a)
        return LOGIN_UNKNOWN;
    ask_all(l, a, ask->user);
    pthread_mutex_lock(&l->lock);
    enum decision_login result = wait_for_result(l, a, &who);
    if (result == LOGIN_RIGHT) {
        right->authority = who;
        right->answer = a->parts[who].answer;
        memcpy(right->dn, a->parts[who].dn, sizeof right->dn);
    }
    *counts = result != LOGIN_RIGHT && refused(l, a);
    attempt_release(a);
    pthread_mutex_unlock(&l->lock);
    return result;
}

/* --- the limit ----------------------------------------------------------------------------------
 */

struct counted { /* whose wrong passwords are counted: the name without its realm, in lower case */
    uint8_t name[SHA256_LEN], device[SHA256_LEN];
};

static void count_keys(const struct fed_conf *c, const struct login_ask *ask, struct counted *out)
{
    char name[LOGIN_USER_MAX + 256];
    const char *at = strrchr(ask->user, '@');
    size_t len = at ? (size_t)(at - ask->user) : strlen(ask->user);
    for (size_t i = 0; i < len; i++)
        name[i] = (char)tolower((unsigned char)ask->user[i]);
    const struct crypto_slice by_name[] = {{"loggia-login-name:", 18}, {name, len}};
    const struct crypto_slice by_device[] = {{"loggia-login-device:", 20},
                                             {&ask->mac, sizeof ask->mac}};
    crypto_hmac_sha256(c->key, c->key_len, by_name, 2, out->name);
    crypto_hmac_sha256(c->key, c->key_len, by_device, 2, out->device);
}

/* With lock held. */
static bool take(struct login *l, const struct counted *c)
{
    uint64_t now = clock_ms();
    if (!attempts_take(l->attempts, c->device, now))
        return false;
    if (attempts_take(l->attempts, c->name, now))
        return true;
    attempts_give_back(l->attempts, c->device);
    return false;
}

enum decision_login login_check(struct login *l, const struct login_ask *ask,
                                struct login_right *right)
{
    struct counted counted;
    if (strlen(ask->user) > LOGIN_USER_MAX + 128 || ask->password_len > LOGIN_PASSWORD_MAX)
        return LOGIN_WRONG;
    count_keys(l->conf, ask, &counted);
    pthread_mutex_lock(&l->lock);
    bool allowed = take(l, &counted), room = l->waiting < l->conf->bulkhead;
    if (allowed && room)
        l->waiting++;
    pthread_mutex_unlock(&l->lock);
    if (!allowed)
        return LOGIN_LIMITED;
    /* An empty password would be no bind but a greeting (RFC 4513 section 5.1.2). */
    bool empty = ask->password_len == 0, counts = empty;
    enum decision_login result = empty  ? LOGIN_WRONG
                                 : room ? try(l, ask, right, &counts)
                                        : LOGIN_UNKNOWN;
    pthread_mutex_lock(&l->lock);
    l->waiting -= room;
    if (!counts) {
        attempts_give_back(l->attempts, counted.device);
        attempts_give_back(l->attempts, counted.name);
    }
    pthread_mutex_unlock(&l->lock);
    return result;
}

/* --- begin and end ------------------------------------------------------------------------------
 */

struct login *login_new(const struct fed_conf *conf, struct authorities *authorities,
                        struct report *report)
{
    struct login *l = calloc(1, sizeof *l + conf->n_authorities * sizeof l->desks[0]);
    if (!l)
        return NULL;
    l->conf = conf;
    l->authorities = authorities;
    l->report = report;
    l->n = conf->n_authorities;
    pthread_mutex_init(&l->lock, NULL);
    pthread_cond_init(&l->work, NULL);
    for (size_t i = 0; i < l->n; i++)
        l->desks[i] = (struct desk){.login = l, .index = i, .conf = &conf->authorities[i]};
    l->attempts = attempts_new(MOST_COUNTED, conf->login_attempts, conf->login_window_s);
    if (!l->attempts) {
        login_free(l);
        return NULL;
    }
    return l;
}

static void warn_if_in_clear(struct login *l, const struct authority_conf *c)
{
    for (size_t i = 0; c->login_filter && i < c->directory.n_servers; i++) {
        const char *uri = c->directory.servers[i];
        if (!c->directory.start_tls && strncmp(uri, "ldap://", 7) == 0 &&
            strncmp(uri + 7, "127.", 4) != 0 && strncmp(uri + 7, "[::1]", 5) != 0)
            report_line(l->report, LOG_WARNING,
                        "event=login_in_clear authority=%s server=%s: people's passwords go there "
                        "unencrypted; set tls.start_tls or use ldaps",
                        c->name, uri);
    }
}

int login_start(struct login *l)
{
    for (size_t i = 0; i < l->n; i++) {
        struct desk *d = &l->desks[i];
        warn_if_in_clear(l, d->conf);
        while (d->conf->login_filter && d->n_threads < d->conf->login_connections) {
            int rc = pthread_create(&d->threads[d->n_threads], NULL, login_desk, d);
            if (rc)
                return rc;
            d->n_threads++;
        }
    }
    return 0;
}

void login_free(struct login *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->stop = true;
    pthread_cond_broadcast(&l->work);
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < l->n; i++)
        for (size_t k = 0; k < l->desks[i].n_threads; k++)
            pthread_join(l->desks[i].threads[k], NULL);
    attempts_free(l->attempts);
    pthread_cond_destroy(&l->work);
    pthread_mutex_destroy(&l->lock);
    free(l);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The I/O thread: takes questions from the queues, spreads them over the links, reads answers,
 * notices silence. It is woken by an eventfd and by the sockets, and never waits for anything else.
 *
 * A link that is reset gives its questions back to the queue, once. A question that is silently
 * unanswered is a failure for the breaker; if its link has said nothing at all since it was sent,
 * the link is taken for frozen and thrown away with everything on it. When the breaker opens, all
 * the links go: none of them may be drawn again. */
#include "radius-module/authority_private.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define MOST_WAIT_MS     1000
#define MESSAGES_AT_ONCE 256 /* of one link, before the others have their turn */
#define MAX_ENTRIES      8   /* of one search: a device has an owner or a few */
#define ENOUGH_FOR_ONE   16  /* searches of a link, before another one is used too */

static void finish(struct lane *l, struct search *s, enum authority_outcome outcome)
{
    pthread_mutex_lock(&l->set->lock);
    l->stats.in_flight--;
    pthread_mutex_unlock(&l->set->lock);
    l->set->fn(l->set->arg, l->index, s->whom.kind, s->token, outcome,
               outcome == OUTCOME_FOUND ? s->values : NULL);
    search_free(s);
}

static void finish_all(struct lane *l, struct search *list)
{
    struct search *s, *next;
    DL_FOREACH_SAFE (list, s, next) {
        finish(l, s, OUTCOME_UNKNOWN);
    }
}

/* --- links --------------------------------------------------------------------------------------
 */

static void adopt_ready(struct lane *l) /* with lock held */
{
    while (l->n_ready) {
        l->links[l->n_links++] = (struct link){.directory = l->ready[--l->n_ready]};
        l->links[l->n_links - 1].heard_ms = clock_ms();
    }
}

/* Takes the link out, and its searches with it: they go to `lost`. */
static void drop_link(struct lane *l, struct link *k, struct search **lost)
{
    struct search *s, *next;
    HASH_ITER (hh, k->searches, s, next) {
        HASH_DEL(k->searches, s);
        DL_APPEND(*lost, s);
    }
    directory_close(k->directory);
    *k = l->links[--l->n_links];
    pthread_mutex_lock(&l->set->lock);
    l->open--;
    pthread_cond_broadcast(&l->set->changed);
    pthread_mutex_unlock(&l->set->lock);
}

static void drop_all(struct lane *l, struct search **lost)
{
    while (l->n_links)
        drop_link(l, &l->links[0], lost);
    pthread_mutex_lock(&l->set->lock);
    DL_CONCAT(*lost, l->queue);
    l->queue = NULL;
    l->queued = 0;
    pthread_mutex_unlock(&l->set->lock);
}

/* n failures at once; true if that opened the breaker. */
static bool count_failures(struct lane *l, unsigned n, const char *why)
{
    bool opened = false;
    pthread_mutex_lock(&l->set->lock);
    l->stats.failed += n;
    snprintf(l->stats.last_error, sizeof l->stats.last_error, "%s", why);
    while (n-- && !opened)
        opened = breaker_failure(&l->breaker, clock_ms());
    if (opened)
        pthread_cond_broadcast(&l->set->changed);
    pthread_mutex_unlock(&l->set->lock);
    if (opened)
        report_line(l->set->report, LOG_WARNING,
                    "event=authority_failing authority=%s breaker=open error=\"%s\"", l->conf->name,
                    why);
    return opened;
}

/* A reset: each question gets one more chance on another link. */
static void link_down(struct lane *l, struct link *k)
{
    struct search *lost = NULL, *s, *next, *over = NULL;
    drop_link(l, k, &lost);
    bool opened = count_failures(l, 1, "connection lost");
    DL_FOREACH_SAFE (lost, s, next) {
        DL_DELETE(lost, s);
        if (opened || s->retried) {
            DL_APPEND(over, s);
            continue;
        }
        s->retried = true;
        s->groups = false;
        free(s->values);
        s->values = NULL;
        pthread_mutex_lock(&l->set->lock);
        DL_PREPEND(l->queue, s);
        l->queued++;
        pthread_mutex_unlock(&l->set->lock);
    }
    if (opened)
        drop_all(l, &over);
    finish_all(l, over);
}

/* --- sending ------------------------------------------------------------------------------------
 */

static int send_person(struct lane *l, struct link *k, const struct search *s)
{
    const struct authority_conf *c = l->conf;
    char mac[MAC_TEXT_LEN], filter[AUTHORITY_FILTER_ROOM];
    const char *format = c->user_filter, *mark = "mac", *value = mac;
    mac_format(&s->whom.mac, c->mac_format, mac);
    if (s->whom.kind == SUBJECT_PERSON)
        return directory_search(k->directory, s->name, SCOPE_BASE, "(objectClass=*)", l->attributes,
                                1);
    if (s->whom.kind == SUBJECT_USER) {
        format = c->login_filter;
        mark = "user";
        value = s->name;
    }
    if (filter_build(format, mark, value, strlen(value), filter, sizeof filter) < 0)
        return -1;
    return directory_search(k->directory, c->user_base_dn, c->user_scope, filter, l->attributes,
                            MAX_ENTRIES);
}

static int send_groups(struct lane *l, struct link *k, const struct search *s)
{
    const struct authority_conf *c = l->conf;
    char filter[AUTHORITY_FILTER_ROOM];
    if (filter_build(c->group_filter, "dn", s->values->dn, strlen(s->values->dn), filter,
                     sizeof filter) < 0)
        return -1;
    return directory_search(k->directory, c->group_base_dn, c->group_scope, filter, l->attributes,
                            MAX_ENTRIES * 4);
}

static bool send_search(struct lane *l, struct link *k, struct search *s)
{
    s->number = s->groups ? send_groups(l, k, s) : send_person(l, k, s);
    if (s->number < 0)
        return false;
    s->sent_ms = clock_ms();
    HASH_ADD_INT(k->searches, number, s);
    return true;
}

/* Few links with much to do rather than many with a little: what goes over one link together costs
 * one write here, and wakes the directory once. NULL: all are full. */
static struct link *choose_link(struct lane *l)
{
    struct link *best = NULL;
    for (size_t i = 0; i < l->n_links; i++) {
        struct link *k = &l->links[i];
        unsigned n = HASH_COUNT(k->searches);
        if (n < ENOUGH_FOR_ONE && n < l->conf->pipeline)
            return k;
        if (n < l->conf->pipeline && (!best || n < HASH_COUNT(best->searches)))
            best = k;
    }
    return best;
}

static struct search *take_queue(struct lane *l)
{
    pthread_mutex_lock(&l->set->lock);
    struct search *all = l->queue;
    l->queue = NULL;
    l->queued = 0;
    pthread_mutex_unlock(&l->set->lock);
    return all;
}

/* In front of what came meanwhile. */
static void put_back(struct lane *l, struct search *list)
{
    struct search *s;
    uint32_t n;
    DL_COUNT(list, s, n);
    pthread_mutex_lock(&l->set->lock);
    DL_CONCAT(list, l->queue);
    l->queue = list;
    l->queued += n;
    pthread_mutex_unlock(&l->set->lock);
}

static void send_queued(struct lane *l)
{
    struct search *s, *all = l->n_links ? take_queue(l) : NULL;
    struct link *k;
    while (all && (k = choose_link(l))) {
        s = all;
        DL_DELETE(all, s);
        if (send_search(l, k, s))
            continue;
        finish(l, s, OUTCOME_UNKNOWN);
        link_down(l, k);
    }
    if (all)
        put_back(l, all);
}

static void flush_links(struct lane *l)
{
    for (size_t i = 0; i < l->n_links; i++)
        l->links[i].full = directory_flush(l->links[i].directory);
}

/* --- reading ------------------------------------------------------------------------------------
 */

static struct values *values_for(void *arg, int number)
{
    struct link *k = arg;
    struct search *s;
    HASH_FIND_INT(k->searches, &number, s);
    if (!s)
        return NULL;
    if (!s->values && (s->values = malloc(sizeof *s->values)))
        values_reset(s->values);
    if (s->values) {
        s->values->from_group = s->groups;
        s->values->entries += !s->groups;
    }
    return s->values;
}

static void count_answer(struct lane *l, const struct search *s)
{
    uint32_t ms = (uint32_t)(clock_ms() - s->asked_ms);
    size_t b = 0;
    while (authority_bucket_ms[b] && ms > authority_bucket_ms[b])
        b++;
    pthread_mutex_lock(&l->set->lock);
    breaker_success(&l->breaker);
    l->stats.answered++;
    l->stats.last_ms = ms;
    l->stats.took_ms += ms;
    l->stats.within[b]++;
    pthread_mutex_unlock(&l->set->lock);
}

/* Of two people who would answer to one name nobody is let in by it. */
static void only_one(struct lane *l, struct search *s)
{
    if (s->whom.kind != SUBJECT_USER || !s->values ||
        (s->values->entries == 1 && !s->values->dn_cut))
        return;
    report_limited(l->set->report, LOG_WARNING, "event=login_name_unusable authority=%s entries=%u",
                   l->conf->name, s->values->entries);
    free(s->values);
    s->values = NULL;
}

/* False: the link is done for. */
static bool search_done(struct lane *l, struct link *k, int number, bool ok, const char *why)
{
    struct search *s;
    HASH_FIND_INT(k->searches, &number, s);
    if (!s)
        return true; /* abandoned */
    HASH_DEL(k->searches, s);
    if (!ok) {
        report_limited(l->set->report, LOG_WARNING,
                       "event=search_refused authority=%s error=\"%s\"", l->conf->name, why);
        finish(l, s, OUTCOME_UNKNOWN);
        if (count_failures(l, 1, why)) {
            struct search *lost = NULL;
            drop_all(l, &lost);
            finish_all(l, lost);
            return false;
        }
        return true;
    }
    only_one(l, s);
    if (s->values && !s->groups && l->conf->group_filter) {
        s->groups = true;
        if (send_search(l, k, s))
            return true;
        finish(l, s, OUTCOME_UNKNOWN);
        link_down(l, k);
        return false;
    }
    count_answer(l, s);
    finish(l, s, s->values ? OUTCOME_FOUND : OUTCOME_NOT_FOUND);
    return true;
}

/* True if the link is still there. */
static bool read_link(struct lane *l, struct link *k)
{
    k->more = false;
    for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
        char why[96] = "";
        int number = 0;
        bool ok = false;
        enum directory_event e =
            directory_next(k->directory, values_for, k, &number, &ok, why, sizeof why);
        if (e == DIRECTORY_NOTHING)
            return true;
        if (e == DIRECTORY_DOWN) {
            link_down(l, k);
            return false;
        }
        k->heard_ms = clock_ms();
        if (e == DIRECTORY_DONE && !search_done(l, k, number, ok, why))
            return false;
    }
    k->more = true;
    return true;
}

/* --- silence ------------------------------------------------------------------------------------
 */

static bool too_old(const struct lane *l, uint64_t since, uint64_t now)
{
    /* since may be later: somebody asked after the clock was read. */
    return now > since && now - since >= l->conf->search_timeout_ms;
}

/* Who waits in vain for a link counts as a failure too: a connector that hangs (in a name server,
 * in TLS) must not cost everybody their deadline for as long as it does. */
static void expire_queue(struct lane *l, uint64_t now)
{
    struct search *s, *over = NULL;
    unsigned late = 0;
    pthread_mutex_lock(&l->set->lock);
    while (l->queue && (too_old(l, l->queue->asked_ms, now) || !breaker_allows(&l->breaker))) {
        s = l->queue;
        late += breaker_allows(&l->breaker);
        DL_DELETE(l->queue, s);
        l->queued--;
        DL_APPEND(over, s);
    }
    pthread_mutex_unlock(&l->set->lock);
    if (late && count_failures(l, late, "no connection"))
        drop_all(l, &over);
    finish_all(l, over);
}

static bool heard_since(const struct lane *l, uint64_t at)
{
    for (size_t i = 0; i < l->n_links; i++)
        if (l->links[i].heard_ms > at)
            return true;
    return false;
}

/* True if the link is still there. A link is frozen if it has said nothing at all since a search
 * was sent that is too old now; and if no other link of that directory has either, all that are on
 * their way have failed, not only those that are too old. */
static bool expire_link(struct lane *l, struct link *k, uint64_t now)
{
    struct search *s, *next, *over = NULL;
    unsigned n = 0;
    bool frozen = false, all = false;
    HASH_ITER (hh, k->searches, s, next) {
        if (!too_old(l, s->sent_ms, now))
            break;
        frozen = frozen || k->heard_ms <= s->sent_ms;
        all = all || !heard_since(l, s->sent_ms);
        directory_abandon(k->directory, s->number);
        HASH_DEL(k->searches, s);
        DL_APPEND(over, s);
        n++;
    }
    if (n == 0)
        return true;
    if (all)
        n += HASH_COUNT(k->searches);
    if (frozen)
        drop_link(l, k, &over);
    if (count_failures(l, n, frozen ? "connection is silent" : "search timed out")) {
        drop_all(l, &over);
        frozen = true;
    }
    finish_all(l, over);
    return !frozen;
}

/* --- the loop -----------------------------------------------------------------------------------
 */

static int next_wait_ms(const struct authorities *a, uint64_t now)
{
    uint64_t wait = MOST_WAIT_MS;
    for (size_t i = 0; i < a->n; i++) {
        const struct lane *l = &a->lanes[i];
        for (size_t k = 0; k < l->n_links; k++) {
            const struct search *s = l->links[k].searches;
            if (l->links[k].more)
                return 0;
            uint64_t age = s && now > s->sent_ms ? now - s->sent_ms : 0, left;
            if (!s)
                continue;
            left = age < l->conf->search_timeout_ms ? l->conf->search_timeout_ms - age : 0;
            wait = left < wait ? left : wait;
        }
        if (l->n_links == 0 && wait > 50)
            wait = 50; /* something may wait in the queue for a link */
    }
    return (int)wait;
}

static void serve(struct lane *l, const struct pollfd *fds, size_t n_fds)
{
    uint64_t now = clock_ms();
    /* Backwards: a link that goes is replaced by the last one, which has had its turn. */
    for (size_t i = n_fds; i-- > 0;) {
        if (i >= l->n_links || directory_fd(l->links[i].directory) != fds[i].fd)
            continue;
        if ((fds[i].revents || l->links[i].more) && !read_link(l, &l->links[i]))
            continue;
        if (i < l->n_links)
            expire_link(l, &l->links[i], now);
    }
    expire_queue(l, now);
}

static bool take_news(struct authorities *a)
{
    eventfd_t ignored;
    pthread_mutex_lock(&a->lock);
    if (a->woken)
        eventfd_read(a->wake, &ignored);
    a->woken = false;
    for (size_t i = 0; i < a->n; i++)
        adopt_ready(&a->lanes[i]);
    bool go_on = !a->io_stop;
    pthread_mutex_unlock(&a->lock);
    return go_on;
}

static size_t to_poll(struct lane *l, struct pollfd *fds)
{
    flush_links(l);
    for (size_t k = 0; k < l->n_links; k++)
        fds[k] = (struct pollfd){.fd = directory_fd(l->links[k].directory),
                                 .events = POLLIN | (l->links[k].full ? POLLOUT : 0)};
    return l->n_links;
}

void *authority_io(void *arg)
{
    struct authorities *a = arg;
    struct pollfd *fds = calloc(1 + a->n * AUTHORITY_MAX_CONNECTIONS, sizeof *fds);
    size_t *counts = calloc(a->n, sizeof *counts);
    while (fds && counts && take_news(a)) {
        size_t n = 0, at = 1;
        fds[n++] = (struct pollfd){.fd = a->wake, .events = POLLIN};
        for (size_t i = 0; i < a->n; i++) {
            send_queued(&a->lanes[i]);
            n += counts[i] = to_poll(&a->lanes[i], fds + n);
        }
        poll(fds, n, next_wait_ms(a, clock_ms()));
        for (size_t i = 0; i < a->n; i++) {
            serve(&a->lanes[i], fds + at, counts[i]);
            at += counts[i];
        }
    }
    for (size_t i = 0; i < a->n; i++) {
        struct search *lost = NULL;
        drop_all(&a->lanes[i], &lost);
        finish_all(&a->lanes[i], lost);
    }
    free(counts);
    free(fds);
    return NULL;
}

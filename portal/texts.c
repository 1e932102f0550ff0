/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is shown but not computed: the notices and the administration's terms. Both are read at
 * start and when they change, never while somebody waits for a page; what cannot be read leaves
 * what was there before. */
#include "lib/card.h"
#include "lib/config.h"
#include "lib/i18n.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notice.h"
#include "portal/board.h"
#include "portal/portal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TERMS = 16384, QUIET_MS = 200, LOOK_AGAIN_MS = 10000 };

struct texts {
    struct portal *p;
    struct notice_set *notices; /* of the directory */
    struct notice_set all;      /* these and the board's; the items are theirs */
    uint64_t generation;
    struct loop_watch *watch;
    struct loop_timer *retry; /* while the directory cannot be watched */
    char *directory;          /* that is watched */
    struct terms {
        char **texts; /* one a language of i18n, or NULL */
        size_t n;
    } terms[CONFIG_MAX_ZONES + 1]; /* of the live zones, in their order; the last: of no zone */
};

bool texts_clock_sane(void)
{
    return time(NULL) >= NOTICE_EPOCH;
}

int64_t texts_now(const struct texts *t, bool *sane)
{
    return board_now(t->p->board, sane);
}

uint64_t texts_generation(const struct texts *t)
{
    return t->generation;
}

/* --- notices -------------------------------------------------------------------------------------
 */

static void watch(struct texts *t);

static const struct notice *find(const struct notice_set *set, const char *id)
{
    for (size_t i = 0; set && i < set->n; i++)
        if (strcmp(set->items[i]->id, id) == 0)
            return set->items[i];
    return NULL;
}

/* Both sources as one. A file of this router stands before a notice of the board with the same id:
 * it was put here on purpose. */
static void merge(struct texts *t)
{
    const struct board_edition *e = board_edition(t->p->board);
    size_t own = t->notices ? t->notices->n : 0, more = e ? e->notices.n : 0;
    struct notice **items = calloc(own + more + 1, sizeof *items);
    size_t n = 0;

    t->generation++;
    free(t->all.items);
    t->all = (struct notice_set){.items = items};
    if (!items) {
        log_msg(LOG_ERR, "event=out-of-memory what=notices");
        return;
    }
    for (size_t i = 0; i < own; i++)
        items[n++] = t->notices->items[i];
    for (size_t i = 0; i < more; i++)
        if (!find(t->notices, e->notices.items[i]->id))
            items[n++] = e->notices.items[i];
    t->all.n = n;
}

void texts_board_changed(struct texts *t)
{
    merge(t);
}

static void read_notices(void *arg)
{
    struct texts *t = arg;
    struct notice_set *set = notice_dir_read(t->directory);

    if (!set) {
        log_msg(LOG_WARNING, "event=notices_unreadable directory=%s shown=%zu", t->directory,
                t->notices ? t->notices->n : 0);
        return;
    }
    notice_set_free(t->notices);
    t->notices = set;
    merge(t);
    log_msg(LOG_NOTICE, "event=notices_read directory=%s notices=%zu skipped=%u", t->directory,
            set->n, set->skipped);
}

static void try_again(void *arg)
{
    struct texts *t = arg;
    watch(t);
    if (t->watch)
        read_notices(t);
}

static void watch(struct texts *t)
{
    loop_watch_free(t->watch);
    t->watch = loop_watch_new(t->p->loop, t->directory, QUIET_MS, read_notices, t);
    if (!t->watch)
        loop_timer_start(t->retry, LOOK_AGAIN_MS);
}

size_t texts_notices(const struct texts *t, const char *zone, const struct notice **out, size_t max)
{
    bool sane;
    int64_t now_s = texts_now(t, &sane);
    return notice_select(&t->all, zone, now_s, sane, out, max);
}

size_t texts_services(const struct texts *t, const char *zone, const struct service **out,
                      size_t max)
{
    const struct board_edition *e = board_edition(t->p->board);
    return e ? service_select(e->services, e->n_services, zone, out, max) : 0;
}

size_t texts_publishers(const struct texts *t, const struct publisher *const **out)
{
    const struct board_edition *e = board_edition(t->p->board);
    *out = e ? (const struct publisher *const *)e->publishers : NULL;
    return e ? e->n_publishers : 0;
}

static const char *web_link(const struct notice *n)
{
    bool web = n && n->link && strncasecmp(n->link, "http", 4) == 0 && notice_link_ok(n->link);
    return web ? n->link : NULL;
}

const char *texts_link(const struct texts *t, bool service, const char *id)
{
    const struct board_edition *e = board_edition(t->p->board);
    bool sane;
    int64_t now_s = texts_now(t, &sane);
    if (!service) {
        const struct notice *n = find(&t->all, id);
        return n && (!sane || now_s < n->until) ? web_link(n) : NULL;
    }
    for (size_t i = 0; e && i < e->n_services; i++)
        if (strcmp(e->services[i]->card.id, id) == 0)
            return web_link(&e->services[i]->card);
    return NULL;
}

int64_t texts_next_change(const struct texts *t, int64_t now_s)
{
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < t->all.n; i++) {
        const struct notice *n = t->all.items[i];
        if (n->from > now_s && n->from < next)
            next = n->from;
        if (n->until > now_s && n->until < next)
            next = n->until;
    }
    return next;
}

size_t texts_notice_count(const struct texts *t, unsigned *skipped)
{
    *skipped = t->notices ? t->notices->skipped : 0;
    return t->all.n;
}

/* --- terms ---------------------------------------------------------------------------------------
 */

static char *read_terms(const char *directory, const char *lang)
{
    char path[512], *text = NULL;
    int fd = -1;

    if (snprintf(path, sizeof path, "%s/terms.%s.md", directory, lang) < (int)sizeof path)
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    text = malloc(MAX_TERMS + 1);
    ssize_t n = text ? read(fd, text, MAX_TERMS + 1) : -1;
    close(fd);
    if (n <= 0 || n > MAX_TERMS) {
        log_msg(LOG_WARNING, "event=terms_skipped file=%s why=\"%s\"", path,
                n > MAX_TERMS ? "longer than 16384 bytes" : "empty or unreadable");
        free(text);
        return NULL;
    }
    text[n] = 0;
    return text;
}

static void free_terms(struct texts *t)
{
    for (size_t z = 0; z <= CONFIG_MAX_ZONES; z++) {
        for (size_t i = 0; i < t->terms[z].n; i++)
            free(t->terms[z].texts[i]);
        free(t->terms[z].texts);
        t->terms[z] = (struct terms){.n = 0};
    }
}

static void load_terms_of(struct texts *t, struct terms *terms, const char *directory)
{
    const char *const *tags = NULL;
    size_t n = i18n_languages(t->p->i18n, &tags);

    if (!directory || !*directory)
        return;
    terms->texts = calloc(n ? n : 1, sizeof *terms->texts);
    if (!terms->texts)
        return;
    terms->n = n;
    for (size_t i = 0; i < n; i++)
        terms->texts[i] = read_terms(directory, tags[i]);
}

static void load_terms(struct texts *t)
{
    const struct conf *live = t->p->live;

    free_terms(t);
    for (size_t z = 0; z < live->n_zones; z++)
        load_terms_of(t, &t->terms[z], live->zones[z].terms_directory);
    load_terms_of(t, &t->terms[CONFIG_MAX_ZONES], live->terms_directory);
}

static const char *terms_in(const struct texts *t, size_t place, const char *lang)
{
    const char *const *tags = NULL;
    size_t n = i18n_languages(t->p->i18n, &tags);
    for (size_t i = 0; i < n && i < t->terms[place].n; i++)
        if (strcmp(tags[i], lang) == 0)
            return t->terms[place].texts[i];
    return NULL;
}

/* An administration's own terms bind in the language in which they were written: where there are
 * none in the citizen's, those in the fallback language stand, not the built-in text. */
const char *texts_terms(const struct texts *t, const struct conf_zone *zone, const char *lang)
{
    size_t place = zone ? (size_t)(zone - t->p->live->zones) : CONFIG_MAX_ZONES;
    const char *text = terms_in(t, place, lang);
    return text ? text : terms_in(t, place, t->p->live->language);
}

/* --- all
 * ------------------------------------------------------------------------------------------ */

void texts_reload(struct texts *t)
{
    char *directory = strdup(t->p->live->notices_directory);
    if (directory) {
        free(t->directory);
        t->directory = directory;
    }
    watch(t);
    read_notices(t);
    load_terms(t);
    t->generation++;
}

struct texts *texts_new(struct portal *p)
{
    struct texts *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->p = p;
    t->directory = strdup(p->live->notices_directory);
    t->retry = loop_timer_new(p->loop, try_again, t);
    if (!t->directory || !t->retry) {
        texts_free(t);
        return NULL;
    }
    texts_reload(t);
    return t;
}

void texts_free(struct texts *t)
{
    if (!t)
        return;
    loop_watch_free(t->watch);
    loop_timer_free(t->retry);
    notice_set_free(t->notices);
    free(t->all.items);
    free_terms(t);
    free(t->directory);
    free(t);
}

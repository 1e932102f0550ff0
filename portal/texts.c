/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is shown but not computed: the notices and the administration's terms. Both are read at
 * start and when they change, never while somebody waits for a page; what cannot be read leaves
 * what was there before. */
#include "lib/config.h"
#include "lib/i18n.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/notice.h"
#include "portal/portal.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_TERMS = 16384, QUIET_MS = 200, LOOK_AGAIN_MS = 10000 };

/* No router's clock is right if it says that this program is not yet written. */
#define WRITTEN_S 1767225600 /* 2026-01-01 */

struct texts {
    struct portal *p;
    struct notice_set *notices;
    struct loop_watch *watch;
    struct loop_timer *retry; /* while the directory cannot be watched */
    char *directory;          /* that is watched */
    char **terms;             /* one a language of i18n, or NULL */
    size_t n_terms;
};

bool texts_clock_sane(void)
{
    return time(NULL) >= WRITTEN_S;
}

/* --- notices -------------------------------------------------------------------------------------
 */

static void watch(struct texts *t);

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
    if (!t->notices)
        return 0;
    return notice_select(t->notices, zone, time(NULL), texts_clock_sane(), out, max);
}

size_t texts_notice_count(const struct texts *t, unsigned *skipped)
{
    *skipped = t->notices ? t->notices->skipped : 0;
    return t->notices ? t->notices->n : 0;
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
    for (size_t i = 0; i < t->n_terms; i++)
        free(t->terms[i]);
    free(t->terms);
    t->terms = NULL;
    t->n_terms = 0;
}

static void load_terms(struct texts *t)
{
    const char *directory = t->p->live->terms_directory;
    const char *const *tags = NULL;
    size_t n = i18n_languages(t->p->i18n, &tags);

    free_terms(t);
    if (!directory || !*directory)
        return;
    t->terms = calloc(n ? n : 1, sizeof *t->terms);
    if (!t->terms)
        return;
    t->n_terms = n;
    for (size_t i = 0; i < n; i++)
        t->terms[i] = read_terms(directory, tags[i]);
}

static const char *terms_in(const struct texts *t, const char *lang)
{
    const char *const *tags = NULL;
    size_t n = i18n_languages(t->p->i18n, &tags);
    for (size_t i = 0; i < n && i < t->n_terms; i++)
        if (strcmp(tags[i], lang) == 0)
            return t->terms[i];
    return NULL;
}

/* An administration's own terms bind in the language in which they were written: where there are
 * none in the citizen's, those in the fallback language stand, not the built-in text. */
const char *texts_terms(const struct texts *t, const char *lang)
{
    const char *text = terms_in(t, lang);
    return text ? text : terms_in(t, t->p->live->language);
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
    free_terms(t);
    free(t->directory);
    free(t);
}

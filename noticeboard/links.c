/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small table of addresses, the oldest answer is forgotten first. Only whether a page answers
 * comes back to an editor, never a byte of it: the board must be no window into a network. */
#include "noticeboard/links.h"
#include "lib/fetch.h"
#include "lib/loop.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PLACES = 64, FRESH_MS = 10 * 60 * 1000, TIMEOUT_MS = 4000, MOST_BYTES = 256 * 1024 };

struct place {
    struct links *links;
    char url[504], why[64];
    bool inside;
    uint64_t asked_ms;
    struct fetch *fetch; /* under way */
    void (*done)(void *arg);
    void *arg;
};

struct links {
    struct fetcher *fetcher;
    struct place places[PLACES];
};

struct links *links_new(struct loop *loop)
{
    struct links *l = calloc(1, sizeof *l);

    if (l && !(l->fetcher = fetcher_new(loop, NULL, "loggia-board (link check)"))) {
        free(l);
        return NULL;
    }
    return l;
}

void links_free(struct links *l)
{
    if (!l)
        return;
    fetcher_free(l->fetcher);
    free(l);
}

static struct place *find(const struct links *l, const char *url)
{
    for (size_t i = 0; i < PLACES; i++)
        if (strcmp(l->places[i].url, url) == 0)
            return (struct place *)(uintptr_t)&l->places[i];
    return NULL;
}

static void answered(void *arg, const struct fetch_answer *a)
{
    struct place *p = arg;
    void (*done)(void *) = p->done;

    p->fetch = NULL;
    p->done = NULL;
    *p->why = '\0';
    p->inside = a->inside;
    /* 401 and 403 are pages for people who are not us; a body beyond the bound is a page, too. */
    if (a->status == 404 || a->status == 410 || a->status >= 500)
        snprintf(p->why, sizeof p->why, "%u", a->status);
    else if (!a->status && !a->inside && !strstr(a->err, "too long") &&
             !strstr(a->err, "more than"))
        snprintf(p->why, sizeof p->why, "%.60s", a->err);
    if (done)
        done(p->arg);
}

static struct place *oldest(struct links *l)
{
    struct place *best = NULL;

    for (size_t i = 0; i < PLACES; i++)
        if (!l->places[i].fetch && (!best || l->places[i].asked_ms < best->asked_ms))
            best = &l->places[i];
    return best;
}

bool links_ask(struct links *l, const char *url, void (*done)(void *arg), void *arg)
{
    struct place *p = find(l, url);
    struct fetch_request r = {.url = url,
                              .max_bytes = MOST_BYTES,
                              .timeout_ms = TIMEOUT_MS,
                              .redirects = 4,
                              .https_only = true,
                              .reach = FETCH_OUTSIDE};

    if (strncasecmp(url, "https://", 8) != 0 || strlen(url) >= sizeof p->url)
        p = NULL;
    else if (!p)
        p = oldest(l);
    bool fresh = p && p->asked_ms && strcmp(p->url, url) == 0 && !p->fetch &&
                 loop_now_ms() - p->asked_ms < FRESH_MS;
    if (!p || fresh || (p->fetch && p->done)) {
        if (done)
            done(arg);
        return false;
    }
    if (!p->fetch) {
        snprintf(p->url, sizeof p->url, "%s", url);
        *p->why = '\0';
        p->inside = false;
        p->links = l;
        p->asked_ms = loop_now_ms();
        p->fetch = fetch_start(l->fetcher, &r, answered, p);
    }
    if (p->fetch) {
        p->done = done;
        p->arg = arg;
        return true;
    }
    if (done)
        done(arg);
    return false;
}

void links_forget(struct links *l, void *arg)
{
    for (size_t i = 0; l && i < PLACES; i++)
        if (l->places[i].arg == arg)
            l->places[i].done = NULL;
}

const char *links_dead(const struct links *l, const char *url)
{
    const struct place *p = l ? find(l, url) : NULL;

    return p && *p->why ? p->why : NULL;
}

bool links_inside(const struct links *l, const char *url)
{
    const struct place *p = l ? find(l, url) : NULL;

    return p && p->inside;
}

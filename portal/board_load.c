/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From a bundle's bytes to notices, services and publishers. The digest and the frame are one step;
 * the parts are read a few at a time, one turn of the loop each, because a city's router may be a
 * small one and citizens are in front of it. A part that cannot be read is left out and named in
 * the log; a frame that cannot be read makes the whole bundle void. */
#include "lib/log.h"
#include "lib/loop.h"
#include "portal/board.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PARTS_A_STEP = 8 };

struct board_load {
    struct loop *loop;
    struct loop_timer *timer;
    struct current current;
    char *data;
    size_t len, next;
    struct bundle *bundle;
    struct board_edition *edition;
    board_load_fn fn;
    void *arg;
    uint64_t longest_us;
};

void board_edition_free(struct board_edition *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->notices.n; i++)
        notice_free(e->notices.items[i]);
    for (size_t i = 0; i < e->n_services; i++)
        service_free(e->services[i]);
    for (size_t i = 0; i < e->n_publishers; i++)
        publisher_free(e->publishers[i]);
    free(e->notices.items);
    free(e->services);
    for (size_t i = 0; i < e->n_logos; i++)
        free(e->logos[i].data);
    free(e->publishers);
    free(e->logos);
    free(e);
}

void board_load_free(struct board_load *l)
{
    if (!l)
        return;
    loop_timer_free(l->timer);
    bundle_free(l->bundle);
    board_edition_free(l->edition);
    free(l->data);
    free(l);
}

uint64_t board_load_longest_us(const struct board_load *l)
{
    return l->longest_us;
}

/* Ends it: the caller's function gets what there is. */
static void finish(struct board_load *l, const char *why)
{
    struct board_edition *e = why ? NULL : l->edition;
    char *data = why ? NULL : l->data;
    loop_timer_stop(l->timer);
    if (!why) {
        l->edition = NULL;
        l->data = NULL;
    }
    l->fn(l->arg, e, data, l->len, why); /* may free l */
}

/* Room for every part in its kind's list. */
static struct board_edition *new_edition(const struct bundle *b, const struct current *c)
{
    struct board_edition *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    e->current = *c;
    memcpy(e->name, b->board, sizeof e->name);
    e->notices.items = calloc(b->n + 1, sizeof(*e->notices.items));
    e->services = calloc(BUNDLE_MAX_SERVICES, sizeof(*e->services));
    e->publishers = calloc(BUNDLE_MAX_PUBLISHERS, sizeof(*e->publishers));
    e->logos = calloc(BUNDLE_MAX_LOGOS, sizeof(*e->logos));
    if (e->notices.items && e->services && e->publishers && e->logos)
        return e;
    board_edition_free(e);
    return NULL;
}

/* The frame, and room for what is in it. NULL, or why it is void; both are the caller's to free. */
static const char *open_frame(const struct current *c, const char *data, size_t len,
                              struct bundle **bundle, struct board_edition **edition, char *why,
                              size_t why_len)
{
    uint8_t sum[SIGN_KEY_LEN];
    sign_sha256(data, len, sum);
    if (len != c->length || memcmp(sum, c->sha256, sizeof sum) != 0)
        return "its digest is not the one that was signed";
    *bundle = bundle_read(data, len, why, why_len);
    if (!*bundle)
        return why;
    if ((*bundle)->serial != c->serial)
        return "its serial is not the one that was signed";
    *edition = new_edition(*bundle, c);
    return *edition ? NULL : "out of memory";
}

/* A picture that is what its name says, and every publisher that names it knows how large it is. */
static void *read_logo(struct board_edition *e, const struct bundle_part *p, char *err,
                       size_t err_len)
{
    struct board_logo *l = &e->logos[e->n_logos];
    struct logo frame;
    uint8_t sum[SIGN_KEY_LEN];
    if (!logo_read(p->data, p->len, &frame, err, err_len))
        return NULL;
    sign_sha256(p->data, p->len, sum);
    logo_name(sum, frame.kind, l->name);
    l->data = strcmp(l->name, p->id) == 0 ? malloc(p->len) : NULL;
    if (!l->data) {
        snprintf(err, err_len, "found other bytes than its name says, or no memory");
        return NULL;
    }
    memcpy(l->data, p->data, p->len);
    l->len = p->len;
    l->kind = frame.kind;
    e->n_logos++;
    for (size_t i = 0; i < e->n_publishers; i++)
        if (e->publishers[i]->logo && strcmp(e->publishers[i]->logo, l->name) == 0) {
            e->publishers[i]->logo_width = frame.width;
            e->publishers[i]->logo_height = frame.height;
        }
    return l->data;
}

static void read_part(struct board_edition *e, const struct bundle_part *p)
{
    static const char *const kinds[] = {"publisher", "notice", "service", "logo"};
    char err[320] = "";
    void *made = NULL;
    if (p->kind == BUNDLE_NOTICE) {
        made = notice_parse(p->id, p->data, p->len, err, sizeof err);
        if (made)
            e->notices.items[e->notices.n++] = made;
    } else if (p->kind == BUNDLE_SERVICE) {
        made = service_parse(p->id, p->data, p->len, err, sizeof err);
        if (made)
            e->services[e->n_services++] = made;
    } else if (p->kind == BUNDLE_LOGO) {
        made = read_logo(e, p, err, sizeof err);
    } else {
        made = publisher_parse(p->id, p->data, p->len, err, sizeof err);
        if (made)
            e->publishers[e->n_publishers++] = made;
    }
    if (made)
        return;
    e->skipped++;
    log_msg(LOG_WARNING, "event=board_part_skipped kind=%s id=%s reason=\"%s\"", kinds[p->kind],
            p->id, err);
}

static void step(void *arg)
{
    struct board_load *l = arg;
    char why[200];
    uint64_t began_us = loop_now_us();
    const char *wrong = l->bundle ? NULL
                                  : open_frame(&l->current, l->data, l->len, &l->bundle,
                                               &l->edition, why, sizeof why);
    if (wrong) {
        finish(l, wrong);
        return;
    }
    for (int i = 0; i < PARTS_A_STEP && l->next < l->bundle->n; i++)
        read_part(l->edition, &l->bundle->parts[l->next++]);
    uint64_t took_us = loop_now_us() - began_us;
    l->longest_us = took_us > l->longest_us ? took_us : l->longest_us;
    if (l->next < l->bundle->n)
        loop_timer_start(l->timer, 0);
    else
        finish(l, NULL);
}

struct board_load *board_load_new(struct loop *loop, const struct current *c, char *data,
                                  size_t len, board_load_fn fn, void *arg)
{
    struct board_load *l = calloc(1, sizeof *l);
    if (l)
        l->timer = loop_timer_new(loop, step, l);
    if (!l || !l->timer) {
        free(l);
        free(data);
        return NULL;
    }
    l->loop = loop;
    l->current = *c;
    l->data = data;
    l->len = len;
    l->fn = fn;
    l->arg = arg;
    loop_timer_start(l->timer, 0);
    return l;
}

struct board_edition *board_load_now(const struct current *c, const char *data, size_t len,
                                     char *why, size_t why_len)
{
    struct bundle *bundle = NULL;
    struct board_edition *edition = NULL;
    char reason[200];
    const char *wrong = open_frame(c, data, len, &bundle, &edition, reason, sizeof reason);
    if (wrong) {
        snprintf(why, why_len, "%s", wrong);
        board_edition_free(edition);
        edition = NULL;
    }
    for (size_t i = 0; edition && i < bundle->n; i++)
        read_part(edition, &bundle->parts[i]);
    bundle_free(bundle);
    return edition;
}

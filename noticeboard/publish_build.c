/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the store's rows and board.conf to the parts of a bundle. Each notice and service is read by
 * the reader that the routers have: one that they would leave out is left out here, and named in
 * the log, so that nobody wonders where it is. */
#include "noticeboard/conf.h"
#include "noticeboard/logo.h"
#include "noticeboard/publish_internal.h"
#include "noticeboard/store.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct builder {
    struct edition *e;
    const struct board_conf *conf;
    size_t room; /* of parts, and of all that goes with them */
    bool failed; /* out of memory */
};

/* text is taken. */
static bool add_part(struct builder *b, enum bundle_kind kind, const char *id, char *text,
                     size_t len)
{
    struct edition *e = b->e;
    if (e->bundle.n == b->room) {
        size_t room = b->room ? 2 * b->room : 64;
        struct bundle_part *parts = realloc(e->bundle.parts, room * sizeof *parts);
        char **texts = parts ? realloc(e->texts, room * sizeof *texts) : NULL;
        e->bundle.parts = parts ? parts : e->bundle.parts;
        e->texts = texts ? texts : e->texts;
        if (!texts) {
            free(text);
            return false;
        }
        b->room = room;
    }
    struct bundle_part *part = &e->bundle.parts[e->bundle.n++];
    *part = (struct bundle_part){.kind = kind, .data = text, .len = len};
    snprintf(part->id, sizeof part->id, "%s", id);
    e->texts[e->n_texts++] = text;
    return true;
}

static bool add_publisher(struct builder *b, const struct board_administration *a,
                          const struct board_publisher *v)
{
    char id[BUNDLE_ID_LEN];
    struct publisher card = board_publisher_card(a, v);
    struct buf text;
    size_t len;
    snprintf(id, sizeof id, "%.48s.%.48s", a->id, v->id);
    buf_init(&text, PUBLISHER_MAX_BYTES);
    publisher_write(&text, &card);
    char *data = buf_take(&text, &len);
    return data && add_part(b, BUNDLE_PUBLISHER, id, data, len);
}

static char *copy(const char *text, size_t len)
{
    char *data = malloc(len + 1);
    if (data) {
        memcpy(data, text, len);
        data[len] = '\0';
    }
    return data;
}

static bool grow_notices(struct edition *e)
{
    size_t n = e->notices.n + 1;
    struct notice **items = realloc(e->notices.items, n * sizeof *items);
    int64_t *changed = items ? realloc(e->changed, n * sizeof *changed) : NULL;
    e->notices.items = items ? items : e->notices.items;
    e->changed = changed ? changed : e->changed;
    return changed != NULL;
}

static bool add_notice(void *arg, const struct store_item *item)
{
    struct builder *b = arg;
    struct edition *e = b->e;
    char err[320];
    struct notice *n = notice_parse(item->name, item->text, item->len, err, sizeof err);
    if (!n) {
        log_msg(LOG_ERR, "event=notice_left_out notice=%s why=\"%s\"", item->name, err);
        e->notices.skipped++;
        return true;
    }
    char *text = copy(item->text, item->len);
    if (!text || !grow_notices(e) || !add_part(b, BUNDLE_NOTICE, item->name, text, item->len)) {
        notice_free(n);
        b->failed = true;
        return false;
    }
    e->changed[e->notices.n] = item->changed;
    e->notices.items[e->notices.n++] = n;
    return true;
}

static bool add_service(void *arg, const struct store_item *item)
{
    struct builder *b = arg;
    char err[320];
    struct service *card = service_parse(item->name, item->text, item->len, err, sizeof err);
    if (!card) {
        log_msg(LOG_ERR, "event=service_left_out service=%s why=\"%s\"", item->name, err);
        return true;
    }
    service_free(card);
    char *text = copy(item->text, item->len);
    if (!text || !add_part(b, BUNDLE_SERVICE, item->name, text, item->len))
        b->failed = true;
    else
        b->e->n_services++;
    return !b->failed;
}

static bool is_in(const struct edition *e, enum bundle_kind kind, const char *id)
{
    for (size_t i = 0; i < e->bundle.n; i++)
        if (e->bundle.parts[i].kind == kind && strcmp(e->bundle.parts[i].id, id) == 0)
            return true;
    return false;
}

/* Whether a notice of the edition stands under that name. */
static bool is_shown(const struct edition *e, const char *publisher)
{
    for (size_t i = 0; i < e->notices.n; i++)
        if (strcmp(e->notices.items[i]->publisher, publisher) == 0)
            return true;
    return false;
}

/* The pictures that a page can show now, each once: every router fetches them with each edition. */
static bool add_logos(struct builder *b)
{
    for (size_t i = 0; i < b->conf->n_administrations; i++)
        for (size_t k = 0; k < b->conf->administrations[i].n_publishers; k++) {
            const struct board_administration *a = &b->conf->administrations[i];
            struct publisher card = board_publisher_card(a, &a->publishers[k]);
            const struct board_logo *l = card.logo ? board_logo_named(b->conf, card.logo) : NULL;
            if (!l || !is_shown(b->e, card.name) || is_in(b->e, BUNDLE_LOGO, l->name))
                continue;
            char *data = copy(l->data, l->len);
            if (!data || !add_part(b, BUNDLE_LOGO, l->name, data, l->len))
                return false;
        }
    return true;
}

bool edition_build(struct edition *e, struct store *s, const struct board_conf *c, int64_t now,
                   char *err, size_t err_len)
{
    struct builder b = {.e = e, .conf = c};
    *e = (struct edition){0};
    snprintf(e->bundle.board, sizeof e->bundle.board, "%s", c->name);
    for (size_t i = 0; i < c->n_administrations; i++)
        for (size_t k = 0; k < c->administrations[i].n_publishers; k++)
            if (!add_publisher(&b, &c->administrations[i], &c->administrations[i].publishers[k]))
                b.failed = true;
    bool fine = !b.failed && store_published(s, now, add_notice, &b) && !b.failed &&
                store_published_services(s, add_service, &b) && !b.failed;
    if (fine && !add_logos(&b))
        fine = !(b.failed = true);
    if (!fine) {
        snprintf(err, err_len, "%s", b.failed ? "out of memory" : store_error(s));
        edition_free(e);
    }
    return fine;
}

void edition_free(struct edition *e)
{
    for (size_t i = 0; i < e->n_texts; i++)
        free(e->texts[i]);
    for (size_t i = 0; i < e->notices.n; i++)
        notice_free(e->notices.items[i]);
    free(e->texts);
    free(e->notices.items);
    free(e->changed);
    free(e->bundle.parts);
    *e = (struct edition){0};
}

void edition_sum(const struct bundle *b, uint8_t out[static SIGN_KEY_LEN])
{
    struct buf text;
    char head[BUNDLE_ID_LEN + 64];
    buf_init(&text, 2 * BUNDLE_MAX_BYTES);
    buf_str(&text, b->board);
    for (size_t i = 0; i < b->n; i++) {
        snprintf(head, sizeof head, "\n%d %s %zu\n", (int)b->parts[i].kind, b->parts[i].id,
                 b->parts[i].len);
        buf_str(&text, head);
        buf_add(&text, b->parts[i].data, b->parts[i].len);
    }
    memset(out, 0, SIGN_KEY_LEN);
    if (!text.failed)
        sign_sha256(text.data, text.len, out);
    buf_free(&text);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between xml.c and the readers of the formats. */
#include "noticeboard/source.h"
#include "noticeboard/cap_parse.h"
#include "noticeboard/feed_parse.h"
#include "noticeboard/xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct source_reader {
    struct xml *xml;
    struct source source;
    struct cap_alert *inside; /* of an entry, while it is read */
};

static void choose(struct source_reader *r, struct xml *x, const char *root)
{
    char found[96];
    bool feed = strcmp(root, "rss") == 0 || strcmp(root, "atom:feed") == 0;
    if (feed)
        r->source.feed = feed_new();
    else if (strcmp(root, "cap:alert") == 0)
        r->source.alert = cap_new();
    else
        snprintf(found, sizeof found, "<%.80s>", root);
    if (!feed && !r->source.alert)
        xml_stop(x, "<rss>, Atom's <feed> or CAP's <alert>", found);
}

/* The path inside an alert that stands in an entry, as that of a document of its own; else NULL. */
static const char *path_inside(const char *path)
{
    static const char entry[] = "atom:feed/atom:entry/atom:content/";
    if (strncmp(path, entry, sizeof entry - 1) != 0)
        return NULL;
    path += sizeof entry - 1;
    return strncmp(path, "cap:alert", 9) == 0 && (path[9] == '/' || !path[9]) ? path : NULL;
}

static void open_inside(struct source_reader *r, struct xml *x, const char *path,
                        const char **attrs)
{
    if (!strchr(path, '/')) { /* a new one */
        r->inside = r->source.n_inside < SOURCE_MAX_INSIDE ? cap_new() : NULL;
        r->source.more |= !r->inside;
        feed_carries_alert(r->source.feed);
    }
    if (r->inside)
        cap_open(r->inside, x, path, attrs);
}

static void close_inside(struct source_reader *r, struct xml *x, const char *path, const char *text)
{
    char err[200], found[240];
    if (!r->inside)
        return;
    cap_close(r->inside, x, path, text);
    if (strchr(path, '/'))
        return;
    if (cap_check(r->inside, err, sizeof err)) {
        r->source.inside[r->source.n_inside++] = r->inside;
    } else {
        snprintf(found, sizeof found, "an alert in an entry: %.200s", err);
        xml_stop(x, "a whole one", found);
        cap_free(r->inside);
    }
    r->inside = NULL;
}

static void on_open(void *arg, struct xml *x, const char *path, const char **attrs)
{
    struct source_reader *r = arg;
    const char *inside = path_inside(path);
    if (!strchr(path, '/'))
        choose(r, x, path);
    if (r->source.feed && inside)
        open_inside(r, x, inside, attrs);
    else if (r->source.feed)
        feed_open(r->source.feed, x, path, attrs);
    else if (r->source.alert)
        cap_open(r->source.alert, x, path, attrs);
}

static void on_close(void *arg, struct xml *x, const char *path, const char *text)
{
    struct source_reader *r = arg;
    const char *inside = path_inside(path);
    if (r->source.feed && inside)
        close_inside(r, x, inside, text);
    else if (r->source.feed)
        feed_close(r->source.feed, x, path, text);
    else if (r->source.alert)
        cap_close(r->source.alert, x, path, text);
}

struct source_reader *source_reader_new(void)
{
    struct source_reader *r = calloc(1, sizeof *r);
    const struct xml_sink sink = {.open = on_open, .close = on_close, .arg = r};
    if (r && !(r->xml = xml_new(&sink))) {
        free(r);
        r = NULL;
    }
    return r;
}

void source_free(struct source *s)
{
    feed_free(s->feed);
    cap_free(s->alert);
    for (size_t i = 0; i < s->n_inside; i++)
        cap_free(s->inside[i]);
    *s = (struct source){0};
}

void source_reader_free(struct source_reader *r)
{
    if (!r)
        return;
    xml_free(r->xml);
    cap_free(r->inside);
    source_free(&r->source);
    free(r);
}

bool source_push(struct source_reader *r, const char *data, size_t len)
{
    return xml_push(r->xml, data, len);
}

bool source_finish(struct source_reader *r, struct source *out, char *err, size_t err_len)
{
    bool fine = xml_finish(r->xml);
    if (!fine)
        snprintf(err, err_len, "%s", xml_error(r->xml));
    else if (r->source.alert)
        fine = cap_check(r->source.alert, err, err_len);
    else if (!r->source.feed) {
        snprintf(err, err_len, "found too little memory, expected enough");
        fine = false;
    }
    if (fine) {
        *out = r->source;
        r->source = (struct source){0};
    }
    return fine;
}

bool source_read(const char *data, size_t len, struct source *out, char *err, size_t err_len)
{
    struct source_reader *r = source_reader_new();
    if (!r) {
        snprintf(err, err_len, "found too little memory, expected enough");
        return false;
    }
    source_push(r, data, len); /* an error stays, and finish tells it */
    bool fine = source_finish(r, out, err, err_len);
    source_reader_free(r);
    return fine;
}

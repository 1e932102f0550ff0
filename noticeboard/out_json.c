/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JSON Feed 1.1 (jsonfeed.org). Priority and end stand in an extension, as the format has it for
 * what it does not know. */
#include "lib/buf.h"
#include "noticeboard/feed_date.h"
#include "noticeboard/out.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void set(json_t *object, const char *name, const char *text)
{
    if (text && *text)
        json_object_set_new(object, name, json_string(text));
}

static void set_date(json_t *object, const char *name, int64_t when)
{
    char date[FEED_DATE_LEN];
    feed_date_3339(when, false, date);
    set(object, name, date);
}

static json_t *author(const char *name)
{
    return json_pack("[{s:s}]", "name", name);
}

static json_t *item(const struct out_feed *f, const struct out_item *i)
{
    json_t *o = json_object(), *city = json_object();
    bool web = i->n->link && strncasecmp(i->n->link, "http", 4) == 0;
    json_object_set_new(o, "id", json_sprintf("%s:%s", f->host, i->n->id));
    set(o, "title", i->text->title);
    set(o, "language", i->text->lang);
    json_object_set_new(o, "content_html", json_string(i->html ? i->html : ""));
    if (web)
        set(o, "external_url", i->n->link);
    set_date(o, "date_published", i->n->from ? i->n->from : i->changed);
    if (i->changed)
        set_date(o, "date_modified", i->changed);
    json_object_set_new(o, "authors", author(i->n->publisher));
    json_object_set_new(o, "tags", json_pack("[s]", notice_priorities[i->n->priority]));
    set_date(city, "until", i->n->until);
    set(city, "source", i->n->source);
    set(city, "alert", i->alert);
    json_object_set_new(o, "_loggia", city);
    return o;
}

void out_json(struct buf *b, const struct out_feed *f)
{
    json_t *feed = json_object(), *items = json_array();
    set(feed, "version", "https://jsonfeed.org/version/1.1");
    set(feed, "title", f->title);
    set(feed, "home_page_url", f->home);
    set(feed, "feed_url", f->self);
    set(feed, "language", f->lang);
    for (size_t i = 0; i < f->n && i < OUT_MAX_ITEMS; i++)
        json_array_append_new(items, item(f, f->items[i]));
    json_object_set_new(feed, "items", items);
    char *text = json_dumps(feed, JSON_INDENT(1) | JSON_PRESERVE_ORDER);
    if (text)
        buf_str(b, text);
    else
        b->failed = true;
    buf_str(b, "\n");
    free(text);
    json_decref(feed);
}

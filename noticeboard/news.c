/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The feeds in OUT_DIRECTORY/news: it.rss and it.json for the whole city in each of its languages,
 * zone-NAME.rss and .json for one zone in the board's own language, zone-NAME.en.rss in another,
 * alerts.rss with a CAP document for each warning.
 *
 * Routers do not wait for any of it: it is written after they have theirs, one document a turn of
 * the loop, and only where it says something else than the file that is there. What a CAP document
 * said last stands in its file, which is read again to say what an update or a cancel refers to:
 * nothing else is remembered. */
#include "lib/buf.h"
#include "lib/loop.h"
#include "noticeboard/cap_parse.h"
#include "noticeboard/conf.h"
#include "noticeboard/out.h"
#include "noticeboard/publish_internal.h"
#include "noticeboard/source.h"
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_BYTES (2 << 20) /* of a document */
#define URL_LEN   400

struct news {
    struct loop *loop;
    struct loop_timer *timer;
    int dir;
    const struct board_conf *conf;
    struct edition edition;
    int64_t now;
    char host[256], base[URL_LEN];
    struct out_item *items; /* of what is shown now, newest first, in the language of this turn */
    size_t n;
    const char *lang; /* of the items */
    size_t step;
    size_t alert; /* of the items: whose CAP document is next */
};

static int newest_first(const void *a, const void *b)
{
    const struct out_item *x = a, *y = b;
    int64_t at_x = x->n->from ? x->n->from : x->changed,
            at_y = y->n->from ? y->n->from : y->changed;
    if (at_x != at_y)
        return at_x < at_y ? 1 : -1;
    return strcmp(x->n->id, y->n->id);
}

static void forget_texts(struct news *j)
{
    for (size_t i = 0; i < j->n; i++) {
        free(j->items[i].html);
        j->items[i].html = NULL;
    }
}

static void speak(struct news *j, const char *lang)
{
    forget_texts(j);
    j->lang = lang;
    for (size_t i = 0; i < j->n; i++)
        j->items[i].text = notice_text_for(j->items[i].n, lang, j->conf->language);
}

/* --- documents -----------------------------------------------------------------------------------
 */

/* Takes b. */
static void write_if_new(struct news *j, const char *name, struct buf *b)
{
    char path[160], err[256];
    size_t len, old_len;
    char *data = buf_take(b, &len);
    snprintf(path, sizeof path, "news/%s", name);
    char *old = data ? out_read(j->dir, path, MAX_BYTES, &old_len) : NULL;
    bool same = old && old_len == len && memcmp(old, data, len) == 0;
    if (!data)
        log_msg(LOG_ERR, "event=feed_not_written feed=%s why=\"it is too long\"", name);
    else if (!same && !out_write(j->dir, path, data, len, false, err, sizeof err))
        log_msg(LOG_ERR, "event=feed_not_written why=\"%s\"", err);
    free(old);
    free(data);
}

static char *html_of(const struct out_item *i)
{
    struct buf b;
    buf_init(&b, 8 * NOTICE_MAX_BYTES);
    notice_render(&b, i->text->markdown);
    return buf_take(&b, NULL);
}

typedef bool (*wanted_fn)(const struct out_item *i, const char *zone);

static bool in_zone(const struct out_item *i, const char *zone)
{
    return !zone || notice_in_zone(i->n, zone);
}

static bool is_alert(const struct out_item *i, const char *zone)
{
    (void)zone;
    return out_is_alert(i->n);
}

/* NAME.rss, and NAME.json if json. */
static void write_feed(struct news *j, const char *name, const char *title, wanted_fn wanted,
                       const char *zone, bool json)
{
    const struct out_item *chosen[OUT_MAX_ITEMS];
    struct out_feed f = {
        .title = title, .home = j->conf->url, .lang = j->lang, .host = j->host, .items = chosen};
    char file[96], self[URL_LEN + 96], alert[OUT_MAX_ITEMS][URL_LEN + 110];
    struct buf b;
    for (size_t i = 0; i < j->n && f.n < OUT_MAX_ITEMS; i++) {
        struct out_item *item = &j->items[i];
        if (!wanted(item, zone))
            continue;
        if (!item->html)
            item->html = html_of(item);
        if (out_is_alert(item->n)) {
            snprintf(alert[f.n], sizeof alert[0], "%s%s.cap", j->base, item->n->id);
            item->alert = alert[f.n];
        }
        int64_t at = item->n->from > item->changed ? item->n->from : item->changed;
        f.built = at > f.built ? at : f.built;
        chosen[f.n++] = item;
    }
    f.self = self;
    snprintf(file, sizeof file, "%s.rss", name);
    snprintf(self, sizeof self, "%s%s", j->base, file);
    buf_init(&b, MAX_BYTES);
    out_rss(&b, &f);
    write_if_new(j, file, &b);
    if (!json)
        return;
    snprintf(file, sizeof file, "%s.json", name);
    snprintf(self, sizeof self, "%s%s", j->base, file);
    buf_init(&b, MAX_BYTES);
    out_json(&b, &f);
    write_if_new(j, file, &b);
}

/* --- CAP
 * ------------------------------------------------------------------------------------------- */

/* What the CAP document of that notice said last: true, and the alert is the caller's. */
static bool last_message(struct news *j, const char *path, struct source *s)
{
    char err[256];
    size_t len;
    char *data = out_read(j->dir, path, MAX_BYTES, &len);
    *s = (struct source){0};
    bool fine = data && source_read(data, len, s, err, sizeof err) && s->alert;
    if (!fine)
        source_free(s);
    free(data);
    return fine;
}

/* The message itself, behind those that it referred to. */
static char *references(const struct cap_alert *a)
{
    struct buf b;
    buf_init(&b, 8192);
    for (size_t i = a->references.n > 8 ? a->references.n - 8 : 0; i < a->references.n; i++)
        buf_fmt(&b, "%s ", a->references.items[i]);
    struct notice n = {.id = a->identifier};
    struct out_cap c = {.n = &n, .sent = a->sent};
    char *dot = strrchr(a->identifier, '.'); /* the identifier has the moment behind the id */
    if (dot)
        *dot = '\0';
    c.host = strchr(a->sender, '@') ? strchr(a->sender, '@') + 1 : a->sender;
    out_cap_reference(&b, &c);
    if (dot)
        *dot = '.';
    return buf_take(&b, NULL);
}

static void area_of(const struct news *j, const struct notice *n, struct buf *b)
{
    for (size_t i = 0; n->zones[i]; i++) {
        const struct board_zone *z = board_conf_zone(j->conf, n->zones[i]);
        buf_str(b, i ? ", " : "");
        buf_str(b, strcmp(n->zones[i], "*") == 0 ? j->conf->name : z ? z->title : n->zones[i]);
    }
}

/* Whether the message in the file is the one that we would write now in its place. Dates do not
 * tell: two changes may be of one second. */
static bool says_the_same(struct news *j, const char *path, const struct cap_alert *last,
                          const struct notice *n)
{
    struct buf b, refers, area;
    size_t len;
    char *there = out_read(j->dir, path, MAX_BYTES, &len);
    struct out_cap c = {.n = n,
                        .host = j->host,
                        .type = last->msg_type == CAP_UPDATE ? OUT_UPDATE : OUT_ALERT,
                        .sent = last->sent};
    buf_init(&refers, 1 << 16);
    for (size_t i = 0; i < last->references.n; i++)
        buf_fmt(&refers, "%s%s", i ? " " : "", last->references.items[i]);
    c.references = refers.data;
    buf_init(&area, 4096);
    area_of(j, n, &area);
    c.area = area.data ? area.data : j->conf->name;
    buf_init(&b, MAX_BYTES);
    out_cap(&b, &c);
    bool same = there && !b.failed && b.len == len && memcmp(b.data, there, len) == 0;
    buf_free(&b);
    buf_free(&refers);
    buf_free(&area);
    free(there);
    return same;
}

/* Says what is new about one warning: nothing, where its file has it already. */
static void write_alert(struct news *j, const struct out_item *i)
{
    char path[160], name[128];
    struct source last;
    struct buf b, area;
    struct out_cap c = {.n = i->n, .host = j->host, .type = OUT_ALERT, .sent = i->changed};
    char *refers = NULL;
    snprintf(name, sizeof name, "%.110s.cap", i->n->id);
    snprintf(path, sizeof path, "news/%s", name);
    if (last_message(j, path, &last)) {
        bool over = last.alert->msg_type == CAP_CANCEL;
        if (!over && says_the_same(j, path, last.alert, i->n)) {
            source_free(&last);
            return;
        }
        c.sent = i->changed > last.alert->sent ? i->changed : last.alert->sent + 1;
        if (!over) {
            c.type = OUT_UPDATE;
            c.references = refers = references(last.alert);
        }
        source_free(&last);
    }
    buf_init(&area, 4096);
    area_of(j, i->n, &area);
    c.area = area.data ? area.data : j->conf->name;
    buf_init(&b, MAX_BYTES);
    out_cap(&b, &c);
    write_if_new(j, name, &b);
    buf_free(&area);
    free(refers);
}

static const struct out_item *shown(const struct news *j, const char *id, size_t len)
{
    for (size_t i = 0; i < j->n; i++)
        if (strlen(j->items[i].n->id) == len && memcmp(j->items[i].n->id, id, len) == 0)
            return &j->items[i];
    return NULL;
}

/* A warning that is shown no more: cancelled if its time is not over, else removed. */
static void end_alert(struct news *j, const char *name, size_t id_len)
{
    char path[160], id[128];
    struct source last;
    struct notice n = {.id = id};
    struct out_cap c = {.n = &n, .host = j->host, .type = OUT_CANCEL, .sent = j->now};
    struct buf b;
    int64_t ends = 0;
    snprintf(path, sizeof path, "news/%s", name);
    snprintf(id, sizeof id, "%.*s", (int)id_len, name);
    bool known = last_message(j, path, &last);
    if (known && last.alert->msg_type == CAP_CANCEL)
        ends = last.alert->sent + j->conf->keep_s;
    else if (known && last.alert->n_infos)
        ends = last.alert->infos[0].expires;
    if (ends <= j->now) {
        unlinkat(j->dir, path, 0);
    } else if (last.alert->msg_type != CAP_CANCEL) {
        char *refers = references(last.alert);
        c.references = refers;
        buf_init(&b, MAX_BYTES);
        out_cap(&b, &c);
        write_if_new(j, name, &b);
        free(refers);
    }
    if (known)
        source_free(&last);
}

/* --- what is there too much
 * ------------------------------------------------------------------------ */

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

static bool speaks(const struct news *j, const char *lang)
{
    for (size_t i = 0; i < j->conf->n_languages; i++)
        if (strcmp(lang, j->conf->languages[i]) == 0)
            return true;
    return false;
}

/* A feed of a language or a zone that there is. A zone's name may have dots of its own. */
static bool is_ours(const struct news *j, const char *name)
{
    char stem[160];
    const char *end = strrchr(name, '.');
    snprintf(stem, sizeof stem, "%.*s", (int)(end - name), name);
    if (strcmp(stem, "alerts") == 0 || speaks(j, stem))
        return true;
    if (strncmp(stem, "zone-", 5) != 0)
        return false;
    if (board_conf_zone(j->conf, stem + 5))
        return true;
    char *dot = strrchr(stem, '.');
    if (!dot || !speaks(j, dot + 1))
        return false;
    *dot = '\0';
    return board_conf_zone(j->conf, stem + 5) != NULL;
}

static void clear(struct news *j)
{
    int fd = openat(j->dir, "news", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (!d) {
        if (fd >= 0)
            close(fd);
        return;
    }
    for (const struct dirent *e; (e = readdir(d));) {
        size_t n = strlen(e->d_name);
        if (e->d_name[0] == '.' || n > 120)
            continue;
        const struct out_item *i =
            has_suffix(e->d_name, ".cap") ? shown(j, e->d_name, n - 4) : NULL;
        if (has_suffix(e->d_name, ".cap") && (!i || !out_is_alert(i->n)))
            end_alert(j, e->d_name, n - 4);
        else if ((has_suffix(e->d_name, ".rss") || has_suffix(e->d_name, ".json")) &&
                 !is_ours(j, e->d_name))
            unlinkat(fd, e->d_name, 0);
    }
    closedir(d);
}

/* --- one turn after the other
 * ---------------------------------------------------------------------- */

static void write_zone(struct news *j, const struct board_zone *z)
{
    const struct board_conf *c = j->conf;
    char name[96], title[200];
    bool usual = strcmp(j->lang, c->language) == 0;
    snprintf(name, sizeof name, usual ? "zone-%s" : "zone-%s.%.15s", z->name, j->lang);
    snprintf(title, sizeof title, "%s: %s", c->name, z->title);
    write_feed(j, name, title, in_zone, z->name, true);
}

/* Warnings first; then the board's language with its zones, each other one with its own; then what
 * is too much; false at the end. */
static bool turn(struct news *j)
{
    const struct board_conf *c = j->conf;
    size_t step, round = c->n_zones + 1;
    while (j->alert < j->n) {
        const struct out_item *i = &j->items[j->alert++];
        if (out_is_alert(i->n)) {
            write_alert(j, i);
            return true;
        }
    }
    step = j->step++;
    if (step == 0) {
        speak(j, c->language);
        write_feed(j, "alerts", c->name, is_alert, NULL, false);
    } else if (step < round) {
        write_zone(j, &c->zones[step - 1]);
    } else if (step < (1 + c->n_languages) * round) {
        const char *lang = c->languages[step / round - 1];
        if (step % round == 0) {
            if (strcmp(lang, j->lang) != 0)
                speak(j, lang);
            write_feed(j, lang, c->name, in_zone, NULL, true);
        } else if (strcmp(lang, c->language) != 0) {
            write_zone(j, &c->zones[step % round - 1]);
        }
    } else {
        clear(j);
        return false;
    }
    return true;
}

static void on_timer(void *arg)
{
    struct news *j = arg;
    if (turn(j))
        loop_timer_start(j->timer, 0);
    else
        log_msg(LOG_DEBUG, "event=feeds_written items=%zu", j->n);
}

struct news *news_start(struct news *old, struct loop *loop, int dir, const struct board_conf *c,
                        struct edition *e, int64_t now)
{
    news_free(old);
    struct news *j = calloc(1, sizeof *j);
    struct out_item *items = calloc(e->notices.n + 1, sizeof *items);
    struct loop_timer *timer = j && items ? loop_timer_new(loop, on_timer, j) : NULL;
    if (!timer) {
        free(j);
        free(items);
        return NULL;
    }
    const char *host = strstr(c->url, "://") ? strstr(c->url, "://") + 3 : c->url;
    *j = (struct news){.loop = loop,
                       .timer = timer,
                       .dir = dir,
                       .conf = c,
                       .edition = *e,
                       .now = now,
                       .items = items};
    *e = (struct edition){0};
    snprintf(j->host, sizeof j->host, "%.*s", (int)strcspn(host, ":/"), host);
    snprintf(j->base, sizeof j->base, "%.300s" PUBLISH_PATH "news/", c->url);
    for (size_t i = 0; i < j->edition.notices.n; i++) {
        const struct notice *n = j->edition.notices.items[i];
        if (n->from <= now && n->until > now)
            items[j->n++] = (struct out_item){.n = n, .changed = j->edition.changed[i]};
    }
    qsort(items, j->n, sizeof *items, newest_first);
    loop_timer_start(timer, 0);
    return j;
}

void news_free(struct news *j)
{
    if (!j)
        return;
    forget_texts(j);
    loop_timer_free(j->timer);
    edition_free(&j->edition);
    free(j->items);
    free(j);
}

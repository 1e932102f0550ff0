/* SPDX-License-Identifier: GPL-2.0-or-later */
/* When feeds are asked. Each has its interval, a tenth of it more or less, so that a board does not
 * ask all of them in the same second; after failures twice as long each time, up to six hours, and
 * as long as a site asks for (Retry-After). A look is: the feed itself, then the CAP documents that
 * its items announce, one after the other; then all of it into the store, as one transaction. A
 * look that fails anywhere changes nothing but the feed's state. */
#include "noticeboard/importer.h"
#include "lib/crypto.h"
#include "lib/fetch.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "noticeboard/cap_parse.h"
#include "noticeboard/feed_parse.h"
#include "noticeboard/importer_internal.h"
#include "noticeboard/source.h"
#include "noticeboard/xml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    AT_ONCE = 4, /* feeds that are asked at the same time */
    TIMEOUT_MS = 30000,
    CONNECT_MS = 10000,
    REDIRECTS = 3,
    MAX_PAUSE_S = 6 * 60 * 60,
    MAX_ALERTS = SOURCE_MAX_INSIDE, /* documents of one look */
    LOOK_S = 3600,
    RULE_LEN = 9 /* of a digest of the rules, before the validator in the store */
};

struct feed_task {
    struct importer *im;
    const struct board_administration *administration;
    const struct board_feed *conf;
    char id[IMPORTER_ID_LEN];
    char *areas_text, **areas; /* the areas option, taken apart */
    size_t n_areas;
    int64_t due;
    struct fetch *fetch;  /* a look is under way */
    struct source source; /* what the feed said */
    struct cap_alert *alerts[MAX_ALERTS];
    size_t n_alerts, next_item; /* documents of the items before next_item are here */
    char *etag, *modified;      /* of the look */
    bool cut;                   /* not all of it was read */
    struct guids missing;       /* the last time */
};

struct importer {
    struct loop *loop;
    struct store *store;
    const struct board_conf *conf;
    struct fetcher *fetcher;
    struct loop_timer *timer;
    struct feed_task *tasks;
    size_t n_tasks, n_asking;
    struct folder **folders;
    size_t n_folders;
};

static void plan(struct importer *im);
static void ask_next(struct feed_task *t);

static int64_t now_s(void)
{
    return (int64_t)time(NULL);
}

/* --- rules -------------------------------------------------------------------------------------
 */

static struct import_rule rule_of(const struct feed_task *t)
{
    const struct board_publisher *p = board_conf_publisher(t->administration, t->conf->publisher);
    bool all = t->conf->n_zones == 1 && strcmp(t->conf->zones[0], "*") == 0;
    return (struct import_rule){.publisher = p->name,
                                .language = t->conf->language,
                                .zones = all ? p->zones : t->conf->zones,
                                .n_zones = all ? p->n_zones : t->conf->n_zones,
                                .areas = t->areas,
                                .n_areas = t->n_areas,
                                .days = t->conf->days};
}

/* Changes when the same document would make other notices: then it is not enough to hear that it is
 * the same. */
static void rule_digest(const struct feed_task *t, char out[static RULE_LEN])
{
    struct import_rule r = rule_of(t);
    struct crypto_slice parts[BOARD_MAX_ZONES + 4];
    size_t n = 0;
    uint8_t sum[SHA256_LEN];
    char days[24];
    snprintf(days, sizeof days, "%u %u ", r.days, t->conf->approval);
    const char *texts[] = {days, r.publisher, r.language, t->conf->areas ? t->conf->areas : ""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        parts[n++] = (struct crypto_slice){texts[i], strlen(texts[i]) + 1};
    for (size_t i = 0; i < r.n_zones && i < BOARD_MAX_ZONES; i++)
        parts[n++] = (struct crypto_slice){r.zones[i], strlen(r.zones[i]) + 1};
    crypto_hmac_sha256(t->conf->url, strlen(t->conf->url), parts, n, sum);
    crypto_hex(sum, 4, out);
}

/* --- the end of a look -------------------------------------------------------------------------
 */

static void forget_look(struct feed_task *t)
{
    source_free(&t->source);
    for (size_t i = 0; i < t->n_alerts; i++)
        cap_free(t->alerts[i]);
    t->n_alerts = t->next_item = 0;
    free(t->etag);
    free(t->modified);
    t->etag = t->modified = NULL;
}

/* Seconds until the next look. */
static int64_t pause_s(const struct feed_task *t, int failures, uint32_t retry_after_s)
{
    uint32_t dice;
    int64_t pause = t->conf->poll_s, most = pause > MAX_PAUSE_S ? pause : MAX_PAUSE_S;
    for (int i = 0; i < failures && pause < most; i++)
        pause *= 2;
    pause = pause < most ? pause : most;
    crypto_random(&dice, sizeof dice);
    pause += (int64_t)(dice % (uint32_t)(pause / 5 + 1)) - pause / 10;
    if (retry_after_s > pause)
        pause = retry_after_s < 86400 ? retry_after_s : 86400;
    return pause > 1 ? pause : 1;
}

/* why NULL: it went well; items -1: nothing was new. */
static void end_look(struct feed_task *t, const char *why, int items, uint32_t retry_after_s)
{
    struct store_feed was, is;
    char etag[400];
    int64_t now = now_s();
    store_feed_get(t->im->store, t->id, &was);
    is = was;
    is.id = t->id;
    is.tried = now;
    is.error = why;
    if (why) {
        is.failures = was.failures + 1;
        /* The site's fault, said once; it stands at the feed for the editors. */
        if (!was.error || strcmp(was.error, why) != 0)
            log_msg(LOG_WARNING, "event=feed_failed feed=%s failures=%d why=\"%s\"", t->id,
                    is.failures, why);
    } else {
        is.failures = 0;
        is.succeeded = now;
        if (was.failures)
            log_msg(LOG_NOTICE, "event=feed_back feed=%s after=%d", t->id, was.failures);
    }
    if (!why && items >= 0) {
        char rule[RULE_LEN];
        rule_digest(t, rule);
        snprintf(etag, sizeof etag, "%s %.380s", rule, t->etag ? t->etag : "");
        is.items = items;
        is.etag = etag;
        is.modified = t->modified;
    }
    is.due = t->due = now + pause_s(t, is.failures, retry_after_s);
    if (!store_feed_put(t->im->store, &is))
        log_msg(LOG_ERR, "event=store_failed what=feed why=\"%s\"", store_error(t->im->store));
    forget_look(t);
    t->im->n_asking--;
    plan(t->im);
}

/* Everything that was fetched, into the store. */
static void take(struct feed_task *t)
{
    struct import_rule rule = rule_of(t);
    struct guids here = {0};
    struct import out = {0};
    uint64_t began_us = loop_now_us();
    struct keep k = {.store = t->im->store,
                     .administration = t->administration,
                     .publisher = board_conf_publisher(t->administration, t->conf->publisher),
                     .feed = t->id,
                     .approval = t->conf->approval,
                     .now = now_s()};
    bool fine = !t->source.feed || import_feed(t->source.feed, &rule, k.now, &out);
    bool begun = fine && store_begin(k.store);
    fine = begun;
    for (size_t i = 0; fine && i < out.n; i++)
        fine = guids_add(&here, out.items[i].guid) && keep_item(&k, &out.items[i]);
    fine = fine && cap_take(&k, &rule, t->alerts, t->n_alerts, &here);
    if (!t->cut) /* else what is not here may be there all the same */
        fine = fine && keep_only(&k, &here, &t->missing);
    if (begun)
        fine = store_end(k.store, fine);
    int items = (int)here.n;
    log_msg(LOG_DEBUG, "event=feed_taken feed=%s items=%d took_us=%llu", t->id, items,
            (unsigned long long)(loop_now_us() - began_us));
    import_free(&out);
    guids_free(&here);
    end_look(t, fine ? NULL : "the board's own database failed", items, 0);
}

/* --- fetching -----------------------------------------------------------------------------------
 */

static bool failed(struct feed_task *t, const struct fetch_answer *a, const char *what)
{
    char why[200];
    if (a->status == 200)
        return false;
    if (a->status == 0)
        snprintf(why, sizeof why, "%s%.150s", what, a->err);
    else
        snprintf(why, sizeof why, "%sfound HTTP status %u, expected 200", what, a->status);
    end_look(t, why, -1, a->retry_after_s);
    return true;
}

static bool same_host(const char *a, const char *b)
{
    size_t n = strcspn(a, "/"), all;
    if (strncmp(a + n, "//", 2) != 0)
        return false;
    all = n + 2 + strcspn(a + n + 2, "/?#");
    return strncasecmp(a, b, all) == 0 && strcspn(b + n + 2, "/?#") == all - n - 2;
}

/* A feed may be inside a network: board.conf names it. What it names itself may not be, but on its
 * own host; and none that is outside leads inside. */
static struct fetch *ask(struct feed_task *t, const char *url, const char *etag,
                         const char *modified, fetch_fn fn)
{
    bool local =
        strncmp(t->conf->url, "http://", 7) == 0; /* board.conf allows it on this machine alone */
    struct fetch_request r = {
        .url = url,
        .etag = etag,
        .last_modified = modified,
        .accept = "application/rss+xml, application/atom+xml, application/cap+xml, "
                  "application/xml;q=0.9, text/xml;q=0.9",
        .max_bytes = XML_MAX_BYTES,
        .ca_file = t->conf->ca_file,
        .timeout_ms = TIMEOUT_MS,
        .connect_ms = CONNECT_MS,
        .redirects = REDIRECTS,
        .https_only = !local,
        .reach = same_host(url, t->conf->url) ? FETCH_OUTWARDS : FETCH_OUTSIDE};
    return fetch_start(t->im->fetcher, &r, fn, t);
}

static void on_alert(void *arg, const struct fetch_answer *a)
{
    struct feed_task *t = arg;
    struct source s = {0};
    char err[200], why[256];
    t->fetch = NULL;
    if (failed(t, a, "an alert: "))
        return;
    if (!source_read(a->body, a->len, &s, err, sizeof err) || !s.alert) {
        snprintf(why, sizeof why, "an alert: %s", s.feed ? "found a feed, expected CAP" : err);
        source_free(&s);
        end_look(t, why, -1, 0);
        return;
    }
    t->alerts[t->n_alerts++] = s.alert;
    ask_next(t);
}

/* Items that only announce a CAP document, or carry one, are not notices themselves. */
static void drop_announcements(struct feed *f)
{
    size_t n = 0;
    for (size_t i = 0; i < f->n; i++) {
        struct feed_item item = f->items[i];
        if (item.alert_url || item.carries_alert)
            feed_item_free(&item);
        else
            f->items[n++] = item;
    }
    f->n = n;
}

/* The next document that the feed announces; at their end everything is taken. */
static void ask_next(struct feed_task *t)
{
    struct feed *f = t->source.feed;
    while (f && t->next_item < f->n && t->n_alerts < MAX_ALERTS) {
        const struct feed_item *item = &f->items[t->next_item++];
        if (!item->alert_url)
            continue;
        t->fetch = ask(t, item->alert_url, NULL, NULL, on_alert);
        if (!t->fetch)
            end_look(t, "an alert: found an address that cannot be asked", -1, 0);
        return;
    }
    for (size_t i = t->next_item; f && i < f->n; i++)
        t->cut |= f->items[i].alert_url != NULL;
    if (f)
        drop_announcements(f);
    take(t);
}

static void on_feed(void *arg, const struct fetch_answer *a)
{
    struct feed_task *t = arg;
    char why[256];
    t->fetch = NULL;
    if (a->status == 304) {
        end_look(t, NULL, -1, 0);
        return;
    }
    if (failed(t, a, ""))
        return;
    if (!source_read(a->body, a->len, &t->source, why, sizeof why)) {
        end_look(t, why, -1, 0);
        return;
    }
    t->cut = t->source.feed && t->source.feed->n == FEED_MAX_ITEMS;
    t->etag = a->etag ? strdup(a->etag) : NULL;
    t->modified = a->last_modified ? strdup(a->last_modified) : NULL;
    if (t->source.alert) {
        t->alerts[t->n_alerts++] = t->source.alert;
        t->source.alert = NULL;
    }
    for (size_t i = 0; i < t->source.n_inside; i++)
        t->alerts[t->n_alerts++] = t->source.inside[i];
    t->source.n_inside = 0;
    t->cut |= t->source.more;
    ask_next(t);
}

/* What was missing the last time is looked for once more, so that the answer is a whole one. */
static void begin_look(struct feed_task *t)
{
    struct store_feed s;
    char rule[RULE_LEN];
    const char *etag = NULL, *modified = NULL;
    store_feed_get(t->im->store, t->id, &s);
    rule_digest(t, rule);
    if (s.etag && strncmp(s.etag, rule, RULE_LEN - 1) == 0 && t->missing.n == 0) {
        etag = strlen(s.etag) > RULE_LEN ? s.etag + RULE_LEN : NULL;
        modified = s.modified;
    }
    t->im->n_asking++;
    t->fetch = ask(t, t->conf->url, etag, modified, on_feed);
    if (!t->fetch)
        end_look(t, "found an address that cannot be asked", -1, 0);
}

static void on_timer(void *arg)
{
    plan(arg);
}

/* Asks what is due, as many as may be at once, and comes again for the next. */
static void plan(struct importer *im)
{
    int64_t now = now_s(), next = now + LOOK_S;
    for (size_t i = 0; i < im->n_tasks; i++) {
        struct feed_task *t = &im->tasks[i];
        if (t->fetch)
            continue;
        if (t->due <= now && im->n_asking < AT_ONCE)
            begin_look(t);
        if (!t->fetch && t->due > now && t->due < next)
            next = t->due;
    }
    loop_timer_start(im->timer, (uint64_t)(next - now) * 1000);
}

/* --- begin and end ------------------------------------------------------------------------------
 */

/* "IT901; Bisenzio e Ombrone Pistoiese" */
static bool split_areas(struct feed_task *t)
{
    size_t n = 1;
    if (!t->conf->areas)
        return true;
    for (const char *c = t->conf->areas; *c; c++)
        n += *c == ';';
    t->areas_text = strdup(t->conf->areas);
    t->areas = calloc(n, sizeof *t->areas);
    char *rest = t->areas_text;
    for (char *area; t->areas && rest && (area = strsep(&rest, ";"));) {
        area += strspn(area, " \t");
        size_t len = strlen(area);
        while (len > 0 && area[len - 1] == ' ')
            area[--len] = '\0';
        if (*area)
            t->areas[t->n_areas++] = area;
    }
    return t->areas && t->areas_text;
}

static bool begin_tasks(struct importer *im)
{
    const struct board_conf *c = im->conf;
    for (size_t i = 0; i < c->n_administrations; i++) {
        const struct board_administration *a = &c->administrations[i];
        for (size_t k = 0; k < a->n_feeds; k++) {
            struct feed_task *t = &im->tasks[im->n_tasks++];
            struct store_feed s;
            *t = (struct feed_task){.im = im, .administration = a, .conf = &a->feeds[k]};
            snprintf(t->id, sizeof t->id, "%.32s/%.40s", a->id, a->feeds[k].id);
            if (!split_areas(t))
                return false;
            store_feed_get(im->store, t->id, &s);
            /* As it was planned, unless the interval is shorter now. */
            bool usual = s.due <= now_s() + t->conf->poll_s + t->conf->poll_s / 10 + 1;
            t->due = usual || s.failures ? s.due : 0;
        }
        if (a->notices_directory &&
            (im->folders[im->n_folders] = folder_new(im->loop, im->store, c, a)))
            im->n_folders++;
    }
    return true;
}

static void end_tasks(struct importer *im)
{
    for (size_t i = 0; i < im->n_tasks; i++) {
        struct feed_task *t = &im->tasks[i];
        if (t->fetch)
            fetch_cancel(t->fetch);
        forget_look(t);
        guids_free(&t->missing);
        free(t->areas);
        free(t->areas_text);
    }
    for (size_t i = 0; i < im->n_folders; i++)
        folder_free(im->folders[i]);
    free(im->tasks);
    free(im->folders);
    im->tasks = NULL;
    im->folders = NULL;
    im->n_tasks = im->n_folders = im->n_asking = 0;
}

static bool begin(struct importer *im, const struct board_conf *conf)
{
    size_t n = 0;
    im->conf = conf;
    for (size_t i = 0; i < conf->n_administrations; i++)
        n += conf->administrations[i].n_feeds;
    im->tasks = calloc(n + 1, sizeof *im->tasks);
    im->folders = calloc(conf->n_administrations + 1, sizeof *im->folders);
    if (!im->tasks || !im->folders || !begin_tasks(im))
        return false;
    plan(im);
    return true;
}

struct importer *importer_new(struct loop *loop, struct store *store, const struct board_conf *conf)
{
    struct importer *im = calloc(1, sizeof *im);
    if (!im)
        return NULL;
    im->loop = loop;
    im->store = store;
    im->fetcher = fetcher_new(loop, NULL, "loggia-board");
    im->timer = loop_timer_new(loop, on_timer, im);
    if (im->fetcher && im->timer && begin(im, conf))
        return im;
    importer_free(im);
    return NULL;
}

void importer_reload(struct importer *im, const struct board_conf *conf)
{
    if (!im)
        return;
    end_tasks(im);
    if (!begin(im, conf))
        log_msg(LOG_ERR, "event=feeds_stopped why=\"out of memory\"");
}

void importer_free(struct importer *im)
{
    if (!im)
        return;
    end_tasks(im);
    fetcher_free(im->fetcher);
    loop_timer_free(im->timer);
    free(im);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Items and alerts to notice files. Each is written as a file and read again by the notices' own
 * reader before anybody keeps it: what that refuses is left out, whatever the reason. */
#include "noticeboard/import.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "noticeboard/cap_parse.h"
#include "noticeboard/feed_parse.h"
#include "noticeboard/html_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define DAY          (24 * 60 * 60)
#define TITLE_CHARS  120
#define SOURCE_CHARS 80
#define CAP_TEXT     1500 /* bytes of a description, and of an instruction */
#define ALERT_HOURS  24   /* how long an alert without an end is shown */

/* A notice while it is put together: its strings are owned here. */
struct draft {
    struct notice n;
    struct notice_text texts[CAP_MAX_INFOS];
    char guid[IMPORT_GUID_LEN];
    struct buf seen; /* the values from which the hash is made */
};

static void draft_free(struct draft *d)
{
    for (size_t i = 0; i < d->n.n_texts; i++) {
        free(d->texts[i].title);
        free(d->texts[i].markdown);
    }
    free(d->n.source);
    free(d->n.zones);
    buf_free(&d->seen);
}

/* A value that belongs to the hash. */
static void see(struct draft *d, const char *value)
{
    buf_str(&d->seen, value ? value : "");
    buf_add(&d->seen, "\n", 1);
}

static void see_number(struct draft *d, int64_t value)
{
    buf_fmt(&d->seen, "%lld\n", (long long)value);
}

static bool draft_begin(struct draft *d, const struct import_rule *rule)
{
    memset(d, 0, sizeof *d);
    buf_init(&d->seen, 1 << 20);
    d->n.texts = d->texts;
    d->n.publisher = (char *)rule->publisher;
    d->n.zones = calloc(rule->n_zones + 1, sizeof *d->n.zones);
    see(d, rule->publisher);
    for (size_t i = 0; d->n.zones && i < rule->n_zones; i++) {
        d->n.zones[i] = rule->zones[i];
        see(d, rule->zones[i]);
    }
    see_number(d, rule->days);
    return d->n.zones != NULL;
}

static char *line_of(const char *text, size_t max)
{
    struct buf b;
    buf_init(&b, 4 * max + 16);
    text_to_line(&b, text ? text : "", max);
    return buf_take(&b, NULL);
}

/* Takes title and markdown. */
static void add_text(struct draft *d, const char *lang, char *title, char *markdown)
{
    struct notice_text *t = &d->texts[d->n.n_texts++];
    snprintf(t->lang, sizeof t->lang, "%s", lang);
    t->title = title;
    t->markdown = markdown;
    see(d, lang);
    see(d, title);
    see(d, markdown);
}

static void hash(const struct draft *d, char out[static IMPORT_HASH_LEN])
{
    static const char key[] = "loggia-import 1";
    uint8_t sum[SHA256_LEN];
    struct crypto_slice part = {d->seen.data, d->seen.len};
    crypto_hmac_sha256(key, sizeof key - 1, &part, 1, sum);
    crypto_hex(sum, sizeof sum, out);
}

/* The draft becomes an item of out, if it is a notice that still has something to say. */
static bool draft_end(struct draft *d, int64_t now, struct import *out)
{
    struct buf b;
    char err[320];
    size_t len;
    buf_init(&b, 4 * NOTICE_MAX_BYTES);
    notice_write(&b, &d->n);
    char *text = buf_take(&b, &len);
    struct imported *grown = realloc(out->items, (out->n + 1) * sizeof *grown);
    if (grown)
        out->items = grown;
    if (!text || !grown || d->seen.failed) {
        free(text);
        return false;
    }
    struct imported *item = &out->items[out->n];
    memset(item, 0, sizeof *item);
    if (d->n.until > now && d->n.n_texts > 0)
        item->notice = notice_parse("import", text, len, err, sizeof err);
    else
        snprintf(err, sizeof err, "it is over");
    if (!item->notice) {
        log_msg(LOG_INFO, "event=item-left-out guid=\"%.100s\" reason=\"%s\"", d->guid, err);
        out->left_out++;
        free(text);
        return true;
    }
    snprintf(item->guid, sizeof item->guid, "%s", d->guid);
    hash(d, item->hash);
    item->text = text;
    out->n++;
    return true;
}

/* --- RSS and Atom
 * --------------------------------------------------------------------------------- */

static bool import_item(const struct feed *f, const struct feed_item *item,
                        const struct import_rule *rule, int64_t now, struct import *out)
{
    struct draft d;
    bool fine = draft_begin(&d, rule);
    int64_t begins = item->published ? item->published : item->updated;
    snprintf(d.guid, sizeof d.guid, "%s", item->id);
    d.n.source = line_of(rule->source ? rule->source : f->title, SOURCE_CHARS);
    d.n.link = item->link;
    d.n.from = begins;
    d.n.until = (begins ? begins : now) + (int64_t)rule->days * DAY;
    see(&d, d.n.source);
    see(&d, d.n.link);
    see_number(&d, begins);
    add_text(&d, *item->lang ? item->lang : rule->language, strdup(item->title),
             strdup(item->text));
    fine = fine && d.texts[0].title && d.texts[0].markdown && draft_end(&d, now, out);
    draft_free(&d);
    return fine;
}

bool import_feed(const struct feed *f, const struct import_rule *rule, int64_t now,
                 struct import *out)
{
    for (size_t i = 0; i < f->n; i++)
        if (!import_item(f, &f->items[i], rule, now, out))
            return false;
    return true;
}

/* --- CAP
 * ------------------------------------------------------------------------------------------- */

enum notice_priority import_priority(const struct cap_info *info)
{
    bool near = info->urgency == CAP_IMMEDIATE || info->urgency == CAP_EXPECTED;
    bool sure = info->certainty == CAP_OBSERVED || info->certainty == CAP_LIKELY;
    if (info->all_clear || info->urgency == CAP_PAST)
        return NOTICE_INFO;
    switch (info->severity) {
    case CAP_EXTREME:
        return near && sure ? NOTICE_EMERGENCY : NOTICE_WARNING;
    case CAP_SEVERE:
        return info->urgency == CAP_IMMEDIATE && sure ? NOTICE_EMERGENCY : NOTICE_WARNING;
    case CAP_MODERATE:
        return NOTICE_WARNING;
    default:
        return NOTICE_INFO;
    }
}

void import_alert_guid(const struct cap_alert *a, char out[static IMPORT_GUID_LEN])
{
    snprintf(out, IMPORT_GUID_LEN, "%.390s,%.390s", a->sender, a->identifier);
}

static bool listed(const char *value, const struct import_rule *rule)
{
    for (size_t i = 0; i < rule->n_areas; i++)
        if (strcasecmp(value, rule->areas[i]) == 0)
            return true;
    return false;
}

static bool concerns(const struct cap_info *info, const struct import_rule *rule)
{
    for (size_t i = 0; i < info->areas.n; i++)
        if (listed(info->areas.items[i], rule))
            return true;
    for (size_t i = 0; i < info->geocodes.n; i++) {
        const char *value = strchr(info->geocodes.items[i], '=') + 1;
        if (listed(info->geocodes.items[i], rule) || listed(value, rule))
            return true;
    }
    return rule->n_areas == 0;
}

/* Which of the infos of its language this is: the same number in other languages is its
 * translation. */
static size_t rank(const struct cap_alert *a, size_t i, const struct import_rule *rule)
{
    size_t n = 0;
    for (size_t k = 0; k < i; k++)
        n += strcmp(a->infos[k].lang, a->infos[i].lang) == 0 && concerns(&a->infos[k], rule);
    return n;
}

/* What happens, what to do, and where. */
static char *alert_text(const struct cap_info *info)
{
    struct buf b;
    buf_init(&b, NOTICE_MAX_BYTES);
    if (info->description)
        text_to_markdown(&b, info->description, CAP_TEXT);
    if (info->instruction && *info->instruction) {
        buf_str(&b, b.len ? "\n\n" : "");
        text_to_markdown(&b, info->instruction, CAP_TEXT);
    }
    struct buf areas;
    buf_init(&areas, 4096);
    for (size_t i = 0; i < info->areas.n && i < 12; i++)
        buf_fmt(&areas, "%s%s", i ? ", " : "", info->areas.items[i]);
    if (areas.data && *areas.data) {
        buf_str(&b, b.len ? "\n\n" : "");
        buf_str(&b, strcmp(info->lang, "it") == 0 ? "Zona: " : "Area: ");
        text_to_markdown(&b, areas.data, 400);
    }
    buf_free(&areas);
    return buf_take(&b, NULL);
}

static void add_info(struct draft *d, const struct cap_alert *a, const struct cap_info *info)
{
    int64_t begins = info->onset && info->onset < info->effective ? info->onset : info->effective;
    int64_t ends = info->expires ? info->expires : (begins ? begins : a->sent) + ALERT_HOURS * 3600;
    bool first = d->n.n_texts == 0;
    enum notice_priority priority = import_priority(info);
    if (!begins)
        begins = a->sent;
    d->n.from = first || begins < d->n.from ? begins : d->n.from;
    d->n.until = first || ends > d->n.until ? ends : d->n.until;
    d->n.priority = first || priority > d->n.priority ? priority : d->n.priority;
    if (!d->n.link && info->web && notice_link_ok(info->web))
        d->n.link = info->web;
    if (!d->n.source || !*d->n.source) {
        free(d->n.source);
        d->n.source = line_of(info->sender_name, SOURCE_CHARS);
    }
    add_text(d, info->lang,
             line_of(info->headline && *info->headline ? info->headline : info->event, TITLE_CHARS),
             alert_text(info));
}

/* The notice of all infos of this rank. *any: whether there was one. */
static bool import_rank(const struct cap_alert *a, size_t r, const struct import_rule *rule,
                        int64_t now, struct import *out, bool *any)
{
    struct draft d;
    char guid[IMPORT_GUID_LEN - 16];
    bool fine = draft_begin(&d, rule);
    *any = false;
    snprintf(guid, sizeof guid, "%.390s,%.390s", a->sender, a->identifier);
    snprintf(d.guid, sizeof d.guid, r ? "%s#%zu" : "%s", guid, r + 1);
    d.n.source = rule->source ? line_of(rule->source, SOURCE_CHARS) : NULL;
    for (size_t i = 0; fine && i < a->n_infos; i++) {
        if (!*a->infos[i].lang || !concerns(&a->infos[i], rule) || rank(a, i, rule) != r)
            continue;
        add_info(&d, a, &a->infos[i]);
        *any = true;
        fine = d.texts[d.n.n_texts - 1].title && d.texts[d.n.n_texts - 1].markdown;
    }
    if (fine && *any && (!d.n.source || !*d.n.source)) {
        free(d.n.source);
        d.n.source = line_of(a->source && *a->source ? a->source : a->sender, SOURCE_CHARS);
    }
    see(&d, d.n.source);
    see(&d, d.n.link);
    see_number(&d, d.n.from);
    see_number(&d, d.n.until);
    see_number(&d, d.n.priority);
    fine = fine && (!*any || draft_end(&d, now, out));
    draft_free(&d);
    return fine;
}

bool import_alert(const struct cap_alert *a, const struct import_rule *rule, int64_t now,
                  struct import *out)
{
    bool any = a->status == CAP_ACTUAL && a->scope == CAP_PUBLIC &&
               (a->msg_type == CAP_ALERT || a->msg_type == CAP_UPDATE);
    if (!any)
        out->left_out++;
    for (size_t r = 0; any && r < CAP_MAX_INFOS; r++) {
        if (!import_rank(a, r, rule, now, out, &any))
            return false;
        out->left_out += !any && r == 0;
    }
    return true;
}

void import_free(struct import *out)
{
    for (size_t i = 0; i < out->n; i++) {
        notice_free(out->items[i].notice);
        free(out->items[i].text);
    }
    free(out->items);
    *out = (struct import){0};
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The paths of the two formats are rows of one table. While an item is read its values are kept as
 * they came (the draft), because what is HTML, and which of summary and content is to be shown, is
 * known only at its end. */
#include "noticeboard/feed_parse.h"
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/notice.h"
#include "noticeboard/feed_date.h"
#include "noticeboard/html_text.h"
#include "noticeboard/xml.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum value { ID, TITLE, LINK, SUMMARY, CONTENT, PUBLISHED, UPDATED, LANGUAGE, ALERT, VALUES };

struct feed_draft {
    char *values[VALUES];
    bool is_text[VALUES]; /* plain text, not HTML */
    bool carries_alert;
    char lang[16];
};

#define RSS_ITEM   "rss/channel/item"
#define ATOM_ENTRY "atom:feed/atom:entry"

static const struct {
    const char *path;
    enum value value;
} item_values[] = {
    {RSS_ITEM "/guid", ID},
    {RSS_ITEM "/title", TITLE},
    {RSS_ITEM "/link", LINK},
    {RSS_ITEM "/description", SUMMARY},
    {RSS_ITEM "/content:encoded", CONTENT},
    {RSS_ITEM "/pubDate", PUBLISHED},
    {RSS_ITEM "/dc:date", UPDATED},
    {RSS_ITEM "/dc:language", LANGUAGE},
    {ATOM_ENTRY "/atom:id", ID},
    {ATOM_ENTRY "/atom:title", TITLE},
    {ATOM_ENTRY "/atom:summary", SUMMARY},
    {ATOM_ENTRY "/atom:content", CONTENT},
    {ATOM_ENTRY "/atom:published", PUBLISHED},
    {ATOM_ENTRY "/atom:updated", UPDATED},
};

void feed_lang(const char *tag, char out[static 16])
{
    char lower[24];
    size_t n = 0;
    while (isspace((unsigned char)*tag))
        tag++;
    for (;
         n < sizeof lower - 1 && (isalnum((unsigned char)tag[n]) || tag[n] == '-' || tag[n] == '_');
         n++)
        lower[n] = tag[n] == '_' ? '-' : (char)tolower((unsigned char)tag[n]);
    lower[n] = '\0';
    size_t letters = strspn(lower, "abcdefghijklmnopqrstuvwxyz");
    out[0] = '\0';
    if (letters < 2 || letters > 3 || (lower[letters] != '-' && lower[letters] != '\0'))
        return;
    if (strncmp(lower, "zh-", 3) == 0) {
        bool traditional = strstr(lower, "hant") || strstr(lower, "-tw") || strstr(lower, "-hk");
        memcpy(out, traditional ? "zh-hant" : "zh-hans", 8);
        return;
    }
    memcpy(out, lower, letters);
    out[letters] = '\0';
}

struct feed *feed_new(void)
{
    return calloc(1, sizeof(struct feed));
}

static void draft_free(struct feed_draft *d)
{
    for (size_t i = 0; d && i < VALUES; i++)
        free(d->values[i]);
    free(d);
}

void feed_item_free(struct feed_item *item)
{
    free(item->id);
    free(item->title);
    free(item->link);
    free(item->text);
    free(item->alert_url);
}

void feed_free(struct feed *f)
{
    if (!f)
        return;
    for (size_t i = 0; i < f->n; i++)
        feed_item_free(&f->items[i]);
    free(f->items);
    draft_free(f->draft);
    free(f->title);
    free(f->link);
    free(f);
}

/* Only the first of a kind counts. */
static void keep(struct feed_draft *d, enum value v, const char *text)
{
    if (!d->values[v] && *text)
        d->values[v] = strdup(text);
}

/* <link rel="alternate" href="…"/> and the CAP document, which Atom links and RSS encloses. */
static void keep_link(struct feed_draft *d, const char **attrs, const char *url_name)
{
    const char *rel = xml_attr(attrs, "rel"), *type = xml_attr(attrs, "type");
    const char *url = xml_attr(attrs, url_name);
    if (!url)
        return;
    if (type && strcasecmp(type, "application/cap+xml") == 0)
        keep(d, ALERT, url);
    else if (strcmp(url_name, "href") == 0 && (!rel || strcmp(rel, "alternate") == 0))
        keep(d, LINK, url);
}

static bool begins(const char *path, const char *prefix)
{
    return strncmp(path, prefix, strlen(prefix)) == 0;
}

void feed_open(struct feed *f, struct xml *x, const char *path, const char **attrs)
{
    const char *lang = xml_attr(attrs, "xml:lang"), *type = xml_attr(attrs, "type");
    if (strcmp(path, "atom:feed") == 0 && lang)
        feed_lang(lang, f->lang);
    if (strcmp(path, RSS_ITEM) == 0 || strcmp(path, ATOM_ENTRY) == 0) {
        draft_free(f->draft);
        f->draft = calloc(1, sizeof *f->draft);
        if (f->draft && lang)
            feed_lang(lang, f->draft->lang);
    }
    if (strcmp(path, "atom:feed/atom:link") == 0 && !f->link) {
        const char *rel = xml_attr(attrs, "rel"), *href = xml_attr(attrs, "href");
        if (href && (!rel || strcmp(rel, "alternate") == 0))
            f->link = strdup(href);
    }
    if (!f->draft)
        return;
    if (strcmp(path, ATOM_ENTRY "/atom:link") == 0)
        keep_link(f->draft, attrs, "href");
    else if (strcmp(path, RSS_ITEM "/enclosure") == 0)
        keep_link(f->draft, attrs, "url");
    for (size_t i = 0; i < sizeof item_values / sizeof *item_values; i++)
        if (begins(path, ATOM_ENTRY) && strcmp(path, item_values[i].path) == 0) {
            f->draft->is_text[item_values[i].value] = !type || !strstr(type, "html");
            if (type && strcmp(type, "xhtml") == 0)
                xml_capture(x);
        }
}

void feed_carries_alert(struct feed *f)
{
    if (f->draft)
        f->draft->carries_alert = true;
}

static char *line_of(const char *text, bool is_text, size_t max)
{
    struct buf b;
    buf_init(&b, 4 * max + 16);
    if (is_text)
        text_to_line(&b, text, max);
    else
        html_to_line(&b, text, max);
    return buf_take(&b, NULL);
}

static char *link_of(const char *text)
{
    if (!text || strlen(text) > 2 * NOTICE_MAX_LINK) /* a link that was cut leads elsewhere */
        return NULL;
    char *line = line_of(text, true, 2 * NOTICE_MAX_LINK + 2);
    if (line && notice_link_ok(line))
        return line;
    free(line);
    return NULL;
}

/* The summary, which was written to be short, else the content. */
static char *text_of(const struct feed_draft *d)
{
    enum value v = d->values[SUMMARY] ? SUMMARY : CONTENT;
    struct buf b;
    buf_init(&b, FEED_MAX_TEXT + 64);
    if (d->values[v] && d->is_text[v])
        text_to_markdown(&b, d->values[v], FEED_MAX_TEXT);
    else if (d->values[v])
        html_to_markdown(&b, d->values[v], FEED_MAX_TEXT);
    else
        buf_str(&b, "");
    return buf_take(&b, NULL);
}

static char *id_of(const struct feed_draft *d)
{
    const char *id = d->values[ID]     ? d->values[ID]
                     : d->values[LINK] ? d->values[LINK]
                                       : d->values[TITLE];
    if (strlen(id) <= FEED_MAX_ID)
        return line_of(id, true, FEED_MAX_ID + 2);
    uint8_t sum[SHA256_LEN];
    char *hex = malloc(2 * SHA256_LEN + 1);
    struct crypto_slice part = {id, strlen(id)};
    crypto_hmac_sha256("", 0, &part, 1, sum);
    if (hex)
        crypto_hex(sum, sizeof sum, hex);
    return hex;
}

static bool known(const struct feed *f, const char *id)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->items[i].id, id) == 0)
            return true;
    return false;
}

/* The draft becomes an item; false if it says nothing, or the same as another. */
static bool add_item(struct feed *f)
{
    struct feed_draft *d = f->draft;
    struct feed_item item = {0};
    if (f->n == FEED_MAX_ITEMS || !d || !d->values[TITLE])
        return false;
    struct feed_item *grown = realloc(f->items, (f->n + 1) * sizeof *grown);
    if (!grown)
        return false;
    f->items = grown;
    item.id = id_of(d);
    item.title = line_of(d->values[TITLE], d->is_text[TITLE], FEED_MAX_TITLE);
    item.text = text_of(d);
    item.link = link_of(d->values[LINK] ? d->values[LINK] : d->values[ID]);
    item.alert_url = d->carries_alert ? NULL : link_of(d->values[ALERT]);
    item.carries_alert = d->carries_alert;
    if (d->values[PUBLISHED])
        feed_date(d->values[PUBLISHED], &item.published);
    if (d->values[UPDATED])
        feed_date(d->values[UPDATED], &item.updated);
    feed_lang(d->values[LANGUAGE] ? d->values[LANGUAGE] : *d->lang ? d->lang : f->lang, item.lang);
    if (!item.id || !*item.id || !item.title || !*item.title || !item.text || known(f, item.id)) {
        feed_item_free(&item);
        return false;
    }
    f->items[f->n++] = item;
    return true;
}

void feed_close(struct feed *f, struct xml *x, const char *path, const char *text)
{
    (void)x;
    if (strcmp(path, RSS_ITEM) == 0 || strcmp(path, ATOM_ENTRY) == 0) {
        f->skipped += !add_item(f);
        draft_free(f->draft);
        f->draft = NULL;
        return;
    }
    if ((strcmp(path, "rss/channel/title") == 0 || strcmp(path, "atom:feed/atom:title") == 0) &&
        !f->title)
        f->title = line_of(text, false, FEED_MAX_TITLE);
    else if (strcmp(path, "rss/channel/link") == 0 && !f->link)
        f->link = link_of(text);
    else if (strcmp(path, "rss/channel/language") == 0)
        feed_lang(text, f->lang);
    for (size_t i = 0; f->draft && i < sizeof item_values / sizeof *item_values; i++)
        if (strcmp(path, item_values[i].path) == 0)
            keep(f->draft, item_values[i].value, text);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CAP 1.2, elements in the order of its schema. What an editor calls a warning is Moderate and
 * Expected, an emergency Severe and Immediate: read again by import.c they are what they were. The
 * identifier has the notice's id and the moment of the message, so that each message has its own.
 */
#include "lib/buf.h"
#include "noticeboard/feed_date.h"
#include "noticeboard/html_text.h"
#include "noticeboard/out.h"
#include <string.h>
#include <strings.h>

bool out_is_alert(const struct notice *n)
{
    return n->priority >= NOTICE_WARNING;
}

static void element(struct buf *b, const char *name, const char *text)
{
    buf_fmt(b, "<%s>", name);
    out_xml(b, text);
    buf_fmt(b, "</%s>\n", name);
}

static void date(struct buf *b, const char *name, int64_t when)
{
    char text[FEED_DATE_LEN];
    feed_date_3339(when, true, text);
    element(b, name, text);
}

static void identifier(struct buf *b, const struct out_cap *c)
{
    out_xml(b, c->n->id);
    buf_fmt(b, ".%lld", (long long)c->sent);
}

void out_cap_reference(struct buf *b, const struct out_cap *c)
{
    char sent[FEED_DATE_LEN];
    feed_date_3339(c->sent, true, sent);
    buf_fmt(b, "noticeboard@%s,", c->host);
    identifier(b, c);
    buf_fmt(b, ",%s", sent);
}

/* A notice's Markdown as one line of text. */
static void description(struct buf *b, const struct notice_text *t)
{
    struct buf html, line;
    buf_init(&html, 8 * NOTICE_MAX_BYTES);
    buf_init(&line, 8 * NOTICE_MAX_BYTES);
    notice_render(&html, t->markdown);
    html_to_line(&line, html.data ? html.data : "", 4000);
    if (line.data && *line.data)
        element(b, "description", line.data);
    buf_free(&html);
    buf_free(&line);
}

static void info(struct buf *b, const struct out_cap *c, const struct notice_text *t)
{
    const struct notice *n = c->n;
    bool emergency = n->priority == NOTICE_EMERGENCY;
    bool web = n->link && strncasecmp(n->link, "http", 4) == 0;
    buf_str(b, "<info>\n");
    element(b, "language", t->lang);
    element(b, "category", "Safety");
    element(b, "event", t->title);
    if (c->type == OUT_CANCEL)
        element(b, "responseType", "AllClear");
    element(b, "urgency", c->type == OUT_CANCEL ? "Past" : emergency ? "Immediate" : "Expected");
    element(b, "severity", emergency ? "Severe" : "Moderate");
    element(b, "certainty", "Likely");
    if (n->from)
        date(b, "effective", n->from);
    date(b, "expires", n->until);
    element(b, "senderName", n->source ? n->source : n->publisher);
    element(b, "headline", t->title);
    description(b, t);
    if (n->link)
        element(b, web ? "web" : "contact", n->link);
    buf_str(b, "<area>\n");
    element(b, "areaDesc", c->area);
    buf_str(b, "</area>\n</info>\n");
}

void out_cap(struct buf *b, const struct out_cap *c)
{
    static const char *const types[] = {"Alert", "Update", "Cancel"};
    buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<alert xmlns=\"urn:oasis:names:tc:emergency:cap:1.2\">\n<identifier>");
    identifier(b, c);
    buf_fmt(b, "</identifier>\n<sender>noticeboard@%s</sender>\n", c->host);
    date(b, "sent", c->sent);
    element(b, "status", "Actual");
    element(b, "msgType", types[c->type]);
    element(b, "scope", "Public");
    if (c->references)
        element(b, "references", c->references);
    for (size_t i = 0; i < c->n->n_texts; i++)
        info(b, c, &c->n->texts[i]);
    buf_str(b, "</alert>\n");
}

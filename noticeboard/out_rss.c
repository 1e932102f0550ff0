/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RSS 2.0. The description is HTML in a text, as feed readers have it: it is escaped as a whole, so
 * that nothing a notice says can end an element. */
#include "lib/buf.h"
#include "lib/utf8.h"
#include "noticeboard/feed_date.h"
#include "noticeboard/out.h"
#include <string.h>
#include <strings.h>

void out_xml(struct buf *b, const char *text)
{
    char piece[8];
    while (*text) {
        uint32_t c = 0;
        size_t n = utf8_next(text, strnlen(text, 4), &c);
        if (n == 0) {
            text++;
            continue;
        }
        memcpy(piece, text, n);
        piece[n] = '\0';
        if ((c & 0xFFFE) !=
            0xFFFE) /* U+FFFE, U+FFFF and their like; controls buf_html leaves out */
            buf_html(b, piece);
        text += n;
    }
}

static void element(struct buf *b, const char *name, const char *text)
{
    buf_fmt(b, "<%s>", name);
    out_xml(b, text);
    buf_fmt(b, "</%s>\n", name);
}

static void item(struct buf *b, const struct out_feed *f, const struct out_item *i)
{
    char date[FEED_DATE_LEN];
    bool web = i->n->link && strncasecmp(i->n->link, "http", 4) == 0;
    feed_date_822(i->n->from ? i->n->from : i->changed, date);
    buf_str(b, "<item>\n");
    element(b, "title", i->text->title);
    if (web || i->alert)
        element(b, "link", web ? i->n->link : i->alert);
    buf_str(b, "<guid isPermaLink=\"false\">");
    out_xml(b, f->host);
    buf_str(b, ":");
    out_xml(b, i->n->id);
    buf_str(b, "</guid>\n");
    element(b, "pubDate", date);
    element(b, "dc:creator", i->n->publisher);
    element(b, "category", notice_priorities[i->n->priority]);
    element(b, "description", i->html ? i->html : "");
    if (i->alert) {
        buf_str(b, "<enclosure url=\"");
        out_xml(b, i->alert);
        buf_str(b, "\" length=\"0\" type=\"application/cap+xml\"/>\n");
    }
    buf_str(b, "</item>\n");
}

void out_rss(struct buf *b, const struct out_feed *f)
{
    char date[FEED_DATE_LEN];
    feed_date_822(f->built, date);
    buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
               "<rss version=\"2.0\" xmlns:atom=\"http://www.w3.org/2005/Atom\" "
               "xmlns:dc=\"http://purl.org/dc/elements/1.1/\">\n<channel>\n");
    element(b, "title", f->title);
    element(b, "link", f->home);
    element(b, "description", f->title);
    element(b, "language", f->lang);
    if (f->built)
        element(b, "lastBuildDate", date);
    element(b, "ttl", "5");
    buf_str(b, "<atom:link rel=\"self\" type=\"application/rss+xml\" href=\"");
    out_xml(b, f->self);
    buf_str(b, "\"/>\n");
    for (size_t i = 0; i < f->n && i < OUT_MAX_ITEMS; i++)
        item(b, f, f->items[i]);
    buf_str(b, "</channel>\n</rss>\n");
}

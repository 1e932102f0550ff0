/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for cmark: Markdown of strangers becomes HTML that can do nothing. cmark's own safe mode
 * would leave "raw HTML omitted" comments and images; so the tree is changed before it is written:
 * HTML goes, an image becomes its description, a link of another scheme becomes its text, headings
 * sink below the page's own, and characters that were written as entities are checked once more
 * (&#x202E; is a bidirectional override too). */
#include "lib/buf.h"
#include "lib/notice.h"
#include "lib/utf8.h"
#include <cmark.h>
#include <stdlib.h>
#include <string.h>

static void unwrap(cmark_node *node)
{
    cmark_node *child;
    while ((child = cmark_node_first_child(node)))
        cmark_node_insert_before(node, child);
    cmark_node_free(node);
}

/* Removes, from text that cmark decoded, what notice_parse refuses in the file. */
static void clean_literal(cmark_node *node)
{
    const char *text = cmark_node_get_literal(node);
    if (!text)
        return;
    size_t len = strlen(text), out = 0;
    char *copy = malloc(len + 1);
    if (!copy) {
        cmark_node_set_literal(node, "");
        return;
    }
    for (size_t i = 0, n; i < len; i += n) {
        uint32_t c = 0;
        n = utf8_next(text + i, len - i, &c);
        if (n == 0) {
            n = 1;
            continue;
        }
        if ((c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0) ||
            utf8_is_bidi_override(c))
            continue;
        memcpy(copy + out, text + i, n);
        out += n;
    }
    copy[out] = '\0';
    if (out != len)
        cmark_node_set_literal(node, copy);
    free(copy);
}

/* Called when the walk leaves the node (leaves: when it meets them), so it may go. */
static void tame(cmark_node *node, int heading)
{
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_HTML_BLOCK:
    case CMARK_NODE_HTML_INLINE:
        cmark_node_free(node);
        break;
    case CMARK_NODE_IMAGE:
        unwrap(node);
        break;
    case CMARK_NODE_LINK:
        cmark_node_set_title(node, "");
        if (!cmark_node_first_child(node) || !notice_link_ok(cmark_node_get_url(node)))
            unwrap(node);
        break;
    case CMARK_NODE_HEADING:
        cmark_node_set_heading_level(node, heading);
        break;
    case CMARK_NODE_CODE_BLOCK:
        cmark_node_set_fence_info(node, "");
        clean_literal(node);
        break;
    case CMARK_NODE_CODE:
    case CMARK_NODE_TEXT:
        clean_literal(node);
        break;
    default:
        break;
    }
}

static bool is_leaf(cmark_node *node)
{
    switch (cmark_node_get_type(node)) {
    case CMARK_NODE_HTML_BLOCK:
    case CMARK_NODE_HTML_INLINE:
    case CMARK_NODE_CODE_BLOCK:
    case CMARK_NODE_CODE:
    case CMARK_NODE_TEXT:
    case CMARK_NODE_THEMATIC_BREAK:
    case CMARK_NODE_SOFTBREAK:
    case CMARK_NODE_LINEBREAK:
        return true;
    default:
        return false;
    }
}

void notice_render_at(struct buf *b, const char *markdown, int heading)
{
    int options = CMARK_OPT_SAFE | CMARK_OPT_VALIDATE_UTF8;
    cmark_node *doc = cmark_parse_document(markdown, strlen(markdown), options);
    cmark_iter *iter = doc ? cmark_iter_new(doc) : NULL;
    cmark_event_type event;
    if (!iter) {
        b->failed = true;
        return;
    }
    while ((event = cmark_iter_next(iter)) != CMARK_EVENT_DONE) {
        cmark_node *node = cmark_iter_get_node(iter);
        if (event == CMARK_EVENT_EXIT || is_leaf(node))
            tame(node, heading);
    }
    cmark_iter_free(iter);
    char *html = cmark_render_html(doc, options);
    cmark_node_free(doc);
    if (html)
        buf_str(b, html);
    else
        b->failed = true;
    free(html);
}

void notice_render(struct buf *b, const char *markdown)
{
    notice_render_at(b, markdown, 3);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A notice as a file again: what the noticeboard puts into a bundle, and what an editor may keep in
 * a directory. */
#include "lib/buf.h"
#include "lib/notice.h"
#include "lib/utc.h"
#include <string.h>

/* A line: line ends in value are blanks. */
static void line(struct buf *b, const char *head, const char *value)
{
    buf_str(b, head);
    for (const char *c = value; *c; c++)
        buf_add(b, *c == '\n' || *c == '\r' ? " " : c, 1);
    buf_str(b, "\n");
}

/* Nothing where there is no value. */
static void field(struct buf *b, const char *name, const char *value)
{
    if (!value || !*value)
        return;
    buf_str(b, name);
    line(b, ": ", value);
}

static void moment(struct buf *b, const char *name, int64_t unix_s)
{
    char text[UTC_LEN];
    utc_write(unix_s, text);
    field(b, name, text);
}

static void zones(struct buf *b, char *const *names)
{
    buf_str(b, "zones: ");
    for (char *const *z = names; z && *z; z++) {
        buf_str(b, z == names ? "" : ", ");
        buf_str(b, *z);
    }
    buf_str(b, "\n");
}

/* Markdown reads "\---" as it reads "---", the reader of notices does not. */
static void body(struct buf *b, const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, "\n");
        if (strncmp(text, "---", 3) == 0 && (text[3] == ' ' || text[3] == '\t'))
            buf_str(b, "\\");
        buf_add(b, text, len);
        buf_str(b, "\n");
        text += len + (text[len] == '\n');
    }
}

void notice_write(struct buf *b, const struct notice *n)
{
    field(b, "publisher", n->publisher);
    zones(b, n->zones);
    if (n->from)
        moment(b, "from", n->from);
    moment(b, "until", n->until);
    field(b, "priority", notice_priorities[n->priority & 3]);
    field(b, "link", n->link);
    field(b, "source", n->source);
    for (size_t i = 0; i < n->n_texts; i++) {
        buf_fmt(b, "--- %s\n", n->texts[i].lang);
        line(b, "# ", n->texts[i].title);
        body(b, n->texts[i].markdown);
    }
}

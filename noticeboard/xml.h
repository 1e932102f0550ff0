/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for expat: XML of strangers, read as it arrives. A document type is refused, and with it
 * every entity but XML's own five: no entity bomb, no external file, nothing is ever fetched.
 * Bytes, depth and text are bounded, so that a reader's memory is too, whatever is sent.
 *
 * Who reads is told of elements by their path: "rss/channel/item/title", "atom:feed/atom:entry".
 * Namespaces that are known have a fixed prefix (xml.c), whatever the document calls them; others
 * are "?:". Encodings: UTF-8, UTF-16, ISO-8859-1, US-ASCII and windows-1252. */
#ifndef LOGGIA_NOTICEBOARD_XML_H
#define LOGGIA_NOTICEBOARD_XML_H

#include <stdbool.h>
#include <stddef.h>

#define XML_MAX_BYTES 2097152 /* of a document: more is refused */
#define XML_MAX_DEPTH 48
#define XML_MAX_PATH  512
#define XML_MAX_TEXT  65536 /* of one element: what is longer is cut, between characters */

struct xml;

struct xml_sink {
    /* An element begins; attrs are pairs of name and value, ended by NULL. */
    void (*open)(void *arg, struct xml *x, const char *path, const char **attrs);
    /* It ends; text is its own character data, without that of elements in it. */
    void (*close)(void *arg, struct xml *x, const char *path, const char *text);
    void *arg;
};

/* NULL if memory is short. */
struct xml *xml_new(const struct xml_sink *sink);
void xml_free(struct xml *x);
/* False once something is wrong: from then on nothing more is read. */
bool xml_push(struct xml *x, const char *data, size_t len);
/* The document is complete. */
bool xml_finish(struct xml *x);
/* "line N: found …, expected …"; empty if nothing is wrong. */
const char *xml_error(const struct xml *x);

/* From inside open: what is in this element is not reported but written as markup into the text
 * that close gets (names without prefix; of the attributes only href). For XHTML in Atom. */
void xml_capture(struct xml *x);
/* From inside open or close: reading ends with this reason. */
void xml_stop(struct xml *x, const char *expected, const char *found);
/* The value of an attribute, or NULL. */
const char *xml_attr(const char **attrs, const char *name);

#endif

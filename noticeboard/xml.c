/* SPDX-License-Identifier: GPL-2.0-or-later */
/* expat does the reading; this file adds what a stranger's document must not get: a document type,
 * more than its share of bytes, depth and text. The path of the current element is one string, cut
 * back at each end tag, so that readers are tables of paths and keep no stack of their own. */
#include "noticeboard/xml.h"
#include "lib/buf.h"
#include "lib/utf8.h"
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SEPARATOR '\n' /* between namespace and name: no URI has it */

struct xml {
    XML_Parser parser;
    struct xml_sink sink;
    size_t bytes;
    unsigned depth, captured; /* captured: the depth at which capturing began, 0 none */
    char path[XML_MAX_PATH];
    size_t path_len[XML_MAX_DEPTH + 1]; /* of the path at each depth */
    struct buf text;
    bool failed;
    char error[256];
};

static const struct {
    const char *uri, *prefix;
} namespaces[] = {
    {"http://www.w3.org/2005/Atom", "atom:"},
    {"urn:oasis:names:tc:emergency:cap:1.2", "cap:"},
    {"urn:oasis:names:tc:emergency:cap:1.1", "cap:"},
    {"http://purl.org/rss/1.0/modules/content/", "content:"},
    {"http://purl.org/dc/elements/1.1/", "dc:"},
    {"http://www.w3.org/1999/xhtml", "xhtml:"},
    {"http://www.w3.org/XML/1998/namespace", "xml:"},
    {"http://backend.userland.com/rss2", ""},
    {"http://blogs.law.harvard.edu/tech/rss", ""},
};

/* A name as readers know it: prefix and local name. */
static void name_split(const char *name, const char **prefix, const char **local)
{
    const char *end = strchr(name, SEPARATOR);
    *prefix = end ? "?:" : "";
    *local = end ? end + 1 : name;
    for (size_t i = 0; end && i < sizeof namespaces / sizeof *namespaces; i++)
        if (strlen(namespaces[i].uri) == (size_t)(end - name) &&
            memcmp(namespaces[i].uri, name, (size_t)(end - name)) == 0)
            *prefix = namespaces[i].prefix;
}

void xml_stop(struct xml *x, const char *expected, const char *found)
{
    if (x->failed)
        return;
    x->failed = true;
    snprintf(x->error, sizeof x->error, "line %lu: found %s, expected %s",
             (unsigned long)XML_GetCurrentLineNumber(x->parser), found, expected);
    XML_StopParser(x->parser, XML_FALSE);
}

static void capture_open(struct xml *x, const char *local, const char **attrs)
{
    const char *href = xml_attr(attrs, "href");
    buf_fmt(&x->text, "<%s", local);
    if (href) {
        buf_str(&x->text, " href=\"");
        buf_html(&x->text, href);
        buf_str(&x->text, "\"");
    }
    buf_str(&x->text, ">");
}

static void on_open(void *arg, const XML_Char *name, const XML_Char **attrs)
{
    struct xml *x = arg;
    const char *prefix, *local;
    if (x->failed)
        return;
    if (x->depth == XML_MAX_DEPTH) {
        xml_stop(x, "at most 48 elements in each other", "a deeper one");
        return;
    }
    name_split(name, &prefix, &local);
    if (x->captured) {
        x->depth++;
        capture_open(x, local, (const char **)attrs);
        return;
    }
    size_t at = x->path_len[x->depth];
    int n = snprintf(x->path + at, sizeof x->path - at, "%s%s%s", at ? "/" : "", prefix, local);
    if (n < 0 || (size_t)n >= sizeof x->path - at) {
        xml_stop(x, "names of elements of at most 511 bytes together", "longer ones");
        return;
    }
    x->path_len[++x->depth] = at + (size_t)n;
    buf_free(&x->text);
    buf_init(&x->text, XML_MAX_TEXT);
    x->sink.open(x->sink.arg, x, x->path, (const char **)attrs);
}

static void on_close(void *arg, const XML_Char *name)
{
    struct xml *x = arg;
    const char *prefix, *local;
    if (x->failed)
        return;
    if (x->captured && x->depth > x->captured) {
        name_split(name, &prefix, &local);
        buf_fmt(&x->text, "</%s>", local);
        x->depth--;
        return;
    }
    x->captured = 0;
    x->sink.close(x->sink.arg, x, x->path, x->text.data ? x->text.data : "");
    x->depth--;
    x->path[x->path_len[x->depth]] = '\0';
    buf_free(&x->text); /* what stands behind an inner element is not text that anybody reads */
    buf_init(&x->text, XML_MAX_TEXT);
}

/* The length of the longest beginning of at most max bytes that ends between characters. */
static size_t whole(const char *data, size_t len, size_t max)
{
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)data[max] & 0xC0) == 0x80)
        max--;
    return max;
}

static void on_text(void *arg, const XML_Char *data, int len)
{
    struct xml *x = arg;
    size_t rest = len > 0 ? (size_t)len : 0;
    if (x->failed || x->text.failed)
        return;
    while (x->captured && rest > 0) { /* as markup: escaped, and may grow by that */
        char piece[256];
        size_t n = whole(data, rest, sizeof piece - 1);
        memcpy(piece, data, n);
        piece[n] = '\0';
        buf_html(&x->text, piece);
        data += n;
        rest -= n;
    }
    buf_add(&x->text, data, whole(data, rest, XML_MAX_TEXT - x->text.len));
}

static void on_doctype(void *arg, const XML_Char *name, const XML_Char *sysid,
                       const XML_Char *pubid, int has_internal_subset)
{
    (void)name;
    (void)sysid;
    (void)pubid;
    (void)has_internal_subset;
    xml_stop(arg, "no document type: entities are not read", "<!DOCTYPE");
}

/* windows-1252, which many sites of public bodies still declare: ISO-8859-1 with these 32. */
static int on_encoding(void *arg, const XML_Char *name, XML_Encoding *info)
{
    static const unsigned short high[32] = {
        0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
        0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};
    (void)arg;
    if (strcasecmp(name, "windows-1252") != 0 && strcasecmp(name, "cp1252") != 0 &&
        strcasecmp(name, "iso-8859-15") != 0)
        return XML_STATUS_ERROR;
    for (int i = 0; i < 256; i++)
        info->map[i] = i;
    if (strcasecmp(name, "iso-8859-15") == 0) {
        info->map[0xA4] = 0x20AC; /* the euro; the seven others are of no language here */
    } else {
        for (int i = 0; i < 32; i++)
            info->map[0x80 + i] = high[i];
    }
    info->data = NULL;
    info->convert = NULL;
    info->release = NULL;
    return XML_STATUS_OK;
}

struct xml *xml_new(const struct xml_sink *sink)
{
    struct xml *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->sink = *sink;
    buf_init(&x->text, XML_MAX_TEXT);
    x->parser = XML_ParserCreateNS(NULL, SEPARATOR);
    if (!x->parser) {
        free(x);
        return NULL;
    }
    XML_SetUserData(x->parser, x);
    XML_SetElementHandler(x->parser, on_open, on_close);
    XML_SetCharacterDataHandler(x->parser, on_text);
    XML_SetStartDoctypeDeclHandler(x->parser, on_doctype);
    XML_SetUnknownEncodingHandler(x->parser, on_encoding, NULL);
    XML_SetParamEntityParsing(x->parser, XML_PARAM_ENTITY_PARSING_NEVER);
    return x;
}

void xml_free(struct xml *x)
{
    if (!x)
        return;
    XML_ParserFree(x->parser);
    buf_free(&x->text);
    free(x);
}

static bool parse(struct xml *x, const char *data, size_t len, bool last)
{
    if (x->failed)
        return false;
    if (XML_Parse(x->parser, data, (int)len, last) == XML_STATUS_OK)
        return true;
    if (!x->failed) {
        char found[160];
        snprintf(found, sizeof found, "\"%s\"", XML_ErrorString(XML_GetErrorCode(x->parser)));
        x->failed = true;
        snprintf(x->error, sizeof x->error, "line %lu: found %s, expected well-formed XML",
                 (unsigned long)XML_GetCurrentLineNumber(x->parser), found);
    }
    return false;
}

bool xml_push(struct xml *x, const char *data, size_t len)
{
    if (len > XML_MAX_BYTES - x->bytes) {
        xml_stop(x, "a document of at most 2 MiB", "a longer one");
        return false;
    }
    x->bytes += len;
    return parse(x, data, len, false);
}

bool xml_finish(struct xml *x)
{
    return parse(x, "", 0, true);
}

const char *xml_error(const struct xml *x)
{
    return x->error;
}

void xml_capture(struct xml *x)
{
    x->captured = x->depth;
}

const char *xml_attr(const char **attrs, const char *name)
{
    for (; *attrs; attrs += 2) {
        const char *prefix, *local;
        name_split(attrs[0], &prefix, &local);
        size_t n = strlen(prefix);
        if (strncmp(name, prefix, n) == 0 && strcmp(name + n, local) == 0)
            return attrs[1];
    }
    return NULL;
}

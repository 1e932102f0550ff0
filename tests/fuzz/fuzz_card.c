/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Service cards, publishers and notices as files: what is read, written and read again is the same
 * text, whatever the fields hold. */
#include "lib/buf.h"
#include "lib/card.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void service(const char *data, size_t len, struct buf *out)
{
    char err[320] = "";
    struct service *s = service_parse("fuzz", data, len, err, sizeof err);
    if (s)
        service_write(out, s);
    else if (!*err)
        abort();
    service_free(s);
}

static void publisher(const char *data, size_t len, struct buf *out)
{
    char err[320] = "";
    struct publisher *p = publisher_parse("fuzz", data, len, err, sizeof err);
    if (p)
        publisher_write(out, p);
    else if (!*err)
        abort();
    publisher_free(p);
}

static void notice(const char *data, size_t len, struct buf *out)
{
    char err[320] = "";
    struct notice *n = notice_parse("fuzz", data, len, err, sizeof err);
    if (n)
        notice_write(out, n);
    else if (!*err)
        abort();
    notice_free(n);
}

/* The second writing is the first: nothing moves from one field to another. */
static void twice(void (*fn)(const char *, size_t, struct buf *), const uint8_t *data, size_t len)
{
    struct buf first, second;
    buf_init(&first, 1 << 20);
    buf_init(&second, 1 << 20);
    fn((const char *)data, len, &first);
    if (first.len && first.len <= NOTICE_MAX_BYTES) {
        fn(first.data, first.len, &second);
        if (second.len != first.len || memcmp(first.data, second.data, first.len) != 0)
            abort();
    }
    buf_free(&first);
    buf_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    twice(service, data, len);
    twice(publisher, data, len);
    twice(notice, data, len);
    return 0;
}

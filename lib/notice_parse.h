/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between notice.c, which reads a file line by line, and notice_fields.c, which knows what each
 * header field may hold. Nobody else includes this. */
#ifndef LOGGIA_LIB_NOTICE_PARSE_H
#define LOGGIA_LIB_NOTICE_PARSE_H

#include "lib/notice.h"

#define NOTICE_MAX_PUBLISHER 80 /* characters */
#define NOTICE_MAX_TITLE     120
#define NOTICE_MAX_SOURCE    120

/* What the reader is told: "found FOUND, expected EXPECTED". */
struct notice_fault {
    char found[128];
    const char *expected;
};

/* Fills in fault, quoting at most 40 bytes of found; always false. */
bool notice_fault_quote(struct notice_fault *fault, const char *found, const char *expected);
bool notice_fault_words(struct notice_fault *fault, const char *expected, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

enum { NOTICE_FIELDS = 7 };
/* Reads one field into n. name and value are trimmed and are changed. Each field may come once;
 * seen has a bit for each that came. */
bool notice_field_set(struct notice *n, unsigned *seen, const char *name, char *value,
                      struct notice_fault *fault);
/* After the last field: what must be there, and what must fit together. */
bool notice_fields_check(const struct notice *n, unsigned seen, struct notice_fault *fault);

/* Reads one header field's value; false with the fault. A card (card.c) has some of them too. */
bool notice_set_publisher(struct notice *n, char *value, struct notice_fault *fault);
bool notice_set_zones(struct notice *n, char *value, struct notice_fault *fault);
bool notice_set_link(struct notice *n, char *value, struct notice_fault *fault);

/* What tells one kind of file from another: its header's fields, and what must be there. */
struct notice_grammar {
    size_t max_bytes;
    bool (*set)(struct notice *n, unsigned *seen, const char *name, char *value,
                struct notice_fault *fault);
    bool (*check)(const struct notice *n, unsigned seen, struct notice_fault *fault);
    bool texts; /* parts in languages follow the header */
};
struct notice *notice_read(const struct notice_grammar *g, struct notice *n, const char *id,
                           const char *data, size_t len, char *err, size_t err_len);

void notice_clear(struct notice *n); /* frees what it filled in, not n */

/* A BCP 47 tag in its shape: letters and digits in groups of 2 (the first) or 1 … 8, at most 15. */
bool notice_lang_ok(const char *tag);
/* Removes blanks at both ends, in place. */
char *notice_trim(char *s);

#endif

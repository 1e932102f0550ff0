/* SPDX-License-Identifier: GPL-2.0-or-later */
/* application/x-www-form-urlencoded (WHATWG URL section 5.1), as strangers send it. Pure. */
#ifndef LOGGIA_LIB_FORM_H
#define LOGGIA_LIB_FORM_H

#include <stddef.h>

#define FORM_MAX_FIELDS 32

struct form_field {
    const char *name, *value; /* in the text that was decoded */
};
struct form {
    struct form_field fields[FORM_MAX_FIELDS];
    size_t n;
};

/* Decodes text in place; it must outlive the form. Fields beyond the bound and pairs without "="
 * are left out; a decoded NUL ends its value; a broken %-escape stays as it is. */
void form_decode(char *text, struct form *out);
/* The same into an array of the caller's; the fields that were read. */
size_t form_decode_into(char *text, struct form_field *out, size_t max);
/* The first field of that name, or NULL. */
const char *form_get(const struct form *f, const char *name);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/form.h"

#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void unescape(char *text)
{
    char *out = text;
    for (const char *in = text; *in; in++) {
        int high = *in == '%' ? hex_digit(in[1]) : -1;
        int low = high >= 0 ? hex_digit(in[2]) : -1;
        if (low >= 0) {
            *out++ = (char)(high << 4 | low);
            in += 2;
        } else {
            *out++ = *in == '+' ? ' ' : *in;
        }
    }
    *out = '\0';
}

size_t form_decode_into(char *text, struct form_field *out, size_t max)
{
    char *rest = text, *pair;
    size_t n = 0;
    while (n < max && (pair = strsep(&rest, "&"))) {
        char *value = strchr(pair, '=');
        if (!value)
            continue;
        *value++ = '\0';
        unescape(pair);
        unescape(value);
        out[n++] = (struct form_field){pair, value};
    }
    return n;
}

void form_decode(char *text, struct form *out)
{
    out->n = form_decode_into(text, out->fields, FORM_MAX_FIELDS);
}

const char *form_get(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->fields[i].name, name) == 0)
            return f->fields[i].value;
    return NULL;
}

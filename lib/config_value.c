/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One value against its row of the schema: is it valid, and where does it go. Defaults pass here
 * too, so that a default that its own row forbids is found by the first test. */
#include "lib/config_internal.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Digits only, no sign, no blank; false past UINT64_MAX. */
static bool digits(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;

    if (!len)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!is_digit(text[i]) || __builtin_mul_overflow(value, 10U, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static bool duration(const char *text, uint64_t *out)
{
    static const struct {
        char unit;
        uint64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 60 * 60}, {'d', 24 * 60 * 60}};
    size_t len = strlen(text);
    uint64_t factor = 0;

    if (!len)
        return false;
    if (is_digit(text[len - 1]))
        return digits(text, len, out);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (text[len - 1] == units[i].unit)
            factor = units[i].seconds;
    return factor && digits(text, len - 1, out) && !__builtin_mul_overflow(*out, factor, out);
}

/* Well-formed UTF-8 without control characters. */
static bool readable(const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int more = *p < 0x80   ? 0
                   : *p < 0xc2 ? -1
                   : *p < 0xe0 ? 1
                   : *p < 0xf0 ? 2
                   : *p < 0xf5 ? 3
                               : -1;
        if (more < 0 || *p < 0x20 || *p == 0x7f)
            return false;
        if ((*p == 0xe0 && p[1] < 0xa0) || (*p == 0xed && p[1] > 0x9f) ||
            (*p == 0xf0 && p[1] < 0x90) || (*p == 0xf4 && p[1] > 0x8f) ||
            (*p == 0xc2 && p[1] < 0xa0))
            return false;
        for (p++; more; more--, p++)
            if ((*p & 0xc0) != 0x80)
                return false;
    }
    return true;
}

static bool word(const char *text)
{
    if (!is_letter(*text) && !is_digit(*text) && *text != '_')
        return false;
    for (; *text; text++)
        if (!is_letter(*text) && !is_digit(*text) && !strchr("._-", *text))
            return false;
    return true;
}

/* RFC 1123 labels, at least two; the last not all digits, which browsers read as an address. */
static bool dns_name(const char *text)
{
    size_t len = strlen(text), label = 0;
    bool dot = false, letter = false;

    if (len > 253)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == '.') {
            if (!label || text[i - 1] == '-')
                return false;
            dot = true;
            letter = false;
            label = 0;
            continue;
        }
        if (!is_letter(c) && !is_digit(c) && (c != '-' || !label))
            return false;
        letter |= !is_digit(c);
        if (++label > 63)
            return false;
    }
    return dot && label && letter && text[len - 1] != '-';
}

static bool language(const char *text)
{
    size_t part = 0, parts = 1;

    for (const char *p = text; *p; p++) {
        if (*p == '-') {
            if (part < 2)
                return false;
            part = 0;
            parts++;
        } else if ((*p >= 'a' && *p <= 'z') || (is_digit(*p) && parts > 1)) {
            if (++part > (parts == 1 ? 3 : 8))
                return false;
        } else {
            return false;
        }
    }
    return part >= 2;
}

static bool address(const char *text)
{
    unsigned char out[16];

    return inet_pton(AF_INET, text, out) == 1 || inet_pton(AF_INET6, text, out) == 1;
}

static bool interface(const char *text)
{
    size_t len = strlen(text);

    if (!len || len > 15 || strcmp(text, ".") == 0 || strcmp(text, "..") == 0)
        return false;
    for (; *text; text++)
        if (*text <= ' ' || *text > '~' || *text == '/' || *text == ':' || *text == '"')
            return false;
    return true;
}

static bool service(const char *text)
{
    uint64_t port;

    return (strncmp(text, "tcp/", 4) == 0 || strncmp(text, "udp/", 4) == 0) && strlen(text) <= 9 &&
           digits(text + 4, strlen(text + 4), &port) && port >= 1 && port <= 65535 &&
           text[4] != '0';
}

bool config_title_ok(const char *title)
{
    size_t len = strlen(title);

    if (!len || len > 32)
        return false;
    for (; *title; title++)
        if (!((*title >= 'a' && *title <= 'z') || is_digit(*title) || *title == '-'))
            return false;
    return true;
}

static bool colour(const char *text)
{
    if (text[0] != '#' || strlen(text) != 7)
        return false;
    for (const char *p = text + 1; *p; p++)
        if (!is_digit(*p) && !(*p >= 'a' && *p <= 'f') && !(*p >= 'A' && *p <= 'F'))
            return false;
    return true;
}

static bool valid_text(const struct config_option *o, const char *text)
{
    size_t len = strlen(text);

    if (o->max && (len < o->min || len > o->max) && !config_is_list(o))
        return false;
    switch (o->type) {
    case TYPE_TEXT:
        return readable(text);
    case TYPE_WORD:
        return word(text);
    case TYPE_DNS_NAME:
        return dns_name(text);
    case TYPE_LANGUAGE:
    case TYPE_LANGUAGES:
        return strlen(text) <= 15 && language(text);
    case TYPE_PATH:
    case TYPE_PATHS:
    case TYPE_SECRET:
        return strlen(text) <= 255 && *text == '/' && readable(text);
    case TYPE_ADDRESS:
        return address(text);
    case TYPE_INTERFACES:
        return interface(text);
    case TYPE_SERVICES:
        return service(text);
    case TYPE_DOMAINS:
        return dns_name(config_garden_domain(text));
    case TYPE_NAMES:
        return strcmp(text, "*") == 0 || config_title_ok(text);
    case TYPE_COLOUR:
        return colour(text);
    default:
        return false;
    }
}

static bool store_number(const struct config_option *o, const char *text, char *base)
{
    uint64_t value;
    bool read =
        o->type == TYPE_DURATION ? duration(text, &value) : digits(text, strlen(text), &value);

    if (!read || ((value < o->min || value > o->max) && !(o->zero && value == 0)))
        return false;
    if (o->size == sizeof(uint16_t))
        *(uint16_t *)(base + o->offset) = (uint16_t)value;
    else if (o->size == sizeof(uint32_t))
        *(uint32_t *)(base + o->offset) = (uint32_t)value;
    else
        *(uint64_t *)(base + o->offset) = value;
    return true;
}

static void lower(char *text)
{
    for (char *p = text; *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p |= 0x20;
}

static bool store_text(const struct config_option *o, const char *text, char *base)
{
    char **field = (char **)(base + o->offset), *copy = strdup(text);

    if (!copy)
        return false;
    if (o->type == TYPE_DNS_NAME)
        lower(copy);
    free(*field);
    *field = copy;
    return true;
}

static bool store_item(const struct config_option *o, const char *text, char *base)
{
    char ***list = (char ***)(base + o->offset);
    size_t *n = (size_t *)(base + o->count_offset);
    char **items = reallocarray(*list, *n + 1, sizeof *items);

    if (!items)
        return false;
    *list = items;
    items[*n] = strdup(text);
    if (!items[*n])
        return false;
    if (o->type == TYPE_DOMAINS)
        lower(items[*n]);
    ++*n;
    return true;
}

static bool store_choice(const struct config_option *o, const char *text, char *base)
{
    size_t len = strlen(text);
    uint32_t place = 0;

    for (const char *at = o->choices; at; place++) {
        const char *end = strchrnul(at, '|');
        if ((size_t)(end - at) == len && memcmp(at, text, len) == 0) {
            *(uint32_t *)(base + o->offset) = place;
            return true;
        }
        at = *end ? end + 1 : NULL;
    }
    return false;
}

bool config_store(const struct config_option *o, const char *text, void *base)
{
    if (o->type == TYPE_NUMBER || o->type == TYPE_DURATION)
        return store_number(o, text, base);
    if (o->type == TYPE_CHOICE)
        return store_choice(o, text, base);
    if (!valid_text(o, text))
        return false;
    if (config_is_list(o))
        return store_item(o, text, base);
    return store_text(o, text, base);
}

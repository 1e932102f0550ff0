/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rule for everything that a directory gets wrong: it costs nobody the network. A value of the
 * wrong type is left out and named; a suspension has to be said in the one configured value, in any
 * case, and nothing else means it. Names leave this file only as keyed hashes. */
#include "radius-module/entitlement.h"
#include "lib/crypto.h"
#include "lib/ldap_filter.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

void values_reset(struct values *v)
{
    v->n = v->used = 0;
    v->dropped = 0;
    v->from_group = v->dn_cut = false;
    v->entries = 0;
    v->dn[0] = 0;
}

static const char *keep(struct values *v, const void *data, size_t len)
{
    if (VALUES_MAX_TEXT - v->used < len + 1)
        return NULL;
    char *at = v->text + v->used;
    memcpy(at, data, len);
    at[len] = 0;
    v->used += len + 1;
    return at;
}

void values_add(struct values *v, const char *attribute, const void *data, size_t len)
{
    size_t before = v->used;
    bool too_long = len > VALUES_MAX_LEN;
    const char *name = NULL, *kept = NULL;
    if (v->n < VALUES_MAX && (name = keep(v, attribute, strnlen(attribute, 128))) &&
        (kept = keep(v, data, too_long ? 0 : len))) {
        v->v[v->n++] =
            (struct value){name, kept, too_long ? 0 : (uint16_t)len, too_long, v->from_group};
        return;
    }
    v->used = before;
    v->dropped++;
}

static void add_name(const char *names[], size_t *n, const char *name)
{
    for (size_t i = 0; i < *n; i++)
        if (name && strcasecmp(names[i], name) == 0)
            return;
    if (name)
        names[(*n)++] = name;
}

size_t mapping_attributes(const struct mapping *m, const char *names[MAPPING_ATTRIBUTES + 1])
{
    size_t n = 0;
    add_name(names, &n, m->profile_attribute);
    add_name(names, &n, m->group_attribute);
    add_name(names, &n, m->suspended_attribute);
    add_name(names, &n, m->identity_attribute);
    add_name(names, &n, m->link_attribute);
    add_name(names, &n, m->from_attribute);
    add_name(names, &n, m->until_attribute);
    for (int l = 0; l < LIMITS; l++)
        add_name(names, &n, m->limit_attribute[l]);
    if (n == 0)
        names[n++] = "1.1"; /* RFC 4511 section 4.5.1.8: no attributes */
    names[n] = NULL;
    return n;
}

static bool is(const struct value *v, const char *attribute)
{
    return attribute && strcasecmp(v->attribute, attribute) == 0;
}

static bool says(const struct value *v, const char *text)
{
    return v->len == strlen(text) && strncasecmp(v->data, text, v->len) == 0;
}

/* A configured group's name is the value itself, or the first RDN's value where the directory gives
 * whole names (memberOf: "cn=fast,ou=gruppi,…"). */
static bool names_group(const struct value *v, const char *group)
{
    const char *equal = memchr(v->data, '=', v->len);
    if (says(v, group))
        return true;
    if (!equal)
        return false;
    size_t left = v->len - (size_t)(equal + 1 - v->data), want = strlen(group);
    return left >= want && strncasecmp(equal + 1, group, want) == 0 &&
           (left == want || equal[1 + want] == ',');
}

/* Lowest index of the mappings that some value matches, or n. */
static size_t best(const struct values *values, const char *attribute,
                   const struct mapping_profile *map, size_t n, bool from_group,
                   bool (*match)(const struct value *, const char *))
{
    size_t found = n;
    for (size_t i = 0; i < values->n; i++)
        for (size_t k = 0; is(&values->v[i], attribute) && k < found; k++)
            if (!values->v[i].too_long && values->v[i].from_group == from_group &&
                match(&values->v[i], map[k].value))
                found = k;
    return found;
}

/* Groups come before the person's own attribute: they are the finer tool. */
static int profile_from(const struct mapping *m, const struct values *values)
{
    size_t g =
        best(values, m->group_attribute, m->groups, m->n_groups, m->group_search, names_group);
    if (g < m->n_groups)
        return m->groups[g].profile;
    size_t p = best(values, m->profile_attribute, m->profiles, m->n_profiles, false, says);
    return p < m->n_profiles ? m->profiles[p].profile : -1;
}

/* Digits alone, at most 15 of them: no sign, blank or fraction, and the unit cannot overflow. */
static const char *read_number(const struct value *v, uint64_t unit, uint64_t *out)
{
    uint64_t n = 0;
    if (v->too_long)
        return "is too long";
    if (v->len == 0 || v->len > 15)
        return "is no number";
    for (size_t i = 0; i < v->len; i++) {
        if (v->data[i] < '0' || v->data[i] > '9')
            return "is no number";
        n = n * 10 + (uint64_t)(v->data[i] - '0');
    }
    if (unit && n > UINT64_MAX / unit)
        return "is out of range";
    *out = n * unit;
    return NULL;
}

/* A person with several values of one limit (two groups with a speed each) has the largest. */
static void read_limits(const struct mapping *m, const struct value *v, struct entitlement *out,
                        entitlement_report_fn report, void *arg)
{
    for (int l = 0; l < LIMITS; l++) {
        uint64_t n = 0;
        if (!is(v, m->limit_attribute[l]))
            continue;
        const char *wrong = read_number(v, m->limit_unit[l], &n);
        if (wrong) {
            report(arg, m->limit_attribute[l], wrong);
            continue;
        }
        if (!(out->has & 1U << l) || n > out->own[l])
            out->own[l] = n;
        out->has |= 1U << l;
    }
}

/* Only the configured value suspends. Where that is LDAP's boolean (RFC 4517 section 3.3.3: TRUE or
 * FALSE), anything that is neither is worth a line in the log. */
static void read_suspension(const struct mapping *m, const struct value *v, struct entitlement *out,
                            entitlement_report_fn report, void *arg)
{
    if (!is(v, m->suspended_attribute))
        return;
    if (!v->too_long && says(v, m->suspended_value)) {
        out->denied = true;
        snprintf(out->reason, sizeof out->reason, "%s", m->suspended_reason);
    } else if (strcasecmp(m->suspended_value, "TRUE") == 0 && !says(v, "FALSE")) {
        report(arg, m->suspended_attribute, "is neither TRUE nor FALSE");
    }
}

/* --- dates --------------------------------------------------------------------------------------
 */

/* Two digits, at most `most`; -1: they are not. */
static int two(const char *at, int most)
{
    if (!isdigit((unsigned char)at[0]) || !isdigit((unsigned char)at[1]))
        return -1;
    int n = (at[0] - '0') * 10 + at[1] - '0';
    return n <= most ? n : -1;
}

/* "Z", "+HH" or "-HHMM": seconds to the east of Greenwich. */
static bool read_zone(const char *at, size_t len, long *east_s)
{
    if (len == 1 && *at == 'Z') {
        *east_s = 0;
        return true;
    }
    int h = len == 3 || len == 5 ? two(at + 1, 23) : -1, min = len == 5 ? two(at + 3, 59) : 0;
    if ((*at != '+' && *at != '-') || h < 0 || min < 0)
        return false;
    *east_s = (h * 3600L + min * 60L) * (*at == '-' ? -1 : 1);
    return true;
}

/* YYYYMMDDHH[MM[SS]][.FRACTION]ZONE; a fraction of an hour or less moves nobody's last day. */
static bool read_generalized(const char *t, size_t len, uint64_t *out)
{
    struct tm tm = {0};
    long east_s;
    size_t at = 10;
    if (len < 11)
        return false;
    int part[5] = {two(t, 99), two(t + 2, 99), two(t + 4, 12), two(t + 6, 31), two(t + 8, 23)};
    for (int i = 0; i < 5; i++)
        if (part[i] < 0)
            return false;
    int *finer[] = {&tm.tm_min, &tm.tm_sec};
    for (int i = 0; i < 2 && at + 2 < len && isdigit((unsigned char)t[at]); i++, at += 2)
        if ((*finer[i] = two(t + at, i ? 60 : 59)) < 0)
            return false;
    if (t[at] == '.' || t[at] == ',')
        for (at++; at < len && isdigit((unsigned char)t[at]); at++)
            ;
    if (at >= len || !read_zone(t + at, len - at, &east_s) || part[2] == 0 || part[3] == 0)
        return false;
    tm.tm_year = part[0] * 100 + part[1] - 1900;
    tm.tm_mon = part[2] - 1;
    tm.tm_mday = part[3];
    tm.tm_hour = part[4];
    time_t when = timegm(&tm);
    if (when - east_s <= 0) /* long ago; 0 would be "never" */
        *out = 1;
    else
        *out = (uint64_t)(when - east_s);
    return true;
}

bool entitlement_date(const char *text, size_t len, uint64_t *out)
{
    const uint64_t since_1601 = 11644473600;
    uint64_t n = 0;
    size_t digits = 0;
    *out = 0;
    if ((len == 2 && memcmp(text, "-1", 2) == 0) || (len == 1 && *text == '0'))
        return true;
    while (digits < len && digits < 19 && isdigit((unsigned char)text[digits]))
        n = n * 10 + (uint64_t)(text[digits++] - '0');
    if (digits != len || len == 0)
        return read_generalized(text, len, out);
    if (n == INT64_MAX)
        return true;
    if (len <= 6)
        *out = n * 86400;
    else if (len >= 9 && len <= 11)
        *out = n;
    else if (len >= 17)
        *out = n / 10000000 > since_1601 ? n / 10000000 - since_1601 : 1;
    return len <= 6 || (len >= 9 && len <= 11) || len >= 17;
}

static void read_date(const char *attribute, const struct value *v, uint64_t *out,
                      entitlement_report_fn report, void *arg)
{
    uint64_t when = 0;
    if (!is(v, attribute))
        return;
    if (v->too_long || !entitlement_date(v->data, v->len, &when))
        report(arg, attribute, "is no date");
    else
        *out = when;
}

static void hash(const struct mapping *m, const char *what, const void *data, size_t len,
                 uint8_t out[ENTITLEMENT_HASH_LEN])
{
    uint8_t full[SHA256_LEN];
    const struct crypto_slice parts[] = {{what, strlen(what)}, {":", 1}, {data, len}};
    crypto_hmac_sha256(m->key, m->key_len, parts, sizeof parts / sizeof *parts, full);
    memcpy(out, full, ENTITLEMENT_HASH_LEN);
}

/* A code is typed by clerks: case and blanks around it say nothing. */
static void hash_link(const struct mapping *m, const struct value *v,
                      uint8_t out[ENTITLEMENT_HASH_LEN])
{
    char plain[VALUES_MAX_LEN];
    size_t len = 0;
    for (size_t i = 0; i < v->len; i++)
        if (!isspace((unsigned char)v->data[i]))
            plain[len++] = (char)toupper((unsigned char)v->data[i]);
    hash(m, "loggia-link", plain, len, out);
}

/* The linking attribute is hashed alike for every authority, so that equal values meet; an identity
 * is hashed with its authority's name, so that equal user names do not. */
static void read_identity(const struct mapping *m, const struct values *values,
                          struct entitlement *out)
{
    char what[128];
    const char *who = values->dn;
    size_t len = strlen(values->dn);
    for (size_t i = 0; i < values->n; i++) {
        const struct value *v = &values->v[i];
        if (v->too_long || v->len == 0)
            continue;
        if (is(v, m->identity_attribute) && who == values->dn) {
            who = v->data;
            len = v->len;
        }
        if (is(v, m->link_attribute) && !out->has_link) {
            out->has_link = true;
            hash_link(m, v, out->link);
        }
    }
    snprintf(what, sizeof what, "loggia-identity:%s", m->authority);
    hash(m, what, who, len, out->identity);
}

void entitlement_read(const struct mapping *m, const struct values *values, struct entitlement *out,
                      entitlement_report_fn report, void *arg)
{
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < values->n; i++) {
        read_limits(m, &values->v[i], out, report, arg);
        read_suspension(m, &values->v[i], out, report, arg);
        if (values->v[i].from_group)
            continue;
        read_date(m->from_attribute, &values->v[i], &out->from_s, report, arg);
        read_date(m->until_attribute, &values->v[i], &out->until_s, report, arg);
    }
    out->profile = profile_from(m, values);
    read_identity(m, values, out);
    if (values->dropped)
        report(arg, "(all)", "has more values than are read");
}

/* --- filters ------------------------------------------------------------------------------------
 */
long filter_build(const char *format, const char *name, const char *value, size_t len, char *out,
                  size_t room)
{
    char mark[32];
    size_t at = 0, mark_len = (size_t)snprintf(mark, sizeof mark, "%%{%s}", name);
    while (*format) {
        if (strncmp(format, mark, mark_len) == 0) {
            long added = ldap_filter_escape(value, len, out + at, room - at);
            if (added < 0)
                return -1;
            at += (size_t)added;
            format += mark_len;
        } else {
            if (room - at < 2)
                return -1;
            out[at++] = *format++;
        }
    }
    if (at >= room)
        return -1;
    out[at] = 0;
    return (long)at;
}

bool mac_format_ok(const char *example)
{
    struct mac mac;
    char back[MAC_TEXT_LEN];
    static const struct mac sample = {{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};
    if (!mac_parse(example, &mac) || !mac_equal(&mac, &sample))
        return false;
    mac_format(&mac, example, back);
    return strcmp(back, example) == 0;
}

void mac_format(const struct mac *mac, const char *example, char out[MAC_TEXT_LEN])
{
    size_t nibble = 0, i = 0;
    const char *digits =
        isupper((unsigned char)example[0]) ? "0123456789ABCDEF" : "0123456789abcdef";
    for (; example[i] && i < MAC_TEXT_LEN - 1; i++) {
        bool digit = isxdigit((unsigned char)example[i]) && nibble < 12;
        uint8_t byte = digit ? mac->b[nibble / 2] : 0;
        out[i] = digit ? digits[nibble % 2 ? byte & 15 : byte >> 4] : example[i];
        nibble += digit;
    }
    out[i] = 0;
}

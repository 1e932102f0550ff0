/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a directory says about a device's owner, read from attribute values by a configured mapping.
 * Pure: values in, entitlement out. The values are a stranger's: any byte, any length, any number.
 */
#ifndef LOGGIA_RADIUS_MODULE_ENTITLEMENT_H
#define LOGGIA_RADIUS_MODULE_ENTITLEMENT_H

#include "lib/mac.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum limit {
    LIMIT_SESSION, /* s, Session-Timeout */
    LIMIT_IDLE,    /* s, Idle-Timeout */
    LIMIT_INTERIM, /* s, Acct-Interim-Interval */
    LIMIT_UP,      /* bit/s, WISPr-Bandwidth-Max-Up */
    LIMIT_DOWN,    /* bit/s, WISPr-Bandwidth-Max-Down */
    LIMIT_QUOTA,   /* bytes, ChilliSpot-Max-Total-Octets */
    LIMITS
};

#define PROFILE_NAME_LEN       33 /* [a-z0-9-], with its NUL */
#define ENTITLEMENT_REASON_LEN 33
#define ENTITLEMENT_HASH_LEN   16

struct entitlement {
    bool denied;
    char reason[ENTITLEMENT_REASON_LEN];
    int profile;  /* index, -1: the authority's default */
    unsigned has; /* bit l: the directory itself says limit l */
    uint64_t own[LIMITS];
    uint8_t identity[ENTITLEMENT_HASH_LEN]; /* keyed hash of who it is */
    bool has_link;
    uint8_t link[ENTITLEMENT_HASH_LEN]; /* keyed hash of the linking attribute */
    uint64_t from_s, until_s;           /* since 1970; 0: it has no beginning, no end */
};

/* --- mapping: configuration, one per authority --------------------------------------------------
 */
#define MAPPING_MAX_PROFILES 32
#define MAPPING_ATTRIBUTES   (LIMITS + 7)

struct mapping_profile { /* "this value means that profile" */
    char *value;
    int profile;
};

struct mapping {
    const char *authority;   /* its name: part of what is hashed */
    char *profile_attribute; /* NULL: none; its values choose the profile by `profiles` */
    struct mapping_profile profiles[MAPPING_MAX_PROFILES], groups[MAPPING_MAX_PROFILES];
    size_t n_profiles, n_groups; /* in order of preference: the first that matches wins */
    char
        *group_attribute; /* names a group: in the group's own entry, or memberOf in the person's */
    bool group_search;    /* the former: a person called like a group is not in it */
    char *suspended_attribute, *suspended_value, *suspended_reason;
    char *from_attribute, *until_attribute; /* dates; before and behind them the entry is as if it
                                               were not there, unless it is suspended */
    char *limit_attribute[LIMITS];
    uint64_t limit_unit[LIMITS]; /* the directory's number times this */
    char *identity_attribute;    /* NULL: the entry's name (DN) */
    char *link_attribute;
    const void *key; /* of the keyed hashes */
    size_t key_len;
};

/* Fills names with what has to be asked of a person's entry, NULL behind the last. */
size_t mapping_attributes(const struct mapping *m, const char *names[MAPPING_ATTRIBUTES + 1]);

/* --- values -------------------------------------------------------------------------------------
 */
#define VALUES_MAX      64
#define VALUES_MAX_LEN  512 /* of one value; longer ones are kept as "too long" */
#define VALUES_MAX_TEXT 8192
#define VALUES_DN_LEN   256 /* of an entry's name; with its NUL */

struct value {
    const char *attribute, *data; /* in text, NUL-terminated; data may hold NULs of its own */
    uint16_t len;
    bool too_long, from_group;
};

struct values { /* of one person: bounded, no pointer into libldap's memory */
    struct value v[VALUES_MAX];
    size_t n, used;
    char dn[VALUES_DN_LEN]; /* the first entry's; cut */
    bool dn_cut;
    unsigned entries; /* that came, without those of groups */
    bool from_group;  /* what is added now comes from a group's entry */
    unsigned dropped; /* that found no room */
    char text[VALUES_MAX_TEXT];
};

void values_reset(struct values *v);
void values_add(struct values *v, const char *attribute, const void *data, size_t len);

/* Says, for the log, what was ignored: never a value, for it may be somebody's name. */
typedef void (*entitlement_report_fn)(void *arg, const char *attribute, const char *why);

void entitlement_read(const struct mapping *m, const struct values *values, struct entitlement *out,
                      entitlement_report_fn report, void *arg);

/* A date as directories write it: generalized time (RFC 4517 section 3.3.13); or digits alone: up
 * to 6 are days since 1970 (shadowExpire), 9 to 11 are seconds since 1970, 17 to 19 are tenths of
 * microseconds since 1601 (accountExpires). *out is 0 where it means "never" (-1, 0, 2^63 - 1).
 * False: it is none of these. */
bool entitlement_date(const char *text, size_t len, uint64_t *out);

/* Whether it counts at now_s. */
static inline bool entitlement_valid(const struct entitlement *e, uint64_t now_s)
{
    return e->denied || ((!e->from_s || now_s >= e->from_s) && (!e->until_s || now_s < e->until_s));
}

/* --- filters ------------------------------------------------------------------------------------
 */
/* Replaces each "%{NAME}" in format by the escaped value. -1 if it does not fit. */
long filter_build(const char *format, const char *name, const char *value, size_t len, char *out,
                  size_t room);

/* How a directory writes MAC addresses, by example: "aa:bb:cc:dd:ee:ff", "AA-BB-CC-DD-EE-FF",
 * "AABBCCDDEEFF", "aabb.ccdd.eeff"… False if it is no such example. */
bool mac_format_ok(const char *example);
void mac_format(const struct mac *mac, const char *example, char out[MAC_TEXT_LEN]);

#endif

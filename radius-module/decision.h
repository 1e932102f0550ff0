/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets in, and with what: a pure function of the request's kind, the city's pass and one
 * three-valued answer per authority. Its table is docs/decision.md; tests go through it row by row.
 * Knows nothing of LDAP, SQL or RADIUS, keeps nothing, asks no clock. */
#ifndef LOGGIA_RADIUS_MODULE_DECISION_H
#define LOGGIA_RADIUS_MODULE_DECISION_H

#include "radius-module/entitlement.h"
#include <stdbool.h>
#include <stdint.h>

enum decision_kind {
    DECISION_SILENT, /* a device appeared: may it in without a splash? */
    DECISION_TAP,    /* somebody accepted the terms */
    DECISION_LOGIN,  /* somebody typed a name and the right password */
    DECISION_FORGET  /* somebody wants to be forgotten */
};

/* What became of a name and a password. */
enum decision_login {
    LOGIN_RIGHT,
    LOGIN_WRONG,   /* everybody who might know the name says so */
    LOGIN_UNKNOWN, /* somebody who might know it does not answer */
    LOGIN_LIMITED  /* too many wrong ones; nobody was asked */
};

enum decision_pass {
    PASS_NONE,
    PASS_VALID,
    PASS_PAUSED,  /* its owner left: no silent join until the next tap */
    PASS_UNKNOWN, /* the pass store did not answer */
    PASS_BANNED   /* the device is shut out, by the city's own administrators */
};

enum decision_state {
    ANSWER_UNKNOWN, /* the authority did not say, and nothing is remembered of it */
    ANSWER_NOT_FOUND,
    ANSWER_FOUND /* entitlement.denied makes it a denial */
};

struct decision_answer {
    enum decision_state state;
    bool stale;      /* remembered; the authority did not answer now */
    bool person;     /* about whom the device is bound to, not about its address alone */
    uint64_t left_s; /* no session is longer, for then this is over; 0: it is for good */
    struct entitlement entitlement;
};

/* How one limit of somebody known to several authorities comes about. */
enum decision_rule {
    RULE_MOST, /* the most generous; no limit beats any limit */
    RULE_LEAST,
    RULE_HOME /* the home authority's: whose person the device is bound to, else the first in the
                 configuration that knows the device */
};

enum decision_unavailable { UNAVAILABLE_GUEST, UNAVAILABLE_REJECT };

struct decision_profile {
    char name[PROFILE_NAME_LEN];
    uint64_t limits[LIMITS]; /* 0: no such limit */
};

struct decision_authority {
    enum decision_unavailable unavailable;
    int default_profile; /* of those it knows and maps to none; an index, never negative */
};

struct decision_rules {
    const struct decision_profile *profiles;
    const struct decision_authority *authorities;
    int guest; /* index of the profile for those whom nobody knows */
    enum decision_rule merge[LIMITS];
    uint32_t degraded_session_s; /* how soon a decision taken half blind is taken again */
};

enum decision_verdict { VERDICT_ACCEPT, VERDICT_SPLASH, VERDICT_DENY };

struct decision {
    enum decision_verdict verdict;
    char reason[ENTITLEMENT_REASON_LEN]; /* VERDICT_DENY: the code shown to the citizen */
    int profile;                         /* VERDICT_ACCEPT: the home authority's, or guest */
    uint64_t limits[LIMITS];             /* VERDICT_ACCEPT */
    int home;                            /* index of the authority, -1: none knows the device */
    uint32_t known;                      /* bit i: authority i knows the device */
    uint32_t unknown, stale; /* bit i: authority i did not say; its last word was used */
    bool degraded;           /* any of those, or the pass store did not answer */
    bool write_pass, erase_pass;
};

/* One authority's answer from the two that it gave: about the device's address, and about the
 * person that the device is bound to there. */
struct decision_answer decision_fold(const struct decision_answer *device,
                                     const struct decision_answer *person);

/* For a login that was not LOGIN_RIGHT. */
void decide_login_failed(const struct decision_rules *rules, enum decision_login why,
                         struct decision *out);

/* answers has n of them, n <= 32, in the configuration's order; pass_left_s is what remains of a
 * PASS_VALID. */
void decide(const struct decision_rules *rules, enum decision_kind kind, enum decision_pass pass,
            uint32_t pass_left_s, const struct decision_answer *answers, unsigned n,
            struct decision *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of the shim share: the instance, and the steps from a request to a reply. */
#ifndef LOGGIA_RADIUS_MODULE_RLM_LOGGIA_H
#define LOGGIA_RADIUS_MODULE_RLM_LOGGIA_H

#include "radius-module/freeradius_min.h"
#include "radius-module/settings.h"

enum rlm_query {
    QUERY_LOOKUP,
    QUERY_GRANT,
    QUERY_BIND,
    QUERY_FORGET,
    QUERY_PAUSE,
    QUERY_OPERATOR,
    QUERIES
};

typedef struct rlm_loggia_t {
    char const *name;
    struct settings *settings;
    struct report report;
    struct fed *fed;
    xlat_exp_t *queries[QUERIES]; /* NULL: not configured */
    DICT_ATTR const *decision;    /* Loggia-Decision, for the log */
    DICT_ATTR const *binding;     /* Loggia-Binding: who a login binds the device to, sealed */
} rlm_loggia_t;

/* rlm_loggia_conf.c: reads the section into inst->settings. Every fault is logged; how many. */
unsigned rlm_loggia_conf_read(rlm_loggia_t *inst, CONF_SECTION *cs);

/* rlm_loggia_reply.c */
void rlm_loggia_accept(rlm_loggia_t *inst, REQUEST *request, const struct decision *d,
                       const struct mac *mac, const uint8_t identity[ENTITLEMENT_HASH_LEN]);
void rlm_loggia_note(rlm_loggia_t *inst, REQUEST *request, const struct decision *d);

/* This will be a Reject, to be sent no sooner than at_ms (clock_ms). */
void rlm_loggia_reject(REQUEST *request, uint64_t at_ms);

/* rlm_loggia_pass.c. The pass, from memory or from the store; PASS_UNKNOWN: neither knows. person:
 * whom the device is bound to. */
enum decision_pass rlm_loggia_pass(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                   uint32_t *left_s, struct fed_person *person);
/* The same from the store, always. */
enum decision_pass rlm_loggia_pass_look_up(rlm_loggia_t *inst, REQUEST *request,
                                           const struct mac *mac, uint32_t *left_s,
                                           struct fed_person *person);
/* False if the store did not take it: then it is good for a short session, and remembered here. */
bool rlm_loggia_pass_grant(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac);
bool rlm_loggia_pass_bind(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          const struct login_right *right);
bool rlm_loggia_pass_forget(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac);

/* Expands one of the configured texts; "" on failure or if it is not configured.
 * out gets at most room - 1 characters. */
void rlm_loggia_expand(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which, char *out,
                       size_t room);

#endif

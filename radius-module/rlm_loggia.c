/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rlm_loggia: the federation as a FreeRADIUS module. Thin: it turns a request into a question, asks
 * the pass store by expanding texts that the admin configured (rlm_sql's, in this worker), and
 * turns the decision into a reply. In `authorize`:
 *
 *   parse the kind → start the searches everywhere → meanwhile look the pass up → collect until the
 *   deadline → decide → write or erase the pass → reply
 *
 * `accounting` listens for one thing: somebody who left of their own will is not let back in
 * silently. `freeradius -C` instantiates modules too: then nothing is dialled and no thread
 * started. */
#include "radius-module/rlm_loggia.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_CALL_CHECK 10
#define SERVICE_FRAMED     2
#define SERVICE_LOGIN      1
#define CAUSE_USER_REQUEST 1
#define STATUS_STOP        2

/* --- what the request says ----------------------------------------------------------------------
 */

static const char *text_of(REQUEST *request, unsigned attribute)
{
    VALUE_PAIR *vp = fr_pair_find_by_num(request->packet->vps, attribute, 0, TAG_ANY);
    return vp ? vp->vp_strvalue : "";
}

static uint32_t number_of(REQUEST *request, unsigned attribute)
{
    VALUE_PAIR *vp = fr_pair_find_by_num(request->packet->vps, attribute, 0, TAG_ANY);
    return vp ? vp->vp_integer : 0;
}

static bool device_of(REQUEST *request, struct mac *mac)
{
    return mac_parse(text_of(request, PW_CALLING_STATION_ID), mac) && mac_is_device(mac);
}

static bool kind_of(REQUEST *request, enum decision_kind *kind)
{
    switch (number_of(request, PW_SERVICE_TYPE)) {
    case SERVICE_CALL_CHECK:
        *kind = strcmp(text_of(request, PW_CONNECT_INFO), "forget") == 0 ? DECISION_FORGET
                                                                         : DECISION_SILENT;
        return true;
    case SERVICE_FRAMED:
        *kind = DECISION_TAP;
        return true;
    case SERVICE_LOGIN:
        *kind = DECISION_LOGIN;
        return fr_pair_find_by_num(request->packet->vps, PW_USER_PASSWORD, 0, TAG_ANY) != NULL;
    default:
        return false; /* somebody else's: a password, EAP… */
    }
}

/* --- authorize ----------------------------------------------------------------------------------
 */

static void ask(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                enum decision_kind kind, struct decision_answer *answers, struct decision *d)
{
    const struct fed_conf *c = &inst->settings->fed;
    struct fed_person person;
    uint32_t left_s = 0;
    uint64_t began = clock_ms();
    struct fed_question *q = fed_ask(inst->fed, mac);
    enum decision_pass pass = rlm_loggia_pass(inst, request, mac, &left_s, &person);
    fed_ask_person(inst->fed, q, &person);
    fed_collect(inst->fed, q, began, true, answers);
    if (kind == DECISION_TAP)
        pass = PASS_NONE; /* a tap makes it good, whatever it was */
    decide(&c->rules, kind, pass, left_s, answers, (unsigned)c->n_authorities, d);
    if (d->write_pass && !rlm_loggia_pass_grant(inst, request, mac))
        decide(&c->rules, kind, PASS_UNKNOWN, 0, answers, (unsigned)c->n_authorities, d);
}

/* The password is wiped here, in the request itself: whatever runs behind this module has none to
 * write down. */
static enum decision_login check_password(rlm_loggia_t *inst, REQUEST *request,
                                          const struct mac *mac, struct login_right *right)
{
    VALUE_PAIR *user = fr_pair_find_by_num(request->packet->vps, PW_USER_NAME, 0, TAG_ANY);
    VALUE_PAIR *secret = fr_pair_find_by_num(request->packet->vps, PW_USER_PASSWORD, 0, TAG_ANY);
    enum decision_login result = LOGIN_WRONG;
    if (!user || !secret)
        return result;
    const struct login_ask login = {*mac, user->vp_strvalue, secret->vp_strvalue,
                                    secret->vp_length};
    if (!memchr(user->vp_strvalue, 0, user->vp_length))
        result = fed_login(inst->fed, &login, right);
    crypto_wipe((void *)(uintptr_t)secret->vp_strvalue, secret->vp_length);
    secret->vp_length = 0;
    return result;
}

/* When to say so, if that is no. */
static uint64_t log_in(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                       struct decision_answer *answers, struct decision *d)
{
    const struct fed_conf *c = &inst->settings->fed;
    struct login_right right;
    uint64_t began = clock_ms();
    struct fed_question *q = fed_ask(inst->fed, mac);
    enum decision_login result = check_password(inst, request, mac, &right);
    fed_collect(inst->fed, q, began, false, answers);
    if (result != LOGIN_RIGHT) {
        decide_login_failed(&c->rules, result, d);
        return result == LOGIN_WRONG ? began + inst->settings->login_refusal_ms : 0;
    }
    struct decision_answer *home = &answers[right.authority];
    *home = decision_fold(home, &right.answer);
    decide(&c->rules, DECISION_LOGIN, PASS_NONE, 0, answers, (unsigned)c->n_authorities, d);
    if (d->write_pass && !rlm_loggia_pass_bind(inst, request, mac, &right))
        decide(&c->rules, DECISION_LOGIN, PASS_UNKNOWN, 0, answers, (unsigned)c->n_authorities, d);
    return 0;
}

static rlm_rcode_t answer(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          const struct decision *d, const struct decision_answer *answers,
                          uint64_t reject_at_ms)
{
    rlm_loggia_note(inst, request, d);
    if (d->verdict == VERDICT_ACCEPT) {
        rlm_loggia_accept(inst, request, d, mac,
                          d->home >= 0 ? answers[d->home].entitlement.identity : NULL);
        return RLM_MODULE_UPDATED;
    }
    if (d->verdict == VERDICT_DENY)
        fr_pair_value_strcpy(
            radius_pair_create(request->reply, &request->reply->vps, PW_REPLY_MESSAGE, 0),
            d->reason);
    rlm_loggia_reject(request, reject_at_ms);
    return RLM_MODULE_REJECT;
}

static rlm_rcode_t CC_HINT(nonnull) mod_authorize(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    struct decision_answer answers[FED_MAX_AUTHORITIES];
    struct decision d;
    enum decision_kind kind;
    struct mac mac, name;
    uint64_t reject_at_ms = 0;

    if (!kind_of(request, &kind))
        return RLM_MODULE_NOOP;
    if (!device_of(request, &mac) ||
        (kind != DECISION_LOGIN &&
         (!mac_parse(text_of(request, PW_USER_NAME), &name) || !mac_equal(&mac, &name)))) {
        report_limited(&inst->report, LOG_WARNING,
                       "event=request_invalid why=\"User-Name and Calling-Station-Id are not one "
                       "device's address\"");
        return RLM_MODULE_INVALID;
    }
    if (kind == DECISION_FORGET) {
        decide(&inst->settings->fed.rules, kind, PASS_NONE, 0, answers, 0, &d);
        if (!rlm_loggia_pass_forget(inst, request, &mac)) {
            d.verdict = VERDICT_DENY;
            strlcpy(d.reason, "unavailable", sizeof d.reason);
        }
    } else if (kind == DECISION_LOGIN) {
        reject_at_ms = log_in(inst, request, &mac, answers, &d);
    } else {
        ask(inst, request, &mac, kind, answers, &d);
    }
    return answer(inst, request, &mac, &d, answers, reject_at_ms);
}

/* --- accounting ---------------------------------------------------------------------------------
 */

static rlm_rcode_t CC_HINT(nonnull) mod_accounting(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    struct fed_person person;
    char text[32];
    uint32_t left_s;
    struct mac mac;
    if (number_of(request, PW_ACCT_STATUS_TYPE) != STATUS_STOP ||
        number_of(request, PW_ACCT_TERMINATE_CAUSE) != CAUSE_USER_REQUEST ||
        !inst->queries[QUERY_PAUSE] || !device_of(request, &mac))
        return RLM_MODULE_NOOP;
    rlm_loggia_expand(inst, request, QUERY_PAUSE, text, sizeof text);
    /* Whether this Stop was new, a repetition or older than the last tap, the store knows. */
    return rlm_loggia_pass_look_up(inst, request, &mac, &left_s, &person) == PASS_UNKNOWN
               ? RLM_MODULE_FAIL
               : RLM_MODULE_OK;
}

/* --- %{loggia:…} --------------------------------------------------------------------------------
 */

static ssize_t put(char *out, size_t room, const char *text, size_t len)
{
    if (len >= room)
        return -1;
    memcpy(out, text, len);
    out[len] = 0;
    return (ssize_t)len;
}

/* Class is "PROFILE:IDENTITY". */
static ssize_t put_class(REQUEST *request, bool profile, char *out, size_t room)
{
    VALUE_PAIR *vp = fr_pair_find_by_num(request->packet->vps, PW_CLASS, 0, TAG_ANY);
    const char *text = vp ? (const char *)vp->vp_octets : NULL;
    const char *colon = text ? memchr(text, ':', vp->vp_length) : NULL;
    if (!colon)
        return put(out, room, "", 0);
    size_t before = (size_t)(colon - text);
    return profile ? put(out, room, text, before)
                   : put(out, room, colon + 1, vp->vp_length - before - 1);
}

static ssize_t put_authority(rlm_loggia_t *inst, const char *name, char *out, size_t room)
{
    const struct fed_conf *c = &inst->settings->fed;
    struct authority_stats s;
    for (size_t i = 0; i < c->n_authorities; i++) {
        if (strcmp(c->authorities[i].name, name) != 0 || !inst->fed)
            continue;
        fed_authority_stats(inst->fed, i, &s);
        int len = snprintf(out, room,
                           "breaker=%s connections=%u asked=%llu answered=%llu failed=%llu "
                           "refused=%llu opened=%llu last_ms=%u",
                           breaker_name(s.breaker), s.connections, (unsigned long long)s.asked,
                           (unsigned long long)s.answered, (unsigned long long)s.failed,
                           (unsigned long long)s.refused, (unsigned long long)s.opened, s.last_ms);
        return len < 0 || (size_t)len >= room ? -1 : len;
    }
    return -1;
}

/* device: the request's device as a keyed hash; profile, identity: from its Class; life, bound: of
 * a pass and of a bound one, in seconds; authority NAME: its state. */
static ssize_t loggia_xlat(void *instance, REQUEST *request, char const *fmt, char *out,
                           size_t room)
{
    rlm_loggia_t *inst = instance;
    const struct fed_conf *c = &inst->settings->fed;
    char hash[DEVICE_HASH_LEN];
    struct mac mac;
    if (strcmp(fmt, "device") == 0) {
        if (!device_of(request, &mac))
            return put(out, room, "", 0);
        crypto_device_hash(c->key, c->key_len, &mac, hash);
        return put(out, room, hash, strlen(hash));
    }
    if (strcmp(fmt, "profile") == 0 || strcmp(fmt, "identity") == 0)
        return put_class(request, fmt[0] == 'p', out, room);
    if (strcmp(fmt, "life") == 0)
        return snprintf(out, room, "%u", c->pass_life_s);
    if (strcmp(fmt, "bound") == 0)
        return snprintf(out, room, "%u", c->bound_life_s);
    if (strncmp(fmt, "authority ", 10) == 0)
        return put_authority(inst, fmt + 10, out, room);
    return -1;
}

/* --- begin and end ------------------------------------------------------------------------------
 */

static void to_radlog(void *arg, int level, const char *line)
{
    rlm_loggia_t *inst = arg;
    radlog(level <= LOG_ERR       ? L_ERR
           : level <= LOG_WARNING ? L_WARN
                                  : L_INFO,
           "rlm_loggia (%s): %s", inst->name, line);
}

/* In the control list alone; above 255, so never on the wire. */
static DICT_ATTR const *own_attribute(CONF_SECTION *cs, const char *name)
{
    ATTR_FLAGS flags = {0};
    if (dict_addattr(name, -1, 0, PW_TYPE_STRING, flags) < 0)
        cf_log_err_cs(cs, "%s: %s", name, fr_strerror());
    return dict_attrbyname(name);
}

static int mod_bootstrap(CONF_SECTION *cs, void *instance)
{
    rlm_loggia_t *inst = instance;
    inst->name = cf_section_name2(cs) ? cf_section_name2(cs) : cf_section_name1(cs);
    report_init(&inst->report, to_radlog, inst);
    if (!(inst->settings = settings_new()))
        return -1;
    xlat_register(inst->name, loggia_xlat, NULL, inst);
    inst->decision = own_attribute(cs, "Loggia-Decision");
    inst->binding = own_attribute(cs, "Loggia-Binding");
    return inst->decision && inst->binding ? 0 : -1;
}

static int mod_instantiate(CONF_SECTION *cs, void *instance)
{
    rlm_loggia_t *inst = instance;
    unsigned faults = rlm_loggia_conf_read(inst, cs);
    if (faults) {
        cf_log_err_cs(cs, "%u faults in the configuration of %s", faults, inst->name);
        return -1;
    }
    if (!(inst->fed = fed_new(&inst->settings->fed, &inst->report))) {
        cf_log_err_cs(cs, "out of memory");
        return -1;
    }
    if (check_config)
        return 0;
    int rc = fed_start(inst->fed);
    if (rc)
        cf_log_err_cs(cs, "cannot start the federation's threads: %s", strerror(rc));
    return rc ? -1 : 0;
}

static int mod_detach(void *instance)
{
    rlm_loggia_t *inst = instance;
    xlat_unregister(inst->name, loggia_xlat, inst);
    fed_free(inst->fed);
    settings_free(inst->settings);
    return 0;
}

/* The one symbol that the server looks for. */
extern module_t rlm_loggia;
module_t rlm_loggia __attribute__((visibility("default"))) = {
    .magic = RLM_MODULE_INIT,
    .name = "loggia",
    .type = RLM_TYPE_THREAD_SAFE,
    .inst_size = sizeof(rlm_loggia_t),
    .bootstrap = mod_bootstrap,
    .instantiate = mod_instantiate,
    .detach = mod_detach,
    .methods = {[MOD_AUTHORIZE] = mod_authorize, [MOD_ACCOUNTING] = mod_accounting},
};

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rlm_loggia: the federation as a FreeRADIUS module. Thin: it turns a request into a question, asks
 * the pass store by expanding texts that the admin configured (rlm_sql's, in this worker), and
 * turns the decision into a reply. In `authorize`:
 *
 *   parse the kind → start the searches everywhere → meanwhile look the pass up → collect until the
 *   deadline → decide → write or erase the pass → reply
 *
 * What it does of accounting: rlm_loggia_accounting.c; %{loggia:…}: rlm_loggia_xlat.c.
 * `freeradius -C` instantiates modules too: then nothing is dialled and no thread started. */
#include "radius-module/rlm_loggia.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_CALL_CHECK 10
#define SERVICE_FRAMED     2
#define SERVICE_LOGIN      1

/* --- what the request says ----------------------------------------------------------------------
 */

bool rlm_loggia_device_of(REQUEST *request, struct mac *mac)
{
    VALUE_PAIR *vp = fr_pair_find_by_num(request->packet->vps, PW_CALLING_STATION_ID, 0, TAG_ANY);
    return mac_parse(vp ? vp->vp_strvalue : "", mac) && mac_is_device(mac);
}

/* Of several of one kind the first counts. */
static void listen_to(REQUEST *request, struct rlm_loggia_said *said)
{
    memset(said, 0, sizeof *said);
    for (const VALUE_PAIR *vp = request->packet->vps; vp; vp = vp->next) {
        const VALUE_PAIR **at = NULL;
        if (vp->da->vendor)
            continue;
        switch (vp->da->attr) {
        case PW_USER_NAME:
            at = &said->user;
            break;
        case PW_USER_PASSWORD:
            at = &said->password;
            break;
        case PW_CALLING_STATION_ID:
            at = &said->device;
            break;
        case PW_SERVICE_TYPE:
            at = &said->service;
            break;
        case PW_CONNECT_INFO:
            at = &said->connect;
            break;
        case PW_NAS_IDENTIFIER:
            at = &said->nas;
            break;
        case PW_OPERATOR_NAME:
            at = &said->operator_name;
            break;
        default:
            continue;
        }
        if (!*at)
            *at = vp;
    }
}

static bool kind_of(const struct rlm_loggia_said *said, enum decision_kind *kind)
{
    switch (said->service ? said->service->vp_integer : 0) {
    case SERVICE_CALL_CHECK:
        *kind = said->connect && strcmp(said->connect->vp_strvalue, "forget") == 0
                    ? DECISION_FORGET
                    : DECISION_SILENT;
        return true;
    case SERVICE_FRAMED:
        *kind = DECISION_TAP;
        return true;
    case SERVICE_LOGIN:
        *kind = DECISION_LOGIN;
        return said->password != NULL;
    default:
        return false; /* somebody else's: a password, EAP… */
    }
}

/* Whose device it is about; false: nobody's, or two that differ (but whoever logs in has a name).
 */
static bool device_said(const struct rlm_loggia_said *said, enum decision_kind kind,
                        struct mac *mac)
{
    const VALUE_PAIR *device = said->device, *user = said->user;
    struct mac name;
    if (!device || !mac_parse(device->vp_strvalue, mac) || !mac_is_device(mac))
        return false;
    if (kind == DECISION_LOGIN)
        return true;
    if (user && user->vp_length == device->vp_length &&
        memcmp(user->vp_strvalue, device->vp_strvalue, user->vp_length) == 0)
        return true;
    return user && mac_parse(user->vp_strvalue, &name) && mac_equal(mac, &name);
}

void rlm_loggia_control(REQUEST *request, DICT_ATTR const *attribute, const char *text)
{
    fr_pair_value_strcpy(
        radius_pair_create(request, &request->config, attribute->attr, attribute->vendor), text);
}

/* --- authorize ----------------------------------------------------------------------------------
 */

static enum decision_pass ask_all(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                  uint32_t *left_s, struct decision_answer *answers)
{
    uint64_t began = clock_ms();
    struct fed_person person;
    struct fed_question *q = fed_ask(inst->fed, mac);
    enum decision_pass pass = rlm_loggia_pass(
        inst, request, mac, began + inst->settings->fed.deadline_ms, left_s, &person);
    fed_ask_person(inst->fed, q, &person);
    fed_collect(inst->fed, q, began, true, answers);
    return pass;
}

static void ask(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                enum decision_kind kind, struct decision_answer *answers, struct decision *d)
{
    const struct fed_conf *c = &inst->settings->fed;
    uint32_t left_s = 0;
    enum decision_pass pass;
    if (!fed_recall(inst->fed, mac, inst->queries[QUERY_LOOKUP] != NULL, &pass, &left_s, answers))
        pass = ask_all(inst, request, mac, &left_s, answers);
    enum decision_pass before = pass;
    if (kind == DECISION_TAP && pass != PASS_BANNED)
        pass = PASS_NONE; /* a tap makes it good, whatever it was */
    decide(&c->rules, kind, pass, left_s, answers, (unsigned)c->n_authorities, d);
    if (!d->write_pass)
        return;
    if (!rlm_loggia_pass_grant(inst, request, mac))
        decide(&c->rules, kind, PASS_UNKNOWN, 0, answers, (unsigned)c->n_authorities, d);
    else if (before == PASS_PAUSED) /* the other servers would still send it to the splash */
        rlm_loggia_announce(inst->store, mac);
}

void rlm_loggia_decide(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                       struct decision *d)
{
    struct decision_answer answers[FED_MAX_AUTHORITIES];
    ask(inst, request, mac, DECISION_SILENT, answers, d);
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
    struct fed_person person;
    uint32_t left_s;
    uint64_t began = clock_ms();
    struct fed_question *q = fed_ask(inst->fed, mac);
    enum decision_login result = check_password(inst, request, mac, &right);
    bool banned =
        result == LOGIN_RIGHT && rlm_loggia_pass(inst, request, mac, clock_ms() + c->deadline_ms,
                                                 &left_s, &person) == PASS_BANNED;
    fed_collect(inst->fed, q, began, false, answers);
    if (result != LOGIN_RIGHT) {
        decide_login_failed(&c->rules, result, d);
        return result == LOGIN_WRONG ? began + inst->settings->login_refusal_ms : 0;
    }
    struct decision_answer *home = &answers[right.authority];
    *home = decision_fold(home, &right.answer);
    decide(&c->rules, DECISION_LOGIN, banned ? PASS_BANNED : PASS_NONE, 0, answers,
           (unsigned)c->n_authorities, d);
    if (d->write_pass && !rlm_loggia_pass_bind(inst, request, mac, &right))
        decide(&c->rules, DECISION_LOGIN, PASS_UNKNOWN, 0, answers, (unsigned)c->n_authorities, d);
    return 0;
}

static rlm_rcode_t answer(rlm_loggia_t *inst, REQUEST *request, const struct rlm_loggia_said *said,
                          const struct mac *mac, const struct decision *d,
                          const struct decision_answer *answers, uint64_t reject_at_ms)
{
    rlm_loggia_note(inst, request, d);
    rlm_loggia_sign(inst, request);
    if (d->verdict == VERDICT_ACCEPT) {
        rlm_loggia_accept(inst, request, said, d, mac,
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
    struct rlm_loggia_said said;
    enum decision_kind kind;
    struct mac mac;
    uint64_t reject_at_ms = 0;

    listen_to(request, &said);
    if (!kind_of(&said, &kind))
        return RLM_MODULE_NOOP;
    if (!device_said(&said, kind, &mac)) {
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
    return answer(inst, request, &said, &mac, &d, answers, reject_at_ms);
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

static bool add_attributes(rlm_loggia_t *inst, CONF_SECTION *cs)
{
    static const char *const names[ATTRIBUTES] = {
        [ATTRIBUTE_DECISION] = "Loggia-Decision", [ATTRIBUTE_DEGRADED] = "Loggia-Degraded",
        [ATTRIBUTE_BINDING] = "Loggia-Binding",   [ATTRIBUTE_ANSWERS] = "Loggia-Answers",
        [ATTRIBUTE_BATCH] = "Loggia-Batch",       [ATTRIBUTE_SINCE] = "Loggia-Since",
        [ATTRIBUTE_NTH] = "Loggia-Nth",           [ATTRIBUTE_PERSON] = "Loggia-Person",
        [ATTRIBUTE_DEVICE] = "Loggia-Device",
    };
    for (int i = 0; i < ATTRIBUTES; i++)
        if (!(inst->attributes[i] = own_attribute(cs, names[i])))
            return false;
    return true;
}

static bool read_configuration(rlm_loggia_t *inst, CONF_SECTION *cs)
{
    if (!(inst->settings = settings_new()) || !add_attributes(inst, cs))
        return false;
    unsigned faults = rlm_loggia_conf_read(inst, cs);
    if (faults)
        cf_log_err_cs(cs, "%u faults in the configuration of %s", faults, inst->name);
    else if (!rlm_loggia_reply_prepare(inst) ||
             !(inst->fed = fed_new(&inst->settings->fed, &inst->report)))
        cf_log_err_cs(cs, "out of memory");
    return inst->fed != NULL;
}

static bool start(rlm_loggia_t *inst, CONF_SECTION *cs)
{
    int rc = fed_start(inst->fed);
    if (rc)
        cf_log_err_cs(cs, "cannot start the federation's threads: %s", strerror(rc));
    else if (!(inst->desk = rlm_loggia_desk_start(inst)) ||
             (inst->queries[QUERY_KNOWN] && !(inst->clerks = rlm_loggia_clerks_start(inst))) ||
             !(inst->store = rlm_loggia_store_start(inst)))
        cf_log_err_cs(cs, "cannot start the store's threads");
    return inst->store != NULL;
}

/* Everything is done here, and nothing in `bootstrap`: so the server can reload it. */
static int mod_instantiate(CONF_SECTION *cs, void *instance)
{
    rlm_loggia_t *inst = instance;
    inst->name = cf_section_name2(cs) ? cf_section_name2(cs) : cf_section_name1(cs);
    inst->section = cs;
    report_init(&inst->report, to_radlog, inst);
    /* Its own texts have %{loggia:…} in them. At a reload that is the old instance's until this one
     * has turned out to be right. */
    if (rlm_loggia_is_first(inst->name))
        xlat_register(inst->name, rlm_loggia_xlat, NULL, inst);
    if (!read_configuration(inst, cs))
        return -1;
    const struct settings *c = inst->settings;
    guard_init(&inst->reading, "reading", c->store_workers, c->fed.deadline_ms / 2,
               c->store_failures, c->store_open_ms, &inst->report);
    guard_init(&inst->writing, "writing", c->store_workers, c->fed.deadline_ms / 2,
               c->store_failures, c->store_open_ms, &inst->report);
    if (!check_config && !start(inst, cs))
        return -1;
    rlm_loggia_take_over(inst);
    xlat_register(inst->name, rlm_loggia_xlat, NULL, inst);
    return 0;
}

static int mod_detach(void *instance)
{
    rlm_loggia_t *inst = instance;
    rlm_loggia_leave(inst);
    xlat_unregister(inst->name, rlm_loggia_xlat, inst);
    rlm_loggia_stop(inst);
    crypto_keyed_free(inst->keyed);
    settings_free(inst->settings);
    return 0;
}

/* The one symbol that the server looks for. */
extern module_t rlm_loggia;
module_t rlm_loggia __attribute__((visibility("default"))) = {
    .magic = RLM_MODULE_INIT,
    .name = "loggia",
    .type = RLM_TYPE_THREAD_SAFE | RLM_TYPE_HUP_SAFE,
    .inst_size = sizeof(rlm_loggia_t),
    .instantiate = mod_instantiate,
    .detach = mod_detach,
    .methods = {[MOD_AUTHORIZE] = mod_authorize,
                [MOD_PREACCT] = rlm_loggia_preacct,
                [MOD_ACCOUNTING] = rlm_loggia_accounting},
};

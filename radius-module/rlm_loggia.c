/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rlm_loggia: the federation as a FreeRADIUS module. Thin: it turns a request into a question, asks
 * the pass store by expanding texts that the admin configured (rlm_sql's, in this worker), and
 * turns the decision into a reply. In `authorize`:
 *
 *   parse the kind → start the searches everywhere → meanwhile look the pass up → collect until the
 *   deadline → decide → write or erase the pass → reply
 *
 * `preacct` lets an accounting record through to the store while that answers, notes who is online,
 * and that somebody who left of their own will is not let back in silently; `accounting`, behind
 * sql, gives the place at the store back. `freeradius -C` instantiates modules too: then nothing is
 * dialled and no thread started. */
#include "radius-module/rlm_loggia.h"
#include "lib/crypto.h"

#include <stdlib.h>
#include <string.h>

#define SERVICE_CALL_CHECK 10
#define SERVICE_FRAMED     2
#define SERVICE_LOGIN      1
#define CAUSE_USER_REQUEST 1
#define STATUS_START       1
#define STATUS_STOP        2
#define STATUS_UPDATE      3
#define PLACE              1 /* request data: the place at the store */

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

/* --- accounting ---------------------------------------------------------------------------------
 */

/* The request's place at the store, from preacct until loggia is called in accounting, behind sql.
 * Who never gets there has failed: then the request's end gives the place back. */
struct place {
    struct guard *guard;
    bool done;
};

static int leave_place(struct place *p)
{
    guard_leave(p->guard, p->done);
    return 0;
}

static bool take_place(rlm_loggia_t *inst, REQUEST *request)
{
    if (!guard_enter(&inst->writing, clock_ms() + inst->settings->fed.deadline_ms))
        return false;
    struct place *p = talloc_zero(request, struct place);
    if (!p) {
        guard_leave(&inst->writing, true);
        return false;
    }
    p->guard = &inst->writing;
    talloc_set_destructor(p, leave_place);
    if (request_data_add(request, inst, PLACE, p, false) == 0)
        return true;
    talloc_free(p);
    return false;
}

/* Who is online is known by the accounting. A server that has just begun reads there who is
 * (pass.online); of whom it hears first, it does not know whom the device is bound to. */
static void note_session(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                         uint32_t status)
{
    struct fed_person person;
    uint32_t left_s;
    bool live = status == STATUS_START || status == STATUS_UPDATE;
    if (!live && status != STATUS_STOP)
        return;
    if (fed_live(inst->fed, mac, live) && inst->queries[QUERY_LOOKUP])
        rlm_loggia_pass_look_up(inst, request, mac, clock_ms() + inst->settings->fed.deadline_ms,
                                &left_s, &person);
}

/* fail: the store is silent. Then the router gets no answer, and keeps the record. */
static rlm_rcode_t CC_HINT(nonnull) mod_preacct(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    uint32_t status = number_of(request, PW_ACCT_STATUS_TYPE);
    struct mac mac;
    if (!inst->queries[QUERY_LOOKUP])
        return RLM_MODULE_NOOP;
    if (!take_place(inst, request))
        return RLM_MODULE_FAIL;
    if (!device_of(request, &mac))
        return RLM_MODULE_OK; /* Accounting-On */
    note_session(inst, request, &mac, status);
    if (status == STATUS_STOP && inst->queries[QUERY_PAUSE] &&
        number_of(request, PW_ACCT_TERMINATE_CAUSE) == CAUSE_USER_REQUEST)
        return rlm_loggia_pass_pause(inst, request, &mac) ? RLM_MODULE_OK : RLM_MODULE_FAIL;
    return RLM_MODULE_OK;
}

static rlm_rcode_t CC_HINT(nonnull) mod_accounting(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    struct place *p = request_data_get(request, inst, PLACE);
    if (!p)
        return RLM_MODULE_NOOP;
    p->done = true;
    talloc_free(p);
    return RLM_MODULE_OK;
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

/* name NULL: of all, and the rest. */
static ssize_t put_status(rlm_loggia_t *inst, const char *name, char *out, size_t room)
{
    const struct fed_conf *c = &inst->settings->fed;
    struct status_source source;
    size_t i = 0;
    char *text = NULL;
    size_t len = 0;
    if (!inst->fed)
        return -1;
    while (name && i < c->n_authorities && strcmp(c->authorities[i].name, name) != 0)
        i++;
    FILE *f = inst->fed && (!name || i < c->n_authorities) ? open_memstream(&text, &len) : NULL;
    if (!f)
        return -1;
    rlm_loggia_status(inst, &source);
    if (name)
        status_authority(f, &source, i);
    else
        status_text(f, &source);
    fclose(f);
    ssize_t n = text ? put(out, room, text, len < room ? len : room - 1) : -1;
    free(text);
    return n;
}

/* device: the request's device as a keyed hash; sealed: so that this server can read it; profile,
 * identity: from its Class; life, bound: of a pass and of a bound one, in seconds; authority NAME:
 * its state; status: everybody's. */
static ssize_t loggia_xlat(void *instance, REQUEST *request, char const *fmt, char *out,
                           size_t room)
{
    rlm_loggia_t *inst = instance;
    const struct fed_conf *c = &inst->settings->fed;
    char hash[DEVICE_HASH_LEN];
    struct mac mac;
    if (strcmp(fmt, "device") == 0) {
        DICT_ATTR const *other = inst->attributes[ATTRIBUTE_DEVICE];
        VALUE_PAIR *vp = fr_pair_find_by_num(request->config, other->attr, other->vendor, TAG_ANY);
        if (vp)
            return put(out, room, vp->vp_strvalue, vp->vp_length);
        if (!device_of(request, &mac))
            return put(out, room, "", 0);
        crypto_device_hash(c->key, c->key_len, &mac, hash);
        return put(out, room, hash, strlen(hash));
    }
    if (strcmp(fmt, "sealed") == 0) {
        char sealed[RLM_SEALED_DEVICE] = "";
        if (device_of(request, &mac))
            rlm_loggia_seal_device(inst, &mac, sealed);
        return put(out, room, sealed, strlen(sealed));
    }
    if (strcmp(fmt, "profile") == 0 || strcmp(fmt, "identity") == 0)
        return put_class(request, fmt[0] == 'p', out, room);
    if (strcmp(fmt, "life") == 0)
        return snprintf(out, room, "%u", c->pass_life_s);
    if (strcmp(fmt, "bound") == 0)
        return snprintf(out, room, "%u", c->bound_life_s);
    if (strncmp(fmt, "authority ", 10) == 0)
        return put_status(inst, fmt + 10, out, room);
    if (strcmp(fmt, "status") == 0)
        return put_status(inst, NULL, out, room);
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
        xlat_register(inst->name, loggia_xlat, NULL, inst);
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
    xlat_register(inst->name, loggia_xlat, NULL, inst);
    return 0;
}

static int mod_detach(void *instance)
{
    rlm_loggia_t *inst = instance;
    rlm_loggia_leave(inst);
    xlat_unregister(inst->name, loggia_xlat, inst);
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
                [MOD_PREACCT] = mod_preacct,
                [MOD_ACCOUNTING] = mod_accounting},
};

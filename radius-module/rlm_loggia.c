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
    default:
        return false; /* somebody else's: a password, EAP… */
    }
}

/* --- the pass store -----------------------------------------------------------------------------
 */

void rlm_loggia_expand(rlm_loggia_t *inst, REQUEST *request, enum rlm_query which, char *out,
                       size_t room)
{
    char *text = NULL;
    out[0] = 0;
    if (!inst->queries[which])
        return;
    if (radius_axlat_struct(&text, request, inst->queries[which], NULL, NULL) >= 0 && text)
        strlcpy(out, text, room);
    talloc_free(text);
}

/* "none", "paused" or the seconds left; anything else means that the store did not answer. */
static enum decision_pass read_pass(const char *text, uint32_t *left_s)
{
    char *end;
    *left_s = 0;
    if (strcmp(text, "none") == 0)
        return PASS_NONE;
    if (strcmp(text, "paused") == 0)
        return PASS_PAUSED;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n == 0 || n > UINT32_MAX)
        return PASS_UNKNOWN;
    *left_s = (uint32_t)n;
    return PASS_VALID;
}

static enum decision_pass look_up(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                  uint32_t *left_s)
{
    char text[32];
    enum decision_pass pass;
    rlm_loggia_expand(inst, request, QUERY_LOOKUP, text, sizeof text);
    pass = read_pass(text, left_s);
    if (pass != PASS_UNKNOWN)
        fed_pass_put(inst->fed, mac, pass, *left_s);
    return pass;
}

static enum decision_pass pass_of(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                                  uint32_t *left_s)
{
    enum decision_pass pass;
    if (!inst->queries[QUERY_LOOKUP])
        return PASS_NONE;
    if (fed_pass_get(inst->fed, mac, false, &pass, left_s))
        return pass;
    if ((pass = look_up(inst, request, mac, left_s)) == PASS_UNKNOWN)
        fed_pass_get(inst->fed, mac, true, &pass, left_s);
    return pass;
}

/* False if the store did not take it: then the session is short, and remembered here as long. */
static bool grant(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    const struct fed_conf *c = &inst->settings->fed;
    char text[32];
    if (!inst->queries[QUERY_GRANT])
        return true;
    rlm_loggia_expand(inst, request, QUERY_GRANT, text, sizeof text);
    bool written = strtoul(text, NULL, 10) > 0;
    fed_pass_put(inst->fed, mac, PASS_VALID,
                 written ? c->pass_life_s : c->rules.degraded_session_s);
    return written;
}

/* A DELETE of no row and a DELETE that failed expand alike, so the pass is looked for afterwards.
 */
static bool forget(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac)
{
    char text[32];
    uint32_t left_s;
    fed_pass_put(inst->fed, mac, PASS_NONE, 0);
    if (!inst->queries[QUERY_FORGET])
        return true;
    rlm_loggia_expand(inst, request, QUERY_FORGET, text, sizeof text);
    return look_up(inst, request, mac, &left_s) == PASS_NONE;
}

/* --- authorize ----------------------------------------------------------------------------------
 */

static void ask(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                enum decision_kind kind, struct decision_answer *answers, struct decision *d)
{
    const struct fed_conf *c = &inst->settings->fed;
    enum decision_pass pass = PASS_NONE;
    uint32_t left_s = 0;
    uint64_t began = clock_ms();
    struct fed_question *q = fed_ask(inst->fed, mac);
    if (kind == DECISION_SILENT)
        pass = pass_of(inst, request, mac, &left_s);
    fed_collect(inst->fed, q, began, answers);
    decide(&c->rules, kind, pass, left_s, answers, (unsigned)c->n_authorities, d);
    if (d->write_pass && !grant(inst, request, mac))
        decide(&c->rules, kind, PASS_UNKNOWN, 0, answers, (unsigned)c->n_authorities, d);
}

static rlm_rcode_t answer(rlm_loggia_t *inst, REQUEST *request, const struct mac *mac,
                          const struct decision *d, const struct decision_answer *answers)
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
    return RLM_MODULE_REJECT;
}

static rlm_rcode_t CC_HINT(nonnull) mod_authorize(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    struct decision_answer answers[FED_MAX_AUTHORITIES];
    struct decision d;
    enum decision_kind kind;
    struct mac mac, name;

    if (!kind_of(request, &kind))
        return RLM_MODULE_NOOP;
    if (!device_of(request, &mac) || !mac_parse(text_of(request, PW_USER_NAME), &name) ||
        !mac_equal(&mac, &name)) {
        report_limited(&inst->report, LOG_WARNING,
                       "event=request_invalid why=\"User-Name and Calling-Station-Id are not one "
                       "device's address\"");
        return RLM_MODULE_INVALID;
    }
    if (kind == DECISION_FORGET) {
        decide(&inst->settings->fed.rules, kind, PASS_NONE, 0, answers, 0, &d);
        if (!forget(inst, request, &mac)) {
            d.verdict = VERDICT_DENY;
            strlcpy(d.reason, "unavailable", sizeof d.reason);
        }
    } else {
        ask(inst, request, &mac, kind, answers, &d);
    }
    return answer(inst, request, &mac, &d, answers);
}

/* --- accounting ---------------------------------------------------------------------------------
 */

static rlm_rcode_t CC_HINT(nonnull) mod_accounting(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    char text[32];
    uint32_t left_s;
    struct mac mac;
    if (number_of(request, PW_ACCT_STATUS_TYPE) != STATUS_STOP ||
        number_of(request, PW_ACCT_TERMINATE_CAUSE) != CAUSE_USER_REQUEST ||
        !inst->queries[QUERY_PAUSE] || !device_of(request, &mac))
        return RLM_MODULE_NOOP;
    rlm_loggia_expand(inst, request, QUERY_PAUSE, text, sizeof text);
    /* Whether this Stop was new, a repetition or older than the last tap, the store knows. */
    return look_up(inst, request, &mac, &left_s) == PASS_UNKNOWN ? RLM_MODULE_FAIL : RLM_MODULE_OK;
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

/* device: the request's device as a keyed hash; profile, identity: from its Class; life: of a pass,
 * in seconds; authority NAME: its state. */
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

static int mod_bootstrap(CONF_SECTION *cs, void *instance)
{
    rlm_loggia_t *inst = instance;
    ATTR_FLAGS flags = {0};
    inst->name = cf_section_name2(cs) ? cf_section_name2(cs) : cf_section_name1(cs);
    report_init(&inst->report, to_radlog, inst);
    if (!(inst->settings = settings_new()))
        return -1;
    xlat_register(inst->name, loggia_xlat, NULL, inst);
    if (dict_addattr("Loggia-Decision", -1, 0, PW_TYPE_STRING, flags) < 0) {
        cf_log_err_cs(cs, "Loggia-Decision: %s", fr_strerror());
        return -1;
    }
    inst->decision = dict_attrbyname("Loggia-Decision");
    return 0;
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

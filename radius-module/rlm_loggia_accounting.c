/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `preacct` lets an accounting record through to the store while that answers, notes who is online,
 * and that somebody who left of their own will is not let back in silently; `accounting`, behind
 * sql, gives the place at the store back. */
#include "radius-module/rlm_loggia.h"

#define CAUSE_USER_REQUEST 1
#define STATUS_START       1
#define STATUS_STOP        2
#define STATUS_UPDATE      3
#define PLACE              1 /* request data: the place at the store */

static uint32_t number_of(REQUEST *request, unsigned attribute)
{
    VALUE_PAIR *vp = fr_pair_find_by_num(request->packet->vps, attribute, 0, TAG_ANY);
    return vp ? vp->vp_integer : 0;
}

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
rlm_rcode_t rlm_loggia_preacct(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    uint32_t status = number_of(request, PW_ACCT_STATUS_TYPE);
    struct mac mac;
    if (!inst->queries[QUERY_LOOKUP])
        return RLM_MODULE_NOOP;
    if (!take_place(inst, request))
        return RLM_MODULE_FAIL;
    if (!rlm_loggia_device_of(request, &mac))
        return RLM_MODULE_OK; /* Accounting-On */
    note_session(inst, request, &mac, status);
    if (status == STATUS_STOP && inst->queries[QUERY_PAUSE] &&
        number_of(request, PW_ACCT_TERMINATE_CAUSE) == CAUSE_USER_REQUEST)
        return rlm_loggia_pass_pause(inst, request, &mac) ? RLM_MODULE_OK : RLM_MODULE_FAIL;
    return RLM_MODULE_OK;
}

rlm_rcode_t rlm_loggia_accounting(void *instance, REQUEST *request)
{
    rlm_loggia_t *inst = instance;
    struct place *p = request_data_get(request, inst, PLACE);
    if (!p)
        return RLM_MODULE_NOOP;
    p->done = true;
    talloc_free(p);
    return RLM_MODULE_OK;
}

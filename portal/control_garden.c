/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For the doctor: whether an address is in the walled garden, which only the gate can see. */
#include "portal/control_internal.h"
#include "portal/gate_client.h"
#include <arpa/inet.h>
#include <string.h>

enum { GARDEN_MS = 3000 };

static void abandon(struct talk *t)
{
    gate_call_cancel(t->call);
    t->call = NULL;
}

static void on_answer(void *arg, const struct gate_reply *r)
{
    struct talk *t = arg;

    t->call = NULL;
    t->abandon = NULL;
    if (r && (r->status == GATE_OK || r->status == GATE_NOT_FOUND))
        control_reply(t, json_pack("{s:b, s:b}", "ok", 1, "open", r->status == GATE_OK));
    else
        control_refuse(t, "the gate does not answer");
}

void control_on_garden(struct talk *t, const json_t *request)
{
    struct gate_request r = {.verb = GATE_GARDEN};
    const char *text = json_string_value(json_object_get(request, "address"));

    if (text && inet_pton(AF_INET, text, r.address.ip) == 1)
        r.address.family = 4;
    else if (text && inet_pton(AF_INET6, text, r.address.ip) == 1)
        r.address.family = 6;
    if (!r.address.family) {
        control_refuse(t, "expected \"address\": an IPv4 or IPv6 address");
        return;
    }
    t->call = gate_client_call(t->c->p->gate, &r, GARDEN_MS, on_answer, t);
    if (t->call)
        t->abandon = abandon;
    else
        control_refuse(t, "out of memory");
}

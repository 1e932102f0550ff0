/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shaping = "htb": what the configuration asks of the kernel, what the gate could have of it, and
 * whose qdiscs and filters on the LAN interfaces are in the way (netfilter/shape_lead.c). */
#include "portal/doctor.h"
#include <stdio.h>
#include <string.h>

static const char harm[] = "a device over its rate loses packets, instead of waiting in a queue";

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static bool yes(const json_t *o, const char *key)
{
    return json_is_true(json_object_get(o, key));
}

static void other(struct doctor *d, const json_t *c)
{
    const char *lan = text(c, "table"), *kind = text(c, "chain");
    bool in = strcmp(text(c, "hook"), "prerouting") == 0;
    int priority = (int)json_integer_value(json_object_get(c, "priority"));
    char mend[160];

    if (priority == 0) {
        snprintf(mend, sizeof mend,
                 "tc qdisc del dev %.15s %.32s; and keep the program that adds it (an SQM script?) "
                 "from this interface",
                 lan, kind);
        doctor_say(d, "shaping", DOCTOR_WARN, harm, mend,
                   "%s has another program's qdisc \"%s\": nobody can be shaped", lan, kind);
        return;
    }
    snprintf(mend, sizeof mend, "tc filter show dev %.15s %s; where it only looks, all is well",
             lan, in ? "ingress" : "egress");
    doctor_say(
        d, "shaping", DOCTOR_WARN, "packets that it sends elsewhere wait in no queue", mend,
        "%s has another program's filter before ours, for what is sent %s citizens (%s, pref "
        "%d)",
        lan, in ? "by" : "to", kind, priority);
}

/* True: some were named. */
static bool others(struct doctor *d)
{
    json_t *a = doctor_ask(d, "foreign");
    const json_t *c;
    bool any = false;
    size_t i;
    json_array_foreach (json_object_get(a, "chains"), i, c) {
        if (strcmp(text(c, "family"), "tc") != 0)
            continue;
        other(d, c);
        any = true;
    }
    json_decref(a);
    return any;
}

void doctor_shaping(struct doctor *d)
{
    const json_t *gate = json_object_get(d->facts, "gate");
    json_int_t without = json_integer_value(json_object_get(gate, "unqueued"));
    if (!d->conf->shaping || !yes(gate, "connected"))
        return;
    if (!yes(gate, "shaped")) {
        doctor_say(
            d, "shaping", DOCTOR_WARN, harm,
            "opkg install kmod-sched, or modprobe sch_htb, then restart loggia-gate; its log "
            "says why (event=no-shaping)",
            "shaping = \"htb\", but the gate polices");
        return;
    }
    bool named = others(d);
    if (!yes(gate, "shaped_all")) {
        if (!named)
            doctor_say(d, "shaping", DOCTOR_WARN, harm,
                       "see the log of loggia-gate (event=not-shaped)",
                       "a LAN interface cannot be led through the queues");
    } else if (!yes(gate, "shaped_up"))
        doctor_say(
            d, "shaping", DOCTOR_WARN, harm,
            "sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0; "
            "then restart loggia-gate",
            "uploads are policed: br_netfilter is at work on this router's bridges");
    else if (without > 0)
        doctor_say(d, "shaping", DOCTOR_WARN, harm,
                   "see the log of loggia-gate; a device that joins anew gets another number",
                   "%lld devices have no queue, and are policed", (long long)without);
    else if (!named)
        doctor_say(d, "shaping", DOCTOR_OK, NULL, NULL, "downloads and uploads have queues");
}

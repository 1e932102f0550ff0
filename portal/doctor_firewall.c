/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other people's rules that ours cannot override: an accept ends one chain, a drop ends the packet.
 * The gate walks the chains (netfilter/ruleset_others.c); here its answer is put into words. */
#include "portal/doctor.h"
#include <stdio.h>
#include <string.h>

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* For each of the tools that are met most, the line of its own configuration. */
static void remedy(struct doctor *d, const json_t *c, char *out, size_t room)
{
    const char *lan = d->conf->zones[0].interfaces[0], *table = text(c, "table");
    bool forward = strcmp(text(c, "hook"), "forward") == 0;
    bool iptables = strcmp(table, "filter") == 0 && strcmp(text(c, "family"), "inet") != 0;

    if (strcmp(table, "fw4") == 0)
        snprintf(out, room,
                 "in /etc/config/firewall, for the zone with %.15s: option input ACCEPT, and a "
                 "forwarding to the zone wan; then: service firewall restart",
                 lan);
    else if (iptables && forward)
        snprintf(out, room,
                 "%s -I FORWARD -i %.15s -j ACCEPT; %s -I FORWARD -o %.15s -j ACCEPT (with Docker: "
                 "-I DOCKER-USER)",
                 strcmp(text(c, "family"), "ip6") == 0 ? "ip6tables" : "iptables", lan,
                 strcmp(text(c, "family"), "ip6") == 0 ? "ip6tables" : "iptables", lan);
    else if (forward)
        snprintf(out, room,
                 "nft insert rule %s %s %s iifname %.15s accept; nft insert rule %s %s %s oifname "
                 "%.15s accept; and the same in the file it comes from",
                 text(c, "family"), table, text(c, "chain"), lan, text(c, "family"), table,
                 text(c, "chain"), lan);
    else
        snprintf(out, room,
                 "nft insert rule %s %s %s iifname %.15s accept; and the same in the "
                 "file it comes from (what citizens may reach is table %s's affair)",
                 text(c, "family"), table, text(c, "chain"), lan, d->conf->table);
}

static bool chain(struct doctor *d, const json_t *c)
{
    const char *up = text(c, "up"), *down = text(c, "down");
    bool drops = strcmp(up, "drop") == 0 || strcmp(down, "drop") == 0;
    bool input = strcmp(text(c, "hook"), "input") == 0;
    char mend[512];

    if (strcmp(up, "pass") == 0 && strcmp(down, "pass") == 0)
        return false;
    remedy(d, c, mend, sizeof mend);
    if (drops)
        doctor_say(d, "firewall", DOCTOR_BAD,
                   input ? "citizens get no address, no name and no page, whatever loggia allows"
                         : "citizens are online and nothing works: a drop there is final, whatever "
                           "loggia allows",
                   mend, "table %s %s, chain %s (hook %s, policy %s) drops %s", text(c, "family"),
                   text(c, "table"), text(c, "chain"), text(c, "hook"),
                   json_is_true(json_object_get(c, "policy_drop")) ? "drop" : "accept",
                   strcmp(up, "drop") == 0 ? "what citizens send" : "what is sent to citizens");
    else
        doctor_say(d, "firewall", DOCTOR_WARN,
                   input ? "citizens need DHCP (udp/67, udp/547), DNS (53) and the portal's ports"
                         : "what its rules do not let through is dropped, whatever loggia allows",
                   mend, "table %s %s, chain %s (hook %s) may drop citizens' packets",
                   text(c, "family"), text(c, "table"), text(c, "chain"), text(c, "hook"));
    return true;
}

/* Its flows are forwarded before our chains see them. */
static void flowtable(struct doctor *d, const json_t *c)
{
    const char *table = text(c, "table");
    char mend[512];

    if (strcmp(table, "fw4") == 0)
        snprintf(mend, sizeof mend,
                 "uci set firewall.@defaults[0].flow_offloading=0; uci commit firewall; service "
                 "firewall restart; and offload = \"yes\" in %.200s if the router needs it",
                 d->options->file);
    else
        snprintf(mend, sizeof mend,
                 "take it out of the file it comes from (the rules with \"flow add @%s\" first); "
                 "and offload = \"yes\" in %.200s if the router needs it",
                 text(c, "chain"), d->options->file);
    doctor_say(d, "firewall", DOCTOR_BAD,
               "what takes it passes loggia by: it is not counted, has no rate, and goes on when "
               "its device is closed",
               mend, "table %s %s, flowtable %s forwards citizens' packets", text(c, "family"),
               table, text(c, "chain"));
}

/* The old iptables keeps its rules where nftables does not show them. */
static bool legacy(struct doctor *d, const char *path, const char *program)
{
    char line[64];
    bool found = false;
    FILE *f = fopen(path, "re");

    while (f && fgets(line, sizeof line, f))
        found |= strcmp(line, "filter\n") == 0;
    if (f)
        fclose(f);
    if (found)
        doctor_say(d, "firewall", DOCTOR_WARN,
                   "its rules cannot be seen from here, and a drop there is final",
                   "iptables-legacy -S FORWARD; move what is needed to nftables",
                   "%s has a filter table", program);
    return found;
}

void doctor_firewall(struct doctor *d)
{
    json_t *a = d->facts ? doctor_ask(d, "foreign") : NULL;
    const json_t *c;
    bool any = false;
    size_t i, n = 0;

    any |= legacy(d, "/proc/net/ip_tables_names", "iptables-legacy");
    any |= legacy(d, "/proc/net/ip6_tables_names", "ip6tables-legacy");
    if (!a) {
        doctor_say(d, "firewall", DOCTOR_WARN, "another table's drop would be final",
                   "mend loggiad and loggia-gate first", "the gate could not be asked");
        return;
    }
    json_array_foreach (json_object_get(a, "chains"), i, c) {
        if (strcmp(text(c, "family"), "tc") == 0) /* doctor_shaping.c */
            continue;
        if (strcmp(text(c, "hook"), "flowtable") == 0) {
            flowtable(d, c);
            any = true;
            continue;
        }
        any |= chain(d, c);
        n++;
    }
    if (!any)
        doctor_say(d, "firewall", DOCTOR_OK, NULL, NULL,
                   "%zu chains of other tables, none in citizens' way", n);
    json_decref(a);
}

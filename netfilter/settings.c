/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pure: the part of loggia.conf that the kernel gets to see. */
#include "netfilter/settings.h"
#include "lib/config.h"
#include "netfilter/ruleset.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "tcp/22" */
static bool parse_port(const char *text, struct ruleset_port *out)
{
    char *end;
    if (!strncmp(text, "tcp/", 4))
        out->protocol = IPPROTO_TCP;
    else if (!strncmp(text, "udp/", 4))
        out->protocol = IPPROTO_UDP;
    else
        return false;
    if (text[4] < '0' || text[4] > '9')
        return false;
    unsigned long port = strtoul(text + 4, &end, 10);
    out->port = (uint16_t)port;
    return *end == '\0' && port >= 1 && port <= 65535;
}

static bool add_interface(struct ruleset_config *out, const char *name)
{
    for (size_t i = 0; i < out->n_lan; i++)
        if (!strcmp(out->lan[i], name))
            return true;
    if (out->n_lan == RULESET_MAX_LAN || strlen(name) >= RULESET_IFNAME_LEN)
        return false;
    memset(out->lan[out->n_lan], 0, RULESET_IFNAME_LEN);
    memcpy(out->lan[out->n_lan++], name, strlen(name));
    return true;
}

bool settings_rules(const struct conf *c, struct ruleset_config *out, char *err, size_t err_len)
{
    *out = (struct ruleset_config){.http_port = c->http_port,
                                   .https_port = c->has_tls ? c->https_port : 0,
                                   .nflog_group = c->nflog_group,
                                   .dns_rate = c->dns_rate,
                                   .dns_burst = c->dns_burst,
                                   .dns_bytes = c->dns_bytes,
                                   .dns_bytes_burst = c->dns_bytes_burst,
                                   .flow_rate = c->flow_rate,
                                   .flow_burst = c->flow_burst,
                                   .shaped = c->shaping == 1,
                                   .guard = c->guard == 1,
                                   .offload = c->offload == 1};
    if (strlen(c->table) >= sizeof out->table) {
        snprintf(err, err_len, "table: found \"%s\", expected a name shorter than %zu characters",
                 c->table, sizeof out->table);
        return false;
    }
    memcpy(out->table, c->table, strlen(c->table));
    for (size_t z = 0; z < c->n_zones; z++) {
        for (size_t i = 0; i < c->zones[z].n_interfaces; i++) {
            if (add_interface(out, c->zones[z].interfaces[i]))
                continue;
            snprintf(err, err_len,
                     "zone %s: interface \"%s\" is one too many (at most %d) or too long",
                     c->zones[z].name, c->zones[z].interfaces[i], RULESET_MAX_LAN);
            return false;
        }
    }
    for (size_t i = 0; i < c->n_uplinks && i < RULESET_MAX_UPLINKS; i++) {
        strncpy(out->uplinks[i].name, c->uplinks[i], RULESET_IFNAME_LEN - 1);
        out->n_uplinks = i + 1;
    }
    for (size_t i = 0; i < c->n_router_ports; i++) {
        if (out->n_ports < RULESET_MAX_PORTS &&
            parse_port(c->router_ports[i], &out->ports[out->n_ports++]))
            continue;
        snprintf(err, err_len,
                 "router_ports: found \"%s\", expected tcp/PORT or udp/PORT (at most %d)",
                 c->router_ports[i], RULESET_MAX_PORTS);
        return false;
    }
    return true;
}

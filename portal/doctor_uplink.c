/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The way out: default routes, the resolver behind them; and the name that must lead nowhere but
 * here: the portal's, asked as a phone asks it, at the LAN's addresses. */
#include "portal/doctor.h"
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <net/route.h>
#include <stdio.h>
#include <string.h>

enum { MAX_RESOLVERS = 3, DNS_PORT = 53, RCODE_SERVFAIL = 2 };

/* --- routes --------------------------------------------------------------------------------------
 */

static bool default_v4(char ifname[static IFNAMSIZ])
{
    char line[256];
    unsigned long destination, flags, mask;
    bool found = false;
    FILE *f = fopen("/proc/net/route", "re");

    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, "%15s %lx %*x %lx %*d %*d %*d %lx", ifname, &destination, &flags,
                       &mask) == 4 &&
                destination == 0 && mask == 0 && flags & RTF_UP && !(flags & RTF_REJECT);
    if (f)
        fclose(f);
    return found;
}

static bool default_v6(char ifname[static IFNAMSIZ])
{
    char line[256], destination[33];
    unsigned prefix, flags;
    bool found = false;
    FILE *f = fopen("/proc/net/ipv6_route", "re");

    while (f && !found && fgets(line, sizeof line, f))
        found = sscanf(line, "%32s %x %*s %*x %*s %*x %*x %*x %x %15s", destination, &prefix,
                       &flags, ifname) == 4 &&
                prefix == 0 && strspn(destination, "0") == 32 && flags & RTF_UP &&
                !(flags & RTF_REJECT) && strcmp(ifname, "lo") != 0;
    if (f)
        fclose(f);
    return found;
}

/* --- networks on both sides
 * --------------------------------------------------------------------- */

struct network {
    const char *ifname;
    uint32_t address, mask; /* host order */
};

static bool is_lan(const struct doctor *d, const char *ifname)
{
    for (size_t z = 0; z < d->conf->n_zones; z++)
        for (size_t i = 0; i < d->conf->zones[z].n_interfaces; i++)
            if (strcmp(d->conf->zones[z].interfaces[i], ifname) == 0)
                return true;
    return false;
}

static struct network network_of(const struct ifaddrs *a)
{
    struct network n = {.ifname = NULL};
    if (!a->ifa_addr || a->ifa_addr->sa_family != AF_INET || !a->ifa_netmask ||
        !(a->ifa_flags & IFF_UP) || a->ifa_flags & IFF_LOOPBACK)
        return n;
    n.ifname = a->ifa_name;
    n.address = ntohl(((const struct sockaddr_in *)(const void *)a->ifa_addr)->sin_addr.s_addr);
    n.mask = ntohl(((const struct sockaddr_in *)(const void *)a->ifa_netmask)->sin_addr.s_addr);
    return n;
}

static const char *shown(const struct network *n, char out[static 32])
{
    struct in_addr a = {htonl(n->address & n->mask)};
    char text[INET_ADDRSTRLEN];
    snprintf(out, 32, "%s/%d", inet_ntop(AF_INET, &a, text, sizeof text),
             __builtin_popcount(n->mask));
    return out;
}

static bool overlap(const struct network *a, const struct network *b)
{
    return ((a->address ^ b->address) & a->mask & b->mask) == 0;
}

/* The provider's box gives out private addresses too, and may have chosen ours: answers then look
 * for the phone, or the box, on the wrong side. */
static void same_networks(struct doctor *d)
{
    struct ifaddrs *all;
    if (getifaddrs(&all) != 0)
        return;
    for (struct ifaddrs *a = all; a; a = a->ifa_next) {
        struct network lan = network_of(a);
        if (!lan.ifname || !is_lan(d, lan.ifname))
            continue;
        for (struct ifaddrs *b = all; b; b = b->ifa_next) {
            struct network other = network_of(b);
            char one[32], two[32];
            if (other.ifname && !is_lan(d, other.ifname) && overlap(&lan, &other))
                doctor_say(d, "uplink", DOCTOR_BAD,
                           "whoever has an address in both is looked for on the wrong side",
                           "give the LAN another network: its address, dhcp-range= and address= "
                           "in dnsmasq.conf",
                           "the LAN's network %s (%s) and %s (%s) overlap", shown(&lan, one),
                           lan.ifname, shown(&other, two), other.ifname);
        }
    }
    freeifaddrs(all);
}

/* RFC 1918, and RFC 6598: somebody translates once more. */
static bool is_private(uint32_t a)
{
    return a >> 24 == 10 || a >> 20 == 0xac1 || a >> 16 == 0xc0a8 || a >> 22 == 0x191;
}

/* " (192.168.1.7, behind another address translation)", or nothing. */
static void place_of(const char *ifname, char *out, size_t room)
{
    struct ifaddrs *all;
    *out = 0;
    if (getifaddrs(&all) != 0)
        return;
    for (struct ifaddrs *a = all; a && !*out; a = a->ifa_next) {
        struct network n = network_of(a);
        struct in_addr address = {htonl(n.address)};
        char text[INET_ADDRSTRLEN];
        if (n.ifname && strcmp(n.ifname, ifname) == 0 && is_private(n.address))
            snprintf(out, room, " (%s, behind another address translation)",
                     inet_ntop(AF_INET, &address, text, sizeof text));
    }
    freeifaddrs(all);
}

static void routes(struct doctor *d)
{
    char v4[IFNAMSIZ] = "", v6[IFNAMSIZ] = "", place[80];
    bool has4 = default_v4(v4), has6 = default_v6(v6);
    place_of(v4, place, sizeof place);

    if (!has4)
        doctor_say(d, "uplink", DOCTOR_BAD, "citizens are online in name only",
                   "ip route: plug the uplink's cable in, or see what its DHCP client says",
                   "there is no IPv4 default route");
    if (!has6 && doctor_has_v6(d))
        doctor_say(d, "uplink", DOCTOR_BAD,
                   "phones have IPv6 addresses that lead nowhere: every page begins with a wait",
                   "ip -6 route: mend the uplink's IPv6, or take the IPv6 address off the LAN",
                   "there is no IPv6 default route, but the LAN has IPv6");
    if (has4 && (has6 || !doctor_has_v6(d)))
        doctor_say(d, "uplink", DOCTOR_OK, NULL, NULL, "IPv4 goes out by %s%s%s%s", v4, place,
                   has6 ? ", IPv6 by " : ", no IPv6", v6);
}

/* --- resolver ------------------------------------------------------------------------------------
 */

static bool address_of(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in *in = (void *)out;
    struct sockaddr_in6 *in6 = (void *)out;
    char plain[INET6_ADDRSTRLEN + IFNAMSIZ + 1];
    char *scope;

    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(DNS_PORT);
        return true;
    }
    snprintf(plain, sizeof plain, "%s", text);
    scope = strchr(plain, '%');
    if (scope)
        *scope++ = 0;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(DNS_PORT);
    in6->sin6_scope_id = scope ? if_nametoindex(scope) : 0;
    return inet_pton(AF_INET6, plain, &in6->sin6_addr) == 1;
}

static bool resolver(struct doctor *d, const char *text)
{
    static const char mend[] = "correct /etc/resolv.conf (or the uplink's DHCP); ping the server";
    struct sockaddr_storage server;
    struct dns_answer a;

    if (!address_of(text, &server))
        return false;
    if (!dns_ask((const struct sockaddr *)&server, "", DNS_TYPE_NS, &a)) {
        doctor_say(d, "resolver", DOCTOR_BAD, "names resolve slowly, or not at all", mend,
                   "%s does not answer", text);
        return false;
    }
    if (a.rcode == RCODE_SERVFAIL)
        doctor_say(d, "resolver", DOCTOR_WARN, "what it asks upstream does not come back", mend,
                   "%s answers, but with SERVFAIL", text);
    else
        doctor_say(d, "resolver", DOCTOR_OK, NULL, NULL, "%s answers in %u ms", text, a.took_ms);
    return true;
}

static void resolvers(struct doctor *d)
{
    char line[256], server[128];
    unsigned n = 0;
    FILE *f = fopen("/etc/resolv.conf", "re");

    while (f && n < MAX_RESOLVERS && fgets(line, sizeof line, f))
        if (sscanf(line, " nameserver %127s", server) == 1) {
            n++;
            resolver(d, server);
        }
    if (f)
        fclose(f);
    if (n == 0)
        doctor_say(d, "resolver", DOCTOR_BAD, "no name resolves on this router, nor on phones",
                   "echo nameserver ADDRESS >> /etc/resolv.conf (or the uplink's DHCP)",
                   "/etc/resolv.conf names no server");
}

void doctor_uplink(struct doctor *d)
{
    routes(d);
    same_networks(d);
    resolvers(d);
}

/* --- the portal's name ---------------------------------------------------------------------------
 */

static bool is_ours(const struct doctor *d, int family, const struct in6_addr *found)
{
    for (size_t i = 0; i < d->n_lan; i++) {
        const struct doctor_address *a = &d->lan[i];
        if (a->family == family &&
            memcmp(family == AF_INET ? (const void *)&a->v4 : (const void *)&a->v6, found,
                   family == AF_INET ? 4 : 16) == 0)
            return true;
    }
    return false;
}

/* One record type, asked of this router's own server at one of its LAN addresses. */
static bool name_leads_here(struct doctor *d, const struct sockaddr *server, const char *at,
                            int family)
{
    static const char why[] = "phones are led elsewhere, and never see the splash page";
    struct dns_answer a;
    char mend[400], shown[INET6_ADDRSTRLEN], own[INET6_ADDRSTRLEN] = "ADDRESS-OF-THE-LAN";
    const char *kind = family == AF_INET ? "A" : "AAAA";

    for (size_t i = 0; i < d->n_lan; i++)
        if (d->lan[i].family == family)
            inet_ntop(family, &d->lan[i].v4, own, sizeof own);
    snprintf(mend, sizeof mend, "in dnsmasq.conf: address=/%s/%s", d->conf->portal_name, own);
    if (!dns_ask(server, d->conf->portal_name, family == AF_INET ? DNS_TYPE_A : DNS_TYPE_AAAA,
                 &a)) {
        doctor_say(d, "portal-name", DOCTOR_BAD, "phones resolve no name at all",
                   "systemctl status dnsmasq; has it interface= for the LAN?",
                   "no name server answers on %s", at);
        return false;
    }
    if (a.n == 0)
        doctor_say(d, "portal-name", DOCTOR_BAD, why, mend, "%s has no %s record, asked at %s",
                   d->conf->portal_name, kind, at);
    for (size_t i = 0; i < a.n; i++) {
        if (is_ours(d, family, &a.addresses[i]))
            continue;
        doctor_say(d, "portal-name", DOCTOR_BAD, why, mend, "%s leads to %s, which is not here",
                   d->conf->portal_name, inet_ntop(family, &a.addresses[i], shown, sizeof shown));
        return false;
    }
    return a.n > 0;
}

void doctor_names(struct doctor *d)
{
    bool all = true;

    for (size_t i = 0; i < d->n_lan; i++) {
        const struct doctor_address *lan = &d->lan[i];
        char at[INET6_ADDRSTRLEN];
        struct sockaddr_storage server;
        inet_ntop(lan->family, &lan->v4, at, sizeof at);
        if (!address_of(at, &server) || !all)
            continue;
        all = name_leads_here(d, (const void *)&server, at, AF_INET) &&
              (!doctor_has_v6(d) || name_leads_here(d, (const void *)&server, at, AF_INET6));
    }
    if (d->n_lan == 0)
        doctor_say(d, "portal-name", DOCTOR_BAD, "there is nobody to serve phones",
                   "ip address add ADDRESS/20 dev INTERFACE", "no LAN interface has an address");
    else if (all)
        doctor_say(d, "portal-name", DOCTOR_OK, NULL, NULL, "%s leads here", d->conf->portal_name);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine: the zones' interfaces and bridges, forwarding, neighbour tables, clock, kernel. */
#include "portal/doctor.h"
#include <dirent.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timex.h>
#include <time.h>
#include <unistd.h>

enum { PATH_LEN = 384 };

/* --- interfaces ----------------------------------------------------------------------------------
 */

static void interface(struct doctor *d, const char *ifname)
{
    struct ifreq r = {0};
    char mend[128];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool there;

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", ifname);
    there = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &r) == 0;
    if (fd >= 0)
        close(fd);
    snprintf(mend, sizeof mend, "ip link set %.15s up", ifname);
    if (!there)
        doctor_say(d, "interfaces", DOCTOR_BAD, "nobody on it is served, and nothing guards it",
                   "ip -br link: was it renamed? Then correct interfaces of its zone and restart "
                   "loggia-gate and loggiad",
                   "%s of the configuration does not exist", ifname);
    else if (!(r.ifr_flags & IFF_UP))
        doctor_say(d, "interfaces", DOCTOR_BAD, "nobody on it is served", mend, "%s is down",
                   ifname);
    else if (!(r.ifr_flags & IFF_RUNNING))
        doctor_say(d, "interfaces", DOCTOR_WARN, "nobody can be connected to it",
                   "plug its cable in, or start hostapd", "%s is up but has no link", ifname);
    else
        doctor_say(d, "interfaces", DOCTOR_OK, NULL, NULL, "%s is up", ifname);
}

/* --- bridges: what they carry never meets our rules ----------------------------------------------
 */

static bool is_wireless(const char *port)
{
    char path[PATH_LEN];
    struct stat st;
    snprintf(path, sizeof path, "/sys/class/net/%.15s/phy80211", port);
    return stat(path, &st) == 0;
}

static void port(struct doctor *d, const char *bridge, const char *name, bool alone)
{
    char path[PATH_LEN], mend[160];
    bool radio = is_wireless(name);

    snprintf(path, sizeof path, "/sys/class/net/%.15s/brport/isolated", name);
    long long isolated = doctor_number(path);
    snprintf(mend, sizeof mend, "bridge link set dev %.15s isolated on%s", name,
             radio ? "; and ap_isolate=1 in its hostapd.conf" : "");
    if (isolated == 1 || (alone && !radio))
        doctor_say(d, "isolation", DOCTOR_OK, NULL, NULL, "%s: port %s %s", bridge, name,
                   isolated == 1 ? "is isolated" : "is its only one");
    else
        doctor_say(d, "isolation", alone ? DOCTOR_WARN : DOCTOR_BAD,
                   "phones on one bridge reach each other past every rule of ours", mend,
                   "%s: port %s is not isolated", bridge, name);
}

static size_t count_ports(DIR *ports)
{
    size_t n = 0;
    for (const struct dirent *e; (e = readdir(ports));)
        n += e->d_name[0] != '.';
    rewinddir(ports);
    return n;
}

static void isolation(struct doctor *d, const char *ifname)
{
    char path[PATH_LEN];
    snprintf(path, sizeof path, "/sys/class/net/%.15s/brif", ifname);
    DIR *ports = opendir(path);
    size_t n = ports ? count_ports(ports) : 0;

    if (!ports && is_wireless(ifname))
        doctor_say(d, "isolation", DOCTOR_OK, NULL, NULL,
                   "%s is a radio: its hostapd.conf should say ap_isolate=1", ifname);
    if (!ports)
        return;
    for (const struct dirent *e; (e = readdir(ports));)
        if (e->d_name[0] != '.')
            port(d, ifname, e->d_name, n == 1);
    if (n == 0)
        doctor_say(d, "isolation", DOCTOR_OK, NULL, NULL, "%s has no port yet", ifname);
    closedir(ports);
}

/* --- kernel --------------------------------------------------------------------------------------
 */

static void forwarding(struct doctor *d)
{
    static const char why[] = "citizens are let through our rules and then go nowhere";
    if (doctor_number("/proc/sys/net/ipv4/ip_forward") != 1)
        doctor_say(d, "forwarding", DOCTOR_BAD, why,
                   "sysctl -w net.ipv4.ip_forward=1 (and conf/router/sysctl.conf, for good)",
                   "this router does not forward IPv4");
    else if (doctor_has_v6(d) && doctor_number("/proc/sys/net/ipv6/conf/all/forwarding") != 1)
        doctor_say(
            d, "forwarding", DOCTOR_BAD, why,
            "sysctl -w net.ipv6.conf.all.forwarding=1 (and conf/router/sysctl.conf, for good)",
            "this router does not forward IPv6, but its LAN has it");
    else
        doctor_say(d, "forwarding", DOCTOR_OK, NULL, NULL, "this router forwards");
}

static void neighbours(struct doctor *d, const char *version, const char *path, uint64_t wanted)
{
    long long is = doctor_number(path);
    char mend[160];

    if (is < 0) {
        doctor_say(d, "neighbours", DOCTOR_OK, NULL, NULL,
                   "IPv%s: the table belongs to the machine around this network namespace",
                   version);
        return;
    }
    snprintf(mend, sizeof mend,
             "sysctl -w net.ipv%s.neigh.default.gc_thresh3=%llu (gc_thresh1 and "
             "2: a quarter and a half)",
             version, (unsigned long long)wanted);
    if ((uint64_t)is < wanted)
        doctor_say(d, "neighbours", DOCTOR_BAD,
                   "with a full square the kernel forgets phones, and they get no answers", mend,
                   "IPv%s: gc_thresh3 is %lld, for %u clients it should be %llu", version, is,
                   d->conf->max_clients, (unsigned long long)wanted);
    else
        doctor_say(d, "neighbours", DOCTOR_OK, NULL, NULL,
                   "IPv%s: gc_thresh3 is %lld, enough for %u clients", version, is,
                   d->conf->max_clients);
}

static void clock_and_ntp(struct doctor *d)
{
    static const time_t written = 1767225600; /* 2026-01-01: this program is younger */
    struct timex t = {.modes = 0};
    int state = adjtimex(&t);

    if (time(NULL) < written)
        doctor_say(d, "clock", DOCTOR_BAD,
                   "notices of the past are shown, and certificates do not verify",
                   "timedatectl set-ntp true", "the clock stands before this program was written");
    else if (state < 0 || state == TIME_ERROR || t.status & STA_UNSYNC)
        doctor_say(d, "clock", DOCTOR_WARN,
                   "it may drift: dates of notices and accounting times go wrong",
                   "timedatectl set-ntp true; or install chrony", "nobody keeps the clock right");
    else
        doctor_say(d, "clock", DOCTOR_OK, NULL, NULL, "the clock is kept right");
}

static void features(struct doctor *d)
{
    const json_t *gate = json_object_get(d->facts, "gate");
    if (!json_is_true(json_object_get(gate, "connected")))
        return;
    bool marks = json_is_true(json_object_get(gate, "masked_mark"));
    bool updates = json_is_true(json_object_get(gate, "timeout_update"));
    doctor_say(d, "kernel", DOCTOR_OK, NULL, NULL,
               "sessions are %s, the connection mark is %s, flow offload is %s",
               updates ? "prolonged in place" : "prolonged by replacing (before Linux 6.12)",
               marks ? "shared with others" : "ours alone (before Linux 6.13)",
               json_is_true(json_object_get(gate, "flowtable")) ? "there" : "not there");
}

void doctor_machine(struct doctor *d)
{
    uint64_t clients = d->conf->max_clients;
    doctor_each_lan(d, interface);
    doctor_each_lan(d, isolation);
    forwarding(d);
    /* An entry a phone and its lease for IPv4; for IPv6 link-local and privacy addresses too. */
    neighbours(d, "4", "/proc/sys/net/ipv4/neigh/default/gc_thresh3", 2 * clients);
    neighbours(d, "6", "/proc/sys/net/ipv6/neigh/default/gc_thresh3", 4 * clients);
    clock_and_ntp(d);
    features(d);
    doctor_shaping(d);
}

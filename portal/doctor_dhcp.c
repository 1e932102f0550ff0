/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DHCP option 114 (RFC 8910): the address of the API that tells phones, without any redirect, that
 * there is a portal. It must be the one that loggiad serves, or none at all while TLS is off.
 *
 * The question is a DHCPINFORM (RFC 2131 section 4.4.3): it is answered with the options and takes
 * no lease. It is broadcast from the LAN interface, and comes back to this router's own server by
 * the kernel's loop; a server elsewhere on that LAN would hear it too. */
#include "lib/crypto.h"
#include "portal/doctor.h"
#include <arpa/inet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { TRY_MS = 1000, TRIES = 2, CLIENT_PORT = 68, SERVER_PORT = 67 };

/* --- asking --------------------------------------------------------------------------------------
 */

struct asked {
    bool answered, has;
    char value[256];
};

static bool open_sockets(const struct doctor_address *lan, int *out, int *in, uint8_t mac[6])
{
    const int one = 1;
    struct sockaddr_in self = {.sin_family = AF_INET, .sin_port = htons(CLIENT_PORT)};
    struct ifreq r = {0};

    self.sin_addr = lan->v4;
    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", lan->ifname);
    *out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    *in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (*out < 0 || *in < 0 || ioctl(*out, SIOCGIFHWADDR, &r) != 0)
        return false;
    memcpy(mac, r.ifr_hwaddr.sa_data, 6);
    return setsockopt(*out, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
           setsockopt(*in, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
           setsockopt(*out, SOL_SOCKET, SO_BROADCAST, &one, sizeof one) == 0 &&
           setsockopt(*out, SOL_SOCKET, SO_BINDTODEVICE, lan->ifname,
                      (socklen_t)strlen(lan->ifname)) == 0 &&
           bind(*out, (struct sockaddr *)&self, sizeof self) == 0 &&
           bind(*in, (struct sockaddr *)&self, sizeof self) == 0;
}

/* The answer may come to either: from this machine, or over the LAN. */
static void await(int a, int b, uint32_t xid, struct asked *k)
{
    struct pollfd p[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
    struct timespec began, now;
    uint8_t data[1500];

    clock_gettime(CLOCK_MONOTONIC, &began);
    for (long gone = 0; gone < TRY_MS && !k->answered;) {
        if (poll(p, 2, (int)(TRY_MS - gone)) <= 0)
            return;
        for (int i = 0; i < 2 && !k->answered; i++) {
            ssize_t n = p[i].revents ? recv(p[i].fd, data, sizeof data, MSG_DONTWAIT) : 0;
            size_t len = 0;
            const uint8_t *v = dhcp_option(data, n > 0 ? (size_t)n : 0, xid, DHCP_OPTION_PORTAL,
                                           &len, &k->answered);
            k->has = v != NULL;
            if (v && len < sizeof k->value)
                memcpy(k->value, v, len);
        }
        clock_gettime(CLOCK_MONOTONIC, &now);
        gone = (now.tv_sec - began.tv_sec) * 1000 + (now.tv_nsec - began.tv_nsec) / 1000000;
    }
}

static bool inform(const struct doctor_address *lan, struct asked *k)
{
    struct sockaddr_in all = {.sin_family = AF_INET, .sin_port = htons(SERVER_PORT)};
    uint8_t packet[576], mac[6];
    uint32_t xid;
    int out = -1, in = -1;
    bool could = open_sockets(lan, &out, &in, mac);

    all.sin_addr.s_addr = htonl(INADDR_BROADCAST);
    crypto_random(&xid, sizeof xid);
    for (int i = 0; could && i < TRIES && !k->answered; i++) {
        size_t n = dhcp_inform(packet, xid, mac, lan->v4);
        could = sendto(out, packet, n, 0, (struct sockaddr *)&all, sizeof all) == (ssize_t)n;
        if (could)
            await(in, out, xid, k);
    }
    if (out >= 0)
        close(out);
    if (in >= 0)
        close(in);
    return could;
}

/* --- judging -------------------------------------------------------------------------------------
 */

static void judge(struct doctor *d, const char *ifname, const struct asked *k)
{
    char wanted[300], mend[400];

    snprintf(wanted, sizeof wanted, "https://%.255s/api", d->conf->portal_name);
    snprintf(mend, sizeof mend, "in dnsmasq.conf: dhcp-option=114,%s", wanted);
    if (!d->conf->has_tls && k->has)
        doctor_say(d, "dhcp", DOCTOR_BAD,
                   "phones ask an API that is not there, and some show no splash page then",
                   "take dhcp-option=114 out of dnsmasq.conf, or give loggia.conf its section tls",
                   "%s: option 114 says %s, but TLS is off", ifname, k->value);
    else if (!d->conf->has_tls)
        doctor_say(d, "dhcp", DOCTOR_OK, NULL, NULL, "%s: answers, without option 114 (TLS is off)",
                   ifname);
    else if (!k->has)
        doctor_say(d, "dhcp", DOCTOR_BAD,
                   "phones find the portal by being redirected alone, later and less surely", mend,
                   "%s: option 114 is missing", ifname);
    else if (strcmp(k->value, wanted) != 0)
        doctor_say(d, "dhcp", DOCTOR_BAD, "phones ask an API that is not this one", mend,
                   "%s: option 114 says %s", ifname, k->value);
    else
        doctor_say(d, "dhcp", DOCTOR_OK, NULL, NULL, "%s: option 114 says %s", ifname, k->value);
}

void doctor_dhcp(struct doctor *d)
{
    for (size_t i = 0; i < d->n_lan; i++) {
        const struct doctor_address *lan = &d->lan[i];
        struct asked k = {.answered = false};
        if (lan->family != AF_INET || (i > 0 && strcmp(d->lan[i - 1].ifname, lan->ifname) == 0 &&
                                       d->lan[i - 1].family == AF_INET))
            continue;
        if (!inform(lan, &k))
            doctor_say(d, "dhcp", DOCTOR_WARN, "it is not known whether phones get an address",
                       "ss -lunp 'sport = 68': who holds that port on this address?",
                       "%s: could not ask", lan->ifname);
        else if (!k.answered)
            doctor_say(d, "dhcp", DOCTOR_BAD, "phones get no address",
                       "systemctl status dnsmasq; has it dhcp-range= for this LAN?",
                       "%s: no DHCP server answers", lan->ifname);
        else
            judge(d, lan->ifname, &k);
    }
}

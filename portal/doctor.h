/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loggiactl doctor: looks at this router as a citizen's phone, a packet and an admin would, and
 * says what is wrong, why that matters, and the command or line that mends it. It runs in
 * loggiactl's own process, as root; what only the daemons know it asks loggiad for. It changes
 * nothing, runs no program, and waits for nothing longer than a few seconds.
 *
 * Each file doctor_*.c is one group of checks. */
#ifndef LOGGIA_PORTAL_DOCTOR_H
#define LOGGIA_PORTAL_DOCTOR_H

#include "lib/config.h"
#include "portal/doctor_packets.h"
#include "portal/loggiactl.h"
#include <netinet/in.h>

#define DOCTOR_MAX_ADDRESSES 64

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_BAD, DOCTOR_LEVELS };

struct doctor_address { /* of a LAN interface of this router */
    const char *ifname; /* the configuration's */
    int family;
    union {
        struct in_addr v4;
        struct in6_addr v6; /* no link-local ones */
    };
};

struct doctor {
    const struct ctl_options *options;
    const struct conf *conf; /* NULL: it is wrong, and that has been said */
    int fd;                  /* to loggiad; -1: does not answer */
    json_t *facts;           /* NULL: unknown */
    json_t *findings;
    unsigned counts[DOCTOR_LEVELS];
    struct doctor_address lan[DOCTOR_MAX_ADDRESSES];
    size_t n_lan;
};

/* why and mend are NULL with DOCTOR_OK. mend is copied. */
void doctor_say(struct doctor *d, const char *check, enum doctor_level level, const char *why,
                const char *mend, const char *fmt, ...) __attribute__((format(printf, 6, 7)));
/* An answer of loggiad's, or NULL: said already where that matters. */
json_t *doctor_ask(struct doctor *d, const char *cmd);
bool doctor_has_v6(const struct doctor *d); /* a LAN interface has a global IPv6 address */
/* The number in a file of /proc or /sys; -1 if there is none. */
long long doctor_number(const char *path);
/* "a", "b": the LAN interfaces, for commands that mend. */
typedef void (*doctor_lan_fn)(struct doctor *d, const char *ifname);
void doctor_each_lan(struct doctor *d, doctor_lan_fn fn);

void doctor_daemons(struct doctor *d); /* doctor_daemons.c */
void doctor_radius(struct doctor *d);
void doctor_board(struct doctor *d);
void doctor_state(struct doctor *d);
void doctor_machine(struct doctor *d);  /* doctor_machine.c: interfaces, kernel, clock */
void doctor_shaping(struct doctor *d);  /* doctor_shaping.c: queues, and who is in their way */
void doctor_firewall(struct doctor *d); /* doctor_firewall.c */
void doctor_uplink(struct doctor *d);   /* doctor_uplink.c: routes, resolver */
void doctor_names(struct doctor *d);    /* doctor_uplink.c: the portal's name on the LAN */
void doctor_garden(struct doctor *d);   /* doctor_garden.c: walled_garden */
void doctor_dhcp(struct doctor *d);     /* doctor_dhcp.c: option 114 */
void doctor_tls(struct doctor *d);      /* doctor_tls.c: the certificate */

/* doctor_dns.c: asks a server, twice if need be; false if it does not answer within two seconds. No
 * resolver library, which may wait for minutes. */
bool dns_ask(const struct sockaddr *server, const char *name, uint16_t type,
             struct dns_answer *out);

#endif

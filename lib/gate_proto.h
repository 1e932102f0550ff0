/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What loggiad and loggia-gate say to each other: a closed table of fixed-size messages on a
 * SOCK_SEQPACKET unix socket. No paths, no names, no text that means anything to the gate.
 *
 * One request a packet, one reply a request (same seq), each request answered exactly once; replies
 * to one device's requests come in the order asked. DUMP and FOREIGN are answered by any number
 * of GATE_MORE replies and a last GATE_OK, DUMP's with a struct gate_hello: how it is now. While a
 * gate that was just started does not know all devices yet, and while a dump is being sent, what
 * changes nothing is answered all the same; OPEN and CLOSE, and what comes behind them, wait.
 * Events have seq 0. The gate joins all the requests that
 * are waiting when it wakes into one netlink transaction.
 *
 * The gate serves one controller at a time (uid of loggiad or 0, by SO_PEERCRED): a second one gets
 * GATE_BUSY to its HELLO and is hung up on. A packet of another size or with an unknown verb ends
 * the connection. Numbers are in host byte order: both ends are on one machine. */
#ifndef LOGGIA_LIB_GATE_PROTO_H
#define LOGGIA_LIB_GATE_PROTO_H

#include "lib/mac.h"
#include <stdint.h>

#define GATE_PROTO_VERSION 4
#define GATE_TAG_LEN       192 /* with its NUL; printable ASCII, no blanks but single spaces */
#define GATE_UNLIMITED     0   /* a rate: no cap */

enum gate_verb {
    GATE_HELLO = 1, /* first, with version; the reply carries struct gate_hello */
    GATE_OPEN,  /* open a device, or replace what it has (counters carry over when same_session) */
    GATE_CLOSE, /* close; the reply's entry carries the final counters */
    GATE_READ,  /* counters of one device, by key */
    GATE_DUMP,  /* all devices: number, tag, remaining time; counters may be 0 in it (use READ) */
    GATE_RESOLVE, /* IP address -> MAC and interface, from the kernel's neighbour table */
    GATE_FOREIGN, /* other tables' base chains in the way of LAN devices' packets, and, with
                     queues, other programs' traffic control on the LAN interfaces */
    GATE_GARDEN,  /* whether an address is in the walled garden: OK or NOT_FOUND */
    GATE_LAST_VERB = GATE_GARDEN
};

enum gate_event {
    GATE_EV_APPEARED = 64, /* a device that is not open sent a packet, or became a neighbour */
    GATE_EV_REBUILT,       /* somebody deleted the table; it was rebuilt (gap_us, devices) */
    GATE_EV_EXPIRED,       /* the kernel's backstop ended a device that nobody had closed */
    GATE_EV_GONE,          /* a neighbour is no longer reachable (NUD_FAILED) or left the bridge */
    GATE_EV_CLAIMED,       /* a device says that an address of this router is its own */
};

enum gate_status {
    GATE_OK = 0,
    GATE_MORE,      /* one entry of a dump, more to come */
    GATE_NOT_FOUND, /* not open; no such neighbour */
    GATE_INVALID,   /* a field is out of range */
    GATE_BUSY,      /* another loggiad is connected */
    GATE_FULL,      /* max_clients reached */
    GATE_KERNEL,    /* the kernel refused; error holds errno */
    GATE_VERSION /* another GATE_PROTO_VERSION: one of the two was not restarted after an upgrade */
};

struct gate_counters { /* delivered only, since the session began, IPv4 + IPv6 */
    uint64_t up_bytes, up_packets, down_bytes, down_packets;
};

struct gate_entry {
    struct mac mac;
    uint16_t same_session; /* OPEN: replace in place, counters go on */
    uint32_t
        number; /* the client number (ct mark). The gate chooses it; OPEN may ask for one (or 0)
                   that it had before, and gets it if it is free: what it has under way goes on */
    uint32_t timeout_s; /* OPEN: the kernel's backstop; replies: what is left of it. 1 … 31 days */
    uint32_t in_all;    /* DUMP's replies: how many devices are open; 0 from older gates */
    uint64_t up_Bps, down_Bps; /* bytes a second, or GATE_UNLIMITED */
    struct gate_counters counters;
    char tag[GATE_TAG_LEN]; /* what loggiad wants back after a restart; kept in the kernel */
};

struct gate_address {
    uint8_t family; /* 4 or 6 */
    uint8_t pad[3];
    uint32_t ifindex; /* requests: scope of a link-local address, or 0; replies: where it is */
    uint8_t ip[16];
    struct mac mac;  /* replies */
    char ifname[16]; /* replies: the LAN interface */
    uint8_t pad2[2];
};

/* What a chain does with a packet whose fate is decided by the interface alone. */
enum gate_fate {
    GATE_FATE_PASS,
    GATE_FATE_DROP,
    GATE_FATE_UNSURE /* dropped, but for what a rule with further conditions lets through */
};
enum gate_family { /* the kernel's NFPROTO_* */
                   GATE_FAMILY_INET = 1,
                   GATE_FAMILY_IP = 2,
                   GATE_FAMILY_BRIDGE = 7,
                   GATE_FAMILY_IP6 = 10,
                   GATE_FAMILY_TC = 128 /* none of them: table is the interface, chain the kind of
                                           qdisc (priority 0) or of filter; from the devices at
                                           prerouting, to them at forward */
};
enum gate_hook {
    GATE_HOOK_PREROUTING,
    GATE_HOOK_INPUT,
    GATE_HOOK_FORWARD,
    GATE_HOOK_FLOWTABLE /* no chain: a flowtable, which LAN devices' packets may take past all */
};

struct gate_chain {        /* FOREIGN: one base chain of a table that is not ours */
    uint32_t index;        /* from 0 */
    uint16_t family, hook; /* enum gate_family, enum gate_hook */
    int32_t priority;
    uint16_t policy_drop; /* or accept */
    uint16_t up, down;    /* enum gate_fate: from a LAN device; to one that asked (FORWARD alone) */
    uint16_t pad;
    char table[64], chain[64]; /* cut where they are longer; NUL-padded */
};

struct gate_hello {
    uint32_t version;
    uint32_t open_devices;
    uint32_t max_devices;
    uint32_t features; /* enum gate_feature */
    uint32_t pid;
    uint32_t unqueued;     /* devices that are policed where shaping is configured */
    uint64_t started_ms;   /* CLOCK_MONOTONIC of the gate's start: tells a restart */
    uint64_t transactions; /* so far, and how many of them failed */
    uint64_t transactions_failed;
    uint64_t turns, slow_turns; /* struct loop_turns of the gate's loop; all 0 from older gates */
    uint64_t longest_turn_us, longest_turn_waited_us;
};
enum gate_feature {
    GATE_F_MASKED_MARK = 1,
    GATE_F_TIMEOUT_UPDATE = 2,
    GATE_F_FLOWTABLE = 4,
    GATE_F_SHAPED = 8,     /* downloads have queues now (shaping = htb) */
    GATE_F_SHAPED_UP = 16, /* and so have uploads */
    GATE_F_OFFLOAD = 32,   /* devices without a rate may use the flowtable (offload = yes) */
    GATE_F_SHAPED_ALL = 64 /* all LAN interfaces are led through them; FOREIGN says why not */
};

struct gate_request {
    uint16_t verb;
    uint16_t pad;
    uint32_t seq; /* never 0 */
    union {
        struct gate_hello hello;
        struct gate_entry entry; /* OPEN; CLOSE and READ look at mac only */
        struct gate_address address;
    };
};

struct gate_reply {
    uint16_t verb; /* of the request, or an event */
    uint16_t status;
    uint32_t seq;
    int32_t error;   /* errno with GATE_KERNEL */
    uint32_t gap_us; /* GATE_EV_REBUILT */
    union {
        struct gate_hello hello;
        struct gate_entry entry;
        struct gate_chain chain;
        struct gate_address
            address; /* RESOLVE, APPEARED, GONE, CLAIMED (ip may be all zero in events) */
    };
};

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libnftnl and libmnl: table inet loggia. Nothing here knows of sockets to loggiad or
 * of sessions; it turns devices into set elements and back. All calls are synchronous: netlink
 * answers within the send, tens of microseconds a transaction.
 *
 * Functions that talk to the kernel return 0 or a negative errno. */
#ifndef LOGGIA_NETFILTER_RULESET_H
#define LOGGIA_NETFILTER_RULESET_H

#include "lib/gate_proto.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ruleset;
struct batch;

#define RULESET_MAX_LAN     256
#define RULESET_MAX_PORTS   64
#define RULESET_NUMBER_LAST 0x00ffffffU           /* client numbers: 1 … this */
#define RULESET_NO_CAP_BPS  UINT64_C(10000000000) /* from here on a rate is no cap */
#define RULESET_IFNAME_LEN  16
#define RULESET_GUARD_MARK  0x20000000U /* bit of the packet mark: the table was here */
#define RULESET_MAX_UPLINKS 8
#define RULESET_FAST_MARK   0x10000000U /* bit of the packet mark: ruleset_offload.c */
#define RULESET_FAST        0x40000000U /* bit of a number in the kernel: may take the flowtable */

struct ruleset_port {
    uint8_t protocol; /* IPPROTO_TCP or IPPROTO_UDP */
    uint16_t port;
};

#define RULESET_MAX_NETWORKS 256
struct ruleset_network {    /* an address of the router, or a network of its LAN */
    uint8_t family, prefix; /* 4 or 6 */
    uint8_t ip[16];         /* with what is behind the prefix in own, 0 there in networks */
};

struct ruleset_hook { /* an interface that is there */
    uint32_t ifindex;
    char name[RULESET_IFNAME_LEN];
};

/* What the rules are made of. Copied. */
struct ruleset_config {
    char table[32];
    char lan[RULESET_MAX_LAN][RULESET_IFNAME_LEN];
    size_t n_lan;
    uint32_t lan_index[RULESET_MAX_LAN]; /* of those that are there: neigh_lan.c */
    size_t n_lan_index;
    struct ruleset_port ports[RULESET_MAX_PORTS]; /* of the router, open to all LAN devices */
    size_t n_ports;
    uint16_t http_port, nflog_group;
    uint16_t https_port; /* 0: the portal has no secure pages */
    uint32_t dns_rate, dns_burst, dns_bytes, dns_bytes_burst;
    uint32_t flow_rate, flow_burst;
    struct ruleset_network own[RULESET_MAX_NETWORKS]; /* the router's addresses on the LAN */
    size_t n_own;
    struct ruleset_network networks[RULESET_MAX_NETWORKS]; /* on the link */
    size_t n_networks;
    bool shaped;  /* packets to devices bear their class (shape.h) */
    bool guard;   /* routing rules drop what comes from the LAN without RULESET_GUARD_MARK */
    bool offload; /* flows of devices that are fast take the flowtable, between these: */
    struct ruleset_hook fast_lan[RULESET_MAX_LAN];
    size_t n_fast_lan;
    struct ruleset_hook uplinks[RULESET_MAX_UPLINKS]; /* named alone until neigh_fast.c */
    size_t n_uplinks;
};

/* One device as the kernel holds it. */
struct ruleset_device {
    struct mac mac;
    uint32_t number;
    uint64_t timeout_ms;
    uint64_t up_Bps, down_Bps;     /* or GATE_UNLIMITED */
    struct gate_counters counters; /* what the counters start from; read: of batch_open_uncounted */
    const char *tag;
    bool shaped, up_shaped;     /* queues keep the rates: limits are wider, for when they fail */
    bool fast;                  /* offload, and no rate: ruleset_offload.c */
    struct gate_counters queue; /* with shaped: kept beside the tag */
    bool rated; /* ruleset_dump: the rates are known (not from a table that an older gate made) */
};

struct ruleset *ruleset_new(const struct ruleset_config *cfg, char *err, size_t err_len);
void ruleset_free(struct ruleset *rs); /* leaves the kernel as it is */
void ruleset_configure(struct ruleset *rs, const struct ruleset_config *cfg); /* then install */
void ruleset_totals(const struct ruleset *rs, uint64_t *transactions, uint64_t *failed);
/* enum gate_feature, probed; with offload in the configuration that too, or it is taken out of it.
 * Before ruleset_install. */
unsigned ruleset_features(struct ruleset *rs);

/* One transaction that makes what is missing and replaces every rule; set elements stay, so what is
 * closed stays closed and what is open stays open. -EEXIST: a table of another layout is there. */
int ruleset_install(struct ruleset *rs);
/* Makes the guard's routing rules what the configuration says; keep false: takes them away. */
int ruleset_guard(struct ruleset *rs, bool keep);
/* Makes the tables that notice who claims the router's addresses; keep false: deletes them. */
void ruleset_claims(struct ruleset *rs, bool keep);
#define RULESET_CLAIM_PREFIX "loggia-claim"
/* Without the short cut until the next ruleset_configure: the kernel would not have it. */
void ruleset_refuse_fast(struct ruleset *rs);
int ruleset_remove(struct ruleset *rs); /* deletes the table; 0 also when there is none */
bool ruleset_present(struct ruleset *rs);
/* After a foreign flush devices come back in two steps (returning.c): what the rules have to know
 * of it. Holds from the next batch_fresh_table or ruleset_install on, whose set it makes and, once
 * all have RETURNED, deletes. */
enum ruleset_returning {
    RETURNED,
    RETURN_UNCOUNTED, /* all are there, some by batch_open_uncounted */
    RETURN_MISSING,   /* some are not there: who is not is dropped, neither refused nor led to the
                         portal's pages over a conversation that goes on */
};
void ruleset_returning(struct ruleset *rs, enum ruleset_returning how);
/* The table that is there was left by a gate that died before all had RETURNED. */
bool ruleset_left_returning(struct ruleset *rs);
/* Commits a batch_shut that was made beforehand. What follows has to make the table anew. */
int ruleset_shut(struct ruleset *rs);

/* Transactions: new, fill, commit, free. A batch that ran out of memory fails with -ENOMEM. */
struct batch *batch_new(struct ruleset *rs);
void batch_free(struct batch *b);
/* Deletes whatever is there and makes it anew. */
void batch_fresh_table(struct batch *b);
/* Deletes the base chains. Before many elements are deleted in a transaction that deletes the
 * table: the kernel unhooks a deleted chain when its turn comes, and until then asks its rules of
 * elements that are no longer there (measured: 7 ms with 2500 devices). */
void batch_unhook(struct batch *b);
/* What the walled garden in the kernel holds goes into the table that the batch makes anew. */
void batch_keep_garden(struct batch *b);
/* A drop of all that is forwarded from or to the LAN, before all other rules, and what it needs:
 * the least that shuts a router whose table was deleted, whatever the number of its devices. */
void batch_shut(struct batch *b);
void batch_open(struct batch *b, const struct ruleset_device *d, size_t n);
/* Open, but neither counted nor held to a rate: the id alone, and the number in a set. It costs a
 * fifth of batch_open. counters go with the id, for the case that batch_count never comes. */
void batch_open_uncounted(struct batch *b, const struct ruleset_device *d, size_t n);
/* What those lack. uncounted: and takes their numbers out of the set. */
void batch_count(struct batch *b, const struct ruleset_device *d, size_t n, bool uncounted);
void batch_no_longer_uncounted(struct batch *b, uint32_t number, bool fast);
struct ruleset_key { /* what a device's elements are found by */
    struct mac mac;
    uint32_t number;
    bool fast;
};
/* What a device that was fast has under way leaves the flowtable (and everybody else's, who come
 * back to it by themselves). */
void batch_slow(struct batch *b);
void batch_close(struct batch *b, const struct ruleset_key *keys, size_t n);
/* One element of each alone; for tidying up what is only half there. */
enum ruleset_element {
    RULESET_ID,
    RULESET_UP,
    RULESET_DOWN,
    RULESET_FAST_UP,
    RULESET_FAST_LEFT,
    RULESET_FAST_DOWN,
    RULESET_ELEMENTS
};
void batch_close_one(struct batch *b, enum ruleset_element which, const struct ruleset_key *keys,
                     size_t n);
/* Numbers up to end are taken: what a restarted gate goes on from. old 0: none before. */
void batch_reserve(struct batch *b, uint32_t old, uint32_t end);
size_t batch_bytes(const struct batch *b);

/* The final counter of an element that this transaction deleted. A device's total in a direction
 * is the sum of all that come for it (modulo 2^64: some take away from it). */
struct ruleset_final {
    const struct mac *mac; /* NULL: found by number */
    uint32_t number;
    bool down;
    bool main; /* of up or down, which every device has */
    uint64_t bytes, packets;
};
typedef void (*batch_deleted_fn)(void *arg, const struct ruleset_final *f);
/* Adds it. */
void ruleset_final_add(struct gate_counters *total, const struct ruleset_final *f);
int batch_commit(struct batch *b, batch_deleted_fn fn, void *arg);
/* The kernel's answer was lost (netlink(7): ENOBUFS) or never came: what was asked for is done, or
 * is not. Each call here leaves the socket such that one can ask again. */
bool ruleset_lost(int error);

/* Reading by key. found is false where the kernel has neither element. */
struct ruleset_reading {
    struct mac mac;
    uint32_t number;
    bool fast; /* asked for, too */
    bool found_up, found_down;
    unsigned found_fast; /* of three */
    uint64_t up_Bps, down_Bps;
    struct gate_counters counters;
};
int ruleset_read(struct ruleset *rs, struct ruleset_reading *items, size_t n);

/* All ids. The kernel's dump of a set is quadratic in its size: for adoption only. A dump that a
 * change interrupted is begun again: seen is called with NULL first, each time. */
typedef void (*ruleset_seen_fn)(void *arg, const struct ruleset_device *d);
int ruleset_dump(struct ruleset *rs, ruleset_seen_fn seen, void *arg);
/* One of them, by key; seen is called if it is there. 0 or -ENOENT. */
int ruleset_look(struct ruleset *rs, const struct mac *mac, ruleset_seen_fn seen, void *arg);

/* The same dump in steps, on a socket of its own, so that other things can be asked and done
 * between them (ruleset_steps.c). NULL: no memory, or no socket. */
struct ruleset_steps;
struct ruleset_steps *ruleset_steps_new(struct ruleset *rs);
void ruleset_steps_free(struct ruleset_steps *s);
int ruleset_steps_fd(const struct ruleset_steps *s); /* readable: there is another step */
int ruleset_steps_begin(struct ruleset_steps *s);    /* asks for all of them; 0 or -errno */
/* 1: more is to come, perhaps; 0: that was the last one; -EINTR: the same, but something of the
 * ruleset has changed since the beginning, so that some may be missing; any other: it is over. */
int ruleset_steps_take(struct ruleset_steps *s, ruleset_seen_fn seen, void *arg);

/* By key; fast as the element says. */
int ruleset_find(struct ruleset *rs, const struct mac *mac, uint32_t *number, bool *fast);
int ruleset_garden(struct ruleset *rs, uint8_t family, const uint8_t *ip); /* 0 or -ENOENT */
int ruleset_reserved(struct ruleset *rs, uint32_t *end);                   /* 0 if none */

/* Other tables' base chains at prerouting, input and forward, and what each does with packets of
 * LAN devices. At most RULESET_MAX_OTHERS. */
#define RULESET_MAX_OTHERS 256
typedef void (*ruleset_chain_fn)(void *arg, const struct gate_chain *c);
int ruleset_others(struct ruleset *rs, ruleset_chain_fn fn, void *arg);

/* Other tables' flowtables. How many are in out, or a negative errno. */
#define RULESET_MAX_DEVICES 64
struct ruleset_flowtable {
    struct gate_chain chain;
    char devices[RULESET_MAX_DEVICES][RULESET_IFNAME_LEN];
    size_t n_devices;
};
int ruleset_flowtables(struct ruleset *rs, struct ruleset_flowtable *out, size_t room);

/* What others do to the table. */
struct ruleset_foreign {
    bool damaged;     /* somebody deleted the table or a part that is ours alone */
    bool claims;      /* somebody deleted what ruleset_claims made */
    bool overrun;     /* the kernel had to leave notifications out: look for yourself */
    bool shut;        /* ruleset_shut was done at the first sign of it */
    uint64_t shut_us; /* loop_now_us() when it was */
    char by[32];      /* the program that did it, "" if unknown */
    uint32_t pid;
};
int ruleset_watch_fd(const struct ruleset *rs);
/* Shuts the LAN off before it reads on, if rules of ours were deleted: see ruleset_read.c. */
void ruleset_watch_read(struct ruleset *rs, struct ruleset_foreign *out);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Shared by ruleset*.c alone. */
#ifndef LOGGIA_NETFILTER_RULESET_INTERNAL_H
#define LOGGIA_NETFILTER_RULESET_INTERNAL_H

#include "netfilter/ruleset.h"

struct mnl_socket;
struct nlattr;
struct nlmsghdr;
struct nftnl_set;
struct nftnl_set_elem;

#define SET_IDS     "ids"
#define SET_UP      "up"
#define SET_DOWN    "down"
#define SET_LAN     "lan"
#define SET_INDICES "lan_index"
#define SET_SEEN    "seen"
#define SET_DNS     "dns"
#define SET_ANSWERS "answers"
#define SET_FLOWS   "flows"
/* What dnsmasq wrote last, or somebody used last, so long ago, goes. */
#define GARDEN_TIMEOUT_MS (2 * 3600 * 1000)
#define SET_GARDEN4       "garden4"
#define SET_GARDEN6       "garden6"
#define SET_NUMBERS       "numbers"
#define SET_UNCOUNTED     "uncounted" /* there only while devices return: ruleset_returning */
/* Of ruleset_offload.c; the last one is of the table of family netdev. */
#define SET_FAST_LAN  "fast_lan"
#define SET_FAST_UP   "fast_up"
#define SET_FAST_LEFT "fast_left"
#define SET_FAST_DOWN "fast_down"

#define SOCKET_SEND_ROOM (32 * 1024 * 1024) /* netlink takes no message longer than this */
#define RECV_BUFFER      65536

struct ruleset {
    struct ruleset_config cfg;
    struct mnl_socket *nl; /* transactions and reads */
    uint32_t portid;
    uint32_t seq;
    struct mnl_socket *watch;   /* what others do */
    struct mnl_socket *stepped; /* of the dump in steps, which is over: ruleset_steps.c */
    struct batch *shut;         /* ready to be committed, any number of times */
    uint64_t transactions, failed;
    bool flowtables;        /* the kernel has them */
    bool fast_table;        /* there is a table of family netdev */
    bool fast_refused;      /* the kernel did not take the short cut as configured */
    bool without_claims[2]; /* the kernel has no tables of family arp, bridge */
    bool up_by_mac;         /* the table that is there is an older gate's */
    enum ruleset_returning returning;
    bool has_uncounted;  /* the table may have the set */
    bool starved;        /* the kernel had no memory, not even a little later */
    struct batch *spare; /* the last one, with its buffer, for the next */
};

/* A transaction under construction: netlink messages one behind the other. */
struct batch {
    struct ruleset *rs;
    uint8_t family; /* NFPROTO_INET, but for ruleset_addresses.c */
    char *buf;
    size_t used, room;
    size_t last; /* offset of the last message */
    uint32_t first_seq, messages;
    uint32_t failed; /* after a commit that failed: the first message refused, from 1 */
    bool oom;
};

/* A message with at least RULESET_MSG_ROOM bytes to write in, NULL when out of memory (the batch
 * then fails as a whole). batch_end_msg closes it. */
#define RULESET_MSG_ROOM 4096
struct nlmsghdr *batch_msg(struct batch *b, uint16_t type, uint16_t flags);
void batch_end_msg(struct batch *b, struct nlmsghdr *nlh);
/* Room for RULESET_MSG_ROOM more bytes behind the first len of the message that batch_msg gave; the
 * message may move, to b->buf + b->used. */
bool batch_room(struct batch *b, size_t len);

/* The whole table, into a batch. */
void batch_table(struct batch *b);
void batch_sets(struct batch *b);
void batch_lan(struct batch *b);              /* of the sets only that of the interfaces */
void batch_delete_uncounted(struct batch *b); /* behind batch_chains, whether it is there or not */
void batch_chains(struct batch *b); /* chains, without what was in them, and their rules */

struct chain_def {
    const char *name, *type; /* type NULL: not a base chain */
    uint32_t hook;
    int32_t priority;
};
void batch_chain(struct batch *b, const struct chain_def *d);
/* Of batch_chains, in ruleset_rules.c and ruleset_router.c. rules_prerouting: of the guard. */
void rules_stranger(struct batch *b);
void rules_prerouting(struct batch *b);
void rules_forward(struct batch *b);
void rules_nat(struct batch *b);
void rules_input(struct batch *b);
void rules_output(struct batch *b);
void rule_stranger(struct batch *b, const char *chain); /* goes on behind it */
/* Refused with an answer, so that nobody waits: HTTPS and QUIC, DNS over TLS. */
extern const uint16_t rules_refused_ports[2];
/* Of batch_chains, in ruleset_addresses.c: chains lan_link and lan_behind; lan_claims. */
void rules_link(struct batch *b);
void rules_claims(struct batch *b);
/* What ruleset_offload.c adds to them. fast_hooks takes away what is there of the short cut and
 * makes it anew; no rule may use the flowtable then. */
bool fast_wanted(const struct ruleset *rs); /* devices may be fast: their sets are there */
bool fast_active(const struct ruleset *rs); /* and there is somewhere to hook it */
void fast_hooks(struct batch *b);
void fast_unhook(struct batch *b); /* no packet takes the short cut, nor is counted at its ends */
void rules_fast(struct batch *b);
void rules_fast_from_lan(struct batch *b); /* chain lan_fast */
void rules_fast_to_lan(struct batch *b);
void fast_fresh(struct batch *b); /* its table of family netdev anew, if there is one */
void fast_remove(struct ruleset *rs);
/* Whether the kernel takes all of it: what fails(batch with it) says. */
int fast_try(struct ruleset *rs, int (*fails)(struct batch *b));
uint64_t fast_frames(uint64_t bytes, uint64_t packets);  /* of fast_down: bytes of IP packets */
void batch_fast_down(struct batch *b);                   /* its set */
void batch_any_chain(struct batch *b, const char *name); /* so that it can be deleted in any case */
void batch_empty_chain(struct batch *b, const char *name); /* made, if it is not there */
void batch_delete_chain(struct batch *b, const char *name);
#define STRANGER_MARK 0x80000000U /* bit of the ct mark: DNS of a device without a number */

/* Elements. */
struct nftnl_set *elem_set(const struct ruleset *rs, const char *name);
/* Names table and set and begins the list of elements: the caller ends the nest. */
struct nlattr *elem_list(struct nlmsghdr *nlh, const struct ruleset *rs, const char *set);
const char *element_set(enum ruleset_element which);
void elem_put_key(struct nlmsghdr *nlh, const void *key, size_t len); /* an element, named alone */
/* The key of a device's element in the table that is there; number as the kernel has it. Its
 * length. */
#define UP_KEY_LEN 12 /* a concatenation: each part begins a register of four bytes */
size_t element_key(const struct ruleset *rs, enum ruleset_element which, const struct mac *mac,
                   uint32_t number, uint8_t key[static UP_KEY_LEN]);
/* Whether the table that is there has its devices' uploads under their address alone. */
bool sets_up_by_mac(struct ruleset *rs);
struct element {
    uint8_t key[16];
    uint32_t key_len;
    uint32_t number; /* data of ids, with RULESET_FAST */
    uint64_t expires_ms;
    uint64_t bytes, packets, rate_Bps;
    uint64_t up_Bps, down_Bps; /* of ids, if rated */
    bool rated, shaped;
    struct gate_counters queue, seed; /* seed: of batch_open_uncounted */
    const char *set;                  /* in the message */
    char tag[GATE_TAG_LEN];           /* last: see take_element */
};
/* Of an id's userdata, behind libnftnl's own types; nft(8) passes them over. */
#define UDATA_RATES 16
#define UDATA_QUEUE 17 /* there alone where the device has queues */
#define UDATA_SEED  18 /* and this where it came back uncounted */
/* Calls fn for each element of a NEWSETELEM or DELSETELEM message. */
typedef void (*element_fn)(void *arg, const struct element *e);
void element_parse(const struct nlmsghdr *nlh, element_fn fn, void *arg);
/* What an element of ids says of its device; out->tag lives as long as e. False: of none. */
bool element_device(const struct element *e, struct ruleset_device *out);
/* The same for all of a set whose keys have so many bytes; a dump that a change interrupted is
 * begun again and may tell of an element twice. 0 or a negative errno (-ENOENT: no such set). */
int element_dump(struct ruleset *rs, const char *set, uint32_t key_len, element_fn fn, void *arg);

/* A dump of what there is of a kind (NFT_MSG_GET…), of all families; fn is libmnl's callback. 0 or
 * a negative errno; -EINTR: something changed meanwhile. */
typedef int (*ruleset_message_fn)(const struct nlmsghdr *nlh, void *arg);
int ruleset_list(struct mnl_socket *nl, uint16_t type, ruleset_message_fn fn, void *arg);

#define RULESET_TRIES 8 /* where answers are lost, or dumps interrupted */
/* error, with the socket ready for the next question. */
int ruleset_checked(struct ruleset *rs, int error);
/* Whether a set is there, or (NULL) the table: 0, or a negative errno. fn, if not NULL, is told
 * each attribute of it. */
int ruleset_look_for(struct ruleset *rs, uint8_t family, const char *set,
                     int (*fn)(const struct nlattr *attr, void *arg), void *arg);

#endif

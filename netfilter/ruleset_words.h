/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The words rules are written in, for those who write them: each adds what nft(8) would write
 * as one match or one statement. Values go through register 1. Out of memory loses the whole batch.
 */
#ifndef LOGGIA_NETFILTER_RULESET_WORDS_H
#define LOGGIA_NETFILTER_RULESET_WORDS_H

#include <stdbool.h>
#include <stdint.h>

struct batch;
struct nftnl_rule;
struct nftnl_expr;

struct rule {
    struct batch *b;
    struct nftnl_rule *r;
    bool first; /* before all others of its chain, not behind them */
};

struct rule word_begin(struct batch *b, const char *chain);
void word_end(struct rule *w);
/* A new expression of the rule, or NULL (the batch is then lost). */
struct nftnl_expr *word_expr(struct rule *w, const char *name);
void word_cmp(struct rule *w, uint32_t op, const void *data, uint32_t len);
void word_load_meta(struct rule *w, uint32_t key);
void word_load_payload(struct rule *w, uint32_t base, uint32_t offset, uint32_t len);
void word_load_ct(struct rule *w, uint32_t key);
void word_lookup(struct rule *w, const char *set, bool invert);
void word_if_lan(struct rule *w, uint32_t key);
/* By number, or (is false) that it is none of them. */
void word_if_lan_index(struct rule *w, uint32_t key, bool is);
/* ether saddr, into register 1 */
void word_load_device(struct rule *w);
void word_if_device(struct rule *w, const char *set, bool invert);
/* ct mark & bit != 0, or == 0 */
void word_if_ct_bit(struct rule *w, uint32_t bit, bool set);
void word_if_ct_bits(struct rule *w, uint32_t mask, uint32_t value);
/* ct mark set ct mark & mask */
void word_keep_ct_bits(struct rule *w, uint32_t mask);
/* meta mark set meta mark | bit */
void word_set_class(struct rule *w, uint32_t mask, uint32_t handle);
void word_set_bit(struct rule *w, uint32_t bit);
void word_clear_bit(struct rule *w, uint32_t bit);
/* meta mark & bit != 0, or == 0 */
void word_if_mark(struct rule *w, uint32_t bit, bool set);
void word_set_ct_mark(struct rule *w, uint32_t reg);
/* ct mark set the last 31 bits of ether saddr, and bit: a name for a device that has no number */
void word_set_ct_mark_of_device(struct rule *w, uint32_t bit);
/* Its number, into register 1: goes on only if the device has one. */
void word_if_open(struct rule *w);
/* ether saddr . ct mark, the key of up: goes on only if there is a flow. Whether there is an
 * Ethernet address at all is asked where a flow gets its mark (word_if_open). */
void word_load_flow(struct rule *w);
/* ct mark set its number: goes on only if it is open */
void word_own_flow(struct rule *w);
/* ct state invalid,untracked ether saddr . its number: the same key for a packet of no flow. The
 * number comes by way of the packet's mark, which is 0 behind word_end_no_flow. */
void word_load_no_flow(struct rule *w);
void word_end_no_flow(struct rule *w);
void word_if_l4(struct rule *w, uint8_t protocol);
void word_if_port(struct rule *w, uint8_t protocol, uint16_t port);
void word_if_icmp(struct rule *w, uint8_t protocol, uint8_t type);
/* The destination (from the LAN) or the source (to it) is in the walled garden. */
void word_if_garden(struct rule *w, uint8_t nfproto, bool to_lan);
/* The source is in a network: family 4 or 6, 0 behind the prefix. */
void word_if_source(struct rule *w, uint8_t family, const uint8_t ip[static 16], unsigned prefix);
void word_if_replying(struct rule *w);
/* A new limit for word_remember, or NULL (the batch is then lost): packets or bytes a second. */
enum limit_of { LIMIT_PACKETS, LIMIT_BYTES, LIMIT_PACKETS_OVER /* goes on only above it */ };
struct nftnl_expr *word_limit(struct batch *b, enum limit_of of, uint64_t rate, uint32_t burst);
void word_if_below(struct rule *w, uint64_t rate, uint32_t burst);
/* Remembers register 1 in a dynamic set. With limits (taken over; NULL: none) goes on only as far
 * as they all allow. */
void word_remember(struct rule *w, const char *set, uint32_t op, uint64_t timeout_ms,
                   struct nftnl_expr *limit, struct nftnl_expr *other);
void word_verdict(struct rule *w, int code, const char *chain);
/* NFLOG; prefix may be NULL */
void word_log(struct rule *w, const char *prefix);
void word_redirect(struct rule *w, uint16_t port);
void word_reject(struct rule *w, bool tcp);

#endif

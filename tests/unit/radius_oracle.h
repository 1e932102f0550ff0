/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the test borrows from libfreeradius-radius 3.2, declared by ourselves: Debian's 3.2.1
 * package lacks headers that its own ones include. Layouts as of 3.2 with WITH_TCP, which Debian's
 * build has. */
#ifndef LOGGIA_TESTS_RADIUS_ORACLE_H
#define LOGGIA_TESTS_RADIUS_ORACLE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

typedef struct value_pair VALUE_PAIR;

typedef struct {
    int af;
    union {
        struct in_addr ip4addr;
        struct in6_addr ip6addr;
    } ipaddr;
    uint8_t prefix;
    uint32_t scope;
} fr_ipaddr_t;

typedef struct {
    int sockfd;
    fr_ipaddr_t src_ipaddr, dst_ipaddr;
    uint16_t src_port, dst_port;
    int id;
    unsigned int code;
    uint8_t vector[16];
    struct timeval timestamp;
    uint8_t *data;
    size_t data_len;
    VALUE_PAIR *vps;
    ssize_t offset;
    size_t partial;
    int proto;
} RADIUS_PACKET;

enum { ORACLE_OP_EQ = 12, ORACLE_TAG_ANY = -128 };

extern int dict_init(char const *dir, char const *fn);
extern void dict_free(void);
extern char const *fr_strerror(void);
extern RADIUS_PACKET *rad_alloc(void *ctx, bool new_vector);
extern void rad_free(RADIUS_PACKET **packet);
extern bool rad_packet_ok(RADIUS_PACKET *packet, int flags, int *reason);
extern int rad_verify(RADIUS_PACKET *packet, RADIUS_PACKET *original, char const *secret);
extern int rad_decode(RADIUS_PACKET *packet, RADIUS_PACKET *original, char const *secret);
extern int rad_encode(RADIUS_PACKET *packet, RADIUS_PACKET const *original, char const *secret);
extern int rad_sign(RADIUS_PACKET *packet, RADIUS_PACKET const *original, char const *secret);
extern VALUE_PAIR *fr_pair_make(void *ctx, VALUE_PAIR **vps, char const *attribute,
                                char const *value, int op);
extern VALUE_PAIR *fr_pair_find_by_num(VALUE_PAIR *head, unsigned int attr, unsigned int vendor,
                                       int8_t tag);
extern size_t vp_prints_value(char *out, size_t outlen, VALUE_PAIR const *vp, char quote);
extern void *_talloc_memdup(const void *t, const void *p, size_t size, const char *name);

#endif

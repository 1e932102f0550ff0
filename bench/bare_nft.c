/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel and libnftnl cost alone: the base of `make bench-gate`.
 *
 *     bare_nft init                             table inet bare and the gate's three sets
 *     bare_nft open|cap|close FIRST COUNT BATCH BATCH devices a transaction, each acknowledged
 *     bare_nft read FIRST COUNT BATCH           both directions by key, BATCH devices a send
 *
 * The elements are those that the gate makes for a device (netfilter/ruleset_elements.c): the id
 * with its userdata, up and down with a counter, and with a limit where it has a cap. Nothing else
 * is done: no socket but netlink, no copy of the devices, no order of ends. Prints one JSON object:
 * devices a second, and microseconds of CPU a device. */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#define TABLE  "bare"
#define RATE   UINT64_C(1000000000)
#define BURST  100000000
#define UP_LEN 12
#define ROOM   (8 * 1024 * 1024)

static struct mnl_socket *nl;
static char buf[ROOM];
static size_t used;
static uint32_t seq;
static struct nlmsghdr *last;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static struct nlmsghdr *message(uint16_t type, uint16_t flags)
{
    last = nftnl_nlmsg_build_hdr(buf + used, type, NFPROTO_INET, flags, ++seq);
    return last;
}

static void end_message(void)
{
    used += MNL_ALIGN(last->nlmsg_len);
}

static void begin(void)
{
    used = MNL_ALIGN(nftnl_batch_begin(buf, ++seq)->nlmsg_len);
}

static void commit(void)
{
    char answer[65536];
    uint32_t wanted = last->nlmsg_seq;
    last->nlmsg_flags |= NLM_F_ACK;
    used += MNL_ALIGN(nftnl_batch_end(buf + used, ++seq)->nlmsg_len);
    if (mnl_socket_sendto(nl, buf, used) < 0)
        die("send");
    for (;;) {
        ssize_t n = mnl_socket_recvfrom(nl, answer, sizeof answer);
        int left = (int)n;
        if (n < 0)
            die("receive");
        for (struct nlmsghdr *h = (struct nlmsghdr *)answer; mnl_nlmsg_ok(h, left);
             h = mnl_nlmsg_next(h, &left)) {
            const struct nlmsgerr *e = mnl_nlmsg_get_payload(h);
            errno = h->nlmsg_type == NLMSG_ERROR ? -e->error : 0;
            if (errno)
                die("transaction");
            if (h->nlmsg_seq == wanted)
                return;
        }
    }
}

static struct nftnl_set *named(const char *name)
{
    struct nftnl_set *s = nftnl_set_alloc();
    nftnl_set_set_str(s, NFTNL_SET_TABLE, TABLE);
    nftnl_set_set_str(s, NFTNL_SET_NAME, name);
    return s;
}

static struct nftnl_expr *limit(void)
{
    struct nftnl_expr *e = nftnl_expr_alloc("limit");
    nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, RATE);
    nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, BURST);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKT_BYTES);
    return e;
}

static void add_set(const char *name, uint32_t id, uint32_t flags, uint32_t type, uint32_t len)
{
    struct nftnl_set *s = named(name);
    nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
    nftnl_set_set_u32(s, NFTNL_SET_ID, id);
    nftnl_set_set_u32(s, NFTNL_SET_FLAGS, flags | NFT_SET_TIMEOUT);
    nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, type);
    nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, len);
    if (flags & NFT_SET_CONCAT)
        nftnl_set_set_data(s, NFTNL_SET_DESC_CONCAT, (const uint8_t[]){6, 4}, 2);
    if (flags & NFT_SET_MAP) {
        nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, 19);
        nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, 4);
    }
    nftnl_set_nlmsg_build_payload(message(NFT_MSG_NEWSET, NLM_F_CREATE), s);
    end_message();
    nftnl_set_free(s);
}

static void init(void)
{
    begin();
    mnl_attr_put_strz(message(NFT_MSG_NEWTABLE, NLM_F_CREATE), NFTA_TABLE_NAME, TABLE);
    end_message();
    add_set("ids", 1, NFT_SET_MAP, 9, 6);
    add_set("up", 2, NFT_SET_CONCAT, 9 << 6 | 19, UP_LEN);
    add_set("down", 3, 0, 19, 4);
    commit();
}

struct device {
    uint8_t mac[6];
    uint32_t number;
};

static struct device device(uint32_t i)
{
    return (struct device){
        {2, 0xbe, (uint8_t)(i >> 24), (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i}, i + 1};
}

/* As netfilter/ruleset_elements.c has it: MAC . number. */
static void up_key(uint8_t key[UP_LEN], const struct device *d)
{
    memset(key, 0, UP_LEN);
    memcpy(key, d->mac, sizeof d->mac);
    memcpy(key + UP_LEN - sizeof d->number, &d->number, sizeof d->number);
}

static void put(uint16_t type, uint16_t flags, const char *set, struct nftnl_set_elem *e)
{
    struct nftnl_set *s = named(set);
    nftnl_set_elem_add(s, e);
    nftnl_set_elems_nlmsg_build_payload(message(type, flags), s);
    end_message();
    nftnl_set_free(s);
}

static struct nftnl_set_elem *keyed(const void *key, uint32_t len)
{
    struct nftnl_set_elem *e = nftnl_set_elem_alloc();
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, key, len);
    return e;
}

static struct nftnl_set_elem *metered(const void *key, uint32_t len, bool cap)
{
    struct nftnl_set_elem *e = keyed(key, len);
    struct nftnl_expr *counter = nftnl_expr_alloc("counter");
    nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_BYTES, 0);
    nftnl_expr_set_u64(counter, NFTNL_EXPR_CTR_PACKETS, 0);
    if (cap)
        nftnl_set_elem_add_expr(e, limit());
    nftnl_set_elem_add_expr(e, counter);
    nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, 86400000);
    return e;
}

static void open_device(uint32_t i, bool cap)
{
    struct device d = device(i);
    char tag[64];
    uint64_t rates[] = {cap ? RATE : 0, cap ? RATE : 0};
    struct nftnl_udata_buf *ud = nftnl_udata_buf_alloc(256);
    uint8_t key[UP_LEN];
    up_key(key, &d);
    struct nftnl_set_elem *e = keyed(d.mac, sizeof d.mac), *up = metered(key, sizeof key, cap);
    snprintf(tag, sizeof tag, "s=%08x0bench t=1700000000 e=4000000000 z=bench", i);
    nftnl_udata_put_strz(ud, NFTNL_UDATA_SET_ELEM_COMMENT, tag);
    nftnl_udata_put(ud, 16, sizeof rates, rates);
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, &d.number, sizeof d.number);
    nftnl_set_elem_set_u64(e, NFTNL_SET_ELEM_TIMEOUT, 86400000);
    nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(ud),
                       nftnl_udata_buf_len(ud));
    nftnl_udata_buf_free(ud);
    put(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, "ids", e);
    put(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, "up", up);
    put(NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, "down", metered(&d.number, 4, cap));
}

static void close_device(uint32_t i)
{
    struct device d = device(i);
    uint8_t key[UP_LEN];
    up_key(key, &d);
    put(NFT_MSG_DELSETELEM, 0, "ids", keyed(d.mac, sizeof d.mac));
    put(NFT_MSG_DELSETELEM, 0, "up", keyed(key, sizeof key));
    put(NFT_MSG_DELSETELEM, 0, "down", keyed(&d.number, 4));
}

/* Asks for n devices in one send and parses what comes. */
static void read_devices(uint32_t first, uint32_t n)
{
    char answer[65536];
    used = 0;
    for (uint32_t i = first; i < first + n; i++) {
        struct device d = device(i);
        uint8_t key[UP_LEN];
        up_key(key, &d);
        put(NFT_MSG_GETSETELEM, 0, "up", keyed(key, sizeof key));
        put(NFT_MSG_GETSETELEM, 0, "down", keyed(&d.number, 4));
    }
    if (mnl_socket_sendto(nl, buf, used) < 0)
        die("send");
    for (uint32_t answers = 0; answers < 2 * n;) {
        ssize_t got = mnl_socket_recvfrom(nl, answer, sizeof answer);
        int left = (int)got;
        if (got < 0)
            die("receive");
        for (struct nlmsghdr *h = (struct nlmsghdr *)answer; mnl_nlmsg_ok(h, left);
             h = mnl_nlmsg_next(h, &left), answers++) {
            struct nftnl_set *s = nftnl_set_alloc();
            if (h->nlmsg_type == NLMSG_ERROR || nftnl_set_elems_nlmsg_parse(h, s) < 0)
                die("read");
            nftnl_set_free(s);
        }
    }
}

static void change(const char *verb, uint32_t first, uint32_t n)
{
    begin();
    for (uint32_t i = first; i < first + n; i++) {
        if (!strcmp(verb, "close"))
            close_device(i);
        else
            open_device(i, !strcmp(verb, "cap"));
    }
    commit();
}

static void run(const char *verb, uint32_t first, uint32_t count, uint32_t batch)
{
    for (uint32_t i = 0; i < count; i += batch) {
        uint32_t n = count - i < batch ? count - i : batch;
        if (!strcmp(verb, "read"))
            read_devices(first + i, n);
        else
            change(verb, first + i, n);
    }
}

static double seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    int room = ROOM;
    nl = mnl_socket_open(NETLINK_NETFILTER);
    if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
        die("netlink");
    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
    setsockopt(mnl_socket_get_fd(nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (argc == 2 && !strcmp(argv[1], "init")) {
        init();
    } else if (argc == 5 && strtoul(argv[4], NULL, 10) > 0) {
        uint32_t count = (uint32_t)strtoul(argv[3], NULL, 10);
        double wall = seconds(CLOCK_MONOTONIC), cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
        run(argv[1], (uint32_t)strtoul(argv[2], NULL, 10), count,
            (uint32_t)strtoul(argv[4], NULL, 10));
        wall = seconds(CLOCK_MONOTONIC) - wall;
        cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
        printf("{\"per_s\": %.0f, \"cpu_us\": %.2f}\n", count / wall, cpu / count * 1e6);
    } else {
        fputs("usage: bare_nft init | open|cap|close|read FIRST COUNT BATCH\n", stderr);
        return 2;
    }
    mnl_socket_close(nl);
    return 0;
}

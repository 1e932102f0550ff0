/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Disconnect- and CoA-Requests (RFC 5176) that no request of a router gave the occasion for: a
 * directory has shut somebody out, or says something else of somebody who is online. FreeRADIUS
 * itself originates them only behind a request that it is answering, and the device that has to be
 * cut may be idle, on a router that is, too. So they are made and signed here by FreeRADIUS's own
 * library, and repeated like the server's: after 1, 2, 4 and 8 seconds. A router's secret and port
 * are those of its `client` section and the `coa_server` in it.
 */
#include "lib/crypto.h"
#include "radius-module/rlm_loggia.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_ROUTERS 4096
#define MOST_OPEN    128 /* requests on their way */
#define TRIES        5
#define FIRST_MS     UINT64_C(1000)
#define PORT         3799

struct router {
    fr_ipaddr_t address;
    uint16_t port;
    char *secret;
};

struct open_request {
    RADIUS_PACKET *packet; /* NULL: free */
    const struct router *router;
    unsigned tries;
    uint64_t again_ms;
    char session[64];
};

struct disconnects {
    rlm_loggia_t *inst;
    struct report *report;
    const char *from;
    struct router *routers;
    size_t n_routers;
    struct open_request open[MOST_OPEN];
    int fds[2]; /* IPv4, IPv6 */
    uint8_t number;
};

/* --- routers ------------------------------------------------------------------------------------
 */

static char const *value_of(CONF_SECTION *cs, char const *name)
{
    CONF_PAIR *pair = cs ? cf_pair_find(cs, name) : NULL;
    return pair ? cf_pair_value(pair) : NULL;
}

static CONF_SECTION *own_section(CONF_SECTION *cs, char const *name)
{
    for (CONF_ITEM *i = cf_item_find_next(cs, NULL); i; i = cf_item_find_next(cs, i))
        if (cf_item_is_section(i) && strcmp(cf_section_name1(cf_item_to_section(i)), name) == 0)
            return cf_item_to_section(i);
    return NULL;
}

static void read_client(struct disconnects *d, CONF_SECTION *client)
{
    static char const *const names[] = {"ipaddr", "ipv4addr", "ipv6addr"};
    CONF_SECTION *coa = own_section(client, "coa_server");
    struct router r = {.port = PORT};
    char const *address = NULL, *port = value_of(coa, "port"), *secret = value_of(coa, "secret");
    for (size_t i = 0; i < 3 && !address; i++)
        address = value_of(client, names[i]);
    if (!coa || !address || strchr(address, '/') || d->n_routers == MOST_ROUTERS)
        return;
    if (!secret)
        secret = value_of(client, "secret");
    if (port)
        r.port = (uint16_t)strtoul(port, NULL, 10);
    /* A name is not looked up: that would block, and could be another address tomorrow. */
    if (!secret || fr_pton(&r.address, address, -1, AF_UNSPEC, false) < 0)
        return;
    struct router *more = realloc(d->routers, (d->n_routers + 1) * sizeof *more);
    if (!more)
        return;
    d->routers = more;
    if ((r.secret = strdup(secret)))
        d->routers[d->n_routers++] = r;
}

struct disconnects *disconnects_new(rlm_loggia_t *inst)
{
    struct disconnects *d = calloc(1, sizeof *d);
    CONF_SECTION *top = cf_top_section(inst->section);
    const char *from = inst->settings->disconnect_from;
    if (!d)
        return NULL;
    d->inst = inst;
    d->report = &inst->report;
    d->from = from && strcmp(from, "*") != 0 ? from : NULL;
    d->fds[0] = d->fds[1] = -1;
    for (CONF_ITEM *i = cf_item_find_next(top, NULL); i; i = cf_item_find_next(top, i))
        if (cf_item_is_section(i) && strcmp(cf_section_name1(cf_item_to_section(i)), "client") == 0)
            read_client(d, cf_item_to_section(i));
    return d;
}

static void close_request(struct open_request *o)
{
    rad_free(&o->packet);
    *o = (struct open_request){0};
}

void disconnects_free(struct disconnects *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < MOST_OPEN; i++)
        if (d->open[i].packet)
            close_request(&d->open[i]);
    for (int i = 0; i < 2; i++)
        if (d->fds[i] >= 0)
            close(d->fds[i]);
    for (size_t i = 0; i < d->n_routers; i++)
        crypto_secret_free(d->routers[i].secret);
    free(d->routers);
    free(d);
}

void disconnects_fds(const struct disconnects *d, int fds[2])
{
    fds[0] = d->fds[0];
    fds[1] = d->fds[1];
}

/* --- sending ------------------------------------------------------------------------------------
 */

static int socket_for(struct disconnects *d, int family)
{
    int *fd = &d->fds[family == AF_INET6];
    fr_ipaddr_t from = {.af = family, .prefix = family == AF_INET6 ? 128 : 32};
    fr_ipaddr_t given;
    if (*fd >= 0)
        return *fd;
    if (d->from && fr_pton(&given, d->from, -1, AF_UNSPEC, false) == 0 && given.af == family)
        from = given;
    *fd = fr_socket(&from, 0);
    if (*fd < 0)
        report_limited(d->report, LOG_ERR, "event=disconnect_socket error=\"%s\"", fr_strerror());
    return *fd;
}

static const struct router *router_at(const struct disconnects *d, const char *address)
{
    fr_ipaddr_t ip;
    if (fr_pton(&ip, address, -1, AF_UNSPEC, false) < 0)
        return NULL;
    for (size_t i = 0; i < d->n_routers; i++)
        if (fr_ipaddr_cmp(&d->routers[i].address, &ip) == 0)
            return &d->routers[i];
    return NULL;
}

static const char *name_of(const struct open_request *o)
{
    return o->packet->code == PW_CODE_COA_REQUEST ? "change" : "disconnect";
}

static struct open_request *free_place(struct disconnects *d)
{
    for (size_t i = 0; i < MOST_OPEN; i++)
        if (!d->open[i].packet)
            return &d->open[i];
    return NULL;
}

/* True: the session is being ended already. A change of it that is under way is out of date,
 * whatever is to be sent now. */
static bool on_its_way(struct disconnects *d, const struct router *r, const char *session)
{
    for (size_t i = 0; i < MOST_OPEN; i++) {
        struct open_request *o = &d->open[i];
        if (!o->packet || o->router != r || strcmp(o->session, session) != 0)
            continue;
        if (o->packet->code == PW_CODE_DISCONNECT_REQUEST)
            return true;
        close_request(o);
    }
    return false;
}

/* What the database keeps escaped (=XX, rlm_sql's way) as it was. */
static void plain(const char *in, char *out, size_t room)
{
    size_t at = 0;
    unsigned byte;
    while (*in && at + 1 < room) {
        if (*in == '=' && sscanf(in + 1, "%2x", &byte) == 1 && in[1] && in[2]) {
            out[at++] = (char)byte;
            in += 3;
        } else {
            out[at++] = *in++;
        }
    }
    out[at] = 0;
}

static void add_text(RADIUS_PACKET *p, unsigned attribute, const char *text)
{
    fr_pair_value_strcpy(radius_pair_create(p, &p->vps, attribute, 0), text);
}

static RADIUS_PACKET *make(struct disconnects *d, const struct router *r, int fd,
                           const char *session, const char *nas, const uint64_t *limits)
{
    static const uint8_t zero[16];
    RADIUS_PACKET *p = rad_alloc(NULL, false);
    if (!p)
        return NULL;
    p->code = limits ? PW_CODE_COA_REQUEST : PW_CODE_DISCONNECT_REQUEST;
    p->id = d->number++;
    p->sockfd = fd;
    p->src_ipaddr.af = r->address.af;
    p->dst_ipaddr = r->address;
    p->dst_port = r->port;
    add_text(p, PW_ACCT_SESSION_ID, session);
    add_text(p, PW_NAS_IDENTIFIER, nas);
    radius_pair_create(p, &p->vps, PW_EVENT_TIMESTAMP, 0)->vp_date = (uint32_t)time(NULL);
    fr_pair_value_memcpy(radius_pair_create(p, &p->vps, PW_MESSAGE_AUTHENTICATOR, 0), zero,
                         sizeof zero);
    if (limits)
        rlm_loggia_limits(d->inst, p, &p->vps, limits);
    return p;
}

bool disconnects_send(struct disconnects *d, const char *address, const char *escaped,
                      const char *escaped_nas, const uint64_t *limits)
{
    char session[sizeof d->open[0].session], nas[256];
    const struct router *r = router_at(d, address);
    if (!r) {
        report_limited(
            d->report, LOG_WARNING,
            "event=disconnect_impossible router=%s why=\"no client with this address and "
            "a coa_server\"",
            address);
        return true;
    }
    plain(escaped, session, sizeof session);
    plain(escaped_nas, nas, sizeof nas);
    if (on_its_way(d, r, session))
        return true;
    struct open_request *o = free_place(d);
    int fd = socket_for(d, r->address.af);
    if (!o || fd < 0 || !(o->packet = make(d, r, fd, session, nas, limits)))
        return false;
    o->router = r;
    snprintf(o->session, sizeof o->session, "%s", session);
    o->again_ms = clock_ms();
    report_limited(d->report, LOG_NOTICE, "event=%s_sent router=%s session=%s", name_of(o), address,
                   session);
    disconnects_serve(d);
    return true;
}

/* --- answers, and patience ----------------------------------------------------------------------
 */

static void answered(struct disconnects *d, RADIUS_PACKET *reply)
{
    for (size_t i = 0; i < MOST_OPEN; i++) {
        struct open_request *o = &d->open[i];
        if (!o->packet || o->packet->id != reply->id || o->router->port != reply->src_port ||
            fr_ipaddr_cmp(&o->router->address, &reply->src_ipaddr) != 0 ||
            rad_verify(reply, o->packet, o->router->secret) != 0)
            continue;
        if (reply->code != o->packet->code + 1) /* its ACK; the NAK is the next number */
            report_limited(d->report, LOG_WARNING, "event=%s_refused session=%s code=%u",
                           name_of(o), o->session, reply->code);
        close_request(o);
        return;
    }
}

static void read_answers(struct disconnects *d, int fd)
{
    for (int i = 0; fd >= 0 && i < MOST_OPEN; i++) {
        uint8_t peek;
        if (recv(fd, &peek, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
            return;
        RADIUS_PACKET *reply = rad_recv(NULL, fd, 0);
        if (reply)
            answered(d, reply);
        rad_free(&reply);
    }
}

static void send_again(struct disconnects *d, struct open_request *o)
{
    if (o->tries == TRIES) {
        report_limited(d->report, LOG_WARNING, "event=%s_unanswered session=%s", name_of(o),
                       o->session);
        close_request(o);
        return;
    }
    if (rad_send(o->packet, NULL, o->router->secret) < 0)
        report_limited(d->report, LOG_WARNING, "event=disconnect_send error=\"%s\"", fr_strerror());
    o->again_ms = clock_ms() + (FIRST_MS << o->tries++);
}

int disconnects_serve(struct disconnects *d)
{
    uint64_t now = clock_ms(), next = UINT64_MAX;
    read_answers(d, d->fds[0]);
    read_answers(d, d->fds[1]);
    for (size_t i = 0; i < MOST_OPEN; i++) {
        struct open_request *o = &d->open[i];
        if (o->packet && o->again_ms <= now)
            send_again(d, o);
        if (o->packet && o->again_ms < next)
            next = o->again_ms;
    }
    return next == UINT64_MAX ? -1 : next > now ? (int)(next - now) : 0;
}

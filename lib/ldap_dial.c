/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What libldap does behind one's back is what this file is careful about.
 *
 * Its connections are made lazily and block, so they are made here at once. Its network timeout
 * bounds connect(2) and nothing else: TLS is made on a socket that blocks, under no timeout, and
 * asked for again when it is told that nothing came. A directory that stands still, whose kernel
 * goes on taking connections, would hold the thread for ever. So there is a layer of ours below
 * TLS, which waits for the time that is left and then says that the connection is gone; it is taken
 * out when the connection stands. A blocking socket would also make ldap_result() hang on half a
 * message, whatever timeout it was given: from then on nothing blocks, and libldap keeps the half.
 *
 * A name server that hangs is waited for ten seconds and more by default; the C library's resolver
 * is told otherwise, in this thread alone. Referrals would make libldap dial somebody else: off. */
#include "lib/ldap_dial.h"
#include "lib/ldap_context.h"

#include <errno.h>
#include <fcntl.h>
#include <lber.h>
#include <netinet/in.h>
#include <poll.h>
#include <resolv.h>
#include <strings.h>
#include <sys/time.h>
#include <time.h>

struct dialling { /* in one thread, while ldap_dial runs */
    const struct ldap_dial *to;
    uint64_t end_ms; /* of the step */
    bool silent;     /* that was reached */
};

static _Thread_local struct dialling *now_dialling;

void ldap_dial_prepare(void)
{
    int ignored;
    ldap_get_option(NULL, LDAP_OPT_PROTOCOL_VERSION, &ignored);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* --- the layer ----------------------------------------------------------------------------------
 */

static int on_setup(Sockbuf_IO_Desc *layer, void *arg)
{
    layer->sbiod_pvt = arg;
    return 0;
}

static int on_remove(Sockbuf_IO_Desc *layer)
{
    layer->sbiod_pvt = NULL;
    return 0;
}

static int on_ctrl(Sockbuf_IO_Desc *layer, int what, void *arg)
{
    return LBER_SBIOD_CTRL_NEXT(layer, what, arg);
}

/* False: the time is over. */
static bool wait_until(Sockbuf_IO_Desc *layer, short events)
{
    struct dialling *d = layer->sbiod_pvt;
    struct pollfd p = {.fd = -1, .events = events};
    int ready = 0;
    ber_sockbuf_ctrl(layer->sbiod_sb, LBER_SB_OPT_GET_FD, &p.fd);
    do {
        uint64_t now = now_ms();
        ready = now < d->end_ms ? poll(&p, 1, (int)(d->end_ms - now)) : 0;
    } while (ready < 0 && errno == EINTR);
    d->silent = d->silent || ready == 0;
    return ready > 0;
}

static ber_slen_t on_read(Sockbuf_IO_Desc *layer, void *to, ber_len_t len)
{
    if (!wait_until(layer, POLLIN)) {
        errno = ETIMEDOUT; /* EAGAIN would make it ask again, at once */
        return -1;
    }
    return LBER_SBIOD_READ_NEXT(layer, to, len);
}

static ber_slen_t on_write(Sockbuf_IO_Desc *layer, void *from, ber_len_t len)
{
    if (!wait_until(layer, POLLOUT)) {
        errno = ETIMEDOUT;
        return -1;
    }
    return LBER_SBIOD_WRITE_NEXT(layer, from, len);
}

static Sockbuf_IO layer = {on_setup, on_remove, on_ctrl, on_read, on_write, NULL};

static void next_step(struct dialling *d)
{
    d->end_ms = now_ms() + d->to->timeout_ms;
    if (d->to->end_ms && d->to->end_ms < d->end_ms)
        d->end_ms = d->to->end_ms;
}

/* libldap has made a socket. Not for us: it has found its connection gone and dials again, in the
 * middle of a thread that must not wait. */
static int on_socket(LDAP *ld, Sockbuf *sb, LDAPURLDesc *url, struct sockaddr *to,
                     struct ldap_conncb *cb)
{
    (void)ld, (void)url, (void)to, (void)cb;
    if (!now_dialling)
        return -1;
    next_step(now_dialling);
    return ber_sockbuf_add_io(sb, &layer, LBER_SBIOD_LEVEL_PROVIDER + 1, now_dialling);
}

static void on_gone(LDAP *ld, Sockbuf *sb, struct ldap_conncb *cb)
{
    (void)ld, (void)sb, (void)cb;
}

static struct ldap_conncb watch = {on_socket, on_gone, NULL}; /* libldap keeps the address */

/* --- dialling -----------------------------------------------------------------------------------
 */

/* Each name server is asked once, for its part of the time; resolv.conf is read anew each time. */
static void bound_names(uint32_t timeout_ms)
{
    if (res_init() != 0)
        return;
    int servers = _res.nscount > 0 ? _res.nscount : 1;
    int each_s = (int)(timeout_ms / 1000) / servers;
    _res.retrans = each_s > 0 ? each_s : 1;
    _res.retry = 1;
}

static int set_options(LDAP *ld, const struct ldap_dial *to)
{
    struct timeval tv = {.tv_sec = (time_t)(to->timeout_ms / 1000),
                         .tv_usec = (suseconds_t)(to->timeout_ms % 1000) * 1000};
    int version = LDAP_VERSION3, deref = LDAP_DEREF_NEVER, idle = (int)to->keepalive_idle_s;
    int probes = 3, interval = 10;
    if (ldap_set_option(ld, LDAP_OPT_PROTOCOL_VERSION, &version) ||
        ldap_set_option(ld, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) ||
        ldap_set_option(ld, LDAP_OPT_DEREF, &deref) ||
        ldap_set_option(ld, LDAP_OPT_NETWORK_TIMEOUT, &tv) ||
        ldap_set_option(ld, LDAP_OPT_TIMEOUT, &tv) ||
        ldap_set_option(ld, LDAP_OPT_CONNECT_CB, &watch))
        return LDAP_LOCAL_ERROR;
    if (idle) { /* best effort: not every build of libldap has them */
        ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_IDLE, &idle);
        ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_PROBES, &probes);
        ldap_set_option(ld, LDAP_OPT_X_KEEPALIVE_INTERVAL, &interval);
    }
    return 0;
}

/* From here on nothing blocks, and nobody waits. */
static int stand(LDAP *ld, int *fd)
{
    Sockbuf *sb = NULL;
    if (ldap_get_option(ld, LDAP_OPT_DESC, fd) || *fd < 0 ||
        ldap_get_option(ld, LDAP_OPT_SOCKBUF, &sb) || !sb ||
        ber_sockbuf_remove_io(sb, &layer, LBER_SBIOD_LEVEL_PROVIDER + 1))
        return LDAP_CONNECT_ERROR;
    int flags = fcntl(*fd, F_GETFL);
    if (flags < 0 || fcntl(*fd, F_SETFL, flags | O_NONBLOCK) || fcntl(*fd, F_SETFD, FD_CLOEXEC))
        return LDAP_LOCAL_ERROR;
    return 0;
}

static int dial(LDAP *ld, const struct ldap_dial *to, int *fd, const char **step)
{
    int rc = set_options(ld, to);
    if (rc)
        return rc;
    if (to->start_tls || strncasecmp(to->uri, "ldaps:", 6) == 0) {
        *step = "certificates";
        if ((rc = ldap_context(ld, to)))
            return rc;
    }
    *step = "connect";
    if ((rc = ldap_connect(ld)))
        return rc;
    *step = "starttls";
    next_step(now_dialling);
    if (to->start_tls && (rc = ldap_start_tls_s(ld, NULL, NULL)))
        return rc;
    return stand(ld, fd);
}

int ldap_dial(const struct ldap_dial *to, LDAP **out, int *fd, const char **step)
{
    struct dialling d = {.to = to};
    LDAP *ld = NULL;
    *out = NULL;
    *fd = -1;
    *step = "server";
    bound_names(to->timeout_ms);
    int rc = ldap_initialize(&ld, to->uri);
    now_dialling = &d;
    if (rc == 0)
        rc = dial(ld, to, fd, step);
    if (rc && ld) /* the layer goes with it, while d is still there */
        ldap_unbind_ext(ld, NULL, NULL);
    now_dialling = NULL;
    if (rc)
        return d.silent ? LDAP_TIMEOUT : rc;
    *out = ld;
    return 0;
}

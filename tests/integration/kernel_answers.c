/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that is short of room and interrupts, for one process: LD_PRELOAD. Of each netlink
 * socket of netfilter's every INTERRUPT-th call is interrupted before it does anything, and every
 * LOSE-th message that was received is lost, as netlink(7) says of a full buffer: ENOBUFS instead.
 * ROOM is the size of its receive buffer, for losses of the kernel's own. 0: nothing of the sort.
 * LOST_DUMPS: so many dumps of the ids are interrupted by another's change and tell of nobody.
 * READY: so many counters and no more have their memory ready, as before Linux 6.10; what needs
 * more is refused, and then there is as much again. STOP: behind the STOP-th message that names
 * STOP_NAMED the process stops, until SIGCONT. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

static long number(const char *name)
{
    const char *text = getenv(name);
    return text ? atol(text) : 0;
}

static bool concerned(int fd)
{
    int domain = 0, protocol = 0, saved = errno;
    socklen_t n = sizeof domain, m = sizeof protocol;
    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &n);
    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &m);
    errno = saved;
    return domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

static bool due(const char *name, long *calls)
{
    long every = number(name);
    return every && ++*calls % every == 0;
}

static bool interrupted(int fd)
{
    static long calls;
    if (!concerned(fd) || !due("INTERRUPT", &calls))
        return false;
    errno = EINTR;
    return true;
}

static bool lost(int fd, ssize_t received)
{
    static long messages;
    if (received <= 0 || !concerned(fd) || !due("LOSE", &messages))
        return false;
    errno = ENOBUFS;
    return true;
}

static void stop_if_due(int fd, const void *buf, size_t len)
{
    static long messages;
    const char *name = getenv("STOP_NAMED");
    if (name && concerned(fd) && memmem(buf, len, name, strlen(name)) && due("STOP", &messages) &&
        messages == number("STOP"))
        raise(SIGSTOP);
}

static struct nlmsghdr refused; /* 0: none */
static long ready;

static bool too_many_counters(int fd, const void *buf, size_t len)
{
    const char *end = (const char *)buf + len, *at = buf;
    long needed = 0;
    if (!number("READY") || !concerned(fd) || len < sizeof refused)
        return false;
    for (; (at = memmem(at, (size_t)(end - at), "counter", sizeof "counter")); at++)
        needed++;
    if (needed > ready) {
        memcpy(&refused, buf, sizeof refused);
        return true;
    }
    ready -= needed;
    return false;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
    int (*real)(struct pollfd *, nfds_t, int) = dlsym(RTLD_NEXT, "poll");
    if (timeout != 0)
        ready = number("READY");
    return real(fds, n, timeout);
}

int epoll_wait(int fd, struct epoll_event *events, int n, int timeout)
{
    int (*real)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    if (timeout != 0)
        ready = number("READY");
    return real(fd, events, n, timeout);
}

/* As the kernel says it when it has no memory for anything better. */
static ssize_t refusal(void *buf, size_t len)
{
    const struct {
        struct nlmsghdr h;
        struct nlmsgerr e;
    } said = {{sizeof said, NLMSG_ERROR, 0, refused.nlmsg_seq, 0}, {-ENOMEM, refused}};
    refused.nlmsg_len = 0;
    memcpy(buf, &said, len < sizeof said ? len : sizeof said);
    return sizeof said;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    ssize_t (*real)(int, void *, size_t, int) = dlsym(RTLD_NEXT, "recv");
    if (refused.nlmsg_len && concerned(fd))
        return refusal(buf, len);
    if (interrupted(fd))
        return -1;
    ssize_t n = real(fd, buf, len, flags);
    return lost(fd, n) ? -1 : n;
}

/* One message: NOOP instead of an element, and what the kernel says at the end of such a dump. */
static void lose_message(struct nlmsghdr *nlh)
{
    static long dumps;
    static bool of_ids;
    bool element = nlh->nlmsg_type == (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM);
    if (dumps >= number("LOST_DUMPS") || !(nlh->nlmsg_flags & NLM_F_MULTI))
        return;
    if (element && memmem(nlh, nlh->nlmsg_len, "ids", sizeof "ids")) {
        of_ids = true;
        nlh->nlmsg_type = NLMSG_NOOP;
    }
    if (of_ids)
        nlh->nlmsg_flags |= NLM_F_DUMP_INTR;
    if (of_ids && nlh->nlmsg_type == NLMSG_DONE) {
        of_ids = false;
        dumps++;
    }
}

static void lose_dumps(int fd, void *buf, ssize_t len)
{
    if (len <= 0 || !number("LOST_DUMPS") || !concerned(fd))
        return;
    unsigned left = (unsigned)len;
    for (struct nlmsghdr *nlh = buf; NLMSG_OK(nlh, left); nlh = NLMSG_NEXT(nlh, left))
        lose_message(nlh);
}

ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
    ssize_t (*real)(int, struct msghdr *, int) = dlsym(RTLD_NEXT, "recvmsg");
    if (interrupted(fd))
        return -1;
    ssize_t n = real(fd, m, flags);
    if (m->msg_iovlen > 0)
        lose_dumps(fd, m->msg_iov[0].iov_base, n);
    return lost(fd, n) ? -1 : n;
}

int recvmmsg(int fd, struct mmsghdr *m, unsigned len, int flags, struct timespec *timeout)
{
    int (*real)(int, struct mmsghdr *, unsigned, int, struct timespec *) =
        dlsym(RTLD_NEXT, "recvmmsg");
    if (interrupted(fd))
        return -1;
    int n = real(fd, m, len, flags, timeout);
    return lost(fd, n) ? -1 : n;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
               socklen_t to_len)
{
    ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) =
        dlsym(RTLD_NEXT, "sendto");
    if (interrupted(fd))
        return -1;
    if (too_many_counters(fd, buf, len))
        return (ssize_t)len;
    ssize_t n = real(fd, buf, len, flags, to, to_len);
    stop_if_due(fd, buf, len);
    return n;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
    int (*real)(int, int, int, const void *, socklen_t) = dlsym(RTLD_NEXT, "setsockopt");
    int room = (int)number("ROOM");
    if (room && level == SOL_SOCKET && option == SO_RCVBUFFORCE && concerned(fd))
        return real(fd, level, option, &room, sizeof room);
    return real(fd, level, option, value, len);
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where the kernel groups processes by session (sched(7), autogroup: Debian's kernels do) a nice
 * value holds among those of one session alone, and the session has one of its own. Which is ours
 * to change only where we lead it, as who is started by an init does. It is the same for all of us,
 * and modest: who is far above another is woken at the other's first word, and then takes one
 * request at a time where a hundred would have come, which costs more. */
#include "lib/hurry.h"
#include "lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define SESSION_NICE (-3)

static int hurry_session(void)
{
    char text[16];
    int fd = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : -1;
    int len = snprintf(text, sizeof text, "%d", SESSION_NICE);
    ssize_t wrote = write(fd, text, (size_t)len);
    int error = errno;
    close(fd);
    errno = error;
    return wrote == len ? 0 : -1;
}

void hurry(int nice)
{
    if (geteuid() != 0)
        return;
    if (setpriority(PRIO_PROCESS, 0, nice) < 0 || (getsid(0) == getpid() && hurry_session() < 0))
        log_msg(LOG_INFO, "event=no-priority error=\"%s\"", strerror(errno));
}

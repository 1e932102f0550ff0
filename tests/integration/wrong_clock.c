/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A clock that is wrong, for one process: LD_PRELOAD with CLOCK_OFF seconds. */
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

time_t time(time_t *out)
{
    struct timespec now;
    const char *off = getenv("CLOCK_OFF");
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
    now.tv_sec += off ? atol(off) : 0;
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

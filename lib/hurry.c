/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lib/hurry.h"
#include "lib/log.h"

#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void hurry(int nice)
{
    if (geteuid() == 0 && setpriority(PRIO_PROCESS, 0, nice) < 0)
        log_msg(LOG_INFO, "event=no-priority error=\"%s\"", strerror(errno));
}

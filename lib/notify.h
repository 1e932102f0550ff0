/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sd_notify(3)'s protocol, without libsystemd: one datagram to $NOTIFY_SOCKET. */
#ifndef LOGGIA_LIB_NOTIFY_H
#define LOGGIA_LIB_NOTIFY_H

/* Says READY=1. 0: said, or nobody wants to know; -1: could not be said (errno). */
int notify_ready(void);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libcap-ng. */
#ifndef LOGGIA_NETFILTER_PRIVILEGES_H
#define LOGGIA_NETFILTER_PRIVILEGES_H

#include <stdbool.h>
#include <stddef.h>

/* Becomes user with CAP_NET_ADMIN and nothing else, for good: bounding set empty, no new
 * privileges. If the process is not root it must have CAP_NET_ADMIN already and keeps its uid. If
 * user is root the uid stays. False with the reason in err. */
bool privileges_drop(const char *user, char *err, size_t err_len);

#endif

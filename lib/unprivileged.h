/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon that needs no privilege once its port is bound becomes its own user, keeps no
 * capability, and can gain none any more. */
#ifndef LOGGIA_LIB_UNPRIVILEGED_H
#define LOGGIA_LIB_UNPRIVILEGED_H

#include <stdbool.h>
#include <stddef.h>

/* Started as root: becomes user (root stays root, without capabilities). False with the reason. */
bool unprivileged_become(const char *user, char *err, size_t err_len);

#endif

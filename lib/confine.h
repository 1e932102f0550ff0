/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for libseccomp: what a daemon may still ask of the kernel once it is ready. */
#ifndef LOGGIA_LIB_CONFINE_H
#define LOGGIA_LIB_CONFINE_H

#include <stdbool.h>
#include <stddef.h>

/* For the process and all threads that it will have, for good. A system call that starts a program,
 * looks into another process or changes the machine ends the process (SIGSYS); any other that is
 * not on the list fails with EPERM. False: the kernel has no such filter, err says why; nothing is
 * changed then. Needs no_new_privs or CAP_SYS_ADMIN. Under sanitizers it does nothing. */
bool confine(char *err, size_t err_len);

#endif

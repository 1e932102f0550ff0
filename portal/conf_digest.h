/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The fingerprint of a configuration file, by which loggiactl sees whether loggiad runs with what
 * the file says now. */
#ifndef LOGGIA_PORTAL_CONF_DIGEST_H
#define LOGGIA_PORTAL_CONF_DIGEST_H

#include <stdbool.h>

#define CONF_DIGEST_LEN 65 /* hexadecimal, NUL */

/* False, with out empty, if the file cannot be read or is too large to be one. */
bool conf_digest(const char *path, char out[static CONF_DIGEST_LEN]);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What people type, inside of an LDAP filter. Pure. */
#ifndef LOGGIA_LIB_LDAP_FILTER_H
#define LOGGIA_LIB_LDAP_FILTER_H

#include <stddef.h>

/* RFC 4515 section 3: NUL ( ) * \ and bytes above 0x7f as \xx. Bytes written without the NUL, or -1
 * if it does not fit. */
long ldap_filter_escape(const char *in, size_t len, char *out, size_t room);

#endif

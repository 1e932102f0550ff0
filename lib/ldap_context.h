/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One TLS context for all connections that trust, and show, the same certificates. */
#ifndef LOGGIA_LIB_LDAP_CONTEXT_H
#define LOGGIA_LIB_LDAP_CONTEXT_H

#include "lib/ldap_dial.h"

/* Gives the context to ld, before it is connected. 0, or libldap's code: a file cannot be read, or
 * holds no certificate, or not the key of it. */
int ldap_context(LDAP *ld, const struct ldap_dial *to);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of libldap's room share. */
#ifndef LOGGIA_RADIUS_MODULE_DIRECTORY_PRIVATE_H
#define LOGGIA_RADIUS_MODULE_DIRECTORY_PRIVATE_H

#include "radius-module/directory.h"
#include <ldap.h>

struct directory {
    LDAP *ld;
    int fd;
    struct bulk *bulk; /* libldap's; NULL: not a connection that searches */
};

void directory_read_entry(LDAP *ld, LDAPMessage *entry, struct values *into);

#endif

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Many questions in one write, many answers in one read. libldap writes each request by itself, and
 * reads each message in two pieces after asking poll(2); a layer of liblber's on top of the
 * connection (above TLS, where there is TLS) keeps what is written until it is flushed, and reads
 * as much as there is. For connections on which nothing blocks. */
#ifndef LOGGIA_RADIUS_MODULE_DIRECTORY_BULK_H
#define LOGGIA_RADIUS_MODULE_DIRECTORY_BULK_H

#include <ldap.h>
#include <stdbool.h>

struct bulk;

/* The layer goes with the connection. NULL: out of memory. */
struct bulk *bulk_new(LDAP *ld);
/* Whether something is left to write, when the socket takes it again. Errors show when reading. */
bool bulk_flush(struct bulk *b);

#endif

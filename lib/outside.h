/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which addresses are of the public internet. What strangers or editors make us ask for must not
 * lead into our own networks: to this machine, to a router's pages, to a cloud's metadata. */
#ifndef LOGGIA_LIB_OUTSIDE_H
#define LOGGIA_LIB_OUTSIDE_H

#include <stdbool.h>
#include <sys/socket.h>

/* Pure. Only what may be reached from anywhere (IANA's special-purpose registries, RFC 6890): not
 * loopback, private, shared (RFC 6598), link-local, unique local, multicast, documentation,
 * benchmarking, reserved; nor an IPv6 address that carries such an IPv4 address (mapped, 6to4,
 * NAT64), nor Teredo. Anything but IPv4 and IPv6 is not outside. */
bool outside_address(const struct sockaddr *sa, socklen_t len);
/* The same for an address as text. */
bool outside_text(const char *address);

#endif

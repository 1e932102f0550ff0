/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opening a connection to a directory within a time, which libldap itself does not promise. What is
 * asked over it then is the caller's affair (radius-module/directory.c, noticeboard/signin_ldap.c).
 *
 * Blocks: for threads that have nothing else to do. */
#ifndef LOGGIA_LIB_LDAP_DIAL_H
#define LOGGIA_LIB_LDAP_DIAL_H

#include <ldap.h>
#include <stdbool.h>
#include <stdint.h>

struct ldap_dial {
    const char *uri;                  /* ldap://HOST[:PORT], ldaps://…, ldapi://… */
    bool start_tls;                   /* RFC 4511 section 4.14; not on ldaps:// */
    bool any_cert;                    /* do not ask who answers */
    const char *ca_file;              /* NULL: the system's authorities */
    const char *cert_file, *key_file; /* shown to the directory; NULL: none, the key beside it */
    uint32_t keepalive_idle_s;        /* 0: as the kernel does */
    /* Of each step: the name server's answer (of each that resolv.conf has, at least a second),
     * connecting to an address, TLS (from its first byte to its last), StartTLS and its TLS. */
    uint32_t timeout_ms;
    uint64_t
        end_ms; /* CLOCK_MONOTONIC: what TLS and StartTLS may not outlast; 0: timeout_ms alone */
};

/* libldap sets up what all connections share at its first use, and not with care for two threads
 * that use it first: once, before there are any. */
void ldap_dial_prepare(void);

/* 0, with a connection on which nothing blocks, which follows no referral, and which libldap will
 * not dial again by itself; the caller ends it with ldap_unbind_ext. Or libldap's code of what went
 * wrong, LDAP_TIMEOUT for silence, and the step where it did in *step (a static text); *out is NULL
 * then. */
int ldap_dial(const struct ldap_dial *to, LDAP **out, int *fd, const char **step);

#endif

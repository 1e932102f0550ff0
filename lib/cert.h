/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The room for GnuTLS: what a certificate file is worth, before a server is given it. Pure but for
 * the reading of files; the TLS itself is libmicrohttpd's. */
#ifndef LOGGIA_LIB_CERT_H
#define LOGGIA_LIB_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CERT_MAX_BYTES 65536
#define CERT_MAX_CHAIN 8

struct cert_facts {
    int64_t not_before_s, not_after_s; /* Unix time, the narrowest of the whole chain */
    unsigned chain;                    /* certificates in the file: the leaf and its issuers */
    bool self_signed;                  /* the leaf is its own issuer */
    char issuer[128];                  /* of the leaf, RFC 4514 */
};

/* A PEM file of at most CERT_MAX_BYTES, as text. secret: refused unless only owner and group may
 * read it. NULL with the reason in err ("cannot open: …"); freed with crypto_secret_free. */
char *cert_file_read(const char *path, bool secret, char *err, size_t err_len);

/* Is this a chain in order, for this DNS name, and is this its key? key_pem NULL: the key is not
 * looked at. Says nothing about the dates: the caller's clock may be wrong. False with the reason
 * in err, in words for an admin. */
bool cert_check(const char *chain_pem, const char *key_pem, const char *name,
                struct cert_facts *out, char *err, size_t err_len);

#endif

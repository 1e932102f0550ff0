/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libldap makes a TLS context (the authorities, one's own certificate and key, all read and parsed)
 * for every connection that names one of them, and what it makes of a client's certificate it never
 * gives back: some 17 KiB, at each reconnect to a directory that flaps. So there is one for each
 * set of files *as they are*: what is in them is looked at before each connection, so a certificate
 * that was renewed is used from the next one on, and one that was only written again is not
 * another.
 *
 * libldap counts who uses a context, but has no public way to say that one does not any more; so
 * they stay. There are as many as authorities, and one more at each renewal of a certificate. */
#include "lib/ldap_context.h"
#include "lib/crypto.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MOST_BYTES (4U << 20) /* of a file; ten times the system's */
#define SYSTEM_FILE                                                                                \
    "/etc/ssl/certs/ca-certificates.crt" /* whose renewal is noticed, if it is there */

struct context {
    uint8_t files[SHA256_LEN];
    LDAP *keeper; /* never connected */
    void *tls;
    struct context *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct context *contexts;

/* What a file holds, in 32 bytes: zeros if it cannot be read, which libldap will say better. */
static void digest_of(const char *path, uint8_t out[static SHA256_LEN])
{
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    char *data = fd >= 0 ? malloc(MOST_BYTES) : NULL;
    size_t len = 0;
    ssize_t n = 0;
    memset(out, 0, SHA256_LEN);
    while (data && len < MOST_BYTES && (n = read(fd, data + len, MOST_BYTES - len)) > 0)
        len += (size_t)n;
    if (data && n == 0) {
        crypto_hmac_sha256("file", 4, &(struct crypto_slice){data, len}, 1, out);
        crypto_wipe(data, len); /* it may be a key */
    }
    free(data);
    if (fd >= 0)
        close(fd);
}

/* Names and contents: the same authority under another name is rare, and costs one context more. */
static void digest_all(const struct ldap_dial *to, uint8_t out[static SHA256_LEN])
{
    const char *names[] = {to->ca_file ? to->ca_file : SYSTEM_FILE, to->cert_file, to->key_file};
    uint8_t digests[3][SHA256_LEN], flags = to->any_cert;
    struct crypto_slice parts[7] = {{&flags, 1}};
    for (size_t i = 0; i < 3; i++) {
        const char *name = names[i] ? names[i] : "";
        digest_of(names[i], digests[i]);
        parts[1 + 2 * i] = (struct crypto_slice){name, strlen(name) + 1};
        parts[2 + 2 * i] = (struct crypto_slice){digests[i], SHA256_LEN};
    }
    crypto_hmac_sha256("context", 7, parts, 7, out);
}

static int set_files(LDAP *ld, const struct ldap_dial *to)
{
    int demand = to->any_cert ? LDAP_OPT_X_TLS_NEVER : LDAP_OPT_X_TLS_DEMAND, client = 0;
    if (to->ca_file && ldap_set_option(ld, LDAP_OPT_X_TLS_CACERTFILE, to->ca_file))
        return LDAP_LOCAL_ERROR;
    if (to->cert_file &&
        (ldap_set_option(ld, LDAP_OPT_X_TLS_CERTFILE, to->cert_file) ||
         ldap_set_option(ld, LDAP_OPT_X_TLS_KEYFILE, to->key_file ? to->key_file : to->cert_file)))
        return LDAP_LOCAL_ERROR;
    if (ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) ||
        ldap_set_option(ld, LDAP_OPT_X_TLS_NEWCTX, &client))
        return LDAP_LOCAL_ERROR;
    return 0;
}

static void context_free(struct context *c)
{
    if (c->keeper)
        ldap_unbind_ext(c->keeper, NULL, NULL);
    free(c);
}

static struct context *context_new(const struct ldap_dial *to,
                                   const uint8_t files[static SHA256_LEN])
{
    struct context *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    memcpy(c->files, files, SHA256_LEN);
    if (ldap_initialize(&c->keeper, to->uri) == 0 && set_files(c->keeper, to) == 0 &&
        ldap_get_option(c->keeper, LDAP_OPT_X_TLS_CTX, &c->tls) == 0 && c->tls)
        return c;
    context_free(c);
    return NULL;
}

static struct context *context_for(const struct ldap_dial *to)
{
    uint8_t files[SHA256_LEN];
    struct context *c = contexts;
    digest_all(to, files);
    while (c && memcmp(c->files, files, SHA256_LEN) != 0)
        c = c->next;
    if (c || !(c = context_new(to, files)))
        return c;
    c->next = contexts;
    return contexts = c;
}

int ldap_context(LDAP *ld, const struct ldap_dial *to)
{
    int demand = to->any_cert ? LDAP_OPT_X_TLS_NEVER : LDAP_OPT_X_TLS_DEMAND;
    pthread_mutex_lock(&lock);
    struct context *c = context_for(to);
    pthread_mutex_unlock(&lock);
    /* Whether the name is looked at, too, is the connection's own affair, not the context's. */
    if (!c || ldap_set_option(ld, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) ||
        ldap_set_option(ld, LDAP_OPT_X_TLS_CTX, c->tls))
        return LDAP_LOCAL_ERROR;
    return 0;
}

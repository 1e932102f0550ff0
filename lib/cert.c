/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be wrong with a certificate, found before phones find it. A phone's pop-up does not say
 * why it stays empty: so whoever put the file there is told, in one line, and a server that has a
 * good pair keeps it. */
#include "lib/cert.h"
#include "lib/crypto.h"
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- files ------------------------------------------------------------------------------------ */

static bool file_fine(int fd, bool secret, char *err, size_t err_len)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        snprintf(err, err_len, "cannot read: %s", strerror(errno));
    else if (!S_ISREG(st.st_mode))
        snprintf(err, err_len, "is not a regular file");
    else if (st.st_size > CERT_MAX_BYTES)
        snprintf(err, err_len, "is longer than %d bytes", CERT_MAX_BYTES);
    else if (secret && (st.st_mode & S_IRWXO))
        snprintf(err, err_len, "others may read it (mode %04o), expected 0640 or tighter",
                 (unsigned)(st.st_mode & 07777));
    else
        return true;
    return false;
}

char *cert_file_read(const char *path, bool secret, char *err, size_t err_len)
{
    char *text = NULL;
    size_t len = 0;
    ssize_t got = 1;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (fd < 0) {
        snprintf(err, err_len, "cannot open: %s", strerror(errno));
        return NULL;
    }
    if (!file_fine(fd, secret, err, err_len))
        goto done;
    text = calloc(1, CERT_MAX_BYTES + 1);
    while (text && got > 0 && len < CERT_MAX_BYTES) {
        got = read(fd, text + len, CERT_MAX_BYTES - len);
        len += got > 0 ? (size_t)got : 0;
    }
    if (text && got >= 0 && len > 0 && !memchr(text, 0, len))
        goto done;
    snprintf(err, err_len, "%s",
             !text     ? "out of memory"
             : got < 0 ? strerror(errno)
                       : "is empty or has a NUL byte in it");
    if (text)
        crypto_wipe(text, len);
    free(text);
    text = NULL;
done:
    close(fd);
    return text;
}

/* --- what is in them ---------------------------------------------------------------------------
 */

struct chain {
    gnutls_x509_crt_t crt[CERT_MAX_CHAIN];
    unsigned n;
};

__attribute__((format(printf, 3, 4))) static bool refuse(char *err, size_t err_len, const char *fmt,
                                                         ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, err_len, fmt, ap);
    va_end(ap);
    return false;
}

static bool read_chain(const char *pem, struct chain *c, char *err, size_t err_len)
{
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    unsigned n = CERT_MAX_CHAIN;
    int r = gnutls_x509_crt_list_import(c->crt, &n, &data, GNUTLS_X509_FMT_PEM,
                                        GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED |
                                            GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED);
    if (r > 0) {
        c->n = (unsigned)r;
        return true;
    }
    if (r == GNUTLS_E_CERTIFICATE_LIST_UNSORTED)
        return refuse(
            err, err_len,
            "the certificates of the chain are not in order: each must be followed by its "
            "issuer's");
    if (r == GNUTLS_E_SHORT_MEMORY_BUFFER)
        return refuse(err, err_len, "the chain has more than %d certificates", CERT_MAX_CHAIN);
    return refuse(err, err_len, "no PEM certificate is in it (%s)", gnutls_strerror(r));
}

static bool key_fits(gnutls_x509_crt_t leaf, const char *pem, char *err, size_t err_len)
{
    gnutls_datum_t data = {(unsigned char *)(uintptr_t)pem, (unsigned)strlen(pem)};
    unsigned char of_leaf[64], of_key[64];
    size_t leaf_len = sizeof of_leaf, key_len = sizeof of_key;
    gnutls_x509_privkey_t key;
    bool fits = false;

    if (gnutls_x509_privkey_init(&key) != 0)
        return refuse(err, err_len, "out of memory");
    int r = gnutls_x509_privkey_import2(key, &data, GNUTLS_X509_FMT_PEM, NULL, 0);
    if (r != 0)
        refuse(err, err_len, "the key cannot be read (%s)", gnutls_strerror(r));
    else if (gnutls_x509_crt_get_key_id(leaf, GNUTLS_KEYID_USE_SHA256, of_leaf, &leaf_len) != 0 ||
             gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) != 0 ||
             leaf_len != key_len || !crypto_equal(of_leaf, of_key, leaf_len))
        refuse(err, err_len, "the key is not this certificate's");
    else
        fits = true;
    gnutls_x509_privkey_deinit(key);
    return fits;
}

static void describe(const struct chain *c, struct cert_facts *out)
{
    size_t len = sizeof out->issuer;
    memset(out, 0, sizeof *out);
    out->chain = c->n;
    out->self_signed = gnutls_x509_crt_check_issuer(c->crt[0], c->crt[0]) == 1;
    if (gnutls_x509_crt_get_issuer_dn(c->crt[0], out->issuer, &len) != 0)
        out->issuer[0] = 0;
    for (unsigned i = 0; i < c->n; i++) {
        int64_t from = gnutls_x509_crt_get_activation_time(c->crt[i]);
        int64_t until = gnutls_x509_crt_get_expiration_time(c->crt[i]);
        if (i == 0 || from > out->not_before_s)
            out->not_before_s = from;
        if (i == 0 || until < out->not_after_s)
            out->not_after_s = until;
    }
}

bool cert_check(const char *chain_pem, const char *key_pem, const char *name,
                struct cert_facts *out, char *err, size_t err_len)
{
    struct chain c = {.n = 0};
    bool good = false;

    if (!read_chain(chain_pem, &c, err, err_len))
        return false;
    if (!gnutls_x509_crt_check_hostname(c.crt[0], name))
        refuse(err, err_len, "the certificate is not for %s", name);
    else
        good = !key_pem || key_fits(c.crt[0], key_pem, err, err_len);
    if (good)
        describe(&c, out);
    for (unsigned i = 0; i < c.n; i++)
        gnutls_x509_crt_deinit(c.crt[i]);
    return good;
}

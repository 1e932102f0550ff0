/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A certificate that phones would not take is refused, and the admin is told what is wrong with it.
 * The certificates are made here, so that no key lies in the sources and none expires. */
#include "lib/cert.h"
#include "lib/crypto.h"

#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define NAME "wifi.prato.example"

struct made {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    char pem[8192], key_pem[8192];
};

static struct made root, leaf, other;
static char err[200];
static struct cert_facts facts;

static void make(struct made *m, const char *cn, const struct made *issuer, time_t until)
{
    unsigned char serial[] = {1, (unsigned char)strlen(cn)};
    size_t len = sizeof m->pem, key_len = sizeof m->key_pem;

    gnutls_x509_privkey_init(&m->key);
    gnutls_x509_privkey_generate(m->key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_init(&m->crt);
    gnutls_x509_crt_set_version(m->crt, 3);
    gnutls_x509_crt_set_serial(m->crt, serial, sizeof serial);
    gnutls_x509_crt_set_dn_by_oid(m->crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn, (unsigned)strlen(cn));
    gnutls_x509_crt_set_activation_time(m->crt, 1000000000);
    gnutls_x509_crt_set_expiration_time(m->crt, until);
    gnutls_x509_crt_set_basic_constraints(m->crt, issuer == NULL, -1);
    if (issuer)
        gnutls_x509_crt_set_subject_alt_name(m->crt, GNUTLS_SAN_DNSNAME, cn, (unsigned)strlen(cn),
                                             GNUTLS_FSAN_SET);
    gnutls_x509_crt_set_key(m->crt, m->key);
    assert_int_equal(gnutls_x509_crt_sign2(m->crt, issuer ? issuer->crt : m->crt,
                                           issuer ? issuer->key : m->key, GNUTLS_DIG_SHA256, 0),
                     0);
    gnutls_x509_crt_export(m->crt, GNUTLS_X509_FMT_PEM, m->pem, &len);
    gnutls_x509_privkey_export(m->key, GNUTLS_X509_FMT_PEM, m->key_pem, &key_len);
    assert_true(len < sizeof m->pem && key_len < sizeof m->key_pem);
    m->pem[len] = m->key_pem[key_len] = 0;
}

static int make_all(void **state)
{
    (void)state;
    make(&root, "Test root", NULL, 2000000000);
    make(&leaf, NAME, &root, 1900000000);
    make(&other, "other.example", &root, 1900000000);
    return 0;
}

static int free_all(void **state)
{
    struct made *all[] = {&root, &leaf, &other};
    (void)state;
    for (int i = 0; i < 3; i++) {
        gnutls_x509_crt_deinit(all[i]->crt);
        gnutls_x509_privkey_deinit(all[i]->key);
    }
    return 0;
}

static void refused(const char *chain, const char *key, const char *why)
{
    assert_false(cert_check(chain, key, NAME, &facts, err, sizeof err));
    if (!strstr(err, why))
        fail_msg("said: %s; expected: %s", err, why);
}

static void a_good_pair_is_taken_and_described(void **state)
{
    char chain[16400];
    (void)state;
    snprintf(chain, sizeof chain, "%s%s", leaf.pem, root.pem);
    assert_true(cert_check(chain, leaf.key_pem, NAME, &facts, err, sizeof err));
    assert_int_equal(facts.chain, 2);
    assert_false(facts.self_signed);
    assert_int_equal(facts.not_before_s, 1000000000);
    assert_int_equal(facts.not_after_s, 1900000000); /* the leaf's, which ends first */
    assert_string_equal(facts.issuer, "CN=Test root");
    assert_true(cert_check(leaf.pem, NULL, "WIFI.Prato.example", &facts, err, sizeof err));
}

static void what_phones_would_not_take_is_named(void **state)
{
    char chain[25000];
    (void)state;
    refused("", leaf.key_pem, "no PEM certificate");
    refused("certificate", leaf.key_pem, "no PEM certificate");
    refused(leaf.key_pem, leaf.key_pem, "no PEM certificate");
    refused(other.pem, other.key_pem, "the certificate is not for " NAME);
    refused(leaf.pem, other.key_pem, "the key is not this certificate's");
    refused(leaf.pem, "-----BEGIN PRIVATE KEY-----", "the key cannot be read");
    refused(leaf.pem, "", "the key cannot be read");
    snprintf(chain, sizeof chain, "%s%s%s", leaf.pem, other.pem, root.pem);
    refused(chain, leaf.key_pem, "not in order");
    snprintf(chain, sizeof chain, "%s%s", root.pem, leaf.pem);
    assert_false(cert_check(chain, leaf.key_pem, NAME, &facts, err, sizeof err));
}

static void a_key_that_others_may_read_is_no_secret(void **state)
{
    char path[] = "/tmp/loggia-test-key-XXXXXX", *text;
    int fd = mkstemp(path);
    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "abc", 3), 3);
    fchmod(fd, 0644);
    assert_null(cert_file_read(path, true, err, sizeof err));
    assert_string_equal(err, "others may read it (mode 0644), expected 0640 or tighter");
    text = cert_file_read(path, false, err, sizeof err);
    assert_string_equal(text, "abc");
    crypto_secret_free(text);
    fchmod(fd, 0640);
    text = cert_file_read(path, true, err, sizeof err);
    assert_string_equal(text, "abc");
    crypto_secret_free(text);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_null(cert_file_read(path, true, err, sizeof err));
    assert_string_equal(err, "is empty or has a NUL byte in it");
    assert_int_equal(ftruncate(fd, CERT_MAX_BYTES + 1), 0);
    assert_null(cert_file_read(path, true, err, sizeof err));
    assert_string_equal(err, "is longer than 65536 bytes");
    close(fd);
    unlink(path);
    assert_null(cert_file_read(path, true, err, sizeof err));
    assert_string_equal(err, "cannot open: No such file or directory");
    assert_null(cert_file_read("/tmp", false, err, sizeof err));
    assert_string_equal(err, "is not a regular file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_pair_is_taken_and_described),
        cmocka_unit_test(what_phones_would_not_take_is_named),
        cmocka_unit_test(a_key_that_others_may_read_is_no_secret),
    };
    return cmocka_run_group_tests(tests, make_all, free_all);
}

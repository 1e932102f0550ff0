/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lib's small parts: addresses, digests (against the RFCs' vectors), secrets, bounded text, the
 * log. */
#include "lib/buf.h"
#include "lib/crypto.h"
#include "lib/log.h"
#include "lib/mac.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- mac ------------------------------------------------------------------------------------- */
static void a_device_is_found_however_its_address_is_written(void **state)
{
    static const char *const same[] = {"aa:bb:cc:0d:ee:ff", "AA-BB-CC-0D-EE-FF", "aabb.cc0d.eeff",
                                       "AABBCC0DEEFF", "Aa:bB:cc:0D:ee:Ff"};
    char text[MAC_TEXT_LEN];

    (void)state;
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        struct mac mac = {{0}};
        assert_true(mac_parse(same[i], &mac));
        assert_string_equal(mac_text(&mac, text), "aa:bb:cc:0d:ee:ff");
        assert_string_equal(mac_text_radius(&mac, text), "AA-BB-CC-0D-EE-FF");
    }
}

static void half_an_address_is_no_address(void **state)
{
    static const char *const wrong[] = {
        "",
        "aa:bb:cc:dd:ee",
        "aa:bb:cc:dd:ee:f",
        "aa:bb:cc:dd:ee:ff:",
        "aa:bb:cc:dd:ee:ff ",
        " a:bb:cc:dd:ee:ff",
        "aa:bb-cc:dd:ee:ff",
        "aa.bb.cc.dd.ee.ff",
        "aabbccddeefg",
        "aabb.ccdd:eeff",
        "aabb.ccddeeff.",
        "aa:bb:cc:dd:ee:ff:00",
    };
    struct mac mac = {{1, 2, 3, 4, 5, 6}};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(mac_parse(wrong[i], &mac));
    assert_memory_equal(mac.b, "\1\2\3\4\5\6", 6);
}

static void groups_and_nobody_are_no_devices(void **state)
{
    struct mac broadcast = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, none = {{0}},
               multicast = {{0x33, 0x33, 0, 0, 0, 1}}, local = {{2, 0, 0, 0, 0, 1}};

    (void)state;
    assert_false(mac_is_device(&broadcast));
    assert_false(mac_is_device(&none));
    assert_false(mac_is_device(&multicast));
    assert_true(mac_is_device(&local));
    assert_false(mac_equal(&local, &none));
    assert_true(mac_equal(&local, &local));
}

/* --- crypto ---------------------------------------------------------------------------------- */
static void assert_hex(const uint8_t *digest, size_t len, const char *expected)
{
    char hex[2 * SHA256_LEN + 1];

    crypto_hex(digest, len, hex);
    assert_string_equal(hex, expected);
}

static void digests_are_those_of_the_rfcs(void **state)
{
    uint8_t key[131], data[50], out[SHA256_LEN];
    struct crypto_slice empty = {"", 0}, abc[] = {{"a", 1}, {"", 0}, {"bc", 2}};
    struct crypto_slice hi = {"Hi There", 8},
                        what[] = {{"what do ya want ", 16}, {"for nothing?", 12}};
    struct crypto_slice dd = {data, 50},
                        large = {"Test Using Larger Than Block-Size Key - Hash Key First", 54};

    (void)state;
    /* RFC 1321 A.5 */
    crypto_md5(&empty, 1, out);
    assert_hex(out, MD5_LEN, "d41d8cd98f00b204e9800998ecf8427e");
    crypto_md5(abc, 3, out);
    assert_hex(out, MD5_LEN, "900150983cd24fb0d6963f7d28e17f72");
    /* RFC 2202 section 2, tests 1 to 3 */
    memset(key, 0x0b, 16);
    crypto_hmac_md5(key, 16, &hi, 1, out);
    assert_hex(out, MD5_LEN, "9294727a3638bb1c13f48ef8158bfc9d");
    crypto_hmac_md5("Jefe", 4, what, 2, out);
    assert_hex(out, MD5_LEN, "750c783e6ab0b503eaa86e310a5db738");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    crypto_hmac_md5(key, 16, &dd, 1, out);
    assert_hex(out, MD5_LEN, "56be34521d144c88dbb8c733f0e8b3f6");
    /* RFC 4231 sections 4.2, 4.3, 4.4, 4.7 */
    memset(key, 0x0b, 20);
    crypto_hmac_sha256(key, 20, &hi, 1, out);
    assert_hex(out, SHA256_LEN, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    crypto_hmac_sha256("Jefe", 4, what, 2, out);
    assert_hex(out, SHA256_LEN, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    crypto_hmac_sha256(key, 20, &dd, 1, out);
    assert_hex(out, SHA256_LEN, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    crypto_hmac_sha256(key, 131, &large, 1, out);
    assert_hex(out, SHA256_LEN, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void tokens_survive_base64url(void **state)
{
    static const struct {
        const char *plain, *coded;
    } rfc4648[] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff", "-_8"}};
    uint8_t back[16];
    char text[32];

    (void)state;
    for (size_t i = 0; i < sizeof rfc4648 / sizeof *rfc4648; i++) {
        size_t len = strlen(rfc4648[i].plain), coded = strlen(rfc4648[i].coded);
        assert_int_equal(crypto_base64url(rfc4648[i].plain, len, text), coded);
        assert_string_equal(text, rfc4648[i].coded);
        assert_int_equal(crypto_base64url_decode(text, coded, back, sizeof back), len);
        assert_memory_equal(back, rfc4648[i].plain, len);
    }
    assert_int_equal(crypto_base64url_decode("Zm9v", 4, back, 2), -1);
    assert_int_equal(crypto_base64url_decode("Zm9vY", 5, back, 16), -1);
    assert_int_equal(crypto_base64url_decode("Zm+v", 4, back, 16), -1);
    assert_int_equal(crypto_base64url_decode("Zg==", 4, back, 16), -1);
    assert_int_equal(crypto_base64url_decode("Zh", 2, back, 16), -1); /* bits left over */
}

static void a_device_has_the_same_pseudonym_everywhere(void **state)
{
    struct mac mac = {{0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}};
    struct crypto_slice whole = {"loggia-device:aa-bb-cc-dd-ee-ff", 31};
    char hash[DEVICE_HASH_LEN], expected[2 * SHA256_LEN + 1];
    uint8_t digest[SHA256_LEN];

    (void)state;
    crypto_hmac_sha256("key", 3, &whole, 1, digest);
    crypto_hex(digest, 16, expected);
    crypto_device_hash("key", 3, &mac, hash);
    assert_string_equal(hash, expected);
    /* printf loggia-device:aa-bb-cc-dd-ee-ff | openssl dgst -sha256 -hmac key */
    assert_string_equal(hash, "820539e649bee13ed35c54ac67a92cf5");
}

static void what_is_sealed_opens_with_the_key_in_its_place_and_nowhere_else(void **state)
{
    uint8_t key[SHA256_LEN] = {1}, sealed[2][7 + CRYPTO_SEAL_EXTRA], out[7];
    const struct crypto_slice here = {"here", 4}, there = {"there", 5};

    (void)state;
    crypto_seal(key, &here, "a name", 7, sealed[0]);
    crypto_seal(key, &here, "a name", 7, sealed[1]);
    assert_memory_not_equal(sealed[0], sealed[1], sizeof sealed[0]); /* equal names do not show */
    assert_true(crypto_unseal(key, &here, sealed[0], sizeof sealed[0], out));
    assert_string_equal((const char *)out, "a name");
    assert_false(crypto_unseal(key, &there, sealed[0], sizeof sealed[0], out));
    assert_int_equal(out[0], 0);
    for (size_t i = 0; i < sizeof sealed[0]; i++) {
        sealed[0][i] ^= 1;
        assert_false(crypto_unseal(key, &here, sealed[0], sizeof sealed[0], out));
        sealed[0][i] ^= 1;
    }
    assert_false(crypto_unseal(key, &here, sealed[0], sizeof sealed[0] - 1, out));
    assert_false(crypto_unseal(key, &here, sealed[0], CRYPTO_SEAL_EXTRA - 1, out));
    key[31] = 1;
    assert_false(crypto_unseal(key, &here, sealed[0], sizeof sealed[0], out));
}

static void secrets_are_compared_and_made(void **state)
{
    uint8_t a[32], b[32];

    (void)state;
    crypto_random(a, sizeof a);
    crypto_random(b, sizeof b);
    assert_false(crypto_equal(a, b, sizeof a));
    memcpy(b, a, sizeof b);
    assert_true(crypto_equal(a, b, sizeof a));
    b[31] ^= 1;
    assert_false(crypto_equal(a, b, sizeof a));
    crypto_wipe(a, sizeof a);
    memset(b, 0, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

static char secret_path[64];

static void write_secret(const char *text, size_t len, mode_t mode)
{
    int fd = open(secret_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void assert_refused(const char *reason)
{
    char err[128] = "";

    assert_null(crypto_secret_read(secret_path, err, sizeof err));
    assert_string_equal(err, reason);
}

static void a_secret_file_that_is_wrong_is_refused_in_words(void **state)
{
    static char large[4200];
    char err[128], *secret;

    (void)state;
    snprintf(secret_path, sizeof secret_path, "/tmp/loggia-test-secret.%d", (int)getpid());
    assert_refused("cannot open: No such file or directory");
    write_secret("s\n", 2, 0644);
    assert_refused("others may read it (mode 0644), expected 0640 or tighter");
    write_secret("s\n", 2, 0660);
    assert_refused("its group may change it (mode 0660), expected 0640 or tighter");
    write_secret(" \r\n\n", 4, 0600);
    assert_refused("is empty");
    write_secret("a\nb\n", 4, 0600);
    assert_refused("has more than one line");
    write_secret("a\0b\n", 4, 0600);
    assert_refused("has a NUL byte in it");
    memset(large, 'x', sizeof large);
    write_secret(large, sizeof large, 0600);
    assert_refused("is longer than 4096 bytes");
    write_secret("two words \t\r\n\n", 14, 0640);
    secret = crypto_secret_read(secret_path, err, sizeof err);
    assert_string_equal(secret, "two words");
    crypto_secret_free(secret);
    crypto_secret_free(NULL);
    unlink(secret_path);
    assert_int_equal(mkfifo(secret_path, 0600), 0);
    assert_refused("is not a regular file"); /* and does not wait for a writer */
    unlink(secret_path);
}

/* --- buf ------------------------------------------------------------------------------------- */
static void assert_html(const char *text, const char *expected)
{
    struct buf b;

    buf_init(&b, 1000);
    buf_html(&b, text);
    assert_false(b.failed);
    assert_string_equal(b.data, expected);
    buf_free(&b);
}

static void a_name_cannot_break_out_of_the_page(void **state)
{
    (void)state;
    assert_html("", "");
    assert_html("<script>\"'&", "&lt;script&gt;&quot;&#39;&amp;");
    assert_html("Piazza del Duomo \xe2\x82\xac", "Piazza del Duomo \xe2\x82\xac");
    assert_html("tab\tline\nbell\a\r\x1b[31m\x7f\xc2\x85", "tab\tline\nbell[31m");
    /* U+202A … U+202E and U+2066 … U+2069 go, their neighbours stay. */
    assert_html("a\xe2\x80\xaa\xe2\x80\xae"
                "b\xe2\x81\xa6\xe2\x81\xa9"
                "c\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa",
                "abc\xe2\x80\xa9\xe2\x80\xaf\xe2\x81\xa5\xe2\x81\xaa");
    /* What is no UTF-8 becomes U+FFFD and swallows nothing. */
    assert_html("caf\xe9<b", "caf\xef\xbf\xbd&lt;b");
    assert_html("\xc0\xbc", "\xef\xbf\xbd\xef\xbf\xbd");                 /* overlong < */
    assert_html("\xe2\x80", "\xef\xbf\xbd\xef\xbf\xbd");                 /* cut */
    assert_html("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"); /* surrogate */
    assert_html("\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
    assert_html("\xf0\x9f\x8c\x8d", "\xf0\x9f\x8c\x8d");
}

static void a_redirect_keeps_its_address(void **state)
{
    struct buf b;
    char *text;
    size_t len;

    (void)state;
    buf_init(&b, 1000);
    buf_str(&b, "http://p/?u=");
    buf_urlencode(&b, "http://a.b/~x?y=1&z=\xc3\xa8 \r\n");
    assert_string_equal(b.data, "http://p/?u=http%3A%2F%2Fa.b%2F~x%3Fy%3D1%26z%3D%C3%A8%20%0D%0A");
    text = buf_take(&b, &len);
    assert_int_equal(strlen(text), len);
    assert_null(b.data);
    assert_int_equal(b.len, 0);
    free(text);
    text = buf_take(&b, NULL);
    assert_string_equal(text, "");
    free(text);
}

static void a_page_never_grows_past_its_bound(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    for (int i = 0; i < 100; i++)
        buf_fmt(&b, "%010d", i);
    assert_false(b.failed);
    assert_int_equal(b.len, 1000);
    buf_add(&b, "", 0);
    assert_false(b.failed);
    buf_fmt(&b, "%c", 'x');
    assert_true(b.failed);
    assert_int_equal(b.len, 1000);
    buf_str(&b, "x");
    buf_html(&b, "x");
    assert_int_equal(b.len, 1000);
    assert_null(buf_take(&b, NULL));
    assert_null(b.data);
    buf_init(&b, (size_t)-1);
    buf_str(&b, "x");
    assert_false(b.failed);
    buf_free(&b);
}

/* --- log ------------------------------------------------------------------------------------- */
static int real_stderr, pipe_fd[2];

static void hold_stderr(void)
{
    assert_int_equal(pipe2(pipe_fd, O_NONBLOCK), 0);
    real_stderr = dup(STDERR_FILENO);
    dup2(pipe_fd[1], STDERR_FILENO);
}

static const char *release_stderr(void)
{
    static char text[8192];
    ssize_t len;

    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(pipe_fd[1]);
    len = read(pipe_fd[0], text, sizeof text - 1);
    close(pipe_fd[0]);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

static void nobody_can_forge_a_line_of_the_log(void **state)
{
    char path[2000];
    const char *text;

    (void)state;
    log_open("test", LOG_INFO);
    hold_stderr();
    log_msg(LOG_INFO, "event=join name=%s", "x\ntest: level=err event=forged\x1b[2J");
    log_msg(LOG_DEBUG, "event=not-shown");
    text = release_stderr();
    assert_string_equal(
        text, "test: level=info event=join name=x\\x0atest: level=err event=forged\\x1b[2J\n");
    memset(path, '\n', sizeof path - 1);
    path[sizeof path - 1] = '\0';
    hold_stderr();
    log_msg(LOG_ERR, "event=long path=%s", path);
    text = release_stderr();
    assert_true(strlen(text) <= 1024);
    assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_parse("err"), LOG_ERR);
    assert_int_equal(log_level_parse("debug"), LOG_DEBUG);
    assert_int_equal(log_level_parse("loud"), -1);
    log_set_level(LOG_DEBUG);
    assert_int_equal(log_level(), LOG_DEBUG);
    log_set_level(LOG_INFO);
}

static void a_stranger_cannot_flood_the_log(void **state)
{
    struct log_limit limit = {.interval_ms = 1000000, .burst = 3};
    const char *text, *p;
    int n = 0;

    (void)state;
    hold_stderr();
    for (int i = 0; i < 1000; i++)
        log_limited(&limit, LOG_INFO, "event=garbage n=%d", i);
    limit.began_ms -= limit.interval_ms; /* as if that time had passed */
    log_limited(&limit, LOG_INFO, "event=garbage n=%d", 1000);
    text = release_stderr();
    for (p = text; (p = strchr(p, '\n')); p++)
        n++;
    assert_int_equal(n, 5);
    assert_non_null(strstr(text, "event=log-limit left_out=997 interval_ms=1000000\n"));
    assert_non_null(strstr(text, "n=1000\n"));
}

static void the_journal_gets_levels_and_a_file_does_not(void **state)
{
    char stream[64];
    struct stat st;
    const char *text;

    (void)state;
    hold_stderr();
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_open("test", LOG_INFO);
    log_msg(LOG_WARNING, "event=a");
    setenv("JOURNAL_STREAM", "1:1", 1);
    log_open("test", LOG_INFO);
    log_msg(LOG_WARNING, "event=b");
    unsetenv("JOURNAL_STREAM");
    text = release_stderr();
    assert_string_equal(text, "<4>test: level=warning event=a\ntest: level=warning event=b\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_is_found_however_its_address_is_written),
        cmocka_unit_test(half_an_address_is_no_address),
        cmocka_unit_test(groups_and_nobody_are_no_devices),
        cmocka_unit_test(digests_are_those_of_the_rfcs),
        cmocka_unit_test(tokens_survive_base64url),
        cmocka_unit_test(a_device_has_the_same_pseudonym_everywhere),
        cmocka_unit_test(what_is_sealed_opens_with_the_key_in_its_place_and_nowhere_else),
        cmocka_unit_test(secrets_are_compared_and_made),
        cmocka_unit_test(a_secret_file_that_is_wrong_is_refused_in_words),
        cmocka_unit_test(a_name_cannot_break_out_of_the_page),
        cmocka_unit_test(a_redirect_keeps_its_address),
        cmocka_unit_test(a_page_never_grows_past_its_bound),
        cmocka_unit_test(nobody_can_forge_a_line_of_the_log),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(a_stranger_cannot_flood_the_log),
        cmocka_unit_test(the_journal_gets_levels_and_a_file_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

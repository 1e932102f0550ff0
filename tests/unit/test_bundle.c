/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a noticeboard publishes: bundles, the signed pointer to them, keys, and counts on the way
 * back. */
#include "lib/buf.h"
#include "lib/bundle.h"
#include "lib/counts.h"
#include "lib/crypto.h"
#include "lib/current.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* --- bundles ---------------------------------------------------------------------------------- */
static struct bundle_part parts[] = {
    {BUNDLE_PUBLISHER, "comune", "name: Comune\n", 13},
    {BUNDLE_NOTICE, "a", "one\n", 4},
    {BUNDLE_NOTICE, "b", "two\nlines", 9},
    {BUNDLE_SERVICE, "a", "three\n", 6},
    {BUNDLE_LOGO, "3f0c.png", "\211PNG\0\n", 6},
};

static struct bundle whole(void)
{
    return (struct bundle){.serial = 42,
                           .created_s = 1764111600,
                           .expires_s = 1764716400,
                           .board = "Città di Prato",
                           .parts = parts,
                           .n = sizeof parts / sizeof *parts};
}

static char *written(const struct bundle *bundle, size_t *len)
{
    char err[200] = "";
    struct buf b;
    buf_init(&b, BUNDLE_MAX_BYTES);
    if (!bundle_write(&b, bundle, err, sizeof err))
        fail_msg("%s", err);
    return buf_take(&b, len);
}

static void a_bundle_is_read_as_it_was_written(void **state)
{
    (void)state;
    char err[200] = "";
    size_t len;
    struct bundle w = whole();
    char *text = written(&w, &len);
    struct bundle *r = bundle_read(text, len, err, sizeof err);
    assert_non_null(r);
    assert_int_equal(r->serial, 42);
    assert_int_equal(r->created_s, w.created_s);
    assert_int_equal(r->expires_s, w.expires_s);
    assert_string_equal(r->board, w.board);
    assert_int_equal(r->n, w.n);
    for (size_t i = 0; i < r->n; i++) {
        assert_int_equal(r->parts[i].kind, parts[i].kind);
        assert_string_equal(r->parts[i].id, parts[i].id);
        assert_int_equal(r->parts[i].len, parts[i].len);
        assert_memory_equal(r->parts[i].data, parts[i].data, parts[i].len);
    }
    bundle_free(r);
    free(text);
}

static void a_bundle_cut_short_anywhere_but_between_parts_is_refused(void **state)
{
    (void)state;
    char err[200];
    size_t len, good = 0;
    struct bundle w = whole();
    char *text = written(&w, &len);
    for (size_t cut = 0; cut < len; cut++) {
        char *exact = malloc(cut ? cut : 1);
        memcpy(exact, text, cut);
        struct bundle *r = bundle_read(exact, cut, err, sizeof err);
        good += r != NULL; /* that it is whole is for its length and digest to say */
        bundle_free(r);
        free(exact);
    }
    assert_int_equal(good, w.n);
    free(text);
}

static void wrong_bundle(const char *from, const char *to, const char *expected)
{
    char err[200] = "";
    size_t len;
    struct bundle w = whole();
    char *text = written(&w, &len), *at = strstr(text, from);
    struct buf b;
    assert_non_null(at);
    buf_init(&b, BUNDLE_MAX_BYTES);
    buf_add(&b, text, (size_t)(at - text));
    buf_str(&b, to);
    at += strlen(from);
    buf_add(&b, at, (size_t)(text + len - at));
    assert_null(bundle_read(b.data, b.len, err, sizeof err));
    assert_string_equal(err, expected);
    buf_free(&b);
    free(text);
}

static void a_broken_bundle_says_where(void **state)
{
    (void)state;
    wrong_bundle("bundle 1", "bundle 2",
                 "line 1: found \"loggia-bundle 2\", expected \"loggia-bundle 1\"");
    wrong_bundle("serial: 42", "serial: 042",
                 "line 2: found \"serial: 042\", expected \"serial: NUMBER\"");
    wrong_bundle("notice b 9", "notice b 10",
                 "line 13: found \"notice b 10\", expected so many bytes and a newline behind "
                 "them");
    wrong_bundle("notice b 9", "notice b 99999",
                 "line 13: found \"notice b 99999\", expected \"publisher ID LENGTH\", then "
                 "notice, service, logo, in this order");
    wrong_bundle("notice b", "notice ../b",
                 "line 13: found \"notice ../b 9\", expected \"publisher ID LENGTH\", then "
                 "notice, service, logo, in this order");
    wrong_bundle("notice b", "notice a", "found notice a twice, expected each id once");
    wrong_bundle("notice b", "publisher b",
                 "line 13: found \"publisher b 9\", expected publishers, then notices, "
                 "services, logos");
}

static void too_many_notices_are_refused_on_both_sides(void **state)
{
    (void)state;
    char err[200] = "";
    struct buf b;
    struct bundle w = whole();
    w.n = BUNDLE_MAX_NOTICES + 1;
    w.parts = calloc(w.n, sizeof *w.parts);
    for (size_t i = 0; i < w.n; i++) {
        w.parts[i] = (struct bundle_part){.kind = BUNDLE_NOTICE, .data = "x", .len = 1};
        snprintf(w.parts[i].id, sizeof w.parts[i].id, "n%zu", i);
    }
    buf_init(&b, BUNDLE_MAX_BYTES);
    assert_false(bundle_write(&b, &w, err, sizeof err));
    assert_string_equal(err, "found more than 4096 of kind notice");
    w.n--;
    assert_true(bundle_write(&b, &w, err, sizeof err));
    buf_str(&b, "notice one-more 1\nx\n");
    assert_null(bundle_read(b.data, b.len, err, sizeof err));
    assert_non_null(strstr(err, "expected fewer parts of this kind"));
    buf_free(&b);
    free(w.parts);
}

/* --- current ---------------------------------------------------------------------------------- */
static struct sign_key first, second, stranger;

static int make_keys(void **state)
{
    (void)state;
    sign_key_new(&first);
    sign_key_new(&second);
    sign_key_new(&stranger);
    return 0;
}

static const struct current now = {.serial = 7,
                                   .sha256 = {1, 2, 3},
                                   .length = 1000,
                                   .created_s = 1764111600,
                                   .expires_s = 1764716400};

static char *pointer(const struct sign_key *keys, size_t n)
{
    struct buf b;
    buf_init(&b, CURRENT_MAX_BYTES);
    assert_true(current_write(&b, &now, keys, n));
    return buf_take(&b, NULL);
}

static enum current_fault judged(const char *text, const struct sign_key *keys, size_t n)
{
    char err[256] = "", id[SIGN_ID_LEN] = "";
    struct current c;
    enum current_fault fate = current_read(text, strlen(text), keys, n, &c, id, err, sizeof err);
    assert_int_equal(c.serial, fate == CURRENT_GOOD ? now.serial : 0);
    if (fate == CURRENT_GOOD)
        assert_memory_equal(&c, &now, sizeof c);
    else
        assert_true(*err);
    return fate;
}

static void while_keys_overlap_either_of_them_is_enough(void **state)
{
    (void)state;
    const struct sign_key both[] = {first, second};
    char *text = pointer(both, 2);
    assert_int_equal(judged(text, &first, 1), CURRENT_GOOD);
    assert_int_equal(judged(text, &second, 1), CURRENT_GOOD);
    assert_int_equal(judged(text, both, 2), CURRENT_GOOD);
    assert_int_equal(judged(text, &stranger, 1), CURRENT_UNKNOWN_KEY);
    assert_int_equal(judged(text, NULL, 0), CURRENT_UNKNOWN_KEY);
    free(text);
}

static void no_byte_of_it_can_be_changed(void **state)
{
    (void)state;
    char *text = pointer(&first, 1);
    for (size_t i = 0; text[i]; i++) {
        text[i] ^= 1;
        assert_int_not_equal(judged(text, &first, 1), CURRENT_GOOD);
        text[i] ^= 1;
    }
    for (size_t cut = 0; cut < strlen(text); cut++) {
        char *exact = strndup(text, cut);
        assert_int_not_equal(judged(exact, &first, 1), CURRENT_GOOD);
        free(exact);
    }
    assert_int_equal(judged(text, &first, 1), CURRENT_GOOD);
    free(text);
}

static void a_wrong_signature_is_not_saved_by_a_right_one(void **state)
{
    (void)state;
    const struct sign_key both[] = {first, second};
    char *text = pointer(both, 2), *at = strstr(text, second.id);
    at[SIGN_ID_LEN + 3] = at[SIGN_ID_LEN + 3] == 'A' ? 'B' : 'A';
    assert_int_equal(judged(text, &first, 1), CURRENT_GOOD); /* it does not know the other */
    assert_int_equal(judged(text, both, 2), CURRENT_BAD_SIGNATURE);
    free(text);
}

static void what_stands_behind_the_signatures_is_refused(void **state)
{
    (void)state;
    char *text = pointer(&first, 1), more[CURRENT_MAX_BYTES];
    snprintf(more, sizeof more, "%sserial: 9\n", text);
    assert_int_equal(judged(more, &first, 1), CURRENT_MALFORMED);
    snprintf(more, sizeof more, "%s%.20s", text, text);
    assert_int_equal(judged(more, &first, 1), CURRENT_MALFORMED);
    free(text);
}

/* --- keys ------------------------------------------------------------------------------------- */
static void a_key_comes_back_from_its_files(void **state)
{
    (void)state;
    char dir[] = "/tmp/loggia-keys-XXXXXX", name[64], path[80], err[300] = "";
    struct sign_key back;
    struct stat st;
    assert_non_null(mkdtemp(dir));
    snprintf(name, sizeof name, "%s/board", dir);
    assert_true(sign_key_write(&first, name, err, sizeof err));
    assert_false(sign_key_write(&second, name, err, sizeof err)); /* never over another */

    snprintf(path, sizeof path, "%s.key", name);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_true(sign_key_read(path, &back, err, sizeof err));
    assert_true(back.has_seed);
    assert_string_equal(back.id, first.id);
    assert_memory_equal(back.seed, first.seed, sizeof back.seed);
    chmod(path, 0644);
    assert_false(sign_key_read(path, &back, err, sizeof err));
    assert_non_null(strstr(err, "others may read it"));
    unlink(path);

    snprintf(path, sizeof path, "%s.pub", name);
    assert_true(sign_key_read(path, &back, err, sizeof err));
    assert_false(back.has_seed);
    assert_string_equal(back.id, first.id);
    unlink(path);
    rmdir(dir);
}

static void a_key_under_another_name_is_refused(void **state)
{
    (void)state;
    char line[SIGN_LINE_MAX], err[200] = "";
    struct sign_key k;
    sign_public_line(&first, line);
    assert_true(sign_key_parse(line, &k, err, sizeof err));
    char *digit = strchr(line, ' ') + 1;
    *digit = *digit == '0' ? '1' : '0';
    assert_false(sign_key_parse(line, &k, err, sizeof err));
    assert_non_null(strstr(err, "which is this key's"));
    assert_false(sign_key_parse("ssh-ed25519 AAAA", &k, err, sizeof err));
    assert_false(sign_key_parse("loggia-ed25519 ", &k, err, sizeof err));
    assert_false(
        sign_key_parse("loggia-ed25519-private 0123456789abcdef HUSH", &k, err, sizeof err));
    assert_null(strstr(err, "HUSH")); /* it might have been a seed */
}

/* RFC 8032 section 7.1, test 2. */
static void signatures_are_ed25519(void **state)
{
    (void)state;
    static const uint8_t seed[32] = {0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda,
                                     0x9d, 0xb6, 0xc3, 0x46, 0xec, 0x11, 0x4e, 0x0f,
                                     0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24,
                                     0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb};
    struct sign_key k = {.has_seed = true};
    uint8_t signature[SIGN_SIGNATURE_LEN];
    char hex[2 * SIGN_SIGNATURE_LEN + 1];
    memcpy(k.seed, seed, sizeof seed);
    sign_public(k.seed, k.public);
    crypto_hex(k.public, sizeof k.public, hex);
    assert_string_equal(hex, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    sign_make(&k, "\x72", 1, signature);
    crypto_hex(signature, sizeof signature, hex);
    assert_string_equal(hex, "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                             "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
    assert_true(sign_verify(k.public, "\x72", 1, signature));
    assert_false(sign_verify(k.public, "\x73", 1, signature));
}

/* --- counts ----------------------------------------------------------------------------------- */
static void add(void *arg, const struct count_row *row)
{
    uint64_t *sum = arg;
    *sum += row->displays * 1000ULL + row->taps;
}

static void counts_are_added_up_as_they_were_sent(void **state)
{
    (void)state;
    struct count_row row = {1764111600, BUNDLE_NOTICE, "orari", "piazza-duomo", "it", 412, 17};
    char router[COUNTS_ROUTER_LEN], batch[COUNTS_BATCH_LEN], err[200] = "";
    uint64_t sum = 0;
    struct buf b;
    buf_init(&b, COUNTS_MAX_BYTES);
    counts_write_head(&b, "duomo-1", "0123456789abcdef");
    counts_write_row(&b, &row);
    row.kind = BUNDLE_SERVICE;
    counts_write_row(&b, &row);
    assert_true(counts_read(b.data, b.len, router, batch, add, &sum, err, sizeof err));
    assert_string_equal(router, "duomo-1");
    assert_string_equal(batch, "0123456789abcdef");
    assert_int_equal(sum, 824034);
    buf_str(&b, "count: 2026-11-25T22:30:00Z notice a b it 1 1\n"); /* finer than an hour */
    assert_false(counts_read(b.data, b.len, router, batch, add, &sum, err, sizeof err));
    assert_string_equal(err, "line 6: found something else, expected \"count: HOUR KIND ID ZONE "
                             "LANG DISPLAYS TAPS\"");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bundle_is_read_as_it_was_written),
        cmocka_unit_test(a_bundle_cut_short_anywhere_but_between_parts_is_refused),
        cmocka_unit_test(a_broken_bundle_says_where),
        cmocka_unit_test(too_many_notices_are_refused_on_both_sides),
        cmocka_unit_test(while_keys_overlap_either_of_them_is_enough),
        cmocka_unit_test(no_byte_of_it_can_be_changed),
        cmocka_unit_test(a_wrong_signature_is_not_saved_by_a_right_one),
        cmocka_unit_test(what_stands_behind_the_signatures_is_refused),
        cmocka_unit_test(a_key_comes_back_from_its_files),
        cmocka_unit_test(a_key_under_another_name_is_refused),
        cmocka_unit_test(signatures_are_ed25519),
        cmocka_unit_test(counts_are_added_up_as_they_were_sent),
    };
    return cmocka_run_group_tests(tests, make_keys, NULL);
}

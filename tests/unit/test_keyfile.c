/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key of the forms: outlives a restart, is nobody else's to read, and its loss stops nothing.
 */
#include "lib/keyfile.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/loggia-keyfile-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    (void)state;
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/token.key", dir);
    return 0;
}

static int remove_dir(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(dir);
}

static void forms_that_were_open_work_after_a_restart(void **state)
{
    uint8_t first[KEYFILE_LEN], second[KEYFILE_LEN];
    char err[256] = "";
    struct stat st;
    (void)state;
    assert_true(keyfile_load(dir, first, err, sizeof err));
    assert_true(keyfile_load(dir, second, err, sizeof err));
    assert_memory_equal(first, second, sizeof first);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(st.st_size, KEYFILE_LEN);
}

static void a_key_that_others_could_read_is_replaced(void **state)
{
    uint8_t first[KEYFILE_LEN], second[KEYFILE_LEN];
    char err[256] = "";
    struct stat st;
    (void)state;
    assert_true(keyfile_load(dir, first, err, sizeof err));
    assert_int_equal(chmod(path, 0644), 0);
    assert_true(keyfile_load(dir, second, err, sizeof err));
    assert_memory_not_equal(first, second, sizeof first);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void a_damaged_key_is_replaced(void **state)
{
    uint8_t first[KEYFILE_LEN], second[KEYFILE_LEN];
    char err[256] = "";
    (void)state;
    assert_true(keyfile_load(dir, first, err, sizeof err));
    assert_int_equal(truncate(path, 16), 0);
    assert_true(keyfile_load(dir, second, err, sizeof err));
    assert_memory_not_equal(first, second, sizeof first);
}

static void without_a_place_to_keep_it_the_portal_works_all_the_same(void **state)
{
    static const uint8_t zero[KEYFILE_LEN];
    uint8_t key[KEYFILE_LEN] = {0};
    char err[256] = "";
    (void)state;
    assert_false(keyfile_load("/nonexistent", key, err, sizeof err));
    assert_string_equal(err, "/nonexistent/token.key cannot be written: No such file or directory");
    assert_memory_not_equal(key, zero, sizeof zero);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forms_that_were_open_work_after_a_restart),
        cmocka_unit_test(a_key_that_others_could_read_is_replaced),
        cmocka_unit_test(a_damaged_key_is_replaced),
        cmocka_unit_test(without_a_place_to_keep_it_the_portal_works_all_the_same),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}

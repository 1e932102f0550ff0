/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of notices: one broken file must not cost the square the others. */
#include "lib/log.h"
#include "lib/notice.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/loggia-notices-XXXXXX";
static char log_path[64];

static void put(const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    char command[128];
    static const char *const names[] = {"a.md",       "b.md",        "c.md",
                                        ".hidden.md", "notes.txt",   "pipe.md",
                                        "link.md",    "bad name.md", "dir.md"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(command, sizeof command, "%s/%s", dir, names[i]);
        remove(command);
    }
    unlink(log_path);
    return rmdir(dir);
}

/* What was logged while notice_dir_read(from) ran. */
static struct notice_set *read_logged(const char *from, char *text, size_t room)
{
    snprintf(log_path, sizeof log_path, "%s.log", dir);
    int saved = dup(STDERR_FILENO);
    assert_non_null(freopen(log_path, "w", stderr));
    struct notice_set *set = notice_dir_read(from);
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    FILE *f = fopen(log_path, "r");
    assert_non_null(f);
    text[fread(text, 1, room - 1, f)] = '\0';
    fclose(f);
    return set;
}

static void the_sample_notices_are_all_sound(void **state)
{
    (void)state;
    char logged[4096];
    struct notice_set *set = read_logged(TEST_SRCDIR "/conf/notices", logged, sizeof logged);
    assert_non_null(set);
    assert_string_equal(logged, "");
    assert_int_equal(set->skipped, 0);
    assert_true(set->n >= 12);
    for (size_t i = 1; i < set->n; i++)
        assert_true(strcmp(set->items[i - 1]->id, set->items[i]->id) < 0);
    notice_set_free(set);
}

static void a_broken_file_is_named_and_the_others_are_shown(void **state)
{
    (void)state;
    char logged[4096], path[64];
    static const char good[] = "publisher: A\nzones: *\nuntil: 2028-01-01\n--- it\n# T\n";
    put("b.md", good);
    put("a.md", good);
    put("c.md", "publisher: A\nzones: *\nuntil: soon\n");
    put(".hidden.md", good);
    put("notes.txt", good);
    put("bad name.md", good);
    snprintf(path, sizeof path, "%s/pipe.md", dir);
    assert_int_equal(mkfifo(path, 0600), 0); /* opening it as a file would wait for ever */
    snprintf(path, sizeof path, "%s/link.md", dir);
    assert_int_equal(symlink("/etc/passwd", path), 0);
    snprintf(path, sizeof path, "%s/dir.md", dir);
    assert_int_equal(mkdir(path, 0700), 0);

    struct notice_set *set = read_logged(dir, logged, sizeof logged);
    assert_non_null(set);
    assert_int_equal(set->n, 2);
    assert_string_equal(set->items[0]->id, "a");
    assert_string_equal(set->items[1]->id, "b");
    assert_int_equal(set->skipped, 5);
    assert_non_null(
        strstr(logged, "file=\"c.md\" reason=\"line 3: found \"soon\", expected a date"));
    assert_non_null(strstr(logged, "file=\"pipe.md\" reason=\"not a regular file\""));
    assert_non_null(strstr(logged, "file=\"link.md\" reason=\"not a regular file\""));
    assert_non_null(strstr(logged, "file=\"dir.md\" reason=\"not a regular file\""));
    assert_null(strstr(logged, "hidden"));
    assert_null(strstr(logged, "root:")); /* what a link leads to is not read */
    notice_set_free(set);
}

static void a_missing_directory_is_told_from_an_empty_one(void **state)
{
    (void)state;
    char logged[1024], empty[] = "/tmp/loggia-empty-XXXXXX";
    assert_null(read_logged("/nonexistent/notices", logged, sizeof logged));
    assert_non_null(strstr(logged, "directory=\"/nonexistent/notices\""));
    assert_non_null(mkdtemp(empty));
    struct notice_set *set = read_logged(empty, logged, sizeof logged);
    assert_non_null(set);
    assert_int_equal(set->n, 0);
    notice_set_free(set);
    rmdir(empty);
}

static void a_router_without_tzdata_knows_the_city_s_summer_time(void **state)
{
    (void)state;
    char err[320];
    static const char summer[] = "publisher: A\nzones: *\nuntil: 2026-07-01 12:00\n--- it\n# T\n";
    unsetenv("TZ");
    notice_timezone(NULL);
    struct notice *n = notice_parse("a", summer, sizeof summer - 1, err, sizeof err);
    assert_non_null(n);
    assert_int_equal(n->until, 1782900000); /* 10:00 UTC */
    notice_free(n);
    setenv("TZ", "UTC0", 1); /* the admin's own wins */
    notice_timezone(NULL);
    n = notice_parse("a", summer, sizeof summer - 1, err, sizeof err);
    assert_int_equal(n->until, 1782907200);
    notice_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sample_notices_are_all_sound),
        cmocka_unit_test(a_broken_file_is_named_and_the_others_are_shown),
        cmocka_unit_test(a_missing_directory_is_told_from_an_empty_one),
        cmocka_unit_test(a_router_without_tzdata_knows_the_city_s_summer_time),
    };
    log_open("test", LOG_INFO);
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}

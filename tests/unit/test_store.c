/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the board remembers: versions, what is published, whose it is; and that a process which is
 * killed in the middle of publishing leaves the old or the new state. */
#include "noticeboard/store.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW = 1770000000, DAY = 86400 };
static char dir[64], path[80];

static int setup(void **state)
{
    char err[200];

    strcpy(dir, "/tmp/loggia-store-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/board.db", dir);
    *state = store_open(path, err, sizeof err);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    static const char *const tails[] = {"", "-wal", "-shm"};
    char name[100];

    store_close(*state);
    for (int i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "%s%s", path, tails[i]);
        unlink(name);
    }
    return rmdir(dir);
}

static struct store_notice notice(int64_t id, enum store_state state, const char *title)
{
    return (struct store_notice){.id = id,
                                 .administration = "comune",
                                 .publisher = "comune",
                                 .kind = STORE_NOTICE,
                                 .state = state,
                                 .title = title,
                                 .starts = NOW,
                                 .ends = NOW + DAY,
                                 .zones = ",duomo,",
                                 .form = "form",
                                 .text = title};
}

static int64_t put(struct store *s, int64_t id, enum store_state state, const char *title)
{
    struct store_notice n = notice(id, state, title);
    return store_notice_put(s, &n, title, "anna", NULL, 0, NOW);
}

static char listed[4096];
static bool note_item(void *arg, const struct store_item *i)
{
    (void)arg;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s=%.*s ", i->name,
             (int)i->len, i->text);
    return true;
}
static const char *published(struct store *s, int64_t now)
{
    *listed = '\0';
    assert_true(store_published(s, now, note_item, NULL));
    return listed;
}
static bool note_notice(void *arg, const struct store_notice *n)
{
    (void)arg;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s ", n->title);
    return true;
}
static const char *found(struct store *s, enum store_list list, const char *words)
{
    struct store_query q = {.administration = "comune",
                            .list = list,
                            .words = words,
                            .now = NOW,
                            .aged = NOW - DAY,
                            .max = 20};
    *listed = '\0';
    assert_true(store_list(s, &q, note_notice, NULL));
    return listed;
}

static void a_draft_is_not_on_the_pages_and_an_approved_notice_is(void **state)
{
    struct store *s = *state;
    int64_t change = store_published_change(s), id = put(s, 0, STORE_DRAFT, "uno");

    assert_string_equal(published(s, NOW), "");
    assert_int_equal(store_published_change(s), change);
    assert_int_equal(put(s, id, STORE_WAITING, "due"), id);
    assert_string_equal(published(s, NOW), "");
    assert_int_equal(put(s, id, STORE_APPROVED, "tre"), id);
    assert_string_equal(published(s, NOW), "comune-1=tre ");
    assert_true(store_published_change(s) > change);
    assert_string_equal(published(s, NOW + DAY), "");
}

static void a_new_draft_leaves_what_is_published_until_it_is_approved(void **state)
{
    struct store *s = *state;
    int64_t id = put(s, 0, STORE_APPROVED, "vecchio");

    put(s, id, STORE_WAITING, "nuovo");
    assert_string_equal(published(s, NOW), "comune-1=vecchio ");
    put(s, id, STORE_APPROVED, "nuovo");
    assert_string_equal(published(s, NOW), "comune-1=nuovo ");
    put(s, id, STORE_WITHDRAWN, "nuovo");
    assert_string_equal(published(s, NOW), "");
}

static bool note_version(void *arg, const struct store_version *v)
{
    (void)arg;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%d:%s:%d:%s ", v->number,
             v->who, v->state, v->text);
    return true;
}

static void every_version_says_who_and_can_be_read_again(void **state)
{
    struct store *s = *state;
    int64_t id = put(s, 0, STORE_APPROVED, "uno");

    put(s, id, STORE_APPROVED, "due");
    *listed = '\0';
    assert_true(store_versions(s, "comune", id, 10, note_version, NULL));
    assert_string_equal(listed, "2:anna:2:due 1:anna:2:uno ");
    *listed = '\0';
    assert_true(store_version_get(s, "comune", id, 1, note_version, NULL));
    assert_string_equal(listed, "1:anna:2:uno ");
}

static void two_people_do_not_write_over_each_other(void **state)
{
    struct store *s = *state;
    int64_t id = put(s, 0, STORE_DRAFT, "uno");
    struct store_notice n = notice(id, STORE_DRAFT, "due");

    assert_int_equal(store_notice_put(s, &n, "due", "anna", NULL, 1, NOW), id);
    assert_int_equal(store_notice_put(s, &n, "tre", "bruno", NULL, 1, NOW), -1);
    assert_string_equal(found(s, STORE_LIST_ALL, NULL), "due ");
}

static void one_administration_cannot_touch_anothers_notice(void **state)
{
    struct store *s = *state;
    int64_t id = put(s, 0, STORE_APPROVED, "uno");
    struct store_notice n = notice(id, STORE_WITHDRAWN, "preso");

    n.administration = "provincia";
    assert_int_equal(store_notice_put(s, &n, "", "ladro", NULL, 0, NOW), -2);
    assert_false(store_notice_get(s, "provincia", id, note_notice, NULL));
    *listed = '\0';
    store_versions(s, "provincia", id, 10, note_version, NULL);
    assert_string_equal(listed, "");
    assert_false(store_version_get(s, "provincia", id, 1, note_version, NULL));
    assert_string_equal(published(s, NOW), "comune-1=uno ");
}

static void an_incomplete_notice_is_kept_and_never_published(void **state)
{
    struct store *s = *state;
    struct store_notice n = notice(0, STORE_DRAFT, "mezzo");

    n.text = NULL;
    n.id = store_notice_put(s, &n, "mezzo", "anna", NULL, 0, NOW);
    assert_true(n.id > 0);
    n.state = STORE_APPROVED;
    assert_int_equal(store_notice_put(s, &n, "mezzo", "anna", NULL, 0, NOW), 0);
    assert_string_equal(published(s, NOW), "");
    assert_string_equal(found(s, STORE_LIST_DRAFTS, NULL), "mezzo ");
}

static void lists_and_searches_find_what_their_name_says(void **state)
{
    struct store *s = *state;
    int64_t gone;

    put(s, 0, STORE_DRAFT, "Bozza del mercato");
    put(s, 0, STORE_WAITING, "Attesa in città");
    put(s, 0, STORE_APPROVED, "Mercato in piazza");
    gone = put(s, 0, STORE_APPROVED, "Ritirato");
    put(s, gone, STORE_WITHDRAWN, "Ritirato");
    assert_string_equal(found(s, STORE_LIST_DRAFTS, NULL), "Bozza del mercato ");
    assert_string_equal(found(s, STORE_LIST_WAITING, NULL), "Attesa in città ");
    assert_string_equal(found(s, STORE_LIST_SHOWN, NULL), "Mercato in piazza ");
    assert_string_equal(found(s, STORE_LIST_ENDED, NULL), "Ritirato ");
    assert_string_equal(found(s, STORE_LIST_ALL, "merc"), "Mercato in piazza Bozza del mercato ");
    assert_string_equal(found(s, STORE_LIST_SHOWN, "MERCATO pia"), "Mercato in piazza ");
    assert_string_equal(found(s, STORE_LIST_ALL, "citta"), "Attesa in città ");
    assert_string_equal(found(s, STORE_LIST_ALL, "\"* OR scope: NEAR("), "");
    assert_string_equal(found(s, STORE_LIST_AGEING, NULL), "");
}

static struct store_notice item(const char *title, enum store_state state)
{
    struct store_notice n = notice(0, state, title);
    n.feed = "comune/notizie";
    n.guid = "urn:1";
    return n;
}

static void an_imported_item_changes_only_when_its_feed_changes_it(void **state)
{
    struct store *s = *state;
    struct store_notice n = item("uno", STORE_APPROVED);
    int64_t change;

    assert_int_equal(store_import(s, &n, "h1", "uno", NOW), STORE_IMPORT_NEW);
    change = store_published_change(s);
    assert_int_equal(store_import(s, &n, "h1", "uno", NOW), STORE_IMPORT_SAME);
    assert_int_equal(store_published_change(s), change);
    n = item("due", STORE_APPROVED);
    assert_int_equal(store_import(s, &n, "h2", "due", NOW), STORE_IMPORT_CHANGED);
    assert_string_equal(published(s, NOW), "comune-1=due ");
    /* Somebody withdrew it: the same item does not come back. */
    put(s, 1, STORE_WITHDRAWN, "due");
    assert_int_equal(store_import(s, &n, "h2", "due", NOW), STORE_IMPORT_SAME);
    assert_string_equal(published(s, NOW), "");
}

static void a_cancelled_item_leaves_the_pages_and_may_come_back(void **state)
{
    struct store *s = *state;
    struct store_notice n = item("uno", STORE_APPROVED);

    store_import(s, &n, "h1", "uno", NOW);
    assert_true(store_import_gone(s, "comune/notizie", "urn:1", "cancelled", NOW));
    assert_true(store_import_gone(s, "comune/notizie", "urn:2", "never was", NOW));
    assert_string_equal(published(s, NOW), "");
    assert_int_equal(store_import(s, &n, "h1", "uno", NOW), STORE_IMPORT_CHANGED);
    assert_string_equal(published(s, NOW), "comune-1=uno ");
}

static int calls;
static void count_call(void *arg)
{
    (void)arg;
    calls++;
}

static void a_batch_of_changes_is_told_once(void **state)
{
    struct store *s = *state;

    store_on_published(s, count_call, NULL);
    calls = 0;
    assert_true(store_begin(s));
    put(s, 0, STORE_APPROVED, "uno");
    put(s, 0, STORE_APPROVED, "due");
    assert_int_equal(calls, 0);
    assert_true(store_end(s, true));
    assert_int_equal(calls, 1);
    assert_true(store_begin(s));
    put(s, 0, STORE_APPROVED, "tre");
    assert_false(store_end(s, false));
    assert_int_equal(calls, 1);
    assert_string_equal(published(s, NOW), "comune-1=uno comune-2=due ");
}

static void serials_only_grow_across_restarts(void **state)
{
    char err[200];
    int64_t first = store_next_serial(*state), second = store_next_serial(*state);

    assert_true(first > 0 && second > first);
    store_close(*state);
    *state = store_open(path, err, sizeof err);
    assert_non_null(*state);
    assert_true(store_next_serial(*state) > second);
}

static int64_t sum;
static bool add_up(void *arg, const struct store_count *c)
{
    (void)arg;
    sum += c->displays + 1000 * c->taps;
    return true;
}

static void a_report_of_counts_that_comes_twice_counts_once(void **state)
{
    struct store *s = *state;
    struct store_count c[] = {
        {.notice = "comune-1",
         .zone = "duomo",
         .lang = "it",
         .hour = NOW,
         .displays = 7,
         .taps = 2},
        {.notice = "comune-nord-1", .zone = "duomo", .lang = "it", .hour = NOW, .displays = 100}};

    assert_true(store_counts_add(s, "r1-1", c, 2, NOW));
    assert_true(store_counts_add(s, "r1-1", c, 2, NOW));
    assert_true(store_counts_add(s, "r1-2", c, 1, NOW));
    sum = 0;
    assert_true(
        store_counts(s, "comune", STORE_NOTICE, NULL, NOW - DAY, STORE_BY_ZONE, add_up, NULL));
    assert_int_equal(sum, 4014);
    sum = 0;
    store_counts(s, "comune", STORE_NOTICE, "comune-1", NOW - DAY, STORE_BY_HOUR, add_up, NULL);
    assert_int_equal(sum, 4014);
    c[0].kind = STORE_SERVICE; /* cards are on every page: they do not count as notices */
    c[0].notice = "comune-3";
    assert_true(store_counts_add(s, "r1-3", c, 1, NOW));
    sum = 0;
    store_counts(s, "comune", STORE_NOTICE, NULL, NOW - DAY, STORE_BY_ZONE, add_up, NULL);
    assert_int_equal(sum, 4014);
    sum = 0;
    store_counts(s, "comune", STORE_SERVICE, NULL, NOW - DAY, STORE_BY_NOTICE, add_up, NULL);
    assert_int_equal(sum, 2007);
}

static void killed_while_publishing_it_has_the_old_or_the_new_state(void **state)
{
    char err[200];

    store_close(*state);
    for (int round = 0; round < 12; round++) {
        int ready[2];
        assert_int_equal(pipe(ready), 0);
        pid_t child = fork();
        if (child == 0) {
            struct store *s = store_open(path, err, sizeof err);
            for (int i = 0; s; i++) {
                store_begin(s); /* both, or none of them */
                put(s, 0, STORE_APPROVED, "a");
                put(s, 0, STORE_APPROVED, "b");
                store_end(s, true);
                if (write(ready[1], "", 1) != 1)
                    break;
            }
            _exit(1);
        }
        close(ready[1]);
        char byte;
        for (int i = 0; i <= round; i++) /* at another point each time */
            assert_int_equal(read(ready[0], &byte, 1), 1);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        close(ready[0]);
        struct store *s = store_open(path, err, sizeof err);
        assert_non_null(s);
        published(s, NOW);
        size_t a = 0, b = 0;
        for (const char *p = listed; *p; p++) {
            a += p[0] == '=' && p[1] == 'a';
            b += p[0] == '=' && p[1] == 'b';
        }
        assert_int_equal(a, b);
        store_close(s);
        unlink(path);
        char wal[100];
        snprintf(wal, sizeof wal, "%s-wal", path);
        unlink(wal);
    }
    *state = store_open(path, err, sizeof err);
}

static void a_database_of_a_newer_program_is_refused_in_words(void **state)
{
    char err[200], command[200];

    store_close(*state);
    *state = NULL;
    snprintf(command, sizeof command, "sqlite3 %s 'PRAGMA user_version = 99'", path);
    assert_int_equal(system(command), 0);
    assert_null(store_open(path, err, sizeof err));
    assert_non_null(strstr(err, "its version is 99"));
}

static void what_has_grown_old_is_listed_until_it_is_confirmed(void **state)
{
    struct store *s = *state;
    struct store_notice n = notice(0, STORE_APPROVED, "Vecchio");
    int64_t id = store_notice_put(s, &n, "", "anna", NULL, 0, NOW - 2 * DAY), change;

    assert_string_equal(found(s, STORE_LIST_AGEING, NULL), "Vecchio ");
    change = store_published_change(s);
    assert_true(store_notice_confirm(s, "provincia", id, "ladro", NOW));
    assert_string_equal(found(s, STORE_LIST_AGEING, NULL), "Vecchio ");
    assert_true(store_notice_confirm(s, "comune", id, "anna", NOW));
    assert_string_equal(found(s, STORE_LIST_AGEING, NULL), "");
    assert_int_equal(store_published_change(s), change);
}

static bool note_kind(void *arg, const struct store_notice *n)
{
    (void)arg;
    snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%d:%s:%d:%d:%d ",
             (int)n->kind, n->title, (int)n->state, n->live, n->place);
    return true;
}

static void services_have_versions_and_are_apart_from_notices(void **state)
{
    struct store *s = *state;
    struct store_notice n = notice(0, STORE_APPROVED, "Biblioteca");
    int64_t change = store_published_change(s), id;

    n.kind = STORE_SERVICE;
    n.ends = STORE_NO_END;
    n.place = 20;
    id = store_notice_put(s, &n, "", "carla", NULL, 0, NOW);
    assert_true(store_published_change(s) > change);
    n.title = n.text = "Anagrafe";
    n.place = 10;
    assert_true(store_notice_put(s, &n, "", "carla", NULL, 0, NOW) > id);
    assert_string_equal(published(s, NOW), "");
    assert_int_equal(store_next_moment(s, NOW), 0);
    assert_int_equal(store_zone_load(s, "duomo", NOW, 0), 0);
    *listed = '\0';
    assert_true(store_services(s, "comune", note_kind, NULL));
    assert_string_equal(listed, "2:Anagrafe:2:1:10 2:Biblioteca:2:1:20 ");
    *listed = '\0';
    assert_true(store_published_services(s, note_item, NULL));
    assert_string_equal(listed, "comune-1=Biblioteca comune-2=Anagrafe ");
    n.id = id;
    n.state = STORE_WITHDRAWN;
    assert_int_equal(store_notice_put(s, &n, "", "carla", NULL, 0, NOW), id);
    *listed = '\0';
    store_published_services(s, note_item, NULL);
    assert_string_equal(listed, "comune-2=Anagrafe ");
    n.kind = STORE_NOTICE; /* not that of another kind */
    assert_int_equal(store_notice_put(s, &n, "", "carla", NULL, 0, NOW), -2);
}

static void a_template_in_force_is_on_no_page(void **state)
{
    struct store *s = *state;
    struct store_notice n = notice(0, STORE_APPROVED, "Allerta");
    int64_t change = store_published_change(s), id;

    n.kind = STORE_TEMPLATE;
    n.ends = STORE_NO_END;
    id = store_notice_put(s, &n, "", "carla", NULL, 0, NOW);
    *listed = '\0';
    store_notice_get(s, "comune", id, note_kind, NULL);
    assert_string_equal(listed, "1:Allerta:2:1:0 ");
    assert_string_equal(published(s, NOW), "");
    assert_int_equal(store_published_change(s), change);
}

/* The database as the first version of this program left it. */
static void what_was_there_before_services_had_versions_is_kept(void **state)
{
    static const char old[] =
        "DROP INDEX notice_place; ALTER TABLE notice DROP COLUMN place; PRAGMA user_version = 1;"
        "ALTER TABLE session DROP COLUMN login; ALTER TABLE session DROP COLUMN checked;"
        "ALTER TABLE counted DROP COLUMN kind;"
        "ALTER TABLE notice DROP COLUMN confirmed; ALTER TABLE notice DROP COLUMN confirmer;"
        "CREATE TABLE service(id INTEGER PRIMARY KEY AUTOINCREMENT, administration TEXT NOT NULL,"
        " publisher TEXT NOT NULL, title TEXT NOT NULL, form TEXT NOT NULL, text TEXT NOT NULL,"
        " place INTEGER NOT NULL, shown INTEGER NOT NULL, editor TEXT NOT NULL,"
        " changed INTEGER NOT NULL);"
        "INSERT INTO service VALUES (1, 'comune', 'comune', 'Vecchia', 'title.it=Vecchia', 'uno',"
        " 30, 1, 'carla', 5), (2, 'comune', 'comune', 'Nascosta', 'title.it=Nascosta', 'due', 5, 0,"
        " 'carla', 5), (3, 'provincia', 'p', 'Altrui', 'title.it=Altrui', 'tre', 5, 1, 'vera', 5);";
    struct store *s = *state;
    struct store_notice n = notice(0, STORE_DRAFT, "Allerta");
    char err[200], command[2000];

    n.kind = STORE_TEMPLATE; /* as templates were: never more than a draft */
    store_notice_put(s, &n, "", "carla", NULL, 0, NOW);
    store_close(s);
    *state = NULL;
    snprintf(command, sizeof command, "sqlite3 %s \"%s\"", path, old);
    assert_int_equal(system(command), 0);
    s = *state = store_open(path, err, sizeof err);
    if (!s)
        fail_msg("%s", err);
    *listed = '\0';
    store_services(s, "comune", note_kind, NULL);
    assert_string_equal(listed, "2:Vecchia:2:1:30 2:Nascosta:0:0:5 ");
    *listed = '\0';
    store_published_services(s, note_item, NULL);
    assert_string_equal(listed, "comune-2=uno provincia-4=tre ");
    *listed = '\0';
    store_versions(s, "comune", 2, 10, note_version, NULL);
    store_versions(s, "comune", 3, 10, note_version, NULL);
    assert_string_equal(listed, "1:carla:2:uno 1:carla:0:due ");
    *listed = '\0';
    store_notice_get(s, "comune", 1, note_kind, NULL);
    assert_string_equal(listed, "1:Allerta:2:1:0 ");
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_draft_is_not_on_the_pages_and_an_approved_notice_is),
        T(a_new_draft_leaves_what_is_published_until_it_is_approved),
        T(every_version_says_who_and_can_be_read_again),
        T(two_people_do_not_write_over_each_other),
        T(one_administration_cannot_touch_anothers_notice),
        T(an_incomplete_notice_is_kept_and_never_published),
        T(lists_and_searches_find_what_their_name_says),
        T(an_imported_item_changes_only_when_its_feed_changes_it),
        T(a_cancelled_item_leaves_the_pages_and_may_come_back),
        T(a_batch_of_changes_is_told_once),
        T(serials_only_grow_across_restarts),
        T(a_report_of_counts_that_comes_twice_counts_once),
        T(killed_while_publishing_it_has_the_old_or_the_new_state),
        T(what_has_grown_old_is_listed_until_it_is_confirmed),
        T(services_have_versions_and_are_apart_from_notices),
        T(a_template_in_force_is_on_no_page),
        T(what_was_there_before_services_had_versions_is_kept),
        T(a_database_of_a_newer_program_is_refused_in_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

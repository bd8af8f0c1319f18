/* Snapshots: what a reload keeps, replaces, adds, drops and refuses. */
#include "test.h"
#include "folder.h"

#include "base/log.h"
#include "base/str.h"
#include "challenge/catalogue.h"

#include <pthread.h>
#include <stdatomic.h>

#define COMPOSE "services:\n  web:\n    image: nginx\n    ports: [\"80\"]\n"

static void add_challenge(const char *dir, const char *folder, const char *toml)
{
    AUTO_FREE char *config = xasprintf("%s/instance.toml", folder);
    AUTO_FREE char *compose = xasprintf("%s/docker-compose.yaml", folder);

    folder_write(dir, config, toml);
    folder_write(dir, compose, COMPOSE);
}

static void reload(Catalogue *catalogue)
{
    Error err = { 0 };

    if (catalogue_reload(catalogue, &err) < 0)
        fail_msg("%s", err.detail);
}

static void count_change(void *ctx, const CatalogueSnapshot *now)
{
    (void)now;
    atomic_fetch_add((atomic_int *)ctx, 1);
}

static void test_unchanged_challenges_keep_their_object(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    AUTO_CHALLENGE Challenge *a = NULL;
    AUTO_CHALLENGE Challenge *b = NULL;
    AUTO_CHALLENGE Challenge *a2 = NULL;
    AUTO_CHALLENGE Challenge *b2 = NULL;
    atomic_int n_changes = 0;

    (void)state;
    catalogue_on_change(catalogue, count_change, &n_changes);
    add_challenge(dir, "a", "");
    add_challenge(dir, "b", "");
    reload(catalogue);
    CHECK_INT(n_changes, 1);
    a = catalogue_find(catalogue, "a");
    b = catalogue_find(catalogue, "b");
    reload(catalogue);
    CHECK_INT(n_changes, 1);
    add_challenge(dir, "b", "name = 'B'");
    reload(catalogue);
    CHECK_INT(n_changes, 2);
    a2 = catalogue_find(catalogue, "a");
    b2 = catalogue_find(catalogue, "b");
    CHECK(a == a2);
    CHECK(b != b2 && !str_eq(b->revision, b2->revision));
    CHECK_STR(b->name, "b"); /* the old revision is still whole */
    CHECK_STR(b2->name, "B");
}

static void test_adding_and_removing(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    AUTO_SNAPSHOT CatalogueSnapshot *before = NULL;
    AUTO_SNAPSHOT CatalogueSnapshot *now = NULL;
    AUTO_FREE char *from = xasprintf("%s/a", dir);
    AUTO_FREE char *to = xasprintf("%s/.a", dir);

    (void)state;
    reload(catalogue);
    CHECK(catalogue_find(catalogue, "a") == NULL);
    add_challenge(dir, "b", "id = 'zebra'");
    add_challenge(dir, "a", "");
    folder_write(dir, "readme.md", "no challenge");
    reload(catalogue);
    before = catalogue_snapshot(catalogue);
    CHECK_INT(before->n, 2);
    CHECK_STR(before->items[0]->id, "a");
    CHECK_STR(before->items[1]->id, "zebra");
    CHECK_INT(rename(from, to), 0); /* hidden folders are no challenges */
    reload(catalogue);
    now = catalogue_snapshot(catalogue);
    CHECK_INT(now->n, 1);
    CHECK_INT(before->n, 2);
}

static void test_two_folders_with_one_id(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });

    (void)state;
    add_challenge(dir, "a", "id = 'same'");
    add_challenge(dir, "b", "id = 'same'");
    reload(catalogue);
    {
        AUTO_SNAPSHOT CatalogueSnapshot *now = catalogue_snapshot(catalogue);
        AUTO_CHALLENGE Challenge *found = catalogue_find(catalogue, "same");
        CHECK_INT(now->n, 2);
        CHECK_STR(found->folder, "a");
        CHECK(!found->broken);
        CHECK(now->items[1]->broken && now->items[1]->plan == NULL);
        CHECK_STR(diag_first_error(&now->items[1]->diags)->code, "duplicate-id");
    }
    folder_write(dir, "a/instance.toml", "id = 'other'");
    reload(catalogue);
    {
        AUTO_CHALLENGE Challenge *found = catalogue_find(catalogue, "same");
        CHECK_STR(found->folder, "b"); /* healed, though its own files did not change */
        CHECK(!found->broken);
    }
}

static void test_a_broken_folder_takes_no_id(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });

    (void)state;
    add_challenge(dir, "a", "id = 'same'\ntimeout = 0");
    add_challenge(dir, "b", "id = 'same'");
    add_challenge(dir, "c", "id = 'same'\ntimeout = 0");
    reload(catalogue);
    AUTO_CHALLENGE Challenge *found = catalogue_find(catalogue, "same");
    CHECK_STR(found->folder, "b");
    CHECK(!found->broken && found->plan);
}

static void test_broken_and_linked_folders(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    AUTO_FREE char *link = xasprintf("%s/link", dir);
    AUTO_FREE char *closed = xasprintf("%s/closed", dir);
    AUTO_SNAPSHOT CatalogueSnapshot *now = NULL;

    (void)state;
    add_challenge(dir, "bad", "timeout = 0");
    add_challenge(dir, "good", "");
    add_challenge(dir, "closed", "");
    CHECK_INT(symlink("good", link), 0);
    CHECK_INT(chmod(closed, 0), 0);
    folder_become_nobody();
    reload(catalogue);
    folder_become_self();
    CHECK_INT(chmod(closed, 0755), 0);
    now = catalogue_snapshot(catalogue);
    CHECK_INT(now->n, 3);
    CHECK(now->items[0]->broken); /* bad */
    CHECK(now->items[1]->broken); /* closed */
    CHECK_STR(diag_first_error(&now->items[1]->diags)->code, "unreadable");
    CHECK(!now->items[2]->broken);
}

static void test_folder_that_is_gone(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_FREE char *sub = xasprintf("%s/challenges", dir);
    AUTO_FREE char *away = xasprintf("%s/away", dir);
    AUTO_CATALOGUE Catalogue *catalogue = NULL;
    AUTO_SNAPSHOT CatalogueSnapshot *now = NULL;
    Error err = { 0 };

    (void)state;
    add_challenge(dir, "challenges/a", "");
    catalogue = catalogue_new(sub, &(ChallengeRules){ 0 });
    reload(catalogue);
    CHECK_INT(rename(sub, away), 0);
    CHECK(catalogue_reload(catalogue, &err) < 0);
    now = catalogue_snapshot(catalogue);
    CHECK_INT(now->n, 1); /* the old snapshot stays */
}

/* --- from several threads ------------------------------------------------------------------- */

static atomic_bool stop_reading;

static void *read_all_the_time(void *ctx)
{
    Catalogue *catalogue = ctx;

    while (!stop_reading) {
        AUTO_SNAPSHOT CatalogueSnapshot *now = catalogue_snapshot(catalogue);
        AUTO_CHALLENGE Challenge *a = catalogue_find(catalogue, "a");
        for (size_t i = 0; i < now->n; i++)
            if (now->items[i]->id[0] == '\0')
                return catalogue;
        if (a && !str_eq(a->id, "a"))
            return catalogue;
    }
    return NULL;
}

static void test_readers_while_reloading(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    pthread_t readers[2];
    void *failed = NULL;

    (void)state;
    add_challenge(dir, "a", "");
    reload(catalogue);
    for (size_t i = 0; i < ARRAY_LEN(readers); i++)
        CHECK_INT(pthread_create(&readers[i], NULL, read_all_the_time, catalogue), 0);
    for (int i = 0; i < 50; i++) {
        AUTO_FREE char *text = xasprintf("timeout = %d", 100 + i);
        add_challenge(dir, "a", text);
        reload(catalogue);
    }
    stop_reading = true;
    for (size_t i = 0; i < ARRAY_LEN(readers); i++) {
        CHECK_INT(pthread_join(readers[i], &failed), 0);
        CHECK(failed == NULL);
    }
}

/* Files that come and go while they are read give diagnostics at worst. */
static void *churn(void *ctx)
{
    const char *dir = ctx;

    while (!stop_reading) {
        AUTO_FREE char *a = xasprintf("%s/a", dir);
        AUTO_FREE char *b = xasprintf("%s/.gone", dir);
        AUTO_FREE char *file = xasprintf("%s/b/data", dir);
        (void)rename(a, b);
        (void)unlink(file);
        (void)mkfifo(file, 0644);
        (void)rename(b, a);
        (void)unlink(file);
        if (symlink("/dev/zero", file) == 0)
            (void)unlink(file);
    }
    return NULL;
}

static void test_folders_that_vanish_meanwhile(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    pthread_t thread;

    (void)state;
    stop_reading = false;
    add_challenge(dir, "a", "");
    add_challenge(dir, "b", "");
    CHECK_INT(pthread_create(&thread, NULL, churn, dir), 0);
    for (int i = 0; i < 100; i++)
        reload(catalogue);
    stop_reading = true;
    CHECK_INT(pthread_join(thread, NULL), 0);
    reload(catalogue);
    {
        AUTO_CHALLENGE Challenge *a = catalogue_find(catalogue, "a");
        AUTO_CHALLENGE Challenge *b = catalogue_find(catalogue, "b");
        CHECK(a && !a->broken && b && !b->broken);
    }
}

/* --- watching ------------------------------------------------------------------------------- */

static bool wait_for(atomic_int *counter, int at_least)
{
    for (int i = 0; i < 1000 && *counter < at_least; i++)
        (void)usleep(10000);
    return *counter >= at_least;
}

static void test_watching(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(dir, &(ChallengeRules){ 0 });
    atomic_int n_changes = 0;
    Error err = { 0 };

    (void)state;
    catalogue_on_change(catalogue, count_change, &n_changes);
    CHECK_INT(catalogue_watch(catalogue, 50, &err), 0);
    CHECK(catalogue_watch(catalogue, 50, &err) < 0);
    add_challenge(dir, "a", "");
    CHECK(wait_for(&n_changes, 1));
    for (int i = 0; i < 100; i++) { /* the first reload may have seen half of it */
        AUTO_CHALLENGE Challenge *a = catalogue_find(catalogue, "a");
        if (a && !a->broken)
            return;
        (void)usleep(100000);
    }
    fail_msg("the new challenge was not found");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unchanged_challenges_keep_their_object),
        cmocka_unit_test(test_adding_and_removing),
        cmocka_unit_test(test_two_folders_with_one_id),
        cmocka_unit_test(test_a_broken_folder_takes_no_id),
        cmocka_unit_test(test_broken_and_linked_folders),
        cmocka_unit_test(test_folder_that_is_gone),
        cmocka_unit_test(test_readers_while_reloading),
        cmocka_unit_test(test_folders_that_vanish_meanwhile),
        cmocka_unit_test(test_watching),
    };

    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}

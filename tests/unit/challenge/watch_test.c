/* The watcher: what it reports, and that it stops. Waits for events, with a deadline. */
#include "test.h"
#include "folder.h"

#include "base/clock.h"
#include "challenge/watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

static atomic_int n_calls;

static void on_change(void *ctx)
{
    (void)ctx;
    n_calls++;
}

static Watch *start(const char *folder)
{
    Watch *watch = NULL;
    Error err = { 0 };

    n_calls = 0;
    if (watch_new(folder, 30, on_change, NULL, &watch, &err) < 0)
        fail_msg("%s", err.detail);
    return watch;
}

static bool called(int at_least)
{
    Millis deadline = clock_mono_ms() + 10000;

    while (n_calls < at_least && clock_mono_ms() < deadline)
        clock_sleep_ms(5);
    return n_calls >= at_least;
}

static void test_kinds_of_change(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    AUTO_FREE char *old = xasprintf("%s/sub/a", folder);
    AUTO_FREE char *new = xasprintf("%s/sub/b", folder);
    Watch *watch;

    (void)state;
    folder_write(folder, "sub/a", "1");
    watch = start(folder);
    folder_write(folder, "sub/a", "2");
    CHECK(called(1));
    CHECK_INT(rename(old, new), 0);
    CHECK(called(2));
    CHECK_INT(chmod(new, 0755), 0);
    CHECK(called(3));
    CHECK_INT(unlink(new), 0);
    CHECK(called(4));
    folder_write(folder, "x/y/z/f", "1"); /* folders that are new themselves */
    CHECK(called(5));
    folder_write(folder, "x/y/z/f", "2");
    CHECK(called(6));
    watch_free(watch);
}

/* The folder itself is replaced, as a deployment by rename does. */
static void test_folder_is_replaced(void **state)
{
    AUTO_FOLDER char *base = folder_new();
    AUTO_FREE char *folder = xasprintf("%s/c", base);
    AUTO_FREE char *away = xasprintf("%s/old", base);
    AUTO_FREE char *fresh = xasprintf("%s/new", base);
    Watch *watch;
    int before;

    (void)state;
    folder_write(base, "c/a", "1");
    folder_write(base, "new/a", "2");
    watch = start(folder);
    CHECK_INT(rename(folder, away), 0);
    CHECK(called(1));
    CHECK_INT(rename(fresh, folder), 0);
    CHECK(called(2)); /* found by looking: no watch tells of it */
    before = n_calls;
    folder_write(base, "c/a", "3");
    CHECK(called(before + 1));
    watch_free(watch);
}

static void test_folder_is_absent(void **state)
{
    AUTO_FOLDER char *base = folder_new();
    AUTO_FREE char *folder = xasprintf("%s/c", base);
    Watch *watch = start(folder);

    (void)state;
    folder_write(base, "c/a", "1");
    CHECK(called(1));
    watch_free(watch);
}

typedef struct Writer {
    const char *folder;
    atomic_bool stop;
} Writer;

static void *write_all_the_time(void *ctx)
{
    Writer *writer = ctx;

    while (!writer->stop) {
        folder_write(writer->folder, "log", "x");
        clock_sleep_ms(2);
    }
    return NULL;
}

static void test_constant_change_is_reported_too(void **state)
{
    AUTO_FOLDER char *folder = folder_new();
    Writer writer = { .folder = folder };
    Watch *watch = start(folder);
    pthread_t thread;

    (void)state;
    CHECK_INT(pthread_create(&thread, NULL, write_all_the_time, &writer), 0);
    CHECK(called(1));
    writer.stop = true;
    CHECK_INT(pthread_join(thread, NULL), 0);
    watch_free(watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_of_change),
        cmocka_unit_test(test_folder_is_replaced),
        cmocka_unit_test(test_folder_is_absent),
        cmocka_unit_test(test_constant_change_is_reported_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "api/notes.h"
#include "test.h"

#include <stdio.h>

static void remembers_by_kind_and_key(void **state)
{
    Notes *notes = notes_new();
    Note note = { .text = "7", .name = "nisa", .ip = "203.0.113.7" }, got;

    (void)state;
    CHECK(!notes_get(notes, "user", "7", &got));
    notes_put(notes, "user", "7", &note);
    CHECK(!notes_get(notes, "instance", "7", &got));
    CHECK(notes_get(notes, "user", "7", &got));
    CHECK_STR(got.ip, "203.0.113.7");
    note.name[0] = '\0';
    notes_put(notes, "user", "7", &note);
    CHECK(notes_get(notes, "user", "7", &got));
    CHECK_STR(got.name, "");
    notes_drop(notes, "user", "7");
    notes_drop(notes, "user", "7");
    CHECK(!notes_get(notes, "user", "7", &got));
    notes_free(notes);
}

static void forgets_rather_than_grows(void **state)
{
    Notes *notes = notes_new();
    Note note = { .text = "x" }, got;
    char key[16];

    (void)state;
    for (int i = 0; i <= NOTES_MAX; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        notes_put(notes, "host", key, &note);
    }
    CHECK(!notes_get(notes, "host", "0", &got));
    CHECK(notes_get(notes, "host", key, &got));
    notes_free(notes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_by_kind_and_key),
        cmocka_unit_test(forgets_rather_than_grows),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

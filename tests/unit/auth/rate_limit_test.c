#include "auth/rate_limit.h"
#include "test.h"

#include <stdio.h>

static void counts_within_a_sliding_window(void **state)
{
    /* calls at these times, 3 allowed in 60 s; expected seconds to wait */
    static const struct {
        Millis at;
        int64_t wait;
    } steps[] = {
        { 1000, 0 },  { 2000, 0 },  { 3000, 0 },  { 3500, 58 }, { 60999, 1 },  { 61000, 0 },
        { 61500, 1 }, { 62000, 0 }, { 62500, 1 }, { 63000, 0 }, { 63001, 58 }, { 500000, 0 },
    };
    RateLimit *limit = rate_limit_new(60000, 10);

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        CHECK_INT(rate_limit_take(limit, "user:7", 3, steps[i].at), steps[i].wait);
    CHECK_INT(rate_limit_take(limit, "user:8", 3, 500000), 0);
    rate_limit_free(limit);
}

static void what_was_given_back_does_not_count(void **state)
{
    RateLimit *limit = rate_limit_new(60000, 10);

    (void)state;
    for (int i = 0; i < 5; i++) {
        CHECK_INT(rate_limit_take(limit, "a", 1, 1000 + i), 0);
        rate_limit_give_back(limit, "a");
    }
    rate_limit_give_back(limit, "a");
    rate_limit_give_back(limit, "never seen");
    CHECK_INT(rate_limit_take(limit, "a", 1, 2000), 0);
    CHECK(rate_limit_take(limit, "a", 1, 2000) > 0);
    rate_limit_free(limit);
}

static void a_lowered_limit_counts_from_the_newest_calls(void **state)
{
    RateLimit *limit = rate_limit_new(60000, 10);

    (void)state;
    CHECK_INT(rate_limit_take(limit, "a", 3, 0), 0);
    CHECK_INT(rate_limit_take(limit, "a", 3, 10000), 0);
    CHECK_INT(rate_limit_take(limit, "a", 3, 20000), 0);
    CHECK_INT(rate_limit_take(limit, "a", 1, 20000), 60);
    CHECK_INT(rate_limit_take(limit, "a", 0, 20000), 60);
    rate_limit_free(limit);
}

static void memory_is_bounded(void **state)
{
    RateLimit *limit = rate_limit_new(60000, 10);
    char key[32];

    (void)state;
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        CHECK_INT(rate_limit_take(limit, key, 1, i), 0);
        CHECK(rate_limit_keys(limit) <= 10);
    }
    CHECK(rate_limit_take(limit, "999", 1, 1000) > 0);
    for (int i = 0; i < 10; i++) { /* the old ones go by themselves */
        (void)snprintf(key, sizeof key, "new%d", i);
        CHECK_INT(rate_limit_take(limit, key, 1, 100000), 0);
    }
    CHECK_INT(rate_limit_keys(limit), 10);
    CHECK_INT(rate_limit_take(limit, "999", 1, 100000), 0);
    rate_limit_free(limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_within_a_sliding_window),
        cmocka_unit_test(what_was_given_back_does_not_count),
        cmocka_unit_test(a_lowered_limit_counts_from_the_newest_calls),
        cmocka_unit_test(memory_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

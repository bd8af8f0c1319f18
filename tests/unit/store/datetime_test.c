#include "test.h"

#include "store/datetime.h"

static void test_formats(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        { 0, "1970-01-01 00:00:00.000000" },
        { 1, "1970-01-01 00:00:00.000001" },
        { -1, "1969-12-31 23:59:59.999999" },
        { INT64_C(1767323045678901), "2026-01-02 03:04:05.678901" },
        { INT64_C(1709164800000000), "2024-02-29 00:00:00.000000" },
        { INT64_C(253402300799999999), "9999-12-31 23:59:59.999999" },
        { INT64_MAX, "9999-12-31 23:59:59.999999" },
        { INT64_MIN, "0001-01-01 00:00:00.000000" },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char text[DATETIME_SIZE];
        int64_t back = 0;

        CHECK_STR(datetime_format(rows[i].us, text), rows[i].text);
        CHECK(datetime_parse(text, &back));
        if (rows[i].us > INT64_MIN && rows[i].us < INT64_MAX)
            CHECK(back == rows[i].us);
    }
}

static void test_parses(void **state)
{
    static const struct {
        const char *text;
        int64_t us; /* -1: refused */
    } rows[] = {
        { "2026-01-02 03:04:05", INT64_C(1767323045000000) },
        { "2026-01-02T03:04:05", INT64_C(1767323045000000) },
        { "2026-01-02T03:04:05Z", INT64_C(1767323045000000) },
        { "2026-01-02 03:04:05+00:00", INT64_C(1767323045000000) },
        { "2026-01-02 03:04:05.5", INT64_C(1767323045500000) },
        { "2026-01-02 03:04:05.678901234", INT64_C(1767323045678901) },
        { "2026-01-02 03:04:05.", -1 },
        { "2026-01-02 03:04:05.0123456789", -1 },
        { "2026-01-02 03:04:05+01:00", -1 },
        { "2026-01-02 03:04", -1 },
        { "2026-01-02", -1 },
        { "2026-02-29 00:00:00", -1 },
        { "2026-13-01 00:00:00", -1 },
        { "2026-00-01 00:00:00", -1 },
        { "2026-01-01 24:00:00", -1 },
        { "2026-01-01 00:00:60", -1 },
        { "2026-01-01 00:00:00 ", -1 },
        { "2026/01/01 00:00:00", -1 },
        { "2026-01-01x00:00:00", -1 },
        { "", -1 },
        { "1767323045", -1 },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int64_t us = -2;
        bool good = datetime_parse(rows[i].text, &us);

        if (good != (rows[i].us >= 0) || us != (good ? rows[i].us : -2))
            fail_msg("\"%s\" gave %lld", rows[i].text, (long long)us);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_parses),
    };

    return cmocka_run_group_tests_name("store/datetime", tests, NULL, NULL);
}

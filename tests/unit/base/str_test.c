/* Questions about strings, and parsing without surprises. */
#include "test.h"

#include "base/alloc.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static void test_comparisons(void **state)
{
    static const char *const list[] = { "a", "bc" };

    (void)state;
    CHECK(str_eq("a", "a") && !str_eq("a", "b") && !str_eq("a", NULL) && !str_eq(NULL, "a"));
    CHECK(str_eq(NULL, NULL));
    CHECK(str_eq_nocase("aZ", "Az") && !str_eq_nocase("a", "ab"));
    CHECK(str_starts("abc", "") && str_starts("abc", "ab") && !str_starts("a", "ab"));
    CHECK(str_ends("abc", "") && str_ends("abc", "bc") && !str_ends("c", "bc"));
    CHECK(str_in("bc", list, 2) && !str_in("b", list, 2) && !str_in("a", list, 0));
}

static void test_trim(void **state)
{
    static const char *const cases[][2] = {
        { "", "" }, { "  ", "" }, { "a", "a" }, { " a b ", "a b" }, { "\t\r\na\n", "a" }
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FREE char *text = xstrdup(cases[i][0]);
        CHECK_STR(str_trim(text), cases[i][1]);
    }
}

static void test_integers(void **state)
{
    static const struct {
        const char *text;
        int64_t min, max;
        bool ok;
        int64_t value;
    } cases[] = {
        { "0", 0, 10, true, 0 },
        { "10", 0, 10, true, 10 },
        { "11", 0, 10, false, 0 },
        { "-1", 0, 10, false, 0 },
        { "-1", -1, 10, true, -1 },
        { "007", 0, 10, true, 7 }, /* decimal, not octal */
        { "9223372036854775807", INT64_MIN, INT64_MAX, true, INT64_MAX },
        { "-9223372036854775808", INT64_MIN, INT64_MAX, true, INT64_MIN },
        { "9223372036854775808", INT64_MIN, INT64_MAX, false, 0 },
        { "99999999999999999999999", INT64_MIN, INT64_MAX, false, 0 },
        { "", 0, 10, false, 0 },
        { "-", -10, 10, false, 0 },
        { "+1", 0, 10, false, 0 },
        { " 1", 0, 10, false, 0 },
        { "1 ", 0, 10, false, 0 },
        { "1x", 0, 10, false, 0 },
        { "0x1", 0, 10, false, 0 },
        { "1e1", 0, 10, false, 0 },
        { "1.0", 0, 10, false, 0 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = 4242;
        bool ok = str_parse_i64(cases[i].text, cases[i].min, cases[i].max, &value);
        if (ok != cases[i].ok || value != (ok ? cases[i].value : 4242))
            fail_msg("'%s'", cases[i].text);
    }
}

static void test_booleans(void **state)
{
    static const char *const yes[] = { "true", "TRUE", "1", "yes", "On", "t", "Y" };
    static const char *const no[] = { "false", "0", "No", "OFF", "f", "n" };
    static const char *const neither[] = { "", "2", "tru", " true", "true ", "yess", "null" };
    bool value = false;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++)
        CHECK(str_parse_bool(yes[i], &value) && value);
    for (size_t i = 0; i < ARRAY_LEN(no); i++)
        CHECK(str_parse_bool(no[i], &value) && !value);
    for (size_t i = 0; i < ARRAY_LEN(neither); i++)
        CHECK(!str_parse_bool(neither[i], &value));
}

static void test_decimals(void **state)
{
    static const struct {
        const char *text;
        double value; /* < 0: refused */
    } cases[] = {
        { "0", 0 },      { "0.5", 0.5 },  { "2", 2 },    { "2.", 2 },
        { ".25", 0.25 }, { "", -1 },      { ".", -1 },   { "-1", -1 },
        { "1e3", -1 },   { "inf", -1 },   { "nan", -1 }, { "1,5", -1 },
        { " 1", -1 },    { "1.2.3", -1 }, { "0x1", -1 }, { "1111111111111111111111111", -1 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        double value = -1;
        if (str_parse_decimal(cases[i].text, &value) != (cases[i].value >= 0))
            fail_msg("'%s'", cases[i].text);
        if (cases[i].value >= 0)
            assert_true(value > cases[i].value - 1e-9 && value < cases[i].value + 1e-9);
    }
}

static void test_sizes_and_durations(void **state)
{
    static const struct {
        const char *text;
        bool (*parse)(const char *s, int64_t *ret);
        int64_t value; /* < 0: refused */
    } cases[] = {
        { "128", str_parse_bytes, 128 },
        { "1b", str_parse_bytes, 1 },
        { "64k", str_parse_bytes, 65536 },
        { "64KB", str_parse_bytes, 65536 },
        { "64KiB", str_parse_bytes, 65536 },
        { "1.5gb", str_parse_bytes, 1610612736 },
        { "1 G", str_parse_bytes, 1073741824 },
        { "2p", str_parse_bytes, 2251799813685248 },
        { "", str_parse_bytes, -1 },
        { "k", str_parse_bytes, -1 },
        { "-1", str_parse_bytes, -1 },
        { "1x", str_parse_bytes, -1 },
        { "1kx", str_parse_bytes, -1 },
        { "1bb", str_parse_bytes, -1 },
        { "9999999999p", str_parse_bytes, -1 },
        { "90s", str_parse_duration_ns, 90000000000 },
        { "1h2m3.5s", str_parse_duration_ns, 3723500000000 },
        { "250ms", str_parse_duration_ns, 250000000 },
        { "1m", str_parse_duration_ns, 60000000000 },
        { "1us", str_parse_duration_ns, 1000 },
        { "2d", str_parse_duration_ns, 172800000000000 },
        { "1w", str_parse_duration_ns, 604800000000000 },
        { "", str_parse_duration_ns, -1 },
        { "5", str_parse_duration_ns, -1 },
        { "s", str_parse_duration_ns, -1 },
        { "1h 2m", str_parse_duration_ns, -1 },
        { "-1s", str_parse_duration_ns, -1 },
        { "999999999w", str_parse_duration_ns, -1 },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t value = -1;
        if (cases[i].parse(cases[i].text, &value) != (cases[i].value >= 0) ||
            value != cases[i].value)
            fail_msg("'%s' gives %lld", cases[i].text, (long long)value);
    }
}

static void test_utf8(void **state)
{
    static const struct {
        const char *bytes;
        bool ok;
    } cases[] = {
        { "", true },
        { "plain", true },
        { "\xc2\x80", true },
        { "\xdf\xbf", true },
        { "\xe0\xa0\x80", true },
        { "\xed\x9f\xbf", true },
        { "\xee\x80\x80", true },
        { "\xf0\x90\x80\x80", true },
        { "\xf4\x8f\xbf\xbf", true },
        { "\x80", false }, /* a continuation alone */
        { "\xc2", false }, /* cut */
        { "\xe0\xa0", false },
        { "\xf0\x90\x80", false },
        { "\xc0\x80", false }, /* overlong */
        { "\xc1\xbf", false },
        { "\xe0\x9f\xbf", false },
        { "\xf0\x8f\xbf\xbf", false },
        { "\xed\xa0\x80", false }, /* surrogates */
        { "\xed\xbf\xbf", false },
        { "\xf4\x90\x80\x80", false }, /* beyond the last */
        { "\xf5\x80\x80\x80", false },
        { "\xff", false },
        { "a\xc3(", false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        CHECK_INT(str_is_utf8(cases[i].bytes, strlen(cases[i].bytes)), cases[i].ok);
    CHECK(!str_is_utf8("a\0b", 3));
}

static void test_nearest(void **state)
{
    static const char *const names[] = { "timeout", "ports", "name", "extend_time" };
    static const struct {
        const char *text, *nearest;
    } cases[] = { { "timeot", "timeout" },
                  { "tiemout", "timeout" },
                  { "port", "ports" },
                  { "xyz", NULL },
                  { "", NULL },
                  { "extendtime", "extend_time" },
                  { "completely-different", NULL } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *found = str_nearest(cases[i].text, names, ARRAY_LEN(names));
        if (!str_eq(found, cases[i].nearest))
            fail_msg("'%s' gives %s", cases[i].text, found ? found : "nothing");
    }
    CHECK_INT(str_distance("kitten", "sitting", 10), 3);
    CHECK_INT(str_distance("kitten", "sitting", 2), 3);
    CHECK_INT(str_distance("", "abc", 10), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comparisons), cmocka_unit_test(test_trim),
        cmocka_unit_test(test_integers),    cmocka_unit_test(test_booleans),
        cmocka_unit_test(test_decimals),    cmocka_unit_test(test_sizes_and_durations),
        cmocka_unit_test(test_utf8),        cmocka_unit_test(test_nearest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

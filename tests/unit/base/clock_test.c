#include "base/clock.h"
#include "test.h"

static void formats_as_rfc_3339(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } cases[] = {
        { 0, "1970-01-01T00:00:00Z" },
        { 1, "1970-01-01T00:00:00.000001Z" },
        { -1, "1969-12-31T23:59:59.999999Z" },
        { -1500000, "1969-12-31T23:59:58.500000Z" },
        { 951782400000000, "2000-02-29T00:00:00Z" },
        { 1700000000123456, "2023-11-14T22:13:20.123456Z" },
        { 253402300799999999, "9999-12-31T23:59:59.999999Z" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[CLOCK_TEXT_SIZE];
        CHECK_STR(clock_format_us(cases[i].us, text), cases[i].text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(formats_as_rfc_3339) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

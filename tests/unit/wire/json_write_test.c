#include "base/strbuf.h"
#include "test.h"
#include "wire/json_write.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void writes_string(const char *s, size_t n, const char *json)
{
    AUTO_STRBUF StrBuf out = { 0 };
    JsonWriter w = { .out = &out };

    json_write_string_n(&w, s, n);
    CHECK_STR(strbuf_str(&out), json);
}

/* Every byte at every place of a string longer than the eight that are looked at together. */
static void escapes_wherever_it_stands(void **state)
{
    static const char plain[] = "abcdefghijklmnopqrs";

    (void)state;
    for (int c = 1; c < 0x80; c++) {
        for (size_t at = 0; at < sizeof plain - 1; at++) {
            char text[sizeof plain], wanted[64], escape[8];
            memcpy(text, plain, sizeof plain);
            text[at] = (char)c;
            if (c == '"' || c == '\\')
                (void)snprintf(escape, sizeof escape, "\\%c", c);
            else if (strchr("\b\f\n\r\t", c))
                (void)snprintf(escape, sizeof escape, "\\%c",
                               "bfnrt"[strchr("\b\f\n\r\t", c) - "\b\f\n\r\t"]);
            else if (c < 0x20 || c == 0x7f || c == '<')
                (void)snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
            else
                (void)snprintf(escape, sizeof escape, "%c", c);
            (void)snprintf(wanted, sizeof wanted, "\"%.*s%s%s\"", (int)at, plain, escape,
                           plain + at + 1);
            writes_string(text, sizeof plain - 1, wanted);
        }
    }
}

static void keeps_utf8_and_replaces_what_is_none(void **state)
{
    (void)state;
    writes_string("", 0, "\"\"");
    writes_string("caf\xc3\xa9 for eight", 15, "\"caf\xc3\xa9 for eight\"");
    writes_string("bad \xff byte", 10, "\"bad \xef\xbf\xbd byte\"");
    writes_string("a\0b", 3, "\"a\\u0000b\"");
    writes_string("line\xe2\x80\xa8sep", 10, "\"line\\u2028sep\"");
}

static void writes_integers_to_the_ends(void **state)
{
    static const int64_t numbers[] = { 0, 7, -7, 10, 99, -100, INT64_MAX, INT64_MIN };

    (void)state;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        AUTO_STRBUF StrBuf out = { 0 };
        JsonWriter w = { .out = &out };
        char wanted[32];
        json_write_int(&w, numbers[i]);
        (void)snprintf(wanted, sizeof wanted, "%" PRId64, numbers[i]);
        CHECK_STR(strbuf_str(&out), wanted);
    }
}

static void stops_at_a_maximum(void **state)
{
    AUTO_STRBUF StrBuf out = { .max = 6 };
    JsonWriter w = { .out = &out };

    (void)state;
    json_write_string(&w, "longer than six");
    CHECK(out.overflowed);
    CHECK_STR(strbuf_str(&out), "\"longe");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_wherever_it_stands),
        cmocka_unit_test(keeps_utf8_and_replaces_what_is_none),
        cmocka_unit_test(writes_integers_to_the_ends),
        cmocka_unit_test(stops_at_a_maximum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

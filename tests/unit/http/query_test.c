#include "base/macros.h"
#include "http/query.h"

#include "test.h"

#include <string.h>

static const struct {
    const char *target, *path, *query; /* path NULL: refused */
} targets[] = {
    { "/", "/", "" },
    { "/a/b?c=d", "/a/b", "c=d" },
    { "/a?b?c", "/a", "b?c" },
    { "/a?", "/a", "" },
    { "//a", "//a", "" },
    { "http://h/a?b", "/a", "b" },
    { "HTTP://h", "/", "" },
    { "http://h?b=c", "/", "b=c" },
    { "http://h:80/", "/", "" },
    { "http://", NULL, NULL },
    { "http:///a", NULL, NULL },
    { "http://h#f", NULL, NULL },
    { "https://h/", NULL, NULL },
    { "/a#b", NULL, NULL },
    { "*", NULL, NULL },
    { "a:80", NULL, NULL },
    { "", NULL, NULL },
};

static void test_split(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        Target t;
        bool fine = target_split(targets[i].target, &t);

        if (fine != (targets[i].path != NULL))
            fail_msg("%s", targets[i].target);
        if (!fine)
            continue;
        CHECK_INT(t.path_len, strlen(targets[i].path));
        CHECK(memcmp(t.path, targets[i].path, t.path_len) == 0);
        CHECK_STR(t.query, targets[i].query);
    }
}

static const struct {
    const char *text;
    bool form;
    const char *decoded; /* NULL: refused */
} escapes[] = {
    { "", false, "" },
    { "plain", false, "plain" },
    { "a%20b", false, "a b" },
    { "a+b", false, "a+b" },
    { "a+b", true, "a b" },
    { "%2B%2b", true, "++" },
    { "%C3%BC", false, "\303\274" },
    { "%2e%2E%2f", false, "../" },
    { "%0a", true, "\n" },
    { "%0a", false, NULL },
    { "%7f", false, NULL },
    { "\t", false, NULL },
    { "%00", false, NULL },
    { "%00", true, NULL },
    { "%", true, NULL },
    { "%4", true, NULL },
    { "a%4", false, NULL },
    { "%4g", true, NULL },
    { "%-1", true, NULL },
    { "% 1", true, NULL },
    { "%%41", true, NULL },
    { "%ff", true, NULL },
    { "%c3", true, NULL },
    { "%c0%af", true, NULL },
    { "%ed%a0%80", true, NULL },
};

static void test_decode(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
        char text[64];
        size_t len;
        bool fine =
            percent_decode(escapes[i].text, strlen(escapes[i].text), escapes[i].form, text, &len);

        if (fine != (escapes[i].decoded != NULL))
            fail_msg("%s", escapes[i].text);
        if (!fine)
            continue;
        CHECK_STR(text, escapes[i].decoded);
        CHECK_INT(len, strlen(escapes[i].decoded));
    }
}

static const struct {
    const char *query, *key, *value;
} lookups[] = {
    { "a=1&b=2", "b", "2" },   { "a=1&a=2", "a", "1" },
    { "a=1&b=2", "c", NULL },  { "", "a", NULL },
    { "a", "a", "" },          { "a=", "a", "" },
    { "a=b=c", "a", "b=c" },   { "&&a=1", "a", "1" },
    { "a=1&", "a", "1" },      { "ab=1&a=2", "a", "2" },
    { "a=1&ab=2", "ab", "2" }, { "%61=1", "a", "1" },
    { "a+b=1", "a b", "1" },   { "q=x+%26+y", "q", "x & y" },
    { "q=%zz", "q", NULL },    { "q=%00", "q", NULL },
    { "q=%ff", "q", NULL },    { "%zz=1&q=2", "q", "2" },
    { "=1", "", "1" },
};

static void test_get(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lookups); i++) {
        Arena *arena = arena_new();
        const char *value = query_get(arena, lookups[i].query, lookups[i].key);

        if ((value == NULL) != (lookups[i].value == NULL))
            fail_msg("%s", lookups[i].query);
        if (value)
            CHECK_STR(value, lookups[i].value);
        arena_free(arena);
    }
}

static void test_well_formed(void **state)
{
    (void)state;
    CHECK(query_is_well_formed(""));
    CHECK(query_is_well_formed("a=b+c&d=%20%ff"));
    CHECK(!query_is_well_formed("a=%"));
    CHECK(!query_is_well_formed("a=%0"));
    CHECK(!query_is_well_formed("a=%00"));
    CHECK(!query_is_well_formed("%zz=1"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_get),
        cmocka_unit_test(test_well_formed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* JSON out and in again: whatever is written parses, and says the same. */
#include "test.h"

#include "base/alloc.h"
#include "base/str.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static JsonValue *parse(const StrBuf *text)
{
    JsonValue *root = NULL;
    Error err = { 0 };

    if (json_parse(&root, strbuf_str(text), text->len, &err) < 0)
        fail_msg("%s: %s", strbuf_str(text), err.detail);
    return root;
}

static void test_strings(void **state)
{
    static const struct {
        const char *text;
        size_t n;
        const char *json; /* NULL: only that it comes back */
    } cases[] = {
#define T(s) s, sizeof(s) - 1
        { T(""), "\"\"" },
        { T("plain"), "\"plain\"" },
        { T("a\"b\\c"), "\"a\\\"b\\\\c\"" },
        { T("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"" },
        { T("\x01\x1f\x7f"), "\"\\u0001\\u001f\\u007f\"" },
        { T("</script>"), "\"\\u003c/script>\"" },
        { T("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x90\x8b"), NULL },
        { T("\xe2\x80\xa8\xe2\x80\xa9"), "\"\\u2028\\u2029\"" },
        { T("\xe2\x80\xa7\xe2\x80\xaa"), NULL }, /* their neighbours */
        { T("data: x\n\nevent: y"), "\"data: x\\n\\nevent: y\"" },
#undef T
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_STRBUF StrBuf out = { 0 };
        AUTO_JSON JsonValue *root = NULL;
        JsonWriter w = { .out = &out };
        json_write_array(&w);
        json_write_string_n(&w, cases[i].text, cases[i].n);
        json_write_end_array(&w);
        if (cases[i].json) {
            AUTO_FREE char *expected = xasprintf("[%s]", cases[i].json);
            CHECK_STR(strbuf_str(&out), expected);
        }
        root = parse(&out);
        CHECK_STR(json_value_string(json_value_at(root, 0), "?"), cases[i].text);
    }
}

static void test_bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
    static const struct {
        const char *text, *comes_back;
    } cases[] = {
        { "\xff", "\xef\xbf\xbd" },
        { "a\xc3", "a\xef\xbf\xbd" },
        { "\xc3(", "\xef\xbf\xbd(" },
        { "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },                 /* overlong '/' */
        { "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" }, /* a surrogate */
        { "\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
        { "\x80gr\xc3\xbc", "\xef\xbf\xbdgr\xc3\xbc" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_STRBUF StrBuf out = { 0 };
        AUTO_JSON JsonValue *root = NULL;
        JsonWriter w = { .out = &out };
        json_write_object(&w);
        json_put_string(&w, cases[i].text, cases[i].text);
        json_write_end_object(&w);
        root = parse(&out);
        CHECK_STR(json_get_string(root, cases[i].comes_back, "?"), cases[i].comes_back);
    }
}

static void test_every_byte_after_every_byte_parses(void **state)
{
    (void)state;
    for (int a = 0; a < 256; a++) {
        AUTO_STRBUF StrBuf out = { 0 };
        AUTO_JSON JsonValue *root = NULL;
        JsonWriter w = { .out = &out };
        json_write_array(&w);
        for (int b = 1; b < 256; b++) {
            const char pair[2] = { (char)a, (char)b };
            json_write_string_n(&w, a ? pair : pair + 1, a ? 2 : 1);
        }
        json_write_end_array(&w);
        root = parse(&out);
        CHECK_INT(json_value_len(root), 255);
        for (size_t i = 0; i < out.len; i++)
            if ((unsigned char)out.data[i] < 0x20 || out.data[i] == '<')
                fail_msg("a raw %02x after %02x", (unsigned)out.data[i], (unsigned)a);
    }
}

static void test_numbers(void **state)
{
    static const int64_t ints[] = { 0, 1, -1, INT64_MAX, INT64_MIN, 1234567890123456789 };
    static const struct {
        double n;
        const char *json;
    } decimals[] = { { 0, "0.0" },
                     { 1, "1.0" },
                     { 0.5, "0.5" },
                     { -2.25, "-2.25" },
                     { 1e15, "1000000000000000.0" },
                     { 0.0004, "0.0" },
                     { 1.0006, "1.001" },
                     { NAN, "null" },
                     { INFINITY, "null" } };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(ints); i++) {
        AUTO_STRBUF StrBuf out = { 0 };
        AUTO_JSON JsonValue *root = NULL;
        JsonWriter w = { .out = &out };
        json_write_object(&w);
        json_put_int(&w, "n", ints[i]);
        json_write_end_object(&w);
        root = parse(&out);
        CHECK(json_get_int(root, "n", 42) == ints[i]);
    }
    for (size_t i = 0; i < ARRAY_LEN(decimals); i++) {
        AUTO_STRBUF StrBuf out = { 0 };
        JsonWriter w = { .out = &out };
        json_write_decimal(&w, decimals[i].n);
        CHECK_STR(strbuf_str(&out), decimals[i].json);
    }
}

/* A random value, written; the same walk with the same seed compares. */
static unsigned walk_seed;

static void write_random(JsonWriter *w, int depth)
{
    unsigned kind = (unsigned)rand_r(&walk_seed) % (depth > 5 ? 4 : 6);
    unsigned n = (unsigned)rand_r(&walk_seed) % 5;

    if (kind == 0) {
        json_write_int(w, (int64_t)rand_r(&walk_seed) - (1 << 30));
    } else if (kind == 1) {
        json_write_bool(w, n & 1);
    } else if (kind == 2) {
        json_write_null(w);
    } else if (kind == 3) {
        char text[5];
        for (unsigned i = 0; i < n; i++)
            text[i] = (char)(1 + rand_r(&walk_seed) % 127);
        json_write_string_n(w, text, n);
    } else if (kind == 4) {
        json_write_array(w);
        for (unsigned i = 0; i < n; i++)
            write_random(w, depth + 1);
        json_write_end_array(w);
    } else {
        json_write_object(w);
        for (unsigned i = 0; i < n; i++) {
            char key[8];
            (void)snprintf(key, sizeof key, "k%u", i);
            json_write_key(w, key);
            write_random(w, depth + 1);
        }
        json_write_end_object(w);
    }
}

static void compare_random(const JsonValue *v, int depth)
{
    unsigned kind = (unsigned)rand_r(&walk_seed) % (depth > 5 ? 4 : 6);
    unsigned n = (unsigned)rand_r(&walk_seed) % 5;

    if (kind == 0) {
        CHECK_INT(json_value_kind(v), JSON_KIND_INT);
        CHECK(json_value_int(v, 0) == (int64_t)rand_r(&walk_seed) - (1 << 30));
    } else if (kind == 1) {
        CHECK_INT(json_value_kind(v), JSON_KIND_BOOL);
        CHECK_INT(json_value_bool(v, !(n & 1)), n & 1);
    } else if (kind == 2) {
        CHECK_INT(json_value_kind(v), JSON_KIND_ABSENT);
    } else if (kind == 3) {
        const char *text = json_value_string(v, "");
        CHECK_INT(strlen(text), n);
        for (unsigned i = 0; i < n; i++)
            CHECK_INT(text[i], 1 + rand_r(&walk_seed) % 127);
    } else {
        CHECK_INT(json_value_kind(v), kind == 4 ? JSON_KIND_ARRAY : JSON_KIND_OBJECT);
        CHECK_INT(json_value_len(v), n);
        for (unsigned i = 0; i < n; i++) {
            char key[8];
            (void)snprintf(key, sizeof key, "k%u", i);
            compare_random(kind == 4 ? json_value_at(v, i) : json_value_get(v, key), depth + 1);
        }
    }
}

static void test_whatever_is_written_reads_the_same(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 2000; seed++) {
        AUTO_STRBUF StrBuf out = { 0 };
        AUTO_JSON JsonValue *root = NULL;
        JsonWriter w = { .out = &out };
        walk_seed = seed;
        json_write_array(&w); /* the root */
        write_random(&w, 0);
        json_write_end_array(&w);
        root = parse(&out);
        walk_seed = seed;
        compare_random(json_value_at(root, 0), 0);
    }
}

static void test_what_is_refused(void **state)
{
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {
#define T(s) { s, sizeof(s) - 1 }
        T(""),
        T(" "),
        T("{"),
        T("[1,]"),
        T("{\"a\":1,}"),
        T("{'a':1}"),
        T("[1] x"),
        T("[1][2]"),
        T("{\"a\":1,\"a\":2}"),
        T("[\"\xff\"]"),
        T("[\"\\u0000\"]"),
        T("[\"a\0b\"]"),
        T("[\"\\ud800\"]"),
        T("[\"\xed\xa0\x80\"]"),
        T("[01]"),
        T("[+1]"),
        T("[NaN]"),
        T("[.5]"),
        T("[99999999999999999999]"),
        T("[\"\n\"]"),
        T("[tru]"),
        T("\xef\xbb\xbf[]"),
#undef T
    };
    AUTO_STRBUF StrBuf deep = { 0 };
    JsonValue *untouched = (JsonValue *)(uintptr_t)1, *root = untouched;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        Error err = { 0 };
        if (json_parse(&root, cases[i].text, cases[i].n, &err) == 0)
            fail_msg("accepted: %s", cases[i].text);
        CHECK(root == untouched);
        CHECK(err.detail[0] != '\0');
    }
    for (int i = 0; i < 65; i++)
        strbuf_addc(&deep, '[');
    for (int i = 0; i < 65; i++)
        strbuf_addc(&deep, ']');
    CHECK(json_parse(&root, strbuf_str(&deep), deep.len, NULL) < 0);
    CHECK(json_parse(&root, strbuf_str(&deep) + 1, deep.len - 2, NULL) == 0); /* 64 levels */
    json_value_free(root);
}

static void test_getters_take_what_is_not_there(void **state)
{
    static const char text[] = "{\"s\":\"x\",\"n\":1,\"z\":null,\"o\":{\"a\":[5]}}";
    static const char *const path[] = { "o", "a" }, *const wrong[] = { "s", "a" };
    JsonValue *root = NULL;

    (void)state;
    CHECK_INT(json_parse(&root, text, sizeof text - 1, NULL), 0);
    CHECK_STR(json_get_string(root, "n", "fallback"), "fallback"); /* another kind */
    CHECK_STR(json_get_string(root, "z", "fallback"), "fallback");
    CHECK_INT(json_get_int(root, "s", 7), 7);
    CHECK(json_get_bool(root, "n", true));
    CHECK_INT(json_value_int(json_value_at(json_value_path(root, path, 2), 0), 0), 5);
    CHECK(json_value_path(root, wrong, 2) == NULL);
    CHECK(json_value_at(json_value_path(root, path, 2), 1) == NULL);
    CHECK(json_value_get(NULL, "x") == NULL);
    CHECK_INT(json_value_len(NULL), 0);
    CHECK_INT(json_value_kind(NULL), JSON_KIND_ABSENT);
    CHECK_STR(json_get_string(NULL, "x", "fallback"), "fallback");
    json_value_free(root);
    json_value_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(test_every_byte_after_every_byte_parses),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_whatever_is_written_reads_the_same),
        cmocka_unit_test(test_what_is_refused),
        cmocka_unit_test(test_getters_take_what_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

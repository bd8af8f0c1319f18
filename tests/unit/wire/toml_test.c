/* The TOML reader against toml-test (tests/data/toml-test, MIT), and its positions and limits. */
#include "test.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/strbuf.h"
#include "wire/json_read.h"
#include "wire/toml.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The corpus holds 210 valid and 499 invalid files; a damaged copy must not pass. */
enum { MIN_VALID = 200, MIN_INVALID = 480 };

static int parse_n(Arena *arena, const char *text, size_t len, const TomlValue **root, TomlPos *pos)
{
    Error err = { 0 };
    int rc = toml_parse(arena, text, len, root, pos, &err);

    if (rc < 0) {
        CHECK_INT(err.code, E_SYNTAX);
        CHECK(err.detail[0] != '\0');
        CHECK(pos->line >= 1 && pos->column >= 1);
    }
    return rc;
}

/* --- comparing with the tagged JSON --------------------------------------------------------- */

/*
 * Our JSON reader refuses NUL in strings, TOML allows it: both sides write it as U+F8FF (a private
 * character) before they are compared.
 */
#define NUL_STAND_IN "\xef\xa3\xbf"

static char *without_nul_escapes(const char *json, size_t len)
{
    StrBuf out = { 0 };

    for (size_t i = 0; i < len; i++) {
        if (json[i] == '\\' && strncmp(json + i, "\\u0000", 6) == 0) {
            strbuf_adds(&out, NUL_STAND_IN);
            i += 5;
        } else {
            strbuf_addc(&out, json[i]);
            if (json[i] == '\\' && i + 1 < len)
                strbuf_addc(&out, json[++i]);
        }
    }
    return strbuf_take(&out);
}

static char *without_nul(const char *text, size_t len)
{
    StrBuf out = { 0 };

    for (size_t i = 0; i < len; i++) {
        if (text[i] == '\0')
            strbuf_adds(&out, NUL_STAND_IN);
        else
            strbuf_addc(&out, text[i]);
    }
    return strbuf_take(&out);
}

/* One spelling for dates that mean the same: upper case, T, no zeros that end a fraction. */
static char *plain_date(const char *text)
{
    const char *dot = strchr(text, '.');
    size_t n = dot ? (size_t)(dot - text) : strlen(text);
    size_t n_digits = dot ? strspn(dot + 1, "0123456789") : 0, kept = n_digits;
    StrBuf out = { 0 };

    while (kept > 0 && dot[kept] == '0')
        kept--;
    strbuf_add(&out, text, n + (dot ? kept + 1 : 0));
    if (dot)
        strbuf_adds(&out, dot + 1 + n_digits);
    for (size_t i = 0; i < out.len; i++)
        out.data[i] = out.data[i] == 't' || out.data[i] == ' ' ? 'T'
                      : out.data[i] == 'z'                     ? 'Z'
                                                               : out.data[i];
    return strbuf_take(&out);
}

static bool same_float(double a, const char *text)
{
    double b;

    if (strstr(text, "nan"))
        return isnan(a);
    b = strtod(text, NULL);
    return a <= b && a >= b;
}

static bool same_scalar(const TomlValue *v, const char *type, const char *text)
{
    static const char *const types[] = {
        [TOML_STRING] = "string",         [TOML_INTEGER] = "integer",
        [TOML_FLOAT] = "float",           [TOML_BOOL] = "bool",
        [TOML_DATETIME] = "datetime",     [TOML_LOCAL_DATETIME] = "datetime-local",
        [TOML_LOCAL_DATE] = "date-local", [TOML_LOCAL_TIME] = "time-local",
    };
    AUTO_FREE char *mine = NULL;
    AUTO_FREE char *theirs = NULL;

    if (v->kind == TOML_TABLE || v->kind == TOML_ARRAY || !str_eq(types[v->kind], type))
        return false;
    switch (v->kind) {
    case TOML_STRING:
        mine = without_nul(v->text, v->text_len);
        return str_eq(mine, text);
    case TOML_INTEGER:
        mine = xasprintf("%lld", (long long)v->integer);
        return str_eq(mine, text);
    case TOML_FLOAT:
        return same_float(v->number, text);
    case TOML_BOOL:
        return str_eq(v->boolean ? "true" : "false", text);
    default:
        mine = plain_date(v->text);
        theirs = plain_date(text);
        return str_eq(mine, theirs);
    }
}

static bool same(const TomlValue *v, const JsonValue *json);

static bool same_table(const TomlValue *v, const JsonValue *json)
{
    if (json_value_len(json) != v->n)
        return false;
    for (size_t i = 0; i < v->n; i++) {
        AUTO_FREE char *key = without_nul(v->entries[i].key, v->entries[i].key_len);
        if (!same(v->entries[i].value, json_value_get(json, key)))
            return false;
    }
    return true;
}

static bool is_tagged(const JsonValue *json)
{
    return json_value_len(json) == 2 &&
           json_value_kind(json_value_get(json, "type")) == JSON_KIND_STRING &&
           json_value_kind(json_value_get(json, "value")) == JSON_KIND_STRING;
}

static bool same(const TomlValue *v, const JsonValue *json)
{
    if (v->line < 1 || v->column < 1)
        return false;
    if (json_value_kind(json) == JSON_KIND_ARRAY) {
        if (v->kind != TOML_ARRAY || json_value_len(json) != v->n)
            return false;
        for (size_t i = 0; i < v->n; i++)
            if (!same(v->items[i], json_value_at(json, i)))
                return false;
        return true;
    }
    if (json_value_kind(json) != JSON_KIND_OBJECT)
        return false;
    if (is_tagged(json))
        return same_scalar(v, json_get_string(json, "type", ""),
                           json_get_string(json, "value", ""));
    return v->kind == TOML_TABLE && same_table(v, json);
}

/* --- the corpus ----------------------------------------------------------------------------- */

static char *corpus_path(const char *name)
{
    const char *root = getenv("SOURCE_ROOT");

    return xasprintf("%s/tests/data/toml-test/%s", root ? root : ".", name);
}

static char *corpus_read(const char *name, size_t *ret_len)
{
    AUTO_FREE char *path = corpus_path(name);
    Error err = { 0 };
    char *text = NULL;

    if (fs_read_file(path, TOML_TEXT_MAX, &text, ret_len, &err) < 0)
        fail_msg("%s", err.detail);
    return text;
}

/* True when the file behaves as its folder says. */
static bool run_valid(const char *name)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_FREE char *json_name = xasprintf("%.*s.json", (int)strlen(name) - 5, name);
    AUTO_FREE char *json_text = NULL;
    AUTO_FREE char *json_plain = NULL;
    AUTO_FREE char *text = NULL;
    AUTO_JSON JsonValue *json = NULL;
    const TomlValue *root = NULL;
    size_t len = 0, json_len = 0;
    TomlPos pos = { 0 };
    Error err = { 0 };

    text = corpus_read(name, &len);
    json_text = corpus_read(json_name, &json_len);
    json_plain = without_nul_escapes(json_text, json_len);
    if (toml_parse(arena, text, len, &root, &pos, &err) < 0) {
        print_error("%s:%d:%d: refused: %s\n", name, pos.line, pos.column, err.detail);
        return false;
    }
    if (json_parse(&json, json_plain, strlen(json_plain), &err) < 0)
        fail_msg("%s: %s", json_name, err.detail);
    if (!same(root, json)) {
        print_error("%s: the value differs from the tagged JSON\n", name);
        return false;
    }
    return true;
}

static bool run_invalid(const char *name)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_FREE char *text = NULL;
    const TomlValue *root = NULL;
    size_t len = 0;
    TomlPos pos = { 0 };
    Error err = { 0 };

    text = corpus_read(name, &len);
    if (toml_parse(arena, text, len, &root, &pos, &err) == 0) {
        print_error("%s: accepted\n", name);
        return false;
    }
    if (err.code != E_SYNTAX || pos.line < 1 || pos.column < 1 || err.detail[0] == '\0') {
        print_error("%s: refused without code, position or message\n", name);
        return false;
    }
    return root == NULL;
}

static void test_corpus(void **state)
{
    AUTO_FREE char *list = NULL;
    size_t len = 0, n_valid = 0, n_invalid = 0, n_bad = 0;
    char *rest = NULL;

    (void)state;
    list = corpus_read("files-toml-1.0.0", &len);
    for (char *name = strtok_r(list, "\n", &rest); name; name = strtok_r(NULL, "\n", &rest)) {
        if (!str_ends(name, ".toml"))
            continue;
        if (str_starts(name, "valid/")) {
            n_valid++;
            n_bad += run_valid(name) ? 0 : 1;
        } else {
            n_invalid++;
            n_bad += run_invalid(name) ? 0 : 1;
        }
    }
    print_message("# toml-test: %zu valid and %zu invalid files, %zu misjudged\n", n_valid,
                  n_invalid, n_bad);
    CHECK_INT(n_bad, 0);
    CHECK(n_valid >= MIN_VALID);
    CHECK(n_invalid >= MIN_INVALID);
}

/* --- positions ------------------------------------------------------------------------------ */

static void test_failure_positions(void **state)
{
    static const struct {
        const char *text;
        int line, column;
        const char *part; /* of the message */
    } cases[] = {
        { "a = 1\nb = = 2\n", 2, 5, "expected a value" },
        { "a = 1\na = 2\n", 2, 1, "line 1" },
        { "[t]\n[t]\n", 2, 2, "set already" },
        { "a = \"x\n", 1, 5, "not closed" },
        { "a = '''x\n\n", 1, 5, "not closed" },
        { "a = 1 b = 2\n", 1, 7, "end of the line" },
        { "a = [1, 2\nb = 3\n", 2, 1, "',' or ']'" },
        { "a = {b = 1\n}", 1, 11, "inline table" },
        { "timeout = 012\n", 1, 11, "0o" },
        { "a = True\n", 1, 5, "lower case" },
        { "a = yes\n", 1, 5, "true or false" },
        { "a = web\n", 1, 5, "quotes" },
        { "a = 9223372036854775808\n", 1, 5, "64 bits" },
        { "a = 2024-02-30\n", 1, 5, "date" },
        { "a = \"\\q\"\n", 1, 6, "escape" },
        { "a = \"\\ud800\"\n", 1, 6, "no Unicode character" },
        { "= 1\n", 1, 1, "expected a key" },
        { "a\n", 1, 2, "'='" },
        { "\xef\xbb\xbf= 1\n", 1, 1, "expected a key" },
        { "a = 1\r\nb\r\n", 2, 2, "'='" },
        { "a = 1\n# \xff\n", 2, 3, "UTF-8" },
        { "a = 1\rb = 2\n", 1, 6, "0x0d" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_ARENA Arena *arena = arena_new();
        const TomlValue *root = NULL;
        TomlPos pos = { 0 };
        Error err = { 0 };
        int rc = toml_parse(arena, cases[i].text, strlen(cases[i].text), &root, &pos, &err);
        if (rc == 0 || pos.line != cases[i].line || pos.column != cases[i].column ||
            !strstr(err.detail, cases[i].part))
            fail_msg("case %zu: rc %d at %d:%d: %s", i, rc, pos.line, pos.column, err.detail);
    }
}

static void test_value_positions(void **state)
{
    static const char text[] = "a = 1\n[t]\n  \"b\" = [ 2,\n 3 ]\n";
    AUTO_ARENA Arena *arena = arena_new();
    const TomlValue *root = NULL, *array = NULL;
    const TomlEntry *entry = NULL;
    TomlPos pos = { 0 };

    (void)state;
    CHECK_INT(parse_n(arena, text, strlen(text), &root, &pos), 0);
    entry = toml_find(toml_find(root, "t")->value, "b");
    CHECK_INT(entry->line, 3);
    CHECK_INT(entry->column, 3);
    array = entry->value;
    CHECK_INT(array->column, 9);
    CHECK_INT(array->items[0]->column, 11);
    CHECK_INT(array->items[1]->line, 4);
    CHECK_INT(array->items[1]->column, 2);
    CHECK_STR(toml_kind_name(array->kind), "array");
    CHECK(toml_find(root, "absent") == NULL);
}

static void test_keys_may_hold_nul(void **state)
{
    static const char text[] = "\"a\\u0000b\" = 1\na = 2\n";
    AUTO_ARENA Arena *arena = arena_new();
    const TomlValue *root = NULL;
    TomlPos pos = { 0 };

    (void)state;
    CHECK_INT(parse_n(arena, text, strlen(text), &root, &pos), 0);
    CHECK_INT(root->entries[0].key_len, 3);
    CHECK_INT(toml_find(root, "a")->value->integer, 2);
}

/* --- limits --------------------------------------------------------------------------------- */

static int parse_repeated(const char *head, const char *unit, size_t n, const char *tail)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_STRBUF StrBuf b = { 0 };
    const TomlValue *root = NULL;
    TomlPos pos = { 0 };

    strbuf_adds(&b, head);
    for (size_t i = 0; i < n; i++)
        strbuf_adds(&b, unit);
    strbuf_adds(&b, tail);
    return parse_n(arena, strbuf_str(&b), b.len, &root, &pos);
}

static void test_limits(void **state)
{
    (void)state;
    CHECK_INT(parse_repeated("a = 1", " ", TOML_TEXT_MAX - 5, ""), 0);
    CHECK_INT(parse_repeated("a = 1", " ", TOML_TEXT_MAX - 4, ""), -1);
    /* the root is level 0, the array of `a` level 1 */
    CHECK_INT(parse_repeated("a = ", "[", TOML_DEPTH_MAX, "1"), -1);
    CHECK_INT(parse_repeated("a = ", "[", TOML_DEPTH_MAX + 1, ""), -1);
    CHECK_INT(parse_repeated("a = ", "[", 1000000, ""), -1);
    CHECK_INT(parse_repeated("a = ", "{a=", 300000, ""), -1);
    CHECK_INT(parse_repeated("a", ".a", TOML_DEPTH_MAX - 1, "=1"), 0);
    CHECK_INT(parse_repeated("a", ".a", TOML_DEPTH_MAX, "=1"), -1);
    CHECK_INT(parse_repeated("", "[[a]]\n", TOML_KEYS_MAX, ""), 0);
    CHECK_INT(parse_repeated("", "[[a]]\n", TOML_KEYS_MAX + 1, ""), -1);
    CHECK_INT(parse_repeated("a = [", "1,", TOML_VALUES_MAX - 2, "]"), 0);
    CHECK_INT(parse_repeated("a = [", "1,", TOML_VALUES_MAX, "]"), -1);
    CHECK_INT(parse_repeated("a = ", "1", 1500, ""), -1);
    CHECK_INT(parse_repeated("a = 0.", "1", 1500, ""), -1);
}

static void test_nesting_at_the_limit(void **state)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_STRBUF StrBuf b = { 0 };
    const TomlValue *root = NULL;
    TomlPos pos = { 0 };

    (void)state;
    strbuf_adds(&b, "a = ");
    for (int i = 0; i < TOML_DEPTH_MAX; i++)
        strbuf_addc(&b, '[');
    for (int i = 0; i < TOML_DEPTH_MAX; i++)
        strbuf_addc(&b, ']');
    CHECK_INT(parse_n(arena, strbuf_str(&b), b.len, &root, &pos), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corpus),          cmocka_unit_test(test_failure_positions),
        cmocka_unit_test(test_value_positions), cmocka_unit_test(test_keys_may_hold_nul),
        cmocka_unit_test(test_limits),          cmocka_unit_test(test_nesting_at_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

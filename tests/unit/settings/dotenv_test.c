#include "test.h"

#include "base/str.h"
#include "settings/dotenv.h"

#include <stdlib.h>
#include <string.h>

static void test_values(void **state)
{
    static const struct {
        const char *text, *key, *value; /* key NULL: nothing is read */
    } rows[] = {
        { "A=1", "A", "1" },
        { "  A = 1  ", "A", "1" },
        { "export A=1\n", "A", "1" },
        { "exported=1\n", "exported", "1" },
        { "A=", "A", "" },
        { "A=   # nothing", "A", "" },
        { "A=#nothing", "A", "" },
        { "A=one # two", "A", "one" },
        { "A=one#two", "A", "one#two" },
        { "A=one two  ", "A", "one two" },
        { "A=1\r\n", "A", "1" },
        { "A='x'\r\n", "A", "x" },
        { "\r\n\r\nA=1", "A", "1" },
        { "A='one # two'", "A", "one # two" },
        { "A='a\\nb'", "A", "a\\nb" },
        { "A='it\\'s'", "A", "it's" },
        { "A=\"a\\nb\\t\\\"c\\\" \\$d \\\\ \\q\"", "A", "a\nb\t\"c\" $d \\ \\q" },
        { "A=\"two\nlines\"", "A", "two\nlines" },
        { "A=\"x\" # why", "A", "x" },
        { "A=b=c", "A", "b=c" },
        { "A=postgresql://u:p@h/d?x=1#f", "A", "postgresql://u:p@h/d?x=1#f" },
        { "\xEF\xBB\xBF"
          "A=1",
          "A", "1" },
        { "# A=1", NULL, NULL },
        { "", NULL, NULL },
        { "\n\n  \n", NULL, NULL },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_DOTENV Dotenv dotenv = { 0 };
        AUTO_DIAGS DiagList diags = { 0 };

        dotenv_parse(&dotenv, rows[i].text, ".env", &diags);
        if (diags.n || dotenv.n != (rows[i].key != NULL))
            fail_msg("%s: %zu entries, %zu diagnostics", rows[i].text, dotenv.n, diags.n);
        if (rows[i].key) {
            CHECK_STR(dotenv.items[0].key, rows[i].key);
            CHECK_STR(dotenv.items[0].value, rows[i].value);
        }
    }
}

static void test_lines(void **state)
{
    AUTO_DOTENV Dotenv dotenv = { 0 };
    AUTO_DIAGS DiagList diags = { 0 };
    (void)state;

    dotenv_parse(&dotenv, "# one\nA=1\nB=\"x\ny\n\"\nC=3\n", ".env", &diags);
    CHECK(dotenv.n == 3);
    CHECK_INT(dotenv.items[0].line, 2);
    CHECK_INT(dotenv.items[1].line, 3);
    CHECK_INT(dotenv.items[2].line, 6);
}

static void test_complaints(void **state)
{
    static const struct {
        const char *text, *code;
        int line;
        size_t n_entries;
    } rows[] = {
        { "A=1\nwhat is this\nB=2", "dotenv-line", 2, 2 },
        { "=1", "dotenv-line", 1, 0 },
        { "A", "dotenv-line", 1, 0 },
        { "A B=1", "dotenv-line", 1, 0 },
        { "A=1\nB='open\nC=3", "dotenv-unclosed-quote", 2, 1 },
        { "A=\"open\\", "dotenv-unclosed-quote", 1, 0 },
        { "A='x' y", "dotenv-trailing", 1, 1 },
        { "A=${HOME}/x", "dotenv-no-expansion", 1, 1 },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_DOTENV Dotenv dotenv = { 0 };
        AUTO_DIAGS DiagList diags = { 0 };

        dotenv_parse(&dotenv, rows[i].text, ".env", &diags);
        if (diags.n != 1 || dotenv.n != rows[i].n_entries)
            fail_msg("%s: %zu entries, %zu diagnostics", rows[i].text, dotenv.n, diags.n);
        CHECK_STR(diags.items[0].code, rows[i].code);
        CHECK_INT(diags.items[0].line, rows[i].line);
    }
}

static void test_files(void **state)
{
    AUTO_DOTENV Dotenv dotenv = { 0 };
    AUTO_DIAGS DiagList diags = { 0 };
    (void)state;

    dotenv_load(&dotenv, "/nowhere/.env", &diags);
    CHECK(diags.n == 0 && dotenv.n == 0);
    dotenv_load(&dotenv, "/", &diags);
    CHECK(diags.n_errors == 1);
    CHECK_STR(diags.items[0].code, "dotenv-unreadable");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_complaints),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests_name("settings/dotenv", tests, NULL, NULL);
}

/* whaley check: exit statuses and what it prints. */
#include "test.h"
#include "folder.h"

#include "base/str.h"
#include "cli/check.h"
#include "wire/json_read.h"

#define COMPOSE "services:\n  web:\n    image: nginx\n    ports: [\"80\"]\n"

typedef struct Outcome {
    int status;
    char *out, *trouble;
} Outcome;

static void outcome_fini(Outcome *o)
{
    free(o->out);
    free(o->trouble);
}

/* Runs it with up to three arguments; NULL ends them. */
static Outcome run(const char *a, const char *b, const char *c)
{
    const char *given[] = { a, b, c };
    char *argv[5] = { xstrdup("check") };
    Outcome o = { 0 };
    size_t n_out = 0, n_trouble = 0;
    FILE *out = open_memstream(&o.out, &n_out);
    FILE *trouble = open_memstream(&o.trouble, &n_trouble);
    int argc = 1;

    while (argc <= 3 && given[argc - 1]) {
        argv[argc] = xstrdup(given[argc - 1]);
        argc++;
    }
    o.status = cli_check_to(out, trouble, argc, argv);
    (void)fclose(out);
    (void)fclose(trouble);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return o;
}

static void test_usage(void **state)
{
    static const struct {
        const char *args[2];
        int status;
        const char *out, *trouble; /* a part of it */
    } cases[] = {
        { { NULL }, 2, "", "at least one folder" },
        { { "--help" }, 0, "Usage: whaley check", "" },
        { { "--bogus", "x" }, 2, "", "--bogus" },
        { { "--format" }, 2, "", "--format" },
        { { "--format=xml", "x" }, 2, "", "xml" },
        { { "/nonexistent-folder" }, 2, "", "/nonexistent-folder" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(outcome_fini) Outcome o = run(cases[i].args[0], cases[i].args[1], NULL);
        CHECK_INT(o.status, cases[i].status);
        CHECK(strstr(o.out, cases[i].out) != NULL);
        CHECK(strstr(o.trouble, cases[i].trouble) != NULL);
    }
}

static void test_exit_status(void **state)
{
    static const struct {
        const char *toml;
        int status;
        const char *part;
    } cases[] = {
        { "", 0, ": ok: id " },
        { "nmae = 'x'", 0, "instance.toml:1:1: warning: nmae: " },
        { "timeout = 0", 1, "instance.toml:1:11: error: timeout: " },
        { "x = \"\\u001b[2J", 1, "instance.toml:1:5: error: " },
        { "\"\\u001b[2J\" = 1", 0, "warning: ?[2J: " },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_FOLDER char *folder = folder_new();
        AUTO_FREE char *with_slash = xasprintf("%s//", folder);
        folder_write(folder, "docker-compose.yaml", COMPOSE);
        folder_write(folder, "instance.toml", cases[i].toml);
        CLEANUP(outcome_fini) Outcome o = run(with_slash, NULL, NULL);
        if (o.status != cases[i].status || !strstr(o.out, cases[i].part) || strchr(o.out, 0x1b))
            fail_msg("case %zu: %d: %s", i, o.status, o.out);
        CHECK(strncmp(o.out, folder, strlen(folder)) == 0); /* one can click on it */
    }
}

static char *many(void)
{
    char *dir = folder_new();
    AUTO_FREE char *link = xasprintf("%s/link", dir);

    folder_write(dir, "a/docker-compose.yaml", COMPOSE);
    folder_write(dir, "a/instance.toml", "category = 'web'\nid = 'one'");
    folder_write(dir, "b/docker-compose.yaml", COMPOSE);
    folder_write(dir, "b/instance.toml", "id = 'one'");
    CHECK_INT(symlink("a", link), 0);
    return dir;
}

static void test_folder_of_folders(void **state)
{
    AUTO_FOLDER char *dir = many();
    CLEANUP(outcome_fini) Outcome o = run(dir, NULL, NULL);

    (void)state;
    CHECK_INT(o.status, 1);
    CHECK(strstr(o.out, "/link: note: skipped") != NULL);
    CHECK(strstr(o.out, "/a: ok: id one, 1 port, revision ") != NULL);
    CHECK(strstr(o.out, "duplicate-id") != NULL);
    CHECK(strstr(o.out, "2 challenges: 1 ok, 1 broken; 1 error, 0 warnings\n") != NULL);
}

static void test_json(void **state)
{
    AUTO_FOLDER char *dir = many();
    CLEANUP(outcome_fini) Outcome o = run("--format", "json", dir);
    AUTO_JSON JsonValue *json = NULL;
    const JsonValue *list, *diag, *port;
    Error err = { 0 };

    (void)state;
    CHECK_INT(o.status, 1);
    CHECK_INT(json_parse(&json, o.out, strlen(o.out), &err), 0);
    list = json_value_get(json, "challenges");
    CHECK_INT(json_value_len(list), 2);
    CHECK_INT(json_value_len(json_value_get(json, "skipped")), 1);
    CHECK_INT(json_get_int(json, "errors", -1), 1);
    port = json_value_at(json_value_get(json_value_at(list, 0), "ports"), 0);
    CHECK_INT(json_get_int(port, "port", 0), 80);
    CHECK_STR(json_get_string(port, "protocol", ""), "http");
    CHECK(json_get_bool(json_value_at(list, 1), "broken", false));
    CHECK_STR(json_get_string(json_value_at(list, 0), "flag_delivery", ""), "none");
    diag = json_value_get(json_value_at(list, 1), "diagnostics");
    diag = json_value_at(diag, json_value_len(diag) - 1);
    CHECK_STR(json_get_string(diag, "severity", ""), "error");
    CHECK_STR(json_get_string(diag, "code", ""), "duplicate-id");
    CHECK_STR(json_get_string(diag, "file", ""), "instance.toml");
}

static const JsonValue *must_get(const JsonValue *object, const char *key, JsonKind kind)
{
    const JsonValue *value = json_value_get(object, key);

    if (json_value_kind(value) != kind)
        fail_msg("no %s of the right kind", key);
    return value;
}

/* The members that SARIF 2.1.0 requires, and the values it allows for them. */
static void check_result(const JsonValue *result, const JsonValue *rules)
{
    static const char *const levels[] = { "error", "warning", "note" };
    const JsonValue *place, *uri, *region;
    const char *rule = json_value_string(must_get(result, "ruleId", JSON_KIND_STRING), "");
    bool is_known = false;

    for (size_t i = 0; i < json_value_len(rules); i++)
        is_known = is_known || str_eq(json_get_string(json_value_at(rules, i), "id", ""), rule);
    CHECK(is_known);
    CHECK(str_in(json_get_string(result, "level", ""), levels, ARRAY_LEN(levels)));
    (void)must_get(must_get(result, "message", JSON_KIND_OBJECT), "text", JSON_KIND_STRING);
    place = json_value_at(must_get(result, "locations", JSON_KIND_ARRAY), 0);
    place = must_get(place, "physicalLocation", JSON_KIND_OBJECT);
    uri = must_get(must_get(place, "artifactLocation", JSON_KIND_OBJECT), "uri", JSON_KIND_STRING);
    CHECK(strpbrk(json_value_string(uri, " "), " %<>\"{}") == NULL);
    region = json_value_get(place, "region");
    CHECK(!region || json_get_int(region, "startLine", 0) > 0);
}

static void test_sarif(void **state)
{
    AUTO_FOLDER char *dir = many();
    CLEANUP(outcome_fini) Outcome o = run("--format=sarif", dir, NULL);
    AUTO_JSON JsonValue *json = NULL;
    const JsonValue *one, *driver, *rules, *results;
    Error err = { 0 };

    (void)state;
    CHECK_INT(o.status, 1);
    CHECK_INT(json_parse(&json, o.out, strlen(o.out), &err), 0);
    CHECK_STR(json_get_string(json, "version", ""), "2.1.0");
    CHECK(str_ends(json_get_string(json, "$schema", ""), "sarif-schema-2.1.0.json"));
    CHECK_INT(json_value_len(must_get(json, "runs", JSON_KIND_ARRAY)), 1);
    one = json_value_at(json_value_get(json, "runs"), 0);
    driver = must_get(must_get(one, "tool", JSON_KIND_OBJECT), "driver", JSON_KIND_OBJECT);
    CHECK_STR(json_get_string(driver, "name", ""), "whaley");
    rules = must_get(driver, "rules", JSON_KIND_ARRAY);
    results = must_get(one, "results", JSON_KIND_ARRAY);
    CHECK_INT(json_value_len(results), 6); /* the link, two notes each, the duplicate */
    for (size_t i = 0; i < json_value_len(results); i++)
        check_result(json_value_at(results, i), rules);
}

static void test_sarif_of_strange_names(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    AUTO_FREE char *strange = xasprintf("%s/a b%%\"", dir);
    AUTO_JSON JsonValue *json = NULL;
    Error err = { 0 };

    (void)state;
    folder_write(dir, "a b%\"/instance.toml", "timeout = 0");
    CLEANUP(outcome_fini) Outcome o = run("--format=sarif", strange, NULL);
    CHECK_INT(json_parse(&json, o.out, strlen(o.out), &err), 0);
    CHECK(strstr(o.out, "/a%20b%25%22/instance.toml\"") != NULL);
}

static void test_empty_folder(void **state)
{
    AUTO_FOLDER char *dir = folder_new();
    CLEANUP(outcome_fini) Outcome o = run(dir, NULL, NULL);

    (void)state;
    CHECK_INT(o.status, 1);
    CHECK(strstr(o.trouble, "holds no challenge") != NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_usage),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_folder_of_folders),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_sarif),
        cmocka_unit_test(test_sarif_of_strange_names),
        cmocka_unit_test(test_empty_folder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

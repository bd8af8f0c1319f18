#include "test.h"

#include "base/fs.h"
#include "base/str.h"
#include "settings/spec.h"
#include "wire/json_read.h"

#include <stdlib.h>
#include <string.h>

static const char *const environ_[] = {
    "ADMIN_KEY=topsecret-topsecret",
    "METRICS_SECRET=topsecret",
    "DATABASE_URL=sqlite:///topsecret.db",
    "CTFD_URL=https://ann:topsecret@ctf.example.org/x",
    "REDIS_URL=redis://:topsecret@r/0",
    "CTFD_API_KEY=topsecret",
    "PORT=9000",
    "DISCORD_WEBHOOK_URL=https://d/topsecret",
    NULL,
};

static Settings *load(void)
{
    AUTO_DIAGS DiagList diags = { 0 };
    Settings *s = NULL;

    CHECK(settings_load(environ_, NULL, &s, &diags, NULL) == 0);
    return s;
}

static void test_text(void **state)
{
    AUTO_SETTINGS Settings *s = load();
    AUTO_STRBUF StrBuf out = { 0 };
    (void)state;

    settings_print(s, false, &out);
    CHECK(strstr(strbuf_str(&out), "topsecret") == NULL);
    CHECK(strstr(strbuf_str(&out), "https://ann:***@ctf.example.org/x") != NULL);
    CHECK(strstr(strbuf_str(&out), "********") != NULL);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        CHECK(strstr(strbuf_str(&out), setting_specs[i].env) != NULL);
}

static const JsonValue *find(const JsonValue *list, const char *name)
{
    for (size_t i = 0; i < json_value_len(list); i++)
        if (str_eq(json_get_string(json_value_at(list, i), "name", ""), name))
            return json_value_at(list, i);
    fail_msg("%s is missing", name);
    return NULL;
}

static void test_json(void **state)
{
    AUTO_SETTINGS Settings *s = load();
    AUTO_STRBUF StrBuf out = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    const JsonValue *list;
    (void)state;

    settings_print(s, true, &out);
    CHECK(strstr(strbuf_str(&out), "topsecret") == NULL);
    CHECK(json_parse(&root, strbuf_str(&out), out.len, NULL) == 0);
    list = json_value_get(root, "settings");
    CHECK(json_value_len(list) == SETTING_COUNT);
    CHECK(json_get_int(find(list, "PORT"), "value", 0) == 9000);
    CHECK_STR(json_get_string(find(list, "PORT"), "source", ""), "environment");
    CHECK_STR(json_get_string(find(list, "PORT"), "default", ""), "8000");
    CHECK(json_get_int(find(list, "CONTAINER_MAX_MEMORY"), "value", 0) == INT64_C(384) << 20);
    CHECK_STR(json_get_string(find(list, "ADMIN_KEY"), "value", ""), "********");
    CHECK(json_get_bool(find(list, "ADMIN_KEY"), "secret", false));
    CHECK(json_value_kind(json_value_get(find(list, "DEBUG"), "value")) == JSON_KIND_BOOL);
}

static void test_help(void **state)
{
    AUTO_STRBUF StrBuf out = { 0 };
    (void)state;

    settings_print_help(&out);
    CHECK(str_starts(strbuf_str(&out), "Server\n  HOST "));
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        CHECK(strstr(strbuf_str(&out), setting_specs[i].env) != NULL);
        CHECK(strlen(setting_specs[i].env) <= 27); /* the width of the first column */
    }
}

static void test_document_is_current(void **state)
{
    const char *root = getenv("SOURCE_ROOT");
    AUTO_STRBUF StrBuf path = { 0 }, out = { 0 };
    AUTO_FREE char *text = NULL;
    size_t len = 0;
    (void)state;

    if (!root)
        skip();
    strbuf_addf(&path, "%s/docs/configuration.md", root);
    settings_print_markdown(&out);
    CHECK(fs_read_file(strbuf_str(&path), 1 << 20, &text, &len, NULL) == 0);
    if (!str_eq(text, strbuf_str(&out)))
        fail_msg("docs/configuration.md differs from src/settings/settings.def; run: whaley "
                 "config --markdown > docs/configuration.md");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_help),
        cmocka_unit_test(test_document_is_current),
    };

    return cmocka_run_group_tests_name("settings/print", tests, NULL, NULL);
}

#include "test.h"

#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "settings/spec.h"
#include "settings/value.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Loads one "K=V" (or none); the diagnostics stay in `diags`. */
static int load_one(const char *assignment, Settings **ret, DiagList *diags)
{
    const char *const environ_[] = { assignment, NULL };

    return settings_load(environ_, NULL, ret, diags, NULL);
}

static void test_defaults(void **state)
{
    AUTO_SETTINGS Settings *s = NULL;
    AUTO_DIAGS DiagList diags = { 0 };
    (void)state;

    CHECK(load_one(NULL, &s, &diags) == 0);
    CHECK(diags.n == 0);
    CHECK_STR(s->host, "0.0.0.0");
    CHECK(s->port == 8000 && !s->debug && s->container_max_cpu == 0.5);
    CHECK(s->container_max_memory == INT64_C(384) << 20);
    CHECK_STR(s->ctfd_url, "");
    CHECK_STR(s->auth_mode, "ctfd");
    for (size_t i = 0; i < SETTING_COUNT; i++)
        CHECK_INT(s->source[i], SETTING_DEFAULT);
}

/* Loads NAME=value and tells whether an error names NAME; other settings are left alone. */
static bool is_accepted(const SettingSpec *spec, const char *value)
{
    AUTO_FREE char *assignment = xasprintf("%s=%s", spec->env, value);
    AUTO_SETTINGS Settings *s = NULL;
    AUTO_DIAGS DiagList diags = { 0 };
    int result = load_one(assignment, &s, &diags);

    CHECK(result == 0 || result == SETTINGS_REFUSED);
    CHECK((result == 0) == (s != NULL));
    for (size_t i = 0; i < diags.n; i++)
        if (diags.items[i].severity == DIAG_ERROR && str_eq(diags.items[i].field, spec->env) &&
            str_eq(diags.items[i].code, "settings-value"))
            return false;
    return true;
}

static void expect(const SettingSpec *spec, const char *value, bool accepted)
{
    if (is_accepted(spec, value) != accepted)
        fail_msg("%s=%s was %s", spec->env, value, accepted ? "refused" : "accepted");
}

static void expect_number(const SettingSpec *spec, double value, bool accepted)
{
    char text[64];

    (void)snprintf(text, sizeof text, "%.*f", spec->type == SETTING_TYPE_DECIMAL ? 3 : 0, value);
    expect(spec, text, accepted);
}

/* Every numeric row: at its limits, and one step beyond. */
static void test_bounds(void **state)
{
    static const char *const junk[] = {
        "x", "1x", "1e3", "0x10", "--1", "1 2", "99999999999999999999999"
    };
    (void)state;

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const SettingSpec *spec = &setting_specs[i];
        double step = spec->type == SETTING_TYPE_DECIMAL ? 0.001 : 1;

        if (spec->type != SETTING_TYPE_INT && spec->type != SETTING_TYPE_DECIMAL &&
            spec->type != SETTING_TYPE_BYTES)
            continue;
        CHECK(spec->min < spec->max);
        expect_number(spec, spec->min, true);
        expect_number(spec, spec->max, true);
        expect_number(spec, spec->min - step, false);
        expect_number(spec, spec->max + step, false);
        for (size_t j = 0; j < ARRAY_LEN(junk); j++)
            expect(spec, junk[j], false);
    }
}

static void test_choices_and_booleans(void **state)
{
    (void)state;

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const SettingSpec *spec = &setting_specs[i];
        AUTO_FREE char *copy = xstrdup(spec->unit);
        char *left = copy, *choice;

        if (spec->type == SETTING_TYPE_BOOL) {
            expect(spec, "Yes", true);
            expect(spec, "0", true);
            expect(spec, "maybe", false);
        }
        if (spec->type != SETTING_TYPE_CHOICE)
            continue;
        while ((choice = strsep(&left, "|")))
            expect(spec, choice, true);
        expect(spec, "nonsense", false);
        expect(spec, spec->unit, false);
        expect(spec, "|", false);
    }
}

static void test_table(void **state)
{
    (void)state;

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const SettingSpec *spec = &setting_specs[i];

        CHECK(setting_find(spec->env) == i); /* no name twice */
        CHECK(*spec->doc && spec->doc[strlen(spec->doc) - 1] == '.');
        for (const char *p = spec->env; *p; p++)
            CHECK((*p >= 'A' && *p <= 'Z') || *p == '_');
    }
}

static const struct {
    size_t index;
    const char *value;
    const char *becomes; /* NULL: refused */
} texts[] = {
    { SETTING_host, "::", "::" },
    { SETTING_host, "localhost", "localhost" },
    { SETTING_host, "300.0.0.1", NULL },
    { SETTING_publish_address, "127.0.0.1", "127.0.0.1" },
    { SETTING_publish_address, "localhost", NULL },
    { SETTING_public_host, "", "auto" },
    { SETTING_public_host, "ctf.example.org", "ctf.example.org" },
    { SETTING_public_host, "::1", "::1" },
    { SETTING_public_host, "http://ctf.example.org", NULL },
    { SETTING_public_host, "ctf.example.org:80", NULL },
    { SETTING_admin_path, "admin", "/admin" },
    { SETTING_admin_path, "/a/b/", "/a/b" },
    { SETTING_admin_path, "/", NULL },
    { SETTING_admin_path, "/a/../b", NULL },
    { SETTING_admin_path, "/a?b", NULL },
    { SETTING_trusted_proxies, "", "" },
    { SETTING_trusted_proxies, "*", "*" },
    { SETTING_trusted_proxies, "10.0.0.0/8, ::1,fd00::/8", "10.0.0.0/8, ::1,fd00::/8" },
    { SETTING_trusted_proxies, "10.0.0.0/33", NULL },
    { SETTING_trusted_proxies, "::/129", NULL },
    { SETTING_trusted_proxies, "proxy.local", NULL },
    { SETTING_cors_allow_origins, "https://a.example, http://b:8080",
      "https://a.example, http://b:8080" },
    { SETTING_cors_allow_origins, "https://a.example/x", NULL },
    { SETTING_cors_allow_origins, "a.example", NULL },
    { SETTING_docker_host, "tcp://10.0.0.1:2376", "tcp://10.0.0.1:2376" },
    { SETTING_docker_host, "unix:///run/docker.sock", "unix:///run/docker.sock" },
    { SETTING_docker_host, "ssh://host", NULL },
    { SETTING_docker_host, "/run/docker.sock", NULL },
    { SETTING_ctfd_url, "https://ctf.example.org/", "https://ctf.example.org/" },
    { SETTING_ctfd_url, "ctf.example.org", NULL },
    { SETTING_ctfd_url, "https://", NULL },
    { SETTING_database_url, "sqlite+aiosqlite:////x.db", "sqlite+aiosqlite:////x.db" },
    { SETTING_database_url, "mysql://x", NULL },
    { SETTING_redis_url, "redis://r:6379/0", "redis://r:6379/0" },
    { SETTING_redis_url, "r:6379", NULL },
    { SETTING_network_prefix, "wh.al_ey-1", "wh.al_ey-1" },
    { SETTING_network_prefix, "-x", NULL },
    { SETTING_network_prefix, "a b", NULL },
    { SETTING_flag_prefix, "CTF", "CTF" },
    { SETTING_flag_prefix, "CTF{", NULL },
    { SETTING_network_subnet_base, "172.16.0.0/12", "172.16.0.0/12" },
    { SETTING_network_subnet_base, " 10.0.0.0/8 ", "10.0.0.0/8" },
    { SETTING_network_subnet_base, "10.240.0.1/16", NULL },
    { SETTING_network_subnet_base, "8.0.0.0/7", NULL },
    { SETTING_network_subnet_base, "10.0.0.0/33", NULL },
    { SETTING_network_subnet_base, "10.0.0.0", NULL },
    { SETTING_network_subnet_base, "fd00::/16", NULL },
    { SETTING_auth_mode, "NONE", "none" },
    { SETTING_data_dir, "/tmp/\x01", NULL },
    { SETTING_data_dir, "/tmp/\xff", NULL },
    { SETTING_data_dir, "", "/app/data" },
    { SETTING_log_file, "", "" },
};

static void test_texts(void **state)
{
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        const SettingSpec *spec = &setting_specs[texts[i].index];
        AUTO_FREE char *assignment = xasprintf("%s=%s", spec->env, texts[i].value);
        AUTO_SETTINGS Settings *s = NULL;
        AUTO_DIAGS DiagList diags = { 0 };
        int result = load_one(assignment, &s, &diags);

        if (result != (texts[i].becomes ? 0 : SETTINGS_REFUSED))
            fail_msg("%s gave %d", assignment, result);
        if (s)
            CHECK_STR(setting_text_get(spec, s), texts[i].becomes);
    }
}

static void test_host_bits_are_explained(void **state)
{
    AUTO_SETTINGS Settings *s = NULL;
    AUTO_DIAGS DiagList diags = { 0 };
    (void)state;

    CHECK(load_one("NETWORK_SUBNET_BASE=10.240.7.1/16", &s, &diags) == SETTINGS_REFUSED);
    CHECK(strstr(diags.items[0].message, "10.240.0.0/16") != NULL);
}

/* Writes `text` to a file named .env in a folder of its own. */
static char *write_dotenv(const char *text)
{
    char folder[] = "/tmp/whaley-settings-XXXXXX";
    char *path;

    CHECK(mkdtemp(folder) != NULL);
    path = xasprintf("%s/.env", folder);
    CHECK(fs_write_atomic(path, text, strlen(text), 0600, NULL) == 0);
    return path;
}

static void remove_dotenv(char **path)
{
    (void)unlink(*path);
    *strrchr(*path, '/') = '\0';
    (void)rmdir(*path);
    free(*path);
}

static void test_sources(void **state)
{
    static const char *const environ_[] = { "port=9001", "PORT=9000",  "Port=9002",
                                            "PATH=/bin", "HOME=/root", "no equals sign",
                                            NULL };
    CLEANUP(remove_dotenv)
    char *path = write_dotenv("PORT=8001\nctfd_url=https://ctf.example.org # ours\n"
                              "export DEBUG='yes'\nDEBUG=no\nSPAWN_WORKERS=\n"
                              "INSTANCE_TIMOUT=60\nPOSTGRES_PASSWORD=x\n");
    AUTO_SETTINGS Settings *s = NULL;
    AUTO_DIAGS DiagList diags = { 0 };
    (void)state;

    CHECK(settings_load(environ_, path, &s, &diags, NULL) == 0);
    CHECK(s->port == 9000 && s->source[SETTING_port] == SETTING_ENV);
    CHECK_STR(s->ctfd_url, "https://ctf.example.org");
    CHECK_INT(s->source[SETTING_ctfd_url], SETTING_DOTENV);
    CHECK(!s->debug);
    CHECK(s->spawn_workers == 0 && s->source[SETTING_spawn_workers] == SETTING_DEFAULT);
    CHECK_INT(diags.n_errors, 0);
    CHECK_INT(diags.n, 3);
    CHECK_STR(diags.items[0].code, "settings-twice");
    CHECK_INT(diags.items[0].line, 4);
    CHECK_STR(diags.items[1].code, "settings-unknown");
    CHECK_STR(diags.items[1].hint, "did you mean INSTANCE_TIMEOUT?");
    CHECK_INT(diags.items[1].line, 6);
    CHECK_STR(diags.items[2].code, "settings-empty");
    CHECK_INT(diags.items[2].line, 5);
}

static void test_all_errors_at_once(void **state)
{
    static const char *const environ_[] = { "PORT=x",
                                            "AUTH_MODE=maybe",
                                            "CONTAINER_MAX_CPU=17",
                                            "DATABASE_URL=mysql://u:hunter2@h/d",
                                            "PORT_RANGE_START=40001",
                                            NULL };
    AUTO_SETTINGS Settings *s = NULL;
    AUTO_DIAGS DiagList diags = { 0 };
    (void)state;

    CHECK(settings_load(environ_, NULL, &s, &diags, NULL) == SETTINGS_REFUSED);
    CHECK(s == NULL);
    CHECK_INT(diags.n_errors, 5);
    for (size_t i = 0; i < diags.n; i++) {
        AUTO_FREE char *line = diag_format(&diags.items[i]);

        CHECK(strstr(line, "hunter2") == NULL);
        CHECK(diags.items[i].hint != NULL || str_eq(diags.items[i].field, "DATABASE_URL"));
    }
}

static void test_together(void **state)
{
    static const struct {
        const char *environ_[3];
        const char *code; /* NULL: fine */
        DiagSeverity severity;
    } rows[] = {
        { { "PORT_RANGE_START=30000", "PORT_RANGE_END=30000", NULL }, NULL, 0 },
        { { "PORT_RANGE_START=30001", "PORT_RANGE_END=30000", NULL },
          "settings-port-range",
          DIAG_ERROR },
        { { "PORT=30000", NULL }, "settings-port-in-range", DIAG_WARNING },
        { { "PORT=40000", NULL }, "settings-port-in-range", DIAG_WARNING },
        { { "PORT=40001", NULL }, NULL, 0 },
        { { "INSTANCE_MAX_MEMORY=96m", NULL }, NULL, 0 },
        { { "INSTANCE_MAX_MEMORY=95m", NULL }, "settings-instance-cap", DIAG_ERROR },
        { { "INSTANCE_MAX_MEMORY=12m", "INSTANCE_MAX_CONTAINERS=2", NULL }, NULL, 0 },
        { { "INSTANCE_MAX_CPU=0.1", NULL }, "settings-instance-cap", DIAG_ERROR },
        { { "INSTANCE_MAX_PIDS=100", NULL }, "settings-instance-cap", DIAG_ERROR },
        { { "INSTANCE_MAX_PIDS=128", NULL }, NULL, 0 },
        { { "INSTANCE_MAX_DISK=255m", NULL }, "settings-instance-cap", DIAG_ERROR },
        { { "INSTANCE_MAX_DISK=256m", NULL }, NULL, 0 },
        { { "NETWORK_SUBNET_BASE=10.0.0.0/27", "NETWORK_SUBNET_PREFIX=28", NULL }, NULL, 0 },
        { { "NETWORK_SUBNET_BASE=10.0.0.0/28", "NETWORK_SUBNET_PREFIX=28", NULL },
          "settings-subnet-prefix",
          DIAG_ERROR },
        { { "NETWORK_SUBNET_BASE=9.0.0.0/16", NULL }, "settings-public-pool", DIAG_WARNING },
        { { "NETWORK_SUBNET_BASE=100.64.0.0/16", NULL }, NULL, 0 },
        { { "NETWORK_SUBNET_BASE=172.32.0.0/16", NULL }, "settings-public-pool", DIAG_WARNING },
        { { "ADMIN_KEY=0123456789abcde", NULL }, "settings-weak-key", DIAG_WARNING },
        { { "ADMIN_KEY=0123456789abcdef", NULL }, NULL, 0 },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_SETTINGS Settings *s = NULL;
        AUTO_DIAGS DiagList diags = { 0 };
        int result = settings_load(rows[i].environ_, NULL, &s, &diags, NULL);

        CHECK_INT(diags.n, rows[i].code != NULL);
        CHECK_INT(result != 0, rows[i].code && rows[i].severity == DIAG_ERROR);
        if (rows[i].code)
            CHECK_STR(diags.items[0].code, rows[i].code);
    }
}

static void test_database_url(void **state)
{
    static const struct {
        const char *assignment, *url;
    } rows[] = {
        { NULL, "sqlite:////app/data/whaley.db" },
        { "DATA_DIR=/srv/w/", "sqlite:////srv/w/whaley.db" },
        { "DATA_DIR=data", "sqlite:///data/whaley.db" },
        { "DATABASE_URL=sqlite:///x.db", "sqlite:///x.db" },
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        AUTO_SETTINGS Settings *s = NULL;
        AUTO_DIAGS DiagList diags = { 0 };
        AUTO_FREE char *url = NULL;

        CHECK(load_one(rows[i].assignment, &s, &diags) == 0);
        url = settings_database_url(s);
        CHECK_STR(url, rows[i].url);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_choices_and_booleans),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_host_bits_are_explained),
        cmocka_unit_test(test_sources),
        cmocka_unit_test(test_all_errors_at_once),
        cmocka_unit_test(test_together),
        cmocka_unit_test(test_database_url),
    };

    return cmocka_run_group_tests_name("settings/settings", tests, NULL, NULL);
}

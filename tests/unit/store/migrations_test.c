#include "store/temp.h"

#include "base/str.h"
#include "store/migrations.h"
#include "store/tables.h"

static void raw_exec(DbConn *conn, const char *sql)
{
    DbCall call = { .sql = sql };
    Error err = { 0 };

    if (sqlite_driver.run(conn, &call, &err) < 0)
        fail_msg("%s: %s", sql, err.detail);
}

static void raw_build(const char *path, const char *const *statements, size_t n)
{
    DbConn *conn = NULL;
    Error err = { 0 };

    if (sqlite_driver.open(&conn, path, DB_ACCESS_WRITE, &err) < 0)
        fail_msg("%s", err.detail);
    for (size_t i = 0; i < n; i++)
        raw_exec(conn, statements[i]);
    sqlite_driver.close(conn);
}

/* What an earlier program of the same purpose leaves: SQLAlchemy's DDL, text times, some columns
 * not there yet. */
static const char *const forerunner[] = {
    "CREATE TABLE user_port_mappings (id INTEGER NOT NULL, user_id VARCHAR(64) NOT NULL,"
    " username VARCHAR(255), challenge_id VARCHAR(128) NOT NULL, internal_port INTEGER NOT NULL,"
    " external_port INTEGER NOT NULL, created_at DATETIME, updated_at DATETIME, PRIMARY KEY (id))",
    "CREATE INDEX ix_user_challenge ON user_port_mappings (user_id, challenge_id)",
    "INSERT INTO user_port_mappings (user_id, username, challenge_id, internal_port,"
    " external_port, created_at) VALUES"
    " ('7', 'ann', 'web', 80, 30080, '2026-01-02 03:04:05.678901'),"
    " ('7', 'ann', 'web', 22, 30022, '2026-01-02 03:04:05.678901')",
    "CREATE TABLE event_logs (id INTEGER NOT NULL, timestamp DATETIME, event_type VARCHAR(64) NOT"
    " NULL, user_id VARCHAR(64), username VARCHAR(255), instance_id VARCHAR(128), challenge_id"
    " VARCHAR(128), ports_json TEXT, public_url VARCHAR(512), message TEXT NOT NULL, details_json"
    " TEXT, ip_address VARCHAR(45), PRIMARY KEY (id))",
    "INSERT INTO event_logs (timestamp, event_type, message) VALUES"
    " ('2026-01-02 03:04:05.678901', 'instance_spawn', 'hello')",
    "CREATE TABLE challenge_settings (id INTEGER NOT NULL, challenge_id VARCHAR(128) NOT NULL,"
    " is_active INTEGER NOT NULL, max_memory VARCHAR(32), max_cpu VARCHAR(32), updated_at"
    " DATETIME, PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX ix_challenge_settings_challenge_id ON challenge_settings (challenge_id)",
    "INSERT INTO challenge_settings (challenge_id, is_active, max_memory) VALUES ('web', 0, '1g')",
    "CREATE TABLE whaley_settings (id INTEGER NOT NULL, key VARCHAR(128) NOT NULL, value TEXT,"
    " updated_at DATETIME, PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX ix_whaley_settings_key ON whaley_settings (key)",
    "INSERT INTO whaley_settings (key, value) VALUES ('INSTANCE_TIMEOUT', '1200')",
    "CREATE TABLE instance_states (id INTEGER NOT NULL, instance_id VARCHAR(128) NOT NULL,"
    " challenge_id VARCHAR(128) NOT NULL, user_id VARCHAR(64) NOT NULL, username VARCHAR(255),"
    " team_id VARCHAR(64), team_name VARCHAR(255), owner_id VARCHAR(64) NOT NULL, status"
    " VARCHAR(32) NOT NULL, ports_json TEXT, public_urls_json TEXT, container_ids_json TEXT,"
    " network_name VARCHAR(128), error_message TEXT, created_at DATETIME, expires_at DATETIME NOT"
    " NULL, PRIMARY KEY (id))",
    "CREATE UNIQUE INDEX ix_instance_states_instance_id ON instance_states (instance_id)",
    "INSERT INTO instance_states (instance_id, challenge_id, user_id, team_id, owner_id, status,"
    " ports_json, created_at, expires_at) VALUES"
    " ('web-5-0a1b2c3d', 'web', '7', '5', '5', 'running', '{\"80\":30001}',"
    "  '2026-01-02 03:04:05.678901', '2026-01-02 04:04:05.678901'),"
    " ('web-8-0a1b2c3e', 'web', '8', NULL, '8', 'starting', NULL,"
    "  '2026-01-02 03:04:05', '2026-01-02 04:04:05')",
    "CREATE TABLE flag_mappings (flag_id INTEGER NOT NULL, ctfd_challenge_id INTEGER NOT NULL,"
    " local_challenge_id VARCHAR(128) NOT NULL, user_id VARCHAR(64) NOT NULL, username"
    " VARCHAR(255), instance_id VARCHAR(128), flag_content VARCHAR(512) NOT NULL, team_id"
    " VARCHAR(64), team_name VARCHAR(255), owner_id VARCHAR(64), created_at DATETIME, PRIMARY KEY"
    " (flag_id), CONSTRAINT uq_flag_content UNIQUE (flag_content), CONSTRAINT"
    " uq_flag_owner_challenge UNIQUE (owner_id, local_challenge_id))",
    "INSERT INTO flag_mappings (flag_id, ctfd_challenge_id, local_challenge_id, user_id,"
    " flag_content) VALUES (41, 1, 'web', '7', 'FLAG{x}')",
};

static void check_instances(Db *db)
{
    AUTO_INSTANCE_ROWS InstanceRows rows = { 0 };

    CHECK(instances_all(db, &rows, NULL) == 0);
    CHECK(rows.n == 2);
    CHECK_STR(rows.items[0].instance_id, "web-5-0a1b2c3d");
    CHECK_STR(rows.items[0].owner_kind, "team");
    CHECK_STR(rows.items[0].phase, "running");
    CHECK_STR(rows.items[0].ports_json, "{\"80\":30001}");
    CHECK(rows.items[0].created_at == INT64_C(1767323045678901));
    CHECK(rows.items[0].expires_at == INT64_C(1767326645678901));
    CHECK_STR(rows.items[1].owner_kind, "user");
    CHECK_STR(rows.items[1].phase, "starting");
    CHECK_STR(rows.items[1].ports_json, "{}");
    CHECK_STR(rows.items[1].public_urls_json, "{}");
    CHECK_STR(rows.items[1].container_ids_json, "[]");
    CHECK_STR(rows.items[1].revision, "");
    CHECK_STR(rows.items[1].folder, "");
    CHECK_STR(rows.items[1].spec_json, "{}");
    CHECK(rows.items[1].stop_reason == NULL && rows.items[1].extended_s == 0);
    CHECK(rows.items[1].expires_at == INT64_C(1767326645000000));
}

static void check_mappings(Db *db)
{
    static const PortMappingRow mine[] = { { 80, 31000 } };
    PortMappingRows rows = { 0 };

    CHECK(port_mappings_get(db, "team:7", "web", &rows, NULL) == 0);
    CHECK(rows.n == 2 && rows.items[0].internal_port == 22 && rows.items[1].external_port == 30080);
    port_mapping_rows_fini(&rows);
    CHECK(port_mappings_put(db, "user:7", "ann", "web", mine, 1, NULL) == 0);
    CHECK(port_mappings_get(db, "user:7", "web", &rows, NULL) == 0);
    CHECK(rows.n == 1 && rows.items[0].external_port == 31000);
    port_mapping_rows_fini(&rows);
}

static void test_keeps_a_forerunners_rows(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    (void)state;

    raw_build(temp.path, forerunner, ARRAY_LEN(forerunner));
    for (int round = 0; round < 2; round++) {
        AUTO_DB Db *db = temp_open(temp.url);
        ChallengeSettingsRows settings = { 0 };
        char *value = NULL;

        check_instances(db);
        CHECK(whaley_settings_get(db, "INSTANCE_TIMEOUT", &value, NULL) == 0);
        CHECK_STR(value, "1200");
        free(value);
        CHECK(challenge_settings_all(db, &settings, NULL) == 0);
        CHECK(settings.n == 1 && !settings.items[0].is_active);
        CHECK_STR(settings.items[0].max_memory, "1g");
        challenge_settings_rows_fini(&settings);
        CHECK(temp_int(db, "SELECT COUNT(*) FROM event_logs WHERE team_id IS NULL") == 1);
        CHECK(temp_int(db, "SELECT flag_id FROM flag_mappings") == 41);
        CHECK(temp_int(db, "SELECT MAX(version) FROM schema_migrations") == migrations_latest());
        if (round == 1)
            check_mappings(db);
    }
}

static const char *const tables[][2] = {
    { "user_port_mappings", "id user_id username challenge_id internal_port external_port"
                            " created_at updated_at" },
    { "event_logs", "id timestamp event_type user_id instance_id username challenge_id public_url"
                    " ip_address ports_json details_json message team_id" },
    { "challenge_settings", "id challenge_id is_active max_memory max_cpu updated_at" },
    { "whaley_settings", "id key value updated_at" },
    { "instance_states",
      "id instance_id challenge_id user_id username team_name network_name team_id owner_id status"
      " ports_json public_urls_json container_ids_json error_message created_at expires_at"
      " owner_kind revision folder phase stop_reason spec_json extended_s" },
    { "flag_mappings", "flag_id ctfd_challenge_id local_challenge_id user_id username instance_id"
                       " team_name flag_content team_id owner_id created_at" },
    { "suspicious_submissions",
      "id submission_id submitter_user_id challenge_id flag_owner_user_id local_challenge_id"
      " submitter_username flag_owner_username provided_flag submission_time ip_address"
      " submitter_team_id submitter_team_name flag_owner_team_id flag_owner_team_name unique_key"
      " created_at" },
    { "instance_resources", "instance_id kind name ref state" },
    { "port_leases", "instance_id internal_port port" },
    { "subnet_leases", "subnet holder network_name network_id created_at" },
};

static void test_has_every_column(void **state)
{
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        char list[512], sql[640], *left = list, *column;

        (void)snprintf(list, sizeof list, "%s", tables[i][1]);
        while ((column = strsep(&left, " "))) {
            (void)snprintf(sql, sizeof sql,
                           "SELECT COUNT(*) FROM pragma_table_info('%s') WHERE name = '%s'",
                           tables[i][0], column);
            if (temp_int(db, sql) != 1)
                fail_msg("%s lacks %s", tables[i][0], column);
        }
    }
}

static void test_unique_keys(void **state)
{
    static const char *const twice[] = {
        "INSERT INTO challenge_settings (challenge_id) VALUES ('web')",
        "INSERT INTO whaley_settings (key) VALUES ('k')",
        "INSERT INTO instance_states (instance_id, challenge_id, user_id, owner_id, expires_at)"
        " VALUES ('i', 'c', '1', '1', '2026-01-01 00:00:00')",
        "INSERT INTO suspicious_submissions (submission_id, submitter_user_id, challenge_id,"
        " local_challenge_id, flag_owner_user_id, unique_key) VALUES (1, 1, 1, 'c', '1', 'k')",
        "INSERT INTO flag_mappings (flag_id, ctfd_challenge_id, local_challenge_id, user_id,"
        " flag_content) VALUES ((SELECT COUNT(*) FROM flag_mappings), 1, 'c', '1', 'FLAG{x}')",
    };
    AUTO_DB Db *db = temp_open("sqlite:///:memory:");
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(twice); i++) {
        Error err = { 0 };

        temp_exec(db, twice[i]);
        CHECK(db_exec(db, twice[i], DB_NO_ARGS, &err) < 0);
        CHECK_INT(err.code, E_CONFLICT);
    }
}

static void expect_refused(const Temp *temp, const char *says)
{
    Db *db = NULL;
    Error err = { 0 };

    CHECK(db_open(&db, temp->url, &err) < 0);
    CHECK_INT(err.code, E_STORE);
    if (!strstr(err.detail, says))
        fail_msg("expected \"%s\" in: %s", says, err.detail);
}

static void test_refuses_newer(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    Db *db = temp_open(temp.url);
    (void)state;

    temp_exec(db, "INSERT INTO schema_migrations (version, name, applied_at)"
                  " VALUES (999, 'from the future', '2030-01-01 00:00:00')");
    db_free(db);
    expect_refused(&temp, "written by a newer Whaley (schema 999");
}

/* A step that fails leaves nothing behind, and says which it was. */
static void test_refuses_strangers(void **state)
{
    static const char *const stranger[] = {
        "CREATE TABLE event_logs (id INTEGER PRIMARY KEY, text TEXT)",
    };
    static const char *const doubled[] = {
        "CREATE TABLE whaley_settings (id INTEGER NOT NULL PRIMARY KEY, key VARCHAR(128) NOT NULL,"
        " value TEXT, updated_at DATETIME)",
        "INSERT INTO whaley_settings (key) VALUES ('k'), ('k')",
    };
    AUTO_TEMP Temp temp = temp_make();
    AUTO_TEMP Temp second = temp_make();
    static const char *const expect_nothing[] = { "CREATE TABLE user_port_mappings (id INTEGER)" };
    (void)state;

    raw_build(temp.path, stranger, ARRAY_LEN(stranger));
    expect_refused(&temp, "its table event_logs lacks the column event_type");
    raw_build(temp.path, expect_nothing, ARRAY_LEN(expect_nothing)); /* it was rolled back */
    raw_build(second.path, doubled, ARRAY_LEN(doubled));
    expect_refused(&second, "migration 1 (tables of the forerunners)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keeps_a_forerunners_rows),
        cmocka_unit_test(test_has_every_column),
        cmocka_unit_test(test_unique_keys),
        cmocka_unit_test(test_refuses_newer),
        cmocka_unit_test(test_refuses_strangers),
    };

    return cmocka_run_group_tests_name("store/migrations", tests, NULL, NULL);
}

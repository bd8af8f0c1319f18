#include "store/schema.h"
#include "base/macros.h"

/*
 * A migration that was released never changes: what is written here for 1 and 2 is final, later
 * changes are new entries of store/migrations.c.
 *
 * Names, types and nullability of schema_1 are the forerunners'; columns after the blank line of a
 * table are ours. Ours are nullable or have a default, because they are also added to tables that
 * hold rows.
 */
/* clang-format off */
static const Column user_port_mappings[] = {
    { "id",            TYPE_ID,        "" },
    { "user_id",       "VARCHAR(64)",  "NOT NULL" },
    { "username",      "VARCHAR(255)", "" },
    { "challenge_id",  "VARCHAR(128)", "NOT NULL" },
    { "internal_port", "INTEGER",      "NOT NULL" },
    { "external_port", "INTEGER",      "NOT NULL" },
    { "created_at",    TYPE_DATETIME,  "" },
    { "updated_at",    TYPE_DATETIME,  "" },

    { "owner_key",     "VARCHAR(80)",  "" }, /* "user:7"; NULL in rows of a forerunner */
};

static const Column event_logs[] = {
    { "id",            TYPE_ID,        "" },
    { "timestamp",     TYPE_DATETIME,  "" },
    { "event_type",    "VARCHAR(64)",  "NOT NULL" },
    { "user_id",       "VARCHAR(64)",  "" },
    { "username",      "VARCHAR(255)", "" },
    { "instance_id",   "VARCHAR(128)", "" },
    { "challenge_id",  "VARCHAR(128)", "" },
    { "ports_json",    "TEXT",         "" },
    { "public_url",    "VARCHAR(512)", "" },
    { "message",       "TEXT",         "NOT NULL" },
    { "details_json",  "TEXT",         "" },
    { "ip_address",    "VARCHAR(45)",  "" },
    { "team_id",       "VARCHAR(64)",  "" },
};

static const Column challenge_settings[] = {
    { "id",            TYPE_ID,        "" },
    { "challenge_id",  "VARCHAR(128)", "NOT NULL" },
    { "is_active",     "INTEGER",      "NOT NULL DEFAULT 1" },
    { "max_memory",    "VARCHAR(32)",  "" },
    { "max_cpu",       "VARCHAR(32)",  "" },
    { "updated_at",    TYPE_DATETIME,  "" },
};

static const Column whaley_settings[] = {
    { "id",            TYPE_ID,        "" },
    { "key",           "VARCHAR(128)", "NOT NULL" },
    { "value",         "TEXT",         "" },
    { "updated_at",    TYPE_DATETIME,  "" },
};

static const Column instance_states[] = {
    { "id",                 TYPE_ID,        "" },
    { "instance_id",        "VARCHAR(128)", "NOT NULL" },
    { "challenge_id",       "VARCHAR(128)", "NOT NULL" },
    { "user_id",            "VARCHAR(64)",  "NOT NULL" },
    { "username",           "VARCHAR(255)", "" },
    { "team_id",            "VARCHAR(64)",  "" },
    { "team_name",          "VARCHAR(255)", "" },
    { "owner_id",           "VARCHAR(64)",  "NOT NULL" },
    { "status",             "VARCHAR(32)",  "NOT NULL DEFAULT 'starting'" },
    { "ports_json",         "TEXT",         "" },
    { "public_urls_json",   "TEXT",         "" },
    { "container_ids_json", "TEXT",         "" },
    { "network_name",       "VARCHAR(128)", "" },
    { "error_message",      "TEXT",         "" },
    { "created_at",         TYPE_DATETIME,  "" },
    { "expires_at",         TYPE_DATETIME,  "NOT NULL" },

    { "owner_kind",         "VARCHAR(8)",   "NOT NULL DEFAULT 'user'" },
    { "revision",           "VARCHAR(128)", "NOT NULL DEFAULT ''" },
    { "folder",             "TEXT",         "NOT NULL DEFAULT ''" },
    { "phase",              "VARCHAR(32)",  "NOT NULL DEFAULT ''" },
    { "stop_reason",        "VARCHAR(32)",  "" },
    { "spec_json",          "TEXT",         "NOT NULL DEFAULT '{}'" },
    { "extended_s",         "BIGINT",       "NOT NULL DEFAULT 0" },
};

static const Column flag_mappings[] = {
    { "flag_id",            "INTEGER",      "NOT NULL PRIMARY KEY" }, /* CTFd's id, not numbered here */
    { "ctfd_challenge_id",  "INTEGER",      "NOT NULL" },
    { "local_challenge_id", "VARCHAR(128)", "NOT NULL" },
    { "user_id",            "VARCHAR(64)",  "NOT NULL" },
    { "username",           "VARCHAR(255)", "" },
    { "instance_id",        "VARCHAR(128)", "" },
    { "flag_content",       "VARCHAR(512)", "NOT NULL" },
    { "team_id",            "VARCHAR(64)",  "" },
    { "team_name",          "VARCHAR(255)", "" },
    { "owner_id",           "VARCHAR(64)",  "" },
    { "created_at",         TYPE_DATETIME,  "" },
};

static const Column suspicious_submissions[] = {
    { "id",                   TYPE_ID,        "" },
    { "submission_id",        "INTEGER",      "NOT NULL" },
    { "submitter_user_id",    "INTEGER",      "NOT NULL" },
    { "submitter_username",   "VARCHAR(255)", "" },
    { "submitter_team_id",    "VARCHAR(64)",  "" },
    { "submitter_team_name",  "VARCHAR(255)", "" },
    { "challenge_id",         "INTEGER",      "NOT NULL" },
    { "local_challenge_id",   "VARCHAR(128)", "NOT NULL" },
    { "flag_owner_user_id",   "VARCHAR(64)",  "NOT NULL" },
    { "flag_owner_username",  "VARCHAR(255)", "" },
    { "flag_owner_team_id",   "VARCHAR(64)",  "" },
    { "flag_owner_team_name", "VARCHAR(255)", "" },
    { "provided_flag",        "VARCHAR(512)", "" },
    { "submission_time",      "VARCHAR(64)",  "" },
    { "ip_address",           "VARCHAR(64)",  "" },
    { "unique_key",           "VARCHAR(64)",  "" },
    { "created_at",           TYPE_DATETIME,  "" },
};

/* One row per outside effect of an instance, written before it is taken. */
static const Column instance_resources[] = {
    { "instance_id", "VARCHAR(128)", "NOT NULL" },
    { "kind",        "VARCHAR(16)",  "NOT NULL" },
    { "name",        "VARCHAR(255)", "NOT NULL" },
    { "ref",         "VARCHAR(255)", "" },
    { "state",       "VARCHAR(16)",  "NOT NULL" },
};

static const Column port_leases[] = {
    { "port",          "INTEGER",      "NOT NULL PRIMARY KEY" },
    { "instance_id",   "VARCHAR(128)", "NOT NULL" },
    { "internal_port", "INTEGER",      "NOT NULL" },
};

static const Column subnet_leases[] = {
    { "subnet",       "VARCHAR(32)",  "NOT NULL PRIMARY KEY" },
    { "holder",       "VARCHAR(128)", "NOT NULL" },
    { "network_name", "VARCHAR(255)", "NOT NULL" },
    { "network_id",   "VARCHAR(128)", "" },
    { "created_at",   "BIGINT",       "NOT NULL" }, /* microseconds since the epoch */
};

#define TABLE(name, constraint) { #name, name, ARRAY_LEN(name), constraint }

static const Table tables_1[] = {
    TABLE(user_port_mappings, NULL),
    TABLE(event_logs, NULL),
    TABLE(challenge_settings, NULL),
    TABLE(whaley_settings, NULL),
    TABLE(instance_states, NULL),
    TABLE(flag_mappings, NULL),
    TABLE(suspicious_submissions, NULL),
};

/* Unique keys are indexes, so that a forerunner's table gains them too; names are SQLAlchemy's. */
#define INDEX(name, on)        "CREATE INDEX IF NOT EXISTS " name " ON " on
#define UNIQUE_INDEX(name, on) "CREATE UNIQUE INDEX IF NOT EXISTS " name " ON " on

static const char *const statements_1[] = {
    INDEX("ix_user_port_mappings_user_id", "user_port_mappings (user_id)"),
    INDEX("ix_user_port_mappings_challenge_id", "user_port_mappings (challenge_id)"),
    INDEX("ix_user_port_mappings_external_port", "user_port_mappings (external_port)"),
    INDEX("ix_user_challenge", "user_port_mappings (user_id, challenge_id)"),

    INDEX("ix_event_logs_timestamp", "event_logs (timestamp)"),
    INDEX("ix_event_logs_event_type", "event_logs (event_type)"),
    INDEX("ix_event_logs_user_id", "event_logs (user_id)"),
    INDEX("ix_event_logs_instance_id", "event_logs (instance_id)"),
    INDEX("ix_event_logs_team_id", "event_logs (team_id)"),
    INDEX("ix_event_timestamp_type", "event_logs (timestamp, event_type)"),
    INDEX("ix_event_user_type", "event_logs (user_id, event_type)"),
    INDEX("ix_event_team_type", "event_logs (team_id, event_type)"),

    UNIQUE_INDEX("ix_challenge_settings_challenge_id", "challenge_settings (challenge_id)"),
    UNIQUE_INDEX("ix_whaley_settings_key", "whaley_settings (key)"),

    UNIQUE_INDEX("ix_instance_states_instance_id", "instance_states (instance_id)"),
    INDEX("ix_instance_states_user_id", "instance_states (user_id)"),
    INDEX("ix_instance_states_team_id", "instance_states (team_id)"),
    INDEX("ix_instance_states_owner_id", "instance_states (owner_id)"),

    UNIQUE_INDEX("uq_flag_content", "flag_mappings (flag_content)"),
    UNIQUE_INDEX("uq_flag_owner_challenge", "flag_mappings (owner_id, local_challenge_id)"),
    INDEX("ix_flag_mappings_local_challenge_id", "flag_mappings (local_challenge_id)"),
    INDEX("ix_flag_mappings_user_id", "flag_mappings (user_id)"),
    INDEX("ix_flag_mappings_team_id", "flag_mappings (team_id)"),
    INDEX("ix_flag_mappings_owner_id", "flag_mappings (owner_id)"),
    INDEX("ix_flag_user_challenge", "flag_mappings (user_id, local_challenge_id)"),

    UNIQUE_INDEX("uq_suspicious_unique_key", "suspicious_submissions (unique_key)"),
    INDEX("ix_suspicious_submissions_submission_id", "suspicious_submissions (submission_id)"),
    INDEX("ix_suspicious_submissions_local_challenge_id", "suspicious_submissions (local_challenge_id)"),

    /* Rows that a forerunner wrote tell the kind of owner only by which id it is. */
    "UPDATE instance_states SET owner_kind = 'team' WHERE team_id IS NOT NULL AND owner_id = team_id",
    "UPDATE instance_states SET phase = status WHERE phase = ''",
};

static const Table tables_2[] = {
    TABLE(instance_resources, "PRIMARY KEY (instance_id, kind, name)"),
    TABLE(port_leases, NULL),
    TABLE(subnet_leases, NULL),
};

static const char *const statements_2[] = {
    INDEX("ix_port_leases_instance_id", "port_leases (instance_id)"),
    INDEX("ix_subnet_leases_holder", "subnet_leases (holder)"),
};
/* clang-format on */

const TableSet schema_1 = { tables_1, ARRAY_LEN(tables_1), statements_1, ARRAY_LEN(statements_1) };
const TableSet schema_2 = { tables_2, ARRAY_LEN(tables_2), statements_2, ARRAY_LEN(statements_2) };

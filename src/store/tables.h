/*
 * tables - the queries of the lifecycle, one function each; nothing else writes these tables.
 *
 * instance_states is the journal's head: one row per instance from the decision to spawn until
 * everything of it is gone. instance_resources lists every outside effect of an instance, written
 * `intended` before it is taken and `present` after; a row goes when the thing is gone.
 * port_leases and subnet_leases are unique by port and by subnet.
 *
 * Units      times are microseconds since the epoch, UTC.
 * Ownership  rows own their strings (malloc); release with the _fini beside them.
 * Threads    any.
 */
#pragma once

#include "store/database.h"

#include <stdint.h>

typedef struct InstanceRow {
    char *instance_id, *challenge_id, *revision, *folder;
    char *user_id, *username, *team_id, *team_name; /* team_*, username may be NULL */
    char *owner_id, *owner_kind;                    /* "user" | "team" */
    char *status, *phase;
    char *ports_json; /* {"80":30001} */
    char *public_urls_json, *container_ids_json;
    char *network_name, *error_message; /* may be NULL */
    char *stop_reason;                  /* NULL until a stop was decided */
    char *spec_json; /* what adoption needs of the challenge; see instance/record.c */
    int64_t created_at, expires_at, extended_s;
} InstanceRow;

typedef struct InstanceRows {
    InstanceRow *items;
    size_t n;
} InstanceRows;
void instance_rows_fini(InstanceRows *rows);
#define AUTO_INSTANCE_ROWS CLEANUP(instance_rows_fini)

/* Inserts or replaces everything but created_at. */
MUST_USE int instances_save(Db *db, const InstanceRow *row, Error *err);
MUST_USE int instances_delete(Db *db, const char *instance_id,
                              Error *err); /* with its resources and leases */
MUST_USE int instances_all(Db *db, InstanceRows *ret, Error *err);

typedef struct ResourceRow {
    char *instance_id;
    char *kind;  /* "container" "network" "volume" "image" */
    char *name;  /* deterministic, known before it exists */
    char *ref;   /* engine's id, NULL while intended */
    char *state; /* "intended" | "present" */
} ResourceRow;
typedef struct ResourceRows {
    ResourceRow *items;
    size_t n;
} ResourceRows;
void resource_rows_fini(ResourceRows *rows);
#define AUTO_RESOURCE_ROWS CLEANUP(resource_rows_fini)
MUST_USE int resources_intend(Db *db, const char *instance_id, const char *kind, const char *name,
                              Error *err);
MUST_USE int resources_present(Db *db, const char *instance_id, const char *kind, const char *name,
                               const char *ref, Error *err);
MUST_USE int resources_gone(Db *db, const char *instance_id, const char *kind, const char *name,
                            Error *err);
MUST_USE int resources_of(Db *db, const char *instance_id, ResourceRows *ret, Error *err);

/* Leases. E_CONFLICT when the port (subnet) is leased already. */
typedef struct PortLeaseRow {
    char *instance_id;
    int internal_port, port;
} PortLeaseRow;
typedef struct PortLeaseRows {
    PortLeaseRow *items;
    size_t n;
} PortLeaseRows;
void port_lease_rows_fini(PortLeaseRows *rows);
MUST_USE int port_leases_add(Db *db, const char *instance_id, int internal_port, int port,
                             Error *err);
MUST_USE int port_leases_drop(Db *db, const char *instance_id, Error *err);
MUST_USE int port_leases_all(Db *db, PortLeaseRows *ret, Error *err);

/* holder: an instance id, or "pool" for a network waiting in the pool. */
typedef struct SubnetLeaseRow {
    char *subnet, *holder, *network_name, *network_id; /* network_id NULL while intended */
    int64_t created_at;
} SubnetLeaseRow;
typedef struct SubnetLeaseRows {
    SubnetLeaseRow *items;
    size_t n;
} SubnetLeaseRows;
void subnet_lease_rows_fini(SubnetLeaseRows *rows);
MUST_USE int subnet_leases_add(Db *db, const char *subnet, const char *holder,
                               const char *network_name, Error *err);
MUST_USE int subnet_leases_set_network(Db *db, const char *subnet, const char *network_id,
                                       Error *err);
MUST_USE int subnet_leases_set_holder(Db *db, const char *subnet, const char *holder, Error *err);
MUST_USE int subnet_leases_drop(Db *db, const char *subnet, Error *err);
MUST_USE int subnet_leases_all(Db *db, SubnetLeaseRows *ret, Error *err);

/* user_port_mappings: what an owner had last time (behaviour.md 6.2). owner_key "user:7". */
typedef struct PortMappingRow {
    int internal_port, external_port;
} PortMappingRow;
typedef struct PortMappingRows {
    PortMappingRow *items;
    size_t n;
} PortMappingRows;
void port_mapping_rows_fini(PortMappingRows *rows);
MUST_USE int port_mappings_get(Db *db, const char *owner_key, const char *challenge_id,
                               PortMappingRows *ret, Error *err);
/* Replaces the set of owner and challenge. */
MUST_USE int port_mappings_put(Db *db, const char *owner_key, const char *username,
                               const char *challenge_id, const PortMappingRow *rows, size_t n,
                               Error *err);

/* challenge_settings: absent row = active, no overrides. */
typedef struct ChallengeSettingsRow {
    char *challenge_id, *max_memory, *max_cpu;
    bool is_active;
} ChallengeSettingsRow;
typedef struct ChallengeSettingsRows {
    ChallengeSettingsRow *items;
    size_t n;
} ChallengeSettingsRows;
void challenge_settings_rows_fini(ChallengeSettingsRows *rows);
MUST_USE int challenge_settings_all(Db *db, ChallengeSettingsRows *ret, Error *err);

/* event_logs: the audit trail (behaviour.md 9.3). */
typedef struct EventRow {
    const char *event_type, *user_id, *username, *team_id, *instance_id, *challenge_id;
    const char *ports_json, *public_url, *message, *details_json, *ip_address; /* NULL allowed */
} EventRow;
MUST_USE int event_logs_add(Db *db, const EventRow *row, Error *err);
/* whaley_settings */
MUST_USE int whaley_settings_get(Db *db, const char *key, char **ret_value, Error *err);
MUST_USE int whaley_settings_put(Db *db, const char *key, const char *value, Error *err);

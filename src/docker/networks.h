/*
 * networks - bridges and volumes. API: /networks and /volumes.
 * Networks are addressed by id: names need not be unique before API 1.44.
 */
#pragma once

#include "docker/containers.h"

typedef struct NetworkSpec {
    const char *name;
    const char *subnet; /* "10.240.0.16/28"; NULL = the engine's own pools */
    bool internal;
    bool masquerade; /* false: no outbound NAT, published ports still work */
    bool icc;        /* containers of this network may talk to each other */
    const EnginePair *labels;
    size_t n_labels;
} NetworkSpec;

/* E_CONFLICT: name taken. E_SUBNET_TAKEN: overlaps another network. */
MUST_USE int network_create(Engine *engine, const NetworkSpec *spec, char ret_id[ENGINE_ID_SIZE],
                            Error *err);
/* Absent: 0. E_CONFLICT: containers are attached. */
MUST_USE int network_remove(Engine *engine, const char *id, Error *err);

typedef struct NetworkRow {
    char id[ENGINE_ID_SIZE];
    char *name, *subnet; /* "" when none */
    char *project, *instance_id;
    bool managed, pool; /* whaley.managed=true, whaley.pool=1 */
    int64_t created_s;
} NetworkRow;
typedef struct NetworkRows {
    NetworkRow *items;
    size_t n;
} NetworkRows;
MUST_USE int network_list(Engine *engine, const char *label, NetworkRows *ret, Error *err);
void network_rows_fini(NetworkRows *rows);
#define AUTO_NETWORK_ROWS CLEANUP(network_rows_fini)
/* How many containers are attached (running ones). */
MUST_USE int network_attached(Engine *engine, const char *id, size_t *ret_n, Error *err);

MUST_USE int volume_create(Engine *engine, const char *name, const EnginePair *labels,
                           size_t n_labels, Error *err);
MUST_USE int volume_remove(Engine *engine, const char *name, Error *err); /* absent: 0 */
typedef struct VolumeRow {
    char *name, *project, *instance_id;
} VolumeRow;
typedef struct VolumeRows {
    VolumeRow *items;
    size_t n;
} VolumeRows;
MUST_USE int volume_list(Engine *engine, const char *label, VolumeRows *ret, Error *err);
void volume_rows_fini(VolumeRows *rows);
#define AUTO_VOLUME_ROWS CLEANUP(volume_rows_fini)

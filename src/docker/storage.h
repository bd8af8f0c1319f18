/*
 * storage - can the engine limit what a container writes to its own disk? API: GET /info.
 *
 * Facts: https://docs.docker.com/reference/cli/docker/container/run/#storage-opt - overlay2 on xfs
 * (mounted with pquota, which only a refused creation shows), btrfs, zfs, devicemapper.
 */
#pragma once

#include "docker/engine.h"

typedef struct StorageInfo {
    char driver[32], filesystem[32]; /* "overlay2", "extfs"; "" when not told */
    bool limits;                     /* it may take a size */
} StorageInfo;

MUST_USE int engine_storage(Engine *engine, StorageInfo *ret, Error *err);

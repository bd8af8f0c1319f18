/*
 * images - inspect, build, remove. API: /images, POST /build.
 *
 * A build sends a reproducible tar (sorted names, uid/gid 0, mtime 0) of the context filtered by
 * `.dockerignore` (patterns as in
 * https://docs.docker.com/build/concepts/context/#dockerignore-files). The classic builder is used
 * unless the Dockerfile needs BuildKit or the engine announces it (Builder-Version 2): POST
 * /build?version=2 with the same tar and no session.
 */
#pragma once

#include "docker/containers.h"

/* Of a HEALTHCHECK; 0: none, or the engine's default. */
typedef struct ImageHealth {
    int64_t interval_ns, start_interval_ns;
} ImageHealth;

typedef struct ImageInfo {
    char id[ENGINE_ID_SIZE]; /* "sha256:..." */
    ImageHealth health;
    uint16_t exposed[32]; /* tcp ports */
    size_t n_exposed;
    char reserved_label[80]; /* one that challenges may not set (cut); "" when there is none */
} ImageInfo;
/* E_NOT_FOUND when the image is not there. */
MUST_USE int image_inspect(Engine *engine, const char *reference, ImageInfo *ret, Error *err);
MUST_USE int image_remove(Engine *engine, const char *reference, Error *err); /* absent: 0 */

typedef struct ImageRow {
    char id[ENGINE_ID_SIZE];
    char *tag; /* first "repo:tag", "" when dangling */
    bool managed;
    int64_t created_s;
} ImageRow;
typedef struct ImageRows {
    ImageRow *items;
    size_t n;
} ImageRows;
MUST_USE int image_list(Engine *engine, const char *label, ImageRows *ret, Error *err);
void image_rows_fini(ImageRows *rows);
#define AUTO_IMAGE_ROWS CLEANUP(image_rows_fini)

typedef struct BuildSpec {
    int context_fd;                /* directory of the context, borrowed */
    const char *dockerfile;        /* path in the context; NULL = "Dockerfile" */
    const char *dockerfile_inline; /* instead of a file */
    const char *tag;               /* "whaley/web/app:1a2b3c" */
    const char *target;
    const EnginePair *args;
    size_t n_args;
    const EnginePair *labels;
    size_t n_labels;
    const char *platform; /* NULL = engine's own */
    bool network_none;
    int64_t memory_bytes, nano_cpus; /* of each step; 0 = no limit; BuildKit knows none */
    size_t context_max;              /* bytes; 0 = 512 MiB */
    Millis timeout;                  /* 0 = 15 min */
    /* Called with each line of output, without newline. */
    void (*on_line)(void *ctx, const char *line);
    void *ctx;
    const _Atomic bool *stop;
} BuildSpec;
/* E_BUILD_FAILED carries the engine's message; E_CANCELLED when *stop became true. */
MUST_USE int image_build(Engine *engine, const BuildSpec *spec, char ret_id[ENGINE_ID_SIZE],
                         Error *err);

/*
 * context - the build context as a tar in an unlinked file: filtered by .dockerignore, sorted,
 * owner root, time 0, so that the same folder gives the same bytes.
 *
 * Symlinks are sent as symlinks and never followed; FIFOs, sockets and devices are refused. The
 * Dockerfile and .dockerignore always travel: the engine needs them.
 */
#pragma once

#include "docker/images.h"

#define CONTEXT_INLINE_NAME ".whaley.Dockerfile"

typedef struct BuildContext {
    int fd; /* unlinked file; -1 = none */
    size_t size;
    const char *dockerfile; /* name inside the tar; borrowed from the spec */
    bool needs_buildkit;
} BuildContext;

/* Only the fields of the spec about files, limits and stop are read. E_CANCELLED on *stop. */
MUST_USE int context_pack(const BuildSpec *spec, BuildContext *ret, Error *err);
void context_fini(BuildContext *context);
#define AUTO_CONTEXT CLEANUP(context_fini)

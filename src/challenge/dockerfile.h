/*
 * dockerfile - what the COPY and ADD instructions of a Dockerfile take from the build context.
 * Pure.
 *
 * Only what can be said for certain: sources with variables, wildcards, quotes or `..`, URLs,
 * heredocs and `--from` are left out. Syntax: https://docs.docker.com/reference/dockerfile/
 *
 * Ownership  everything lives in the arena.
 * Limits     DOCKERFILE_SOURCES_MAX sources; the rest is not looked at.
 */
#pragma once

#include "base/arena.h"

enum { DOCKERFILE_SOURCES_MAX = 1000, DOCKERFILE_TEXT_MAX = 1 << 20 };

typedef struct DockerfileSource {
    const char *path;        /* relative to the context, "a/b"; never empty */
    const char *instruction; /* "COPY" or "ADD" */
    int line;                /* of the instruction, from 1 */
} DockerfileSource;

typedef struct DockerfileSources {
    DockerfileSource *items;
    size_t n, cap;
} DockerfileSources;

void dockerfile_sources(Arena *arena, const char *text, size_t len, DockerfileSources *ret);

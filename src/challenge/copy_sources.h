/*
 * copy_sources - what the COPY and ADD instructions of a Dockerfile take from the build context.
 * Pure. (What a Dockerfile must not do is compose/dockerfile.h, which reads it more suspiciously.)
 *
 * Only what can be said for certain: sources with variables, wildcards, quotes or `..`, URLs,
 * heredocs and `--from` are left out. Syntax: https://docs.docker.com/reference/dockerfile/
 *
 * Ownership  everything lives in the arena.
 * Limits     COPY_SOURCES_MAX sources; the rest is not looked at.
 */
#pragma once

#include "base/arena.h"

enum { COPY_SOURCES_MAX = 1000, COPY_SOURCES_TEXT_MAX = 1 << 20 };

typedef struct CopySource {
    const char *path;        /* relative to the context, "a/b"; never empty */
    const char *instruction; /* "COPY" or "ADD" */
    int line;                /* of the instruction, from 1 */
} CopySource;

typedef struct CopySources {
    CopySource *items;
    size_t n, cap;
} CopySources;

void copy_sources_read(Arena *arena, const char *text, size_t len, CopySources *ret);

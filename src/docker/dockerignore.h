/*
 * dockerignore - which paths of a build context are left out. Pure; fuzzed.
 *
 * The last pattern that matches a path or one of its parents decides; `!` brings back. Lines that
 * start with # are comments. Rules: https://docs.docker.com/build/concepts/context/#syntax
 *
 * Limits     IGNORE_PATTERNS_MAX patterns of PATTERN_MAX bytes.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

enum { IGNORE_PATTERNS_MAX = 2000 };

typedef struct Dockerignore Dockerignore;

/* E_INVALID names the line. */
MUST_USE int dockerignore_parse(Dockerignore **ret, const char *text, size_t len, Error *err);
void dockerignore_free(Dockerignore *d);
DEFINE_CLEANUP(Dockerignore, dockerignore_free_p, dockerignore_free)
#define AUTO_DOCKERIGNORE CLEANUP(dockerignore_free_p)

/* `path` is relative to the context: "a/b". NULL `d` excludes nothing. */
bool dockerignore_excludes(const Dockerignore *d, const char *path);
/* May something below an excluded folder come back? Then it must be walked all the same. */
bool dockerignore_has_exceptions(const Dockerignore *d);

/*
 * buildkit - does a Dockerfile need BuildKit? Pure; fuzzed.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/*
 * True for `# syntax=`, RUN with --mount/--network/--security, COPY and ADD with flags the classic
 * builder does not know, and heredocs. Continued lines and `# escape=` are honoured.
 */
bool buildkit_needed(const char *dockerfile, size_t len);

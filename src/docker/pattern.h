/*
 * pattern - one `.dockerignore` pattern: Go's filepath.Match with `**`. Pure; fuzzed.
 *
 * Rules of https://docs.docker.com/build/concepts/context/#syntax and
 * https://pkg.go.dev/path/filepath#Match: `*` and `?` stop at "/", `[a-z]` and `[^a-z]`, `\`
 * quotes, a double star followed by "/" spans any number of folders, a double star at the end spans
 * everything. Works on code points; a byte that is no UTF-8 counts as one.
 *
 * Limits     PATTERN_MAX bytes. Matching costs pattern length times path length, never more.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

enum { PATTERN_MAX = 1024 };

/* Is it well-formed? (Brackets closed and not empty, no lone backslash at the end, not too long.)
 */
bool pattern_valid(const char *pattern);
/* Does the whole of path match? False for a pattern that is not valid. */
bool pattern_match(const char *pattern, const char *path);
/* Go's filepath.Clean: no "//", "." or "x/..". Result is never longer than max(1, strlen) bytes. */
void path_clean(char *path);

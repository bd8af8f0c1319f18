/*
 * fs - files, carefully: O_CLOEXEC always, symlinks never followed beneath a directory, sizes
 * bounded, writes atomic.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Opens `path` beneath dir_fd for reading, refusing to leave the directory or to cross any symlink
 * (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). Only regular files; a FIFO or device is refused
 * without blocking. Returns the descriptor, or < 0 (E_NOT_FOUND when it is absent).
 */
int fs_open_beneath(int dir_fd, const char *path, Error *err);
/* The same for a directory. */
int fs_open_dir_beneath(int dir_fd, const char *path, Error *err);
/* Reads all of it; E_TOO_LARGE beyond max. Caller frees *ret_text (NUL-terminated). */
MUST_USE int fs_read_all(int fd, size_t max, char **ret_text, size_t *ret_len, Error *err);
/* Convenience: open a path (symlinks allowed) and read it. */
MUST_USE int fs_read_file(const char *path, size_t max, char **ret_text, size_t *ret_len,
                          Error *err);
/* Writes a temporary beside it, fsyncs and renames. */
MUST_USE int fs_write_atomic(const char *path, const void *bytes, size_t n, mode_t mode,
                             Error *err);
MUST_USE int fs_mkdir_p(const char *path, mode_t mode, Error *err);

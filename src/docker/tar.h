/*
 * tar - writes tar archives (pax where needed) into memory or a file: the adapter around
 * libarchive. No other file includes archive.h.
 *
 * The same entries give the same bytes: nothing is taken from clock, user or locale. Paths are
 * stored without leading slash.
 *
 * Limits     `max` bytes; more is E_TOO_LARGE. Trees: TAR_DEPTH_MAX folders deep, TAR_ENTRIES_MAX.
 * Threads    one at a time.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { TAR_DEPTH_MAX = 64, TAR_ENTRIES_MAX = 100000 };

typedef struct Tar Tar;

typedef struct TarMeta {
    mode_t mode; /* permission bits */
    uint32_t uid, gid;
    int64_t mtime_s;
} TarMeta;

/* fd >= 0: written there (borrowed); -1: kept in memory until tar_take(). */
MUST_USE int tar_begin(Tar **ret, int fd, size_t max, Error *err);
void tar_free(Tar *tar); /* NULL is fine */
DEFINE_CLEANUP(Tar, tar_free_p, tar_free)
#define AUTO_TAR CLEANUP(tar_free_p)

MUST_USE int tar_add_file(Tar *tar, const char *path, const TarMeta *meta, const void *bytes,
                          size_t n, Error *err);
MUST_USE int tar_add_dir(Tar *tar, const char *path, const TarMeta *meta, Error *err);
MUST_USE int tar_add_symlink(Tar *tar, const char *path, const char *target, const TarMeta *meta,
                             Error *err);
/* Exactly n bytes of fd; a file that has become shorter is E_INVALID. */
MUST_USE int tar_add_fd(Tar *tar, const char *path, const TarMeta *meta, int fd, size_t n,
                        Error *err);
/*
 * A file or folder `source` beneath dir_fd, with all below it, as `target` ("/app/data"). Modes
 * and times are those of the files, the owner is root. Symlinks, FIFOs, sockets and devices are
 * E_INVALID.
 */
MUST_USE int tar_add_tree(Tar *tar, int dir_fd, const char *source, const char *target, Error *err);

/* Writes the end. */
MUST_USE int tar_finish(Tar *tar, Error *err);
/* After tar_finish() of one in memory: the bytes; caller frees. */
char *tar_take(Tar *tar, size_t *ret_len);
/* Bytes written so far. */
size_t tar_size(const Tar *tar);

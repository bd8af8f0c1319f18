/*
 * folder - the names in a directory, sorted by their bytes.
 */
#pragma once

#include "base/error.h"

#include <stddef.h>

enum { FOLDER_NAMES_MAX = 100000 };

typedef struct FolderNames {
    char **items;
    size_t n;
} FolderNames;

/* Without "." and "..". The descriptor stays open. */
MUST_USE int folder_names(int dir_fd, FolderNames *ret, Error *err);
void folder_names_fini(FolderNames *names);

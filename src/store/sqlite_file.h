/*
 * sqlite_file - is this path fit to hold a database? Asked before SQLite sees it, because SQLite
 * answers "unable to open database file" to everything.
 */
#pragma once

#include "base/error.h"

/*
 * Creates an empty file that only we may read when there is none (SQLite gives its -wal and -shm
 * the same rights). Never changes one that exists.
 */
MUST_USE int sqlite_file_prepare(const char *path, Error *err);

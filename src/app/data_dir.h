/* data_dir - DATA_DIR: made, and locked so that two processes never share one database. */
#pragma once

#include "base/error.h"

/*
 * Creates the folder and takes its lock file. Returns the descriptor to keep open, or < 0 with a
 * sentence that names who holds it.
 */
MUST_USE int data_dir_lock(const char *path, Error *err);

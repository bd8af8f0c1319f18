/*
 * revision - one hash over everything in a challenge folder: path, kind, mode and content of each
 * file, in sorted order. Two folders with the same revision behave the same.
 *
 * Symbolic links are recorded with their target and never followed; every step is opened beneath
 * the one before it, so that a folder that changes meanwhile cannot lead elsewhere. What cannot
 * be read or copied (FIFOs, sockets, devices, unreadable files) is an error with its path, and
 * reading never blocks on it.
 *
 * Limits     REVISION_BYTES_MAX of content, REVISION_FILES_MAX entries, REVISION_DEPTH_MAX folders.
 */
#pragma once

#include "base/diag.h"

enum {
    REVISION_SIZE = 13, /* with NUL */
    REVISION_BYTES_MAX = 1 << 30,
    REVISION_FILES_MAX = 50000,
    REVISION_DEPTH_MAX = 48,
};

/* Always gives a revision; errors in `diags` when something could not be taken in. */
void revision_of_folder(int dir_fd, DiagList *diags, char ret_revision[REVISION_SIZE]);

/*
 * process - run a helper program: argv array, never a shell; own process group; deadline; bounded
 * output.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"

#include <stddef.h>

typedef struct ProcessResult {
    int exit_code; /* 128 + signal when it was killed */
    char *output;  /* stdout and stderr together, NUL-terminated; caller frees */
} ProcessResult;

/*
 * Runs argv[0] (looked up in PATH) with `input` on stdin (NULL: empty) and nothing of our
 * environment but PATH. Past the deadline the
 * whole group gets SIGKILL and E_TIMEOUT is returned. A non-zero exit is not a failure here.
 */
MUST_USE int process_run(const char *const argv[], const char *input, Millis timeout,
                         ProcessResult *ret, Error *err);

/* A peer that hangs up becomes an error of write(2), not the end of the program. Process-wide. */
void process_ignore_sigpipe(void);

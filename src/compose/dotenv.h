/*
 * dotenv - `.env` and `env_file` texts, by the grammar of compose's dotenv reader.
 *
 * `[export ]NAME=value` or `NAME: value`; 'raw', "with \n \t \\ \" \$ and $VARIABLES, over several
 * lines", or unquoted up to ` #`. A bare NAME inherits, which here means: from nowhere.
 */
#pragma once

#include "compose/interpolate.h"

typedef struct DotenvPair {
    const char *name;
    const char *value; /* NULL for a bare name */
    int line;
} DotenvPair;

typedef struct Dotenv {
    DotenvPair *pairs;
    size_t n, cap;
    int error_line; /* where in->error belongs */
} Dotenv;

/*
 * Values may refer to names set above and to in->variables. `raw`: values are taken as they are.
 * False with in->error and ret->error_line.
 */
bool dotenv_read(Interpolation *in, const char *text, bool raw, Dotenv *ret);

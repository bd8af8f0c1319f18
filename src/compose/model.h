/*
 * model - a project in the specification's canonical form, as `docker compose config` prints it:
 * long syntax everywhere, defaults filled in, sizes and durations normalised, nothing capped or
 * dropped. It is for looking and comparing; what runs is the Plan.
 *
 * Differences: paths start with "." for the challenge folder instead of being absolute; variables
 * of the instance that nobody gave a value stay `${NAME}`; services without an active profile and
 * what only they use are left out, as compose does.
 */
#pragma once

#include "base/strbuf.h"

typedef enum ModelFormat { MODEL_JSON, MODEL_YAML } ModelFormat;

typedef struct ComposeModel {
    const char *project; /* its name; NULL: what the file says, else `fallback` */
    const char *fallback;
    ModelFormat format;
    StrBuf *out; /* stays empty when the file is not understood at all */
} ComposeModel;

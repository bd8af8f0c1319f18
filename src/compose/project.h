/*
 * project - the files a compose file is made of: read, interpolated, every `extends` resolved,
 * every `include` merged in. What comes out is one tree without either key.
 *
 * Files are named relative to the challenge folder and never left through `..` or a symlink.
 * Bounded: COMPOSE_FILES_MAX files, COMPOSE_FILE_SERVICES_MAX services each, COMPOSE_CHAIN_MAX
 * steps.
 */
#pragma once

#include "compose/field.h"

/* The main file's text into the project's tree; NULL when reported. */
const YamlNode *project_read_main(Loader *l, const char *text, size_t len);

/* --- parts ---------------------------------------------------------------------------------- */

/*
 * The interpolated tree of a file that `f` names, NULL when reported. Its relative paths start at
 * `folder`. Read once for each folder and set of variables.
 */
const YamlNode *project_read(Loader *l, const Field *f, const char *path, const char *folder,
                             const Map *variables);
/*
 * What a file of variables sets, below what `parent` has; NULL when reported. A missing one is an
 * error only when `f` says so, by naming it.
 */
const Map *project_variables(Loader *l, const Field *f, const char *path, const Map *parent);

/* The same tree with every `extends` resolved. */
const YamlNode *extends_resolve(Loader *l, const YamlNode *root);

typedef struct IncludeChain {
    const struct IncludeChain *up;
    const char *path;
} IncludeChain;
/* The same tree with every `include` merged in. */
const YamlNode *include_resolve(Loader *l, const YamlNode *root, const IncludeChain *chain);

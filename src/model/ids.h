/*
 * ids - names made from ids.
 *
 * An instance id is `{challenge slug}-{owner slug}-{8 hex}` (behaviour.md 5.2) and is also the
 * compose project name, so it matches [a-z0-9][a-z0-9_-]* (compose-spec, "name").
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    CHALLENGE_ID_MAX = 128,
    INSTANCE_ID_SIZE = 128, /* with NUL */
};

/* Lower-case; runs outside [a-z0-9_-] become '-'; trimmed of -_; at most max bytes; or fallback. */
char *ids_slug(const char *text, size_t max, const char *fallback); /* caller frees */
/* A fresh instance id. */
void ids_make_instance(const char *challenge_id, const char *owner_id,
                       char ret_id[INSTANCE_ID_SIZE]);
/* Does it have the shape of one of ours: {slug}-{slug}-{8 hex}? */
bool ids_is_instance(const char *name);
/* 1..128 bytes, letters, digits, and "._- " inside; no path or control characters. */
bool ids_is_challenge(const char *id);

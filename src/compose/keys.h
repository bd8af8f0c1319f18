/*
 * keys - which keys a compose file may hold: the one table behind the allow-list, the "did you
 * mean" suggestions and docs/compose.md.
 */
#pragma once

#include "base/strbuf.h"
#include "compose/field.h"

typedef enum KeyPlace {
    KEY_TOP,
    KEY_SERVICE,
    KEY_INCLUDE,
    KEY_EXTENDS,
    KEY_BUILD,
    KEY_PORT,
    KEY_MOUNT,
    KEY_MOUNT_BIND,
    KEY_MOUNT_VOLUME,
    KEY_MOUNT_TMPFS,
    KEY_ATTACHMENT,
    KEY_DEVICE,
    KEY_DEPENDENCY,
    KEY_ENV_FILE,
    KEY_HEALTHCHECK,
    KEY_ULIMIT,
    KEY_DEPLOY,
    KEY_RESOURCES,
    KEY_LIMITS,
    KEY_RESERVATIONS,
    KEY_NETWORK,
    KEY_VOLUME,
    KEY_SECRET,
    KEY_CONFIG,
    KEY_GRANT,
    KEY_PLACE_COUNT,
} KeyPlace;

typedef enum KeyPolicy {
    KEY_SUPPORTED,
    KEY_CAPPED,  /* taken within our limits */
    KEY_IGNORED, /* with a note: nothing an author would miss */
    KEY_DROPPED, /* with a warning: the challenge may behave differently */
    KEY_REFUSED,
} KeyPolicy;

/*
 * Looks at every key of a mapping: unknown and refused ones are errors, ignored ones are noted.
 * A refused key that asks for nothing (null, false, 0, empty) passes. False when `map` is no
 * mapping (reported).
 */
bool keys_check(Loader *l, const Field *map, KeyPlace place);

/* Prints docs/compose.md. */
void compose_print_keys(StrBuf *out);

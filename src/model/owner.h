/*
 * owner - who an instance belongs to. user:7 and team:7 are different owners everywhere inside
 * (locks, ports, limits, flags); the wire carries bare ids.
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>

typedef enum OwnerKind { OWNER_USER, OWNER_TEAM } OwnerKind;

enum { OWNER_ID_SIZE = 65, OWNER_KEY_SIZE = OWNER_ID_SIZE + 5 };

typedef struct Owner {
    OwnerKind kind;
    char id[OWNER_ID_SIZE];
} Owner;

Owner owner_make(OwnerKind kind, const char *id); /* an id that is too long is cut */
bool owner_equal(const Owner *a, const Owner *b);
/* "user:<id>" or "team:<id>". Returns ret_key. */
const char *owner_key(const Owner *owner, char ret_key[OWNER_KEY_SIZE]);
const char *owner_kind_name(OwnerKind kind); /* "user" | "team" */

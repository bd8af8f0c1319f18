#include "model/owner.h"

#include <stdio.h>
#include <string.h>

Owner owner_make(OwnerKind kind, const char *id)
{
    Owner owner = { .kind = kind };

    (void)snprintf(owner.id, sizeof owner.id, "%s", id);
    return owner;
}

bool owner_equal(const Owner *a, const Owner *b)
{
    return a->kind == b->kind && strcmp(a->id, b->id) == 0;
}

const char *owner_key(const Owner *owner, char ret_key[OWNER_KEY_SIZE])
{
    (void)snprintf(ret_key, OWNER_KEY_SIZE, "%s:%s", owner_kind_name(owner->kind), owner->id);
    return ret_key;
}

const char *owner_kind_name(OwnerKind kind)
{
    return kind == OWNER_TEAM ? "team" : "user";
}

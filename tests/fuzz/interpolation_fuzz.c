/*
 * Bytes as a text with variables: no crash; what comes out has balanced markers, and expanding them
 * leaves none.
 */
#include "base/check.h"
#include "compose/interpolate.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *lookup(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'F' ? "flag{x}" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char set[] = "set", empty[] = "", fixed[] = "fixed";
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_MAP Map *variables = map_new();
    Interpolation in = { .arena = arena, .variables = variables };
    const char *text;

    map_put(variables, "A", set);
    map_put(variables, "E", empty);
    map_put(variables, "FLAG", set);
    map_put(variables, "=PORT_80", fixed);
    text = interpolate(&in, arena_strndup(arena, (const char *)data, size));
    check((text == NULL) == (in.error != NULL));
    if (!text)
        return 0;
    check(strlen(text) <= COMPOSE_TEXT_MAX || !strchr((const char *)text, '\x01'));
    text = plan_expand(arena, text, lookup, NULL);
    check(!plan_is_template(text) && !strchr(text, '\x02'));
    return 0;
}

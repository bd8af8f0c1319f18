/* The TOML reader must accept or refuse anything, with a position, without harm. */
#include "base/arena.h"
#include "base/check.h"
#include "wire/toml.h"

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const TomlValue *v, int depth)
{
    size_t n = 1;

    check(v->line >= 1 && v->column >= 1 && depth <= TOML_DEPTH_MAX);
    for (size_t i = 0; i < v->n; i++)
        n += walk(v->kind == TOML_TABLE ? v->entries[i].value : v->items[i], depth + 1);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA Arena *arena = arena_new();
    const TomlValue *root = NULL;
    TomlPos pos = { 0 };
    Error err = { 0 };

    if (toml_parse(arena, (const char *)data, size, &root, &pos, &err) == 0)
        check(walk(root, 0) >= 1);
    else
        check(pos.line >= 1 && pos.column >= 1 && err.detail[0] != '\0');
    return 0;
}

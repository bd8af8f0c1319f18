/* Bytes as YAML: no crash, no leak, and a tree that can be walked within its promised size. */
#include "base/check.h"
#include "wire/yaml.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t walk(const YamlNode *n, size_t depth)
{
    size_t visits = 1;

    check(depth <= YAML_DEPTH_MAX + 1);
    check(n->line > 0 && n->column > 0);
    if (n->kind == YAML_SCALAR)
        return 1 + (strlen(n->text) == SIZE_MAX);
    for (size_t i = 0; i < n->n; i++) {
        if (n->kind == YAML_MAP) {
            visits += walk(n->pairs[i].key, depth + 1);
            visits += walk(n->pairs[i].value, depth + 1);
        } else {
            visits += walk(n->items[i], depth + 1);
        }
    }
    return visits;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA Arena *arena = arena_new();
    YamlNode *root = NULL;
    YamlPos pos = { 0, 0 };
    Error err = { 0 };

    if (yaml_read(arena, (const char *)data, size, &root, &pos, &err) < 0) {
        check(pos.line > 0 && pos.column > 0);
        check(err.code == E_SYNTAX);
        return 0;
    }
    if (root)
        check(walk(root, 1) <= 100000);
    return 0;
}

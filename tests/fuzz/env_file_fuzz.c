/* Bytes as an `env_file`, by both grammars: no crash; names are names, lines only grow. */
#include "base/check.h"
#include "compose/dotenv.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_as(Arena *arena, const char *text, bool raw)
{
    static char set[] = "set";
    AUTO_MAP Map *variables = map_new();
    Interpolation in = { .arena = arena, .variables = variables };
    Dotenv d;
    int line = 0;

    map_put(variables, "A", set);
    if (!dotenv_read(&in, text, raw, &d)) {
        check(in.error && d.error_line > 0);
        return;
    }
    for (size_t i = 0; i < d.n; i++) {
        check(*d.pairs[i].name && !strpbrk(d.pairs[i].name, "= \n"));
        check(d.pairs[i].line > line);
        line = d.pairs[i].line;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA Arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)data, size);

    read_as(arena, text, false);
    read_as(arena, text, true);
    return 0;
}

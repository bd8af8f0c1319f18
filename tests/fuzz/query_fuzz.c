/* Any bytes as a target and as a query: what comes out is UTF-8 without NUL, and never longer. */
#include "base/arena.h"
#include "base/check.h"
#include "base/str.h"
#include "http/query.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(Arena *arena, const char *text, size_t n, bool form)
{
    char *out = arena_alloc(arena, n + 1);
    size_t len;

    if (!percent_decode(text, n, form, out, &len))
        return;
    check(len <= n && strlen(out) == len && str_is_utf8(out, len));
    for (size_t i = 0; i < len && !form; i++)
        check((unsigned char)out[i] >= 0x20 && out[i] != 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA Arena *arena = arena_new();
    const char *text = arena_strndup(arena, (const char *)data, size), *value;
    Target target;

    decode(arena, (const char *)data, size, true);
    decode(arena, (const char *)data, size, false);
    if (target_split(text, &target)) {
        check(target.path_len > 0 && target.path[0] == '/');
        check(target.path_len + strlen(target.query) <= strlen(text) + 1);
    }
    value = query_get(arena, text, "a");
    check(!value || str_is_utf8(value, strlen(value)));
    (void)query_is_well_formed(text);
    return 0;
}

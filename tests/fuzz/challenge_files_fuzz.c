/* Any bytes as a Dockerfile and as a file with a placeholder: what is found lies in the text. */
#include "base/alloc.h"
#include "base/check.h"
#include "challenge/copy_sources.h"
#include "challenge/flags.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int count_lines(const char *text, size_t len)
{
    int n = 1;

    for (size_t i = 0; i < len; i++)
        n += text[i] == '\n';
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_ARENA Arena *arena = arena_new();
    AUTO_FREE char *text = xcalloc(1, size + 1);
    CopySources sources = { 0 };
    FlagAt at = { 0 };

    if (size)
        memcpy(text, data, size);
    copy_sources_read(arena, text, size, &sources);
    check(sources.n <= COPY_SOURCES_MAX);
    for (size_t i = 0; i < sources.n; i++) {
        const CopySource *s = &sources.items[i];
        check(s->path[0] && s->path[0] != '/' && !strstr(s->path, ".."));
        check(s->line >= 1 && s->line <= count_lines(text, size));
    }
    if (flag_find(text, size, "FLAG", &at)) {
        check(at.line >= 1 && at.line <= count_lines(text, size) && at.column >= 1);
        check(memmem(text, size, "FLAG{", 5) != NULL);
    }
    return 0;
}

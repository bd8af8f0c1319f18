/* The answer of POST /build, and the same bytes as the base64 of a BuildKit trace. */
#include "base/alloc.h"
#include "docker/build_stream.h"
#include "docker/trace.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_line(void *ctx, const char *line)
{
    char progress[BUILD_PROGRESS_SIZE];

    *(size_t *)ctx += strlen(line);
    if (build_progress(line, progress))
        *(size_t *)ctx += strlen(progress);
}

static void on_text(void *ctx, const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        *(size_t *)ctx += (unsigned char)text[i];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    AUTO_FREE char *text = xstrndup((const char *)data, size);
    CLEANUP(build_stream_fini) BuildStream s;
    size_t seen = 0;
    bool more = true;

    build_stream_init(&s, on_line, &seen);
    for (size_t i = 0; i < size && more; i += 7)
        more = build_stream_feed(&s, (const char *)data + i, size - i < 7 ? size - i : 7);
    build_stream_end(&s);
    trace_decode(text, on_text, on_text, &seen);
    return 0;
}

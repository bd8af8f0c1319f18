/*
 * build_stream - the answer of POST /build read line by line: output, result, error. Pure; fuzzed.
 *
 * Both builders: {"stream": text}, {"status": ...}, {"aux": {"ID": ...}}, {"errorDetail": ...} and
 * BuildKit's {"id": "moby.buildkit.trace", "aux": base64}.
 *
 * Limits     a line of output is cut at BUILD_LINE_MAX.
 */
#pragma once

#include "docker/containers.h"
#include "docker/lines.h"

enum { BUILD_LINE_MAX = 4096 };

typedef struct BuildStream {
    LineReader lines;
    StrBuf text;                                  /* a line of output that has not ended */
    void (*on_line)(void *ctx, const char *line); /* NULL = not wanted */
    void *ctx;
    char image_id[ENGINE_ID_SIZE]; /* "" until known */
    char error[400];               /* "" when the build did not fail */
    bool nonsense;                 /* a line was no JSON object */
} BuildStream;

void build_stream_init(BuildStream *s, void (*on_line)(void *ctx, const char *line), void *ctx);
/* False: stop reading, it is nonsense. */
MUST_USE bool build_stream_feed(BuildStream *s, const char *bytes, size_t n);
void build_stream_end(BuildStream *s); /* hands over what has no line end */
void build_stream_fini(BuildStream *s);

enum { BUILD_PROGRESS_SIZE = 32 };
/*
 * How far a build is by this line of its output: "step 2 of 5". False when it does not tell. Lines
 * hold instructions of the Dockerfile and output of its commands, which a player must not read.
 */
MUST_USE bool build_progress(const char *line, char ret_text[BUILD_PROGRESS_SIZE]);

/*
 * trace - BuildKit's progress (base64 of a protobuf StatusResponse) as text. Pure; fuzzed.
 *
 * Fields read, from moby/buildkit api/services/control/control.proto: vertexes = 1 { name = 3,
 * cached = 4, started = 5, completed = 6 }, logs = 3 { msg = 4 }. Anything else is skipped;
 * nonsense ends the reading, quietly: progress is not worth failing for.
 */
#pragma once

#include <stddef.h>

typedef void TraceText(void *ctx, const char *text, size_t n);

/* `on_step` is given the name of each step that starts, `on_log` pieces of output. */
void trace_decode(const char *base64, TraceText *on_step, TraceText *on_log, void *ctx);

/*
 * events - GET /events: hints about what happens to our containers. The truth is list and inspect.
 */
#pragma once

#include "docker/engine.h"

typedef struct EngineEvent {
    const char *type;   /* "container" */
    const char *action; /* die, oom, start, destroy, "health_status: healthy" */
    const char *id;
    const char *instance_id; /* label whaley.instance_id, "" when absent */
    const char *service;     /* label com.docker.compose.service, "" when absent */
    int exit_code;           /* die; -1 otherwise */
    int64_t time_ns;
} EngineEvent;

/*
 * Blocks, calling on_event for container events of containers labelled whaley.managed=true
 * (die, oom, start, destroy, health_status), until the connection ends (returns < 0) or *stop
 * (returns 0). since_ns: 0 = from now.
 */
MUST_USE int engine_events(Engine *engine, int64_t since_ns,
                           void (*on_event)(void *ctx, const EngineEvent *event),
                           void (*on_open)(void *ctx), void *ctx, const _Atomic bool *stop,
                           Error *err);

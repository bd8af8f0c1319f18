/*
 * transfer - one HTTP exchange with the engine, below versions and retries. Private to this folder;
 * engine.c implements it with libcurl, negotiate.c builds engine_call() on it.
 */
#pragma once

#include "base/lock.h"
#include "docker/engine.h"
#include "docker/version.h"

/* What the head of an answer said. */
typedef struct EngineHead {
    int status; /* 0 when no head arrived */
    char api_version[16];
    bool buildkit, podman;
} EngineHead;

/* What was agreed with the engine; guarded by its lock. */
typedef struct EngineAgreement {
    Lock lock;
    bool done;
    ApiVersion version;
    EngineFacts facts;
} EngineAgreement;

EngineAgreement *engine_agreement(Engine *engine);
/* "unix:///var/run/docker.sock", for messages. */
const char *engine_name(const Engine *engine);

/*
 * Like engine_call(), with `prefix` ("/v1.41" or "") put before the path. Returns 0 with the head
 * filled in, 1 when a stream was stopped, < 0 when there was no (whole) answer.
 */
MUST_USE int engine_transfer(Engine *engine, const EngineCall *call, const char *prefix,
                             StrBuf *ret_reply, EngineHead *ret_head, Error *err);

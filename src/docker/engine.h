/*
 * engine - a client of the Docker Engine API over its unix socket or tcp:// with TLS.
 *
 * Facts: https://docs.docker.com/engine/api/ (v1.41 and later). The version is negotiated from
 * HEAD /_ping and GET /version: min(engine's, 1.51), refused below 1.41; every path is prefixed
 * with it; a 400 "client version" renegotiates once (the engine was upgraded under us).
 *
 * Connections are kept alive in a pool; streams (events, build, logs) have their own. Every call
 * has a deadline.
 *
 * Errors     E_ENGINE_DOWN (no connection, cut, nonsense), E_TIMEOUT, E_NOT_FOUND (404),
 *            E_CONFLICT (409), E_PORT_TAKEN (start: address in use or already allocated),
 *            E_SUBNET_TAKEN (network create: overlaps), E_ENGINE_REFUSED (any other answer, with
 *            the engine's message). "Already so" answers (304, 404 on delete, 409 removal in
 *            progress) are success where a header says so.
 * Threads    any function from any thread.
 */
#pragma once

#include "base/clock.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct Engine Engine;

typedef struct EngineOptions {
    const char *host; /* DOCKER_HOST: unix:///path or tcp://host:port; NULL = the default socket */
    const char *cert_dir; /* DOCKER_CERT_PATH: ca.pem, cert.pem, key.pem; NULL = no TLS */
} EngineOptions;

typedef struct EngineInfo {
    char version[32];     /* "20.10.24+dfsg1" */
    char api_version[16]; /* negotiated, "1.41" */
    char max_api_version[16];
    char os_arch[32]; /* "linux/amd64" */
    bool podman;
} EngineInfo;

MUST_USE int engine_new(Engine **ret, const EngineOptions *options, Error *err);
void engine_free(Engine *engine);
DEFINE_CLEANUP(Engine, engine_free_p, engine_free)
#define AUTO_ENGINE CLEANUP(engine_free_p)

/* Negotiates (again). E_ENGINE_DOWN or E_ENGINE_REFUSED (too old) say what to do about it. */
MUST_USE int engine_connect(Engine *engine, EngineInfo *ret_info, Error *err);
/* Answers within 2 s? Cheap; for /health. */
MUST_USE int engine_ping(Engine *engine, Error *err);
/* Does the engine run on this host (unix socket)? Then bind probes and /proc make sense. */
bool engine_is_local(const Engine *engine);
/* Name or address of the engine's host for connections to published ports ("127.0.0.1" if local).
 */
const char *engine_host_address(const Engine *engine);

/* ---- the shared request primitive; the files of this folder use it, nobody else ---- */

typedef struct EngineCall {
    const char *method; /* "GET" ... */
    const char *path;   /* after the version prefix, already encoded: "/containers/json?all=1" */
    const char *body;   /* NULL = none */
    size_t body_len;
    const char *content_type; /* NULL = application/json when there is a body */
    Millis timeout;           /* 0 = 30 s; < 0: none, for streams (their first byte has 30 s) */
    size_t reply_max;         /* 0 = 8 MiB; more is E_ENGINE_DOWN "answer too large" */
    /*
     * Streaming: called per chunk of a 2xx answer instead of collecting; return false to stop
     * (then engine_call() gives 0, as it does when *stop became true).
     */
    bool (*on_data)(void *ctx, const char *bytes, size_t n);
    void (*on_open)(void *ctx); /* the head of a 2xx answer has arrived; NULL = not wanted */
    void *ctx;
    const _Atomic bool *stop; /* looked at four times a second while streaming */
    int body_fd;              /* body from this file when body_len > 0 and body == NULL */
} EngineCall;

/* What the negotiation found; negotiates first when nobody has. */
typedef struct EngineFacts {
    int api_minor; /* 41 for 1.41 */
    bool buildkit; /* the engine builds with BuildKit by itself (Builder-Version: 2) */
    bool podman;
} EngineFacts;
MUST_USE int engine_facts(Engine *engine, EngineFacts *ret, Error *err);

/* Returns the HTTP status (>= 100), 0 when a stream was stopped, < 0 when there was no answer. */
MUST_USE int engine_call(Engine *engine, const EngineCall *call, StrBuf *ret_reply, Error *err);
/* Turns a non-2xx answer into an Error, with the engine's "message". Always returns -1. */
int engine_refusal(int status, const StrBuf *reply, const char *what, Error *err);
/* Percent-encodes one path or query component onto `out`. */
void engine_encode(StrBuf *out, const char *text);

#include "base/crypto.h"
#include "base/str.h"
#include "docker/answers.h"
#include "docker/build_stream.h"
#include "docker/context.h"
#include "docker/images.h"

#include <string.h>

enum { BUILD_TIMEOUT_MS = 15 * 60 * 1000, CANCEL_TIMEOUT_MS = 5000, BUILD_ID_BYTES = 12 };

static void add_query(StrBuf *path, const char *key, const char *value)
{
    if (!value || !*value)
        return;
    strbuf_addf(path, "&%s=", key);
    engine_encode(path, value);
}

static void add_pairs(StrBuf *path, const char *key, const EnginePair *pairs, size_t n)
{
    AUTO_STRBUF StrBuf json = { 0 };
    JsonWriter w = { .out = &json };

    if (n == 0)
        return;
    json_write_object(&w);
    for (size_t i = 0; i < n; i++)
        json_put_string(&w, pairs[i].key, pairs[i].value); /* NULL: null, the Dockerfile's own */
    json_write_end_object(&w);
    add_query(path, key, strbuf_str(&json));
}

/* The classic builder's alone. No swap on top of the memory. */
static void add_limits(StrBuf *path, const BuildSpec *spec)
{
    const long long period_us = 100000, memory = spec->memory_bytes;

    if (memory > 0)
        strbuf_addf(path, "&memory=%lld&memswap=%lld", memory, memory);
    if (spec->nano_cpus > 0)
        strbuf_addf(path, "&cpuperiod=%lld&cpuquota=%lld", period_us,
                    (long long)(spec->nano_cpus / (1000000000 / period_us)));
}

static void build_path(StrBuf *path, const BuildSpec *spec, const BuildContext *context,
                       const char *build_id)
{
    strbuf_addf(path, "/build?rm=1&forcerm=1&version=%d", build_id ? 2 : 1);
    add_query(path, "buildid", build_id);
    add_query(path, "t", spec->tag);
    add_query(path, "dockerfile", context->dockerfile);
    add_query(path, "target", spec->target);
    add_query(path, "platform", spec->platform);
    if (!build_id)
        add_limits(path, spec);
    add_query(path, "networkmode", spec->network_none ? "none" : NULL);
    add_pairs(path, "buildargs", spec->args, spec->n_args);
    add_pairs(path, "labels", spec->labels, spec->n_labels);
}

static bool on_bytes(void *ctx, const char *bytes, size_t n)
{
    return build_stream_feed(ctx, bytes, n);
}

/* The classic builder stops when its connection closes; BuildKit wants to be told. */
static void cancel(Engine *engine, const char *build_id)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    Error ignored;

    if (!build_id)
        return;
    strbuf_adds(&path, "/build/cancel?id=");
    engine_encode(&path, build_id);
    const EngineCall call = { .method = "POST",
                              .path = strbuf_str(&path),
                              .timeout = CANCEL_TIMEOUT_MS };
    (void)!engine_call(engine, &call, &reply, &ignored);
}

/* Did the build succeed, by its stream and its status? */
static int judge(const BuildSpec *spec, const BuildStream *s, int status, const StrBuf *reply,
                 Error *err)
{
    char message[400];

    if (s->nonsense)
        return error_set(err, E_ENGINE_DOWN, "build: the container engine sends nonsense");
    if (status == 0)
        return error_set(err, E_CANCELLED, "the build of %s was cancelled",
                         spec->tag ? spec->tag : "the image");
    if (status > 299) {
        engine_message(reply, message, sizeof message);
        return error_set(err, E_BUILD_FAILED, "%s", message[0] ? message : "(no reason given)");
    }
    if (s->error[0])
        return error_set(err, E_BUILD_FAILED, "%s", s->error);
    return 0;
}

static int find_id(Engine *engine, const BuildSpec *spec, const BuildStream *s,
                   char ret_id[ENGINE_ID_SIZE], Error *err)
{
    ImageInfo info;

    if (s->image_id[0]) {
        engine_copy(ret_id, ENGINE_ID_SIZE, s->image_id);
        return 0;
    }
    /* Podman's older builds name no id. */
    if (!spec->tag || image_inspect(engine, spec->tag, &info, err) < 0)
        return error_set(err, E_BUILD_FAILED, "the build ended without an image");
    engine_copy(ret_id, ENGINE_ID_SIZE, info.id);
    return 0;
}

static int send_build(Engine *engine, const BuildSpec *spec, const BuildContext *context,
                      const char *build_id, char ret_id[ENGINE_ID_SIZE], Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    CLEANUP(build_stream_fini) BuildStream stream;
    int status;

    build_stream_init(&stream, spec->on_line, spec->ctx);
    build_path(&path, spec, context, build_id);
    const EngineCall call = { .method = "POST",
                              .path = strbuf_str(&path),
                              .body_fd = context->fd,
                              .body_len = context->size,
                              .content_type = "application/x-tar",
                              .timeout = spec->timeout ? spec->timeout : BUILD_TIMEOUT_MS,
                              .on_data = on_bytes,
                              .ctx = &stream,
                              .stop = spec->stop };
    status = engine_call(engine, &call, &reply, err);
    build_stream_end(&stream);
    if (status <= 0)
        cancel(engine, build_id);
    if (status < 0)
        return error_wrap(err, "build %s", spec->tag ? spec->tag : "");
    if (judge(spec, &stream, status, &reply, err) < 0)
        return -1;
    return find_id(engine, spec, &stream, ret_id, err);
}

int image_build(Engine *engine, const BuildSpec *spec, char ret_id[ENGINE_ID_SIZE], Error *err)
{
    AUTO_CONTEXT BuildContext context = { .fd = -1 };
    char build_id[2 * BUILD_ID_BYTES + 1];
    EngineFacts facts;
    bool buildkit;

    if (engine_facts(engine, &facts, err) < 0 || context_pack(spec, &context, err) < 0)
        return -1;
    buildkit = !facts.podman && (facts.buildkit || context.needs_buildkit);
    crypto_random_hex(build_id, BUILD_ID_BYTES);
    return send_build(engine, spec, &context, buildkit ? build_id : NULL, ret_id, err);
}

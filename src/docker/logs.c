#include "docker/answers.h"
#include "docker/containers.h"
#include "docker/frames.h"

enum { LOGS_TIMEOUT_MS = 15000 };

static bool on_bytes(void *ctx, const char *bytes, size_t n)
{
    frames_feed(ctx, bytes, n);
    return true;
}

int container_logs_tail(Engine *engine, const char *id, int tail, size_t max, char **ret_text,
                        Error *err)
{
    AUTO_FRAMES FrameDecoder frames = { .keep = max };
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status;

    strbuf_adds(&path, "/containers/");
    engine_encode(&path, id);
    strbuf_addf(&path, "/logs?stdout=1&stderr=1&tail=%d", tail < 0 ? 0 : tail);
    const EngineCall call = { .method = "GET",
                              .path = strbuf_str(&path),
                              .timeout = LOGS_TIMEOUT_MS,
                              .on_data = on_bytes,
                              .ctx = &frames };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    if (status > 299)
        return engine_refusal(status, &reply, "read logs", err);
    *ret_text = frames_finish(&frames);
    return 0;
}

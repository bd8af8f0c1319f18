#include "docker/events.h"
#include "base/str.h"
#include "docker/answers.h"
#include "docker/labels.h"
#include "docker/lines.h"

#include <inttypes.h>

/* exec_* events (three per health probe) are left out at the source. */
#define FILTERS                                                                                    \
    "{\"type\":[\"container\"],\"label\":[\"" LABEL_MANAGED "=true\"],"                            \
    "\"event\":[\"die\",\"oom\",\"start\",\"destroy\",\"health_status\"]}"

typedef struct EventStream {
    LineReader lines;
    void (*on_event)(void *ctx, const EngineEvent *event);
    void (*on_open)(void *ctx);
    void *ctx;
    bool nonsense;
} EventStream;

static bool on_line(void *ctx, char *line, size_t n)
{
    const char *const attributes_path[] = { "Actor", "Attributes" };
    EventStream *s = ctx;
    AUTO_JSON JsonValue *root = NULL;
    const JsonValue *actor, *attributes;
    int64_t exit_code = -1;
    EngineEvent event;

    if (json_parse(&root, line, n, NULL) < 0) {
        s->nonsense = true;
        return false;
    }
    actor = json_value_get(root, "Actor");
    attributes = json_value_path(root, attributes_path, ARRAY_LEN(attributes_path));
    event = (EngineEvent){
        .type = json_get_string(root, "Type", ""),
        .action = json_get_string(root, "Action", ""),
        .id = json_get_string(actor, "ID", ""),
        .instance_id = json_get_string(attributes, LABEL_INSTANCE, ""),
        .service = json_get_string(attributes, LABEL_SERVICE, ""),
        .time_ns = json_get_int(root, "timeNano", 0),
    };
    /* Podman calls it "died" and "remove". */
    if (str_eq(event.action, "died"))
        event.action = "die";
    else if (str_eq(event.action, "remove"))
        event.action = "destroy";
    if (!str_eq(event.type, "container") || !*event.id)
        return true;
    if (str_eq(event.action, "die") &&
        !str_parse_i64(json_get_string(attributes, "exitCode",
                                       json_get_string(attributes, "containerExitCode", "")),
                       0, 255, &exit_code))
        exit_code = -1;
    event.exit_code = (int)exit_code;
    s->on_event(s->ctx, &event);
    return true;
}

static bool on_bytes(void *ctx, const char *bytes, size_t n)
{
    EventStream *s = ctx;

    return lines_feed(&s->lines, bytes, n);
}

static void on_open_stream(void *ctx)
{
    EventStream *s = ctx;

    if (s->on_open)
        s->on_open(s->ctx);
}

int engine_events(Engine *engine, int64_t since_ns,
                  void (*on_event)(void *ctx, const EngineEvent *event), void (*on_open)(void *ctx),
                  void *ctx, const _Atomic bool *stop, Error *err)
{
    EventStream s = { .on_event = on_event, .on_open = on_open, .ctx = ctx };
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status;

    s.lines = (LineReader){ .on_line = on_line, .ctx = &s };
    strbuf_adds(&path, "/events?filters=");
    engine_encode(&path, FILTERS);
    if (since_ns > 0)
        strbuf_addf(&path, "&since=%" PRId64 ".%09" PRId64, since_ns / 1000000000,
                    since_ns % 1000000000);
    const EngineCall call = { .method = "GET",
                              .path = strbuf_str(&path),
                              .timeout = -1,
                              .on_data = on_bytes,
                              .on_open = on_open_stream,
                              .ctx = &s,
                              .stop = stop };
    status = engine_call(engine, &call, &reply, err);
    lines_fini(&s.lines);
    if (status < 0)
        return -1;
    if (s.nonsense || s.lines.too_long)
        return error_set(err, E_ENGINE_DOWN, "events: the container engine sends nonsense");
    if (status == 0)
        return 0;
    if (status > 299)
        return engine_refusal(status, &reply, "watch events", err);
    return error_set(err, E_ENGINE_DOWN, "events: the container engine ended the stream");
}

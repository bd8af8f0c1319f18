/* GET /events: the player's stream. */
#include "api/context.h"
#include "api/encode.h"
#include "api/routes.h"
#include "base/str.h"

/* An id we never gave out is as good as one that is too old. */
static uint64_t last_event_id(const HttpRequest *request)
{
    const char *text = http_request_header(request, "Last-Event-ID");
    int64_t id;

    if (!text)
        text = http_request_query(request, "last_event_id");
    if (!text || !*text)
        return 0;
    return str_parse_i64(text, 1, INT64_MAX, &id) ? (uint64_t)id : 1;
}

static void write_snapshot(Call *call, StrBuf *out)
{
    Manager *manager = call->api->parts.manager;
    AUTO_VIEWS InstanceViews views = { 0 };
    JsonWriter w = { .out = out };
    const char *host = call_host(call);
    char now[CLOCK_TEXT_SIZE];
    size_t used = 0, max = 0;

    manager_list(manager, &call->who.owner, &views);
    manager_quota(manager, &call->who.owner, &used, &max);
    json_write_object(&w);
    json_write_key(&w, "instances");
    json_write_array(&w);
    for (size_t i = 0; i < views.n; i++)
        encode_instance(&w, views.items[i], host);
    json_write_end_array(&w);
    json_write_key(&w, "quota");
    json_write_object(&w);
    json_put_int(&w, "instances", (int64_t)used);
    json_put_int(&w, "max_instances", (int64_t)max);
    json_write_end_object(&w);
    json_put_string(&w, "server_time", clock_format_us(clock_wall_us(), now));
    json_write_end_object(&w);
}

HttpOutcome events_stream(Call *call)
{
    Hub *hub = call->api->parts.hub;
    AUTO_STRBUF StrBuf json = { 0 };
    HubSnapshot snapshot = { .id = hub_last_id(hub) };
    HttpStream *stream = http_stream_new();

    call_note_host(call);
    write_snapshot(call, &json);
    snapshot.json = strbuf_str(&json);
    if (hub_subscribe(hub, &call->who.owner, stream, last_event_id(call->request), snapshot) ==
        HUB_FULL) {
        http_stream_unref(stream);
        answer_too_many(call, 5, "Too many pages are open; this one refreshes by itself instead.");
        return HTTP_DONE;
    }
    answer_start(call, 200);
    call->request->reply.content_type = "text/event-stream";
    http_reply_header(call->request, "X-Accel-Buffering", "no");
    call->request->reply.stream = stream;
    return HTTP_DONE;
}

#include "base/vec.h"
#include "docker/answers.h"
#include "docker/labels.h"
#include "docker/networks.h"

#include <stdlib.h>

enum { LIST_MAX = 64 * 1024 * 1024 };

int volume_create(Engine *engine, const char *name, const EnginePair *labels, size_t n_labels,
                  Error *err)
{
    AUTO_STRBUF StrBuf body = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    JsonWriter w = { .out = &body };
    int status;

    json_write_object(&w);
    json_put_string(&w, "Name", name);
    json_put_string(&w, "Driver", "local");
    engine_put_pairs(&w, "Labels", labels, n_labels);
    json_write_end_object(&w);
    const EngineCall call = {
        .method = "POST", .path = "/volumes/create", .body = strbuf_str(&body), .body_len = body.len
    };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    return status < 300 ? 0 : engine_refusal(status, &reply, "create volume", err);
}

int volume_remove(Engine *engine, const char *name, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status;

    strbuf_adds(&path, "/volumes/");
    engine_encode(&path, name);
    strbuf_adds(&path, "?force=1");
    const EngineCall call = { .method = "DELETE", .path = strbuf_str(&path) };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    return status < 300 || status == 404 ? 0 : engine_refusal(status, &reply, "remove volume", err);
}

static VolumeRow read_row(const JsonValue *json)
{
    const JsonValue *labels = json_value_get(json, "Labels");

    return (VolumeRow){
        .name = xstrdup(json_get_string(json, "Name", "")),
        .project = xstrdup(json_get_string(labels, LABEL_PROJECT, "")),
        .instance_id = xstrdup(json_get_string(labels, LABEL_INSTANCE, "")),
    };
}

int volume_list(Engine *engine, const char *label, VolumeRows *ret, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    VEC(VolumeRow) rows = { 0 };
    const JsonValue *list;

    strbuf_adds(&path, "/volumes");
    engine_add_label_filter(&path, '?', label);
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path), .reply_max = LIST_MAX };
    if (engine_call_json(engine, &call, "list volumes", &root, err) < 0)
        return -1;
    if (json_value_kind(root) != JSON_KIND_OBJECT)
        return error_set(err, E_ENGINE_DOWN, "list volumes: the engine gives no list");
    list = json_value_get(root, "Volumes"); /* null when there are none */
    for (size_t i = 0; i < json_value_len(list); i++)
        vec_push(&rows, read_row(json_value_at(list, i)));
    *ret = (VolumeRows){ rows.items, rows.n };
    return 0;
}

void volume_rows_fini(VolumeRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].name);
        free(rows->items[i].project);
        free(rows->items[i].instance_id);
    }
    free(rows->items);
    *rows = (VolumeRows){ 0 };
}

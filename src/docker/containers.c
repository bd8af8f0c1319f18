#include "docker/containers.h"
#include "base/str.h"
#include "docker/answers.h"
#include "docker/container_body.h"

#include <stdio.h>
#include <string.h>

enum { CREATE_TIMEOUT_MS = 10000, START_TIMEOUT_MS = 30000, REMOVE_TIMEOUT_MS = 30000 };

/* ---- create ---- */

static int connect_extra(Engine *engine, const char *id, const EngineEndpoint *endpoint, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf body = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status;

    strbuf_adds(&path, "/networks/");
    engine_encode(&path, endpoint->network);
    strbuf_adds(&path, "/connect");
    container_connect_body(&body, id, endpoint);
    const EngineCall call = {
        .method = "POST", .path = strbuf_str(&path), .body = strbuf_str(&body), .body_len = body.len
    };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    return status < 300 ? 0 : engine_refusal(status, &reply, "connect to a network", err);
}

int container_create(Engine *engine, const ContainerSpec *spec, char ret_id[ENGINE_ID_SIZE],
                     Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf body = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    char what[160], id[ENGINE_ID_SIZE];
    EngineFacts facts;

    if (engine_facts(engine, &facts, err) < 0)
        return -1;
    (void)snprintf(what, sizeof what, "create container %.100s", spec->name);
    strbuf_adds(&path, "/containers/create?name=");
    engine_encode(&path, spec->name);
    container_body(&body, spec, facts.api_minor);
    const EngineCall call = { .method = "POST",
                              .path = strbuf_str(&path),
                              .body = strbuf_str(&body),
                              .body_len = body.len,
                              .timeout = CREATE_TIMEOUT_MS };
    if (engine_call_json(engine, &call, what, &root, err) < 0 ||
        engine_take_id(root, "Id", what, id, err) < 0)
        return -1;
    for (size_t i = 1; facts.api_minor < API_MANY_ENDPOINTS && i < spec->n_endpoints; i++) {
        if (connect_extra(engine, id, &spec->endpoints[i], err) < 0) {
            Error ignored;
            (void)!container_remove(engine, id, &ignored); /* half connected is no use to anyone */
            return error_wrap(err, "%s", what);
        }
    }
    engine_copy(ret_id, ENGINE_ID_SIZE, id);
    return 0;
}

/* ---- start, remove, files ---- */

static int call_container(Engine *engine, EngineCall call, const char *id, const char *tail,
                          StrBuf *ret_reply, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };

    strbuf_adds(&path, "/containers/");
    engine_encode(&path, id);
    strbuf_adds(&path, tail);
    call.path = strbuf_str(&path);
    return engine_call(engine, &call, ret_reply, err);
}

static bool is_port_taken(const StrBuf *reply)
{
    return engine_said(reply, "port is already allocated") ||
           engine_said(reply, "address already in use");
}

int container_start(Engine *engine, const char *id, Error *err)
{
    const EngineCall call = { .method = "POST", .timeout = START_TIMEOUT_MS };
    AUTO_STRBUF StrBuf reply = { 0 };
    char message[300];
    int status = call_container(engine, call, id, "/start", &reply, err);

    if (status < 0)
        return -1;
    if (status < 300 || status == 304)
        return 0;
    if (is_port_taken(&reply)) {
        engine_message(&reply, message, sizeof message);
        return error_set(err, E_PORT_TAKEN, "start container %.12s: %s", id, message);
    }
    return engine_refusal(status, &reply, "start container", err);
}

int container_remove(Engine *engine, const char *id, Error *err)
{
    const EngineCall call = { .method = "DELETE", .timeout = REMOVE_TIMEOUT_MS };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status = call_container(engine, call, id, "?force=1&v=1", &reply, err);

    if (status < 0)
        return -1;
    if (status < 300 || status == 404 ||
        (status == 409 && engine_said(&reply, "already in progress")))
        return 0;
    return engine_refusal(status, &reply, "remove container", err);
}

int container_put_archive(Engine *engine, const char *id, const char *tar, size_t len, Error *err)
{
    const EngineCall call = {
        .method = "PUT", .body = tar, .body_len = len, .content_type = "application/x-tar"
    };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status;

    if (len == 0)
        return 0;
    status = call_container(engine, call, id, "/archive?path=%2F", &reply, err);
    if (status < 0)
        return -1;
    return status < 300 ? 0 : engine_refusal(status, &reply, "copy files into container", err);
}

/* ---- inspect ---- */

static bool has_healthcheck(const JsonValue *root, const JsonValue *health)
{
    const char *const path[] = { "Config", "Healthcheck", "Test" };
    const JsonValue *test = json_value_path(root, path, ARRAY_LEN(path));

    if (test && json_value_len(test) > 0)
        return !str_eq(json_value_string(json_value_at(test, 0), ""), "NONE");
    return health != NULL;
}

int container_inspect(Engine *engine, const char *id, ContainerState *ret, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    const JsonValue *state, *health;
    ContainerState s = { 0 };
    const char *text;

    strbuf_adds(&path, "/containers/");
    engine_encode(&path, id);
    strbuf_adds(&path, "/json");
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path) };
    if (engine_call_json(engine, &call, "inspect container", &root, err) < 0 ||
        engine_take_id(root, "Id", "inspect container", s.id, err) < 0)
        return -1;
    state = json_value_get(root, "State");
    if (json_value_kind(state) != JSON_KIND_OBJECT)
        return error_set(err, E_ENGINE_DOWN, "inspect container: the engine gives no state");
    health = json_value_get(state, "Health");
    engine_copy(s.status, sizeof s.status, json_get_string(state, "Status", ""));
    text = json_get_string(health, "Status", "");
    if (!str_eq(text, "none"))
        engine_copy(s.health, sizeof s.health, text);
    s.running = json_get_bool(state, "Running", false);
    s.oom_killed = json_get_bool(state, "OOMKilled", false);
    s.has_healthcheck = has_healthcheck(root, health);
    s.exit_code = (int)json_get_int(state, "ExitCode", 0);
    s.pid = json_get_int(state, "Pid", 0);
    s.restart_count = (int)json_get_int(root, "RestartCount", 0);
    engine_copy(s.error, sizeof s.error, json_get_string(state, "Error", ""));
    *ret = s;
    return 0;
}

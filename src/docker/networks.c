#include "docker/networks.h"
#include "base/str.h"
#include "base/vec.h"
#include "docker/answers.h"
#include "docker/labels.h"

#include <stdio.h>
#include <stdlib.h>

enum { LIST_MAX = 64 * 1024 * 1024 };

static void put_ipam(JsonWriter *w, const char *subnet)
{
    json_write_key(w, "IPAM");
    json_write_object(w);
    json_put_string(w, "Driver", "default");
    json_write_key(w, "Config");
    json_write_array(w);
    json_write_object(w);
    json_put_string(w, "Subnet", subnet);
    json_write_end_object(w);
    json_write_end_array(w);
    json_write_end_object(w);
}

/* Podman refuses options it does not know. */
static void put_options(JsonWriter *w, const NetworkSpec *spec)
{
    json_write_key(w, "Options");
    json_write_object(w);
    json_put_string(w, "com.docker.network.bridge.enable_icc", spec->icc ? "true" : "false");
    json_put_string(w, "com.docker.network.bridge.enable_ip_masquerade",
                    spec->masquerade ? "true" : "false");
    json_write_end_object(w);
}

static void write_body(StrBuf *out, const NetworkSpec *spec, bool podman)
{
    JsonWriter w = { .out = out };

    json_write_object(&w);
    json_put_string(&w, "Name", spec->name);
    json_put_bool(&w, "CheckDuplicate", true); /* before API 1.44 names may repeat without it */
    json_put_string(&w, "Driver", "bridge");
    json_put_bool(&w, "Internal", spec->internal);
    json_put_bool(&w, "EnableIPv6", false);
    if (spec->subnet)
        put_ipam(&w, spec->subnet);
    if (!podman)
        put_options(&w, spec);
    engine_put_pairs(&w, "Labels", spec->labels, spec->n_labels);
    json_write_end_object(&w);
}

/* Docker's address manager, its bridge driver, and podman say it differently. */
static bool is_overlap(const StrBuf *reply)
{
    return engine_said(reply, "Pool overlaps") ||
           engine_said(reply, "networks have overlapping IPv4") ||
           engine_said(reply, "is already used on the host or by another config");
}

static bool is_exhausted(const StrBuf *reply)
{
    return engine_said(reply, "could not find an available, non-overlapping") ||
           engine_said(reply, "predefined address pools have been fully subnetted");
}

static int refuse_create(int status, const StrBuf *reply, const NetworkSpec *spec, Error *err)
{
    char what[160], message[300];

    (void)snprintf(what, sizeof what, "create network %.100s", spec->name);
    engine_message(reply, message, sizeof message);
    if (is_overlap(reply))
        return error_set(err, E_SUBNET_TAKEN, "%s (%s): %s", what,
                         spec->subnet ? spec->subnet : "engine's pool", message);
    if (is_exhausted(reply))
        return error_set(err, E_NO_SUBNETS, "%s: %s", what, message);
    return engine_refusal(status, reply, what, err);
}

int network_create(Engine *engine, const NetworkSpec *spec, char ret_id[ENGINE_ID_SIZE], Error *err)
{
    AUTO_STRBUF StrBuf body = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    EngineFacts facts;
    int status;

    if (engine_facts(engine, &facts, err) < 0)
        return -1;
    write_body(&body, spec, facts.podman);
    const EngineCall call = { .method = "POST",
                              .path = "/networks/create",
                              .body = strbuf_str(&body),
                              .body_len = body.len };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    if (status > 299)
        return refuse_create(status, &reply, spec, err);
    if (engine_parse(&reply, "create network", &root, err) < 0)
        return -1;
    return engine_take_id(root, "Id", "create network", ret_id, err);
}

int network_remove(Engine *engine, const char *id, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    char message[300];
    int status;

    strbuf_adds(&path, "/networks/");
    engine_encode(&path, id);
    const EngineCall call = { .method = "DELETE", .path = strbuf_str(&path) };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    if (status < 300 || status == 404)
        return 0;
    if (engine_said(&reply, "has active endpoints") || engine_said(&reply, "being used")) {
        engine_message(&reply, message, sizeof message);
        return error_set(err, E_CONFLICT, "remove network: %s", message);
    }
    return engine_refusal(status, &reply, "remove network", err);
}

static NetworkRow read_row(const JsonValue *json)
{
    const char *const config[] = { "IPAM", "Config" };
    const JsonValue *labels = json_value_get(json, "Labels");
    const JsonValue *first = json_value_at(json_value_path(json, config, ARRAY_LEN(config)), 0);
    NetworkRow row = {
        .name = xstrdup(json_get_string(json, "Name", "")),
        .subnet = xstrdup(json_get_string(first, "Subnet", "")),
        .project = xstrdup(json_get_string(labels, LABEL_PROJECT, "")),
        .instance_id = xstrdup(json_get_string(labels, LABEL_INSTANCE, "")),
        .managed = str_eq(json_get_string(labels, LABEL_MANAGED, ""), "true"),
        .pool = str_eq(json_get_string(labels, LABEL_POOL, ""), "1"),
        .created_s = engine_parse_time(json_get_string(json, "Created", "")),
    };

    engine_copy(row.id, sizeof row.id, json_get_string(json, "Id", ""));
    return row;
}

int network_list(Engine *engine, const char *label, NetworkRows *ret, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    VEC(NetworkRow) rows = { 0 };

    strbuf_adds(&path, "/networks");
    engine_add_label_filter(&path, '?', label);
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path), .reply_max = LIST_MAX };
    if (engine_call_json(engine, &call, "list networks", &root, err) < 0)
        return -1;
    if (json_value_kind(root) != JSON_KIND_ARRAY)
        return error_set(err, E_ENGINE_DOWN, "list networks: the engine gives no list");
    for (size_t i = 0; i < json_value_len(root); i++)
        vec_push(&rows, read_row(json_value_at(root, i)));
    *ret = (NetworkRows){ rows.items, rows.n };
    return 0;
}

void network_rows_fini(NetworkRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].name);
        free(rows->items[i].subnet);
        free(rows->items[i].project);
        free(rows->items[i].instance_id);
    }
    free(rows->items);
    *rows = (NetworkRows){ 0 };
}

int network_attached(Engine *engine, const char *id, size_t *ret_n, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;

    strbuf_adds(&path, "/networks/");
    engine_encode(&path, id);
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path) };
    if (engine_call_json(engine, &call, "inspect network", &root, err) < 0)
        return -1;
    if (json_value_kind(root) != JSON_KIND_OBJECT)
        return error_set(err, E_ENGINE_DOWN, "inspect network: the engine gives no network");
    *ret_n = json_value_len(json_value_get(root, "Containers"));
    return 0;
}

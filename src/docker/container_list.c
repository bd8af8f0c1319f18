#include "base/str.h"
#include "base/vec.h"
#include "docker/answers.h"
#include "docker/containers.h"
#include "docker/labels.h"

#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 64 * 1024 * 1024 };

/* "/name"; a linked container is also listed as "/other/alias", which is not its name. */
static const char *own_name(const JsonValue *row)
{
    const JsonValue *names = json_value_get(row, "Names");

    for (size_t i = 0; i < json_value_len(names); i++) {
        const char *name = json_value_string(json_value_at(names, i), "");
        name += *name == '/';
        if (!strchr(name, '/'))
            return name;
    }
    return "";
}

static ContainerRow read_row(const JsonValue *json)
{
    const JsonValue *labels = json_value_get(json, "Labels");
    ContainerRow row = {
        .name = xstrdup(own_name(json)),
        .image = xstrdup(json_get_string(json, "Image", "")),
        .project = xstrdup(json_get_string(labels, LABEL_PROJECT, "")),
        .service = xstrdup(json_get_string(labels, LABEL_SERVICE, "")),
        .instance_id = xstrdup(json_get_string(labels, LABEL_INSTANCE, "")),
        .managed = str_eq(json_get_string(labels, LABEL_MANAGED, ""), "true"),
        .created_s = json_get_int(json, "Created", 0),
    };

    engine_copy(row.id, sizeof row.id, json_get_string(json, "Id", ""));
    engine_copy(row.status, sizeof row.status, json_get_string(json, "State", ""));
    return row;
}

int container_list(Engine *engine, const char *label, ContainerRows *ret, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    VEC(ContainerRow) rows = { 0 };

    strbuf_adds(&path, "/containers/json?all=1");
    engine_add_label_filter(&path, '&', label);
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path), .reply_max = LIST_MAX };
    if (engine_call_json(engine, &call, "list containers", &root, err) < 0)
        return -1;
    if (json_value_kind(root) != JSON_KIND_ARRAY)
        return error_set(err, E_ENGINE_DOWN, "list containers: the engine gives no list");
    for (size_t i = 0; i < json_value_len(root); i++)
        vec_push(&rows, read_row(json_value_at(root, i)));
    *ret = (ContainerRows){ rows.items, rows.n };
    return 0;
}

void container_rows_fini(ContainerRows *rows)
{
    for (size_t i = 0; i < rows->n; i++) {
        free(rows->items[i].name);
        free(rows->items[i].image);
        free(rows->items[i].project);
        free(rows->items[i].service);
        free(rows->items[i].instance_id);
    }
    free(rows->items);
    *rows = (ContainerRows){ 0 };
}

static int by_number(const void *a, const void *b)
{
    const uint16_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

int container_published_ports(Engine *engine, uint16_t **ret_ports, size_t *ret_n, Error *err)
{
    const EngineCall call = { .method = "GET", .path = "/containers/json", .reply_max = LIST_MAX };
    AUTO_JSON JsonValue *root = NULL;
    VEC(uint16_t) ports = { 0 };
    size_t n = 0;

    if (engine_call_json(engine, &call, "list published ports", &root, err) < 0)
        return -1;
    for (size_t i = 0; i < json_value_len(root); i++) {
        const JsonValue *list = json_value_get(json_value_at(root, i), "Ports");
        for (size_t k = 0; k < json_value_len(list); k++) {
            int64_t port = json_get_int(json_value_at(list, k), "PublicPort", 0);
            if (port > 0 && port <= UINT16_MAX)
                vec_push(&ports, (uint16_t)port);
        }
    }
    /* IPv4 and IPv6 list the same port twice. */
    if (ports.n)
        qsort(ports.items, ports.n, sizeof *ports.items, by_number);
    for (size_t i = 0; i < ports.n; i++)
        if (n == 0 || ports.items[n - 1] != ports.items[i])
            ports.items[n++] = ports.items[i];
    *ret_ports = ports.items;
    *ret_n = n;
    return 0;
}

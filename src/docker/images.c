#include "docker/images.h"
#include "base/str.h"
#include "base/vec.h"
#include "docker/answers.h"
#include "docker/image_path.h"
#include "docker/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { LIST_MAX = 64 * 1024 * 1024 };

/* A reference keeps its slashes: the engine's routes want "/images/a/b:tag/json". */
void image_path(StrBuf *out, const char *reference, const char *tail)
{
    strbuf_adds(out, "/images/");
    while (*reference) {
        size_t n = strcspn(reference, "/");
        AUTO_FREE char *part = xstrndup(reference, n);

        engine_encode(out, part);
        reference += n;
        if (*reference) {
            strbuf_addc(out, '/');
            reference++;
        }
    }
    strbuf_adds(out, tail);
}

/* "80/tcp" and "80"; others are left out. */
static void read_exposed(const JsonValue *ports, ImageInfo *info)
{
    void *at = NULL;
    const char *key;
    const JsonValue *ignored;

    while (json_value_next(ports, &at, &key, &ignored)) {
        size_t n = strcspn(key, "/");
        char digits[8];
        int64_t port;

        if ((key[n] && !str_eq(key + n, "/tcp")) || n >= sizeof digits)
            continue;
        (void)snprintf(digits, sizeof digits, "%.*s", (int)n, key);
        if (str_parse_i64(digits, 1, UINT16_MAX, &port) &&
            info->n_exposed < ARRAY_LEN(info->exposed))
            info->exposed[info->n_exposed++] = (uint16_t)port;
    }
}

/* What Whaley itself puts on images. */
static bool is_our_label(const char *key)
{
    static const char *const ours[] = { "whaley.managed",    "whaley.prefix",
                                        "whaley.created_at", "whaley.challenge_id",
                                        "whaley.revision",   "whaley.service",
                                        "whaley.base" };

    return str_in(key, ours, ARRAY_LEN(ours));
}

/* A container takes its image's labels over, those of a Dockerfile's LABEL included. */
static void find_reserved_label(const JsonValue *labels, ImageInfo *info)
{
    void *at = NULL;
    const char *key;
    const JsonValue *ignored;

    while (json_value_next(labels, &at, &key, &ignored)) {
        if (strncasecmp(key, "traefik.", 8) != 0 &&
            (strncasecmp(key, "whaley.", 7) != 0 || is_our_label(key)))
            continue;
        engine_copy(info->reserved_label, sizeof info->reserved_label, key);
        return;
    }
}

int image_inspect(Engine *engine, const char *reference, ImageInfo *ret, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    const JsonValue *config, *health;
    ImageInfo info = { 0 };
    char what[200];

    (void)snprintf(what, sizeof what, "image %.150s", reference);
    image_path(&path, reference, "/json");
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path) };
    if (engine_call_json(engine, &call, what, &root, err) < 0 ||
        engine_take_id(root, "Id", what, info.id, err) < 0)
        return -1;
    config = json_value_get(root, "Config");
    health = json_value_get(config, "Healthcheck");
    info.health.interval_ns = json_get_int(health, "Interval", 0);
    info.health.start_interval_ns = json_get_int(health, "StartInterval", 0);
    if (json_value_kind(json_value_get(config, "ExposedPorts")) == JSON_KIND_OBJECT)
        read_exposed(json_value_get(config, "ExposedPorts"), &info);
    if (json_value_kind(json_value_get(config, "Labels")) == JSON_KIND_OBJECT)
        find_reserved_label(json_value_get(config, "Labels"), &info);
    *ret = info;
    return 0;
}

int image_remove(Engine *engine, const char *reference, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_STRBUF StrBuf reply = { 0 };
    int status;

    image_path(&path, reference, "");
    const EngineCall call = { .method = "DELETE", .path = strbuf_str(&path) };
    status = engine_call(engine, &call, &reply, err);
    if (status < 0)
        return -1;
    return status < 300 || status == 404 ? 0 : engine_refusal(status, &reply, "remove image", err);
}

static ImageRow read_row(const JsonValue *json)
{
    const JsonValue *tags = json_value_get(json, "RepoTags"); /* null or <none>: dangling */
    const char *tag = json_value_string(json_value_at(tags, 0), "");
    ImageRow row = {
        .tag = xstrdup(str_starts(tag, "<none>") ? "" : tag),
        .managed =
            str_eq(json_get_string(json_value_get(json, "Labels"), LABEL_MANAGED, ""), "true"),
        .created_s = json_get_int(json, "Created", 0),
    };

    engine_copy(row.id, sizeof row.id, json_get_string(json, "Id", ""));
    return row;
}

int image_list(Engine *engine, const char *label, ImageRows *ret, Error *err)
{
    AUTO_STRBUF StrBuf path = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    VEC(ImageRow) rows = { 0 };

    strbuf_adds(&path, "/images/json");
    engine_add_label_filter(&path, '?', label);
    const EngineCall call = { .method = "GET", .path = strbuf_str(&path), .reply_max = LIST_MAX };
    if (engine_call_json(engine, &call, "list images", &root, err) < 0)
        return -1;
    if (json_value_kind(root) != JSON_KIND_ARRAY)
        return error_set(err, E_ENGINE_DOWN, "list images: the engine gives no list");
    for (size_t i = 0; i < json_value_len(root); i++)
        vec_push(&rows, read_row(json_value_at(root, i)));
    *ret = (ImageRows){ rows.items, rows.n };
    return 0;
}

void image_rows_fini(ImageRows *rows)
{
    for (size_t i = 0; i < rows->n; i++)
        free(rows->items[i].tag);
    free(rows->items);
    *rows = (ImageRows){ 0 };
}

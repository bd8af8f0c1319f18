#include "http/request.h"
#include "base/check.h"
#include "base/str.h"
#include "http/query.h"
#include "http/stream.h"

#include <string.h>

Request *request_new(HttpServer *server, Conn *conn, const char *raw_target)
{
    Arena *arena = arena_new();
    Request *request = arena_new_type(arena, Request);

    request->pub.arena = arena;
    request->pub.raw_target = arena_strdup(arena, raw_target);
    request->pub.path = "/";
    request->pub.method = HTTP_OTHER;
    request->pub.method_name = "";
    request->pub.body = "";
    request->pub.peer = arena_strdup(arena, conn->peer);
    request->server = server;
    request->conn = conn;
    request->query = "";
    request->facts.content_length = -1;
    atomic_init(&request->refs, 1);
    return request;
}

Request *request_new_twin(const Request *request)
{
    Request *twin = request_new(request->server, request->conn, request->pub.raw_target);

    twin->pub.method = request->pub.method;
    twin->pub.method_name = arena_strdup(twin->pub.arena, request->pub.method_name);
    twin->pub.path = arena_strdup(twin->pub.arena, request->pub.path);
    request_set_fields(twin, request->fields, request->n_fields);
    twin->connection = request->connection;
    twin->last = true;
    return twin;
}

void request_ref(Request *request)
{
    atomic_fetch_add(&request->refs, 1);
}

void request_drop_reply(Request *request)
{
    HttpReply *reply = &request->pub.reply;

    strbuf_fini(&reply->body);
    if (reply->stream) {
        http_stream_close(reply->stream);
        http_stream_unref(reply->stream);
    }
    *reply = (HttpReply){ 0 };
}

void request_unref(Request *request)
{
    if (!request || atomic_fetch_sub(&request->refs, 1) != 1)
        return;
    request_drop_reply(request);
    strbuf_fini(&request->body);
    arena_free(request->pub.arena); /* holds the request itself */
}

Request *request_of(HttpRequest *request)
{
    return (Request *)(void *)request;
}

void request_set_fields(Request *request, const HeadField *fields, size_t n)
{
    size_t size = n * sizeof(HeadField);
    HeadField *copy;
    char *text;

    for (size_t i = 0; i < n; i++)
        size += fields[i].name_len + fields[i].value_len + 2;
    copy = arena_alloc(request->pub.arena, size + 1);
    text = (char *)(copy + n);
    for (size_t i = 0; i < n; i++) {
        copy[i] = fields[i];
        copy[i].name = memcpy(text, fields[i].name, fields[i].name_len);
        text += fields[i].name_len + 1; /* the arena is zeroed: terminated */
        copy[i].value = memcpy(text, fields[i].value, fields[i].value_len);
        text += fields[i].value_len + 1;
    }
    request->fields = copy;
    request->n_fields = n;
}

bool request_set_target(Request *request, const char *method)
{
    Target target;
    char *path;
    size_t len;

    request->pub.method = head_method(method);
    request->pub.method_name = arena_strdup(request->pub.arena, method);
    if (!target_split(request->pub.raw_target, &target))
        return false;
    path = arena_alloc(request->pub.arena, target.path_len + 1);
    if (!percent_decode(target.path, target.path_len, false, path, &len))
        return false;
    request->pub.path = path;
    request->query = target.query;
    return true;
}

const char *http_request_header(const HttpRequest *request, const char *name)
{
    const Request *self = (const Request *)(const void *)request;
    size_t len = strlen(name);

    for (size_t i = 0; i < self->n_fields; i++)
        if (self->fields[i].name_len == len && str_eq_nocase(self->fields[i].name, name))
            return self->fields[i].value;
    return NULL;
}

const char *http_request_header_all(const HttpRequest *request, const char *name)
{
    const Request *self = (const Request *)(const void *)request;
    const char *all = NULL;
    size_t len = strlen(name);

    for (size_t i = 0; i < self->n_fields; i++) {
        if (self->fields[i].name_len != len || !str_eq_nocase(self->fields[i].name, name))
            continue;
        all = all ? arena_printf(request->arena, "%s, %s", all, self->fields[i].value)
                  : self->fields[i].value;
    }
    return all;
}

const char *http_request_query(const HttpRequest *request, const char *key)
{
    const Request *self = (const Request *)(const void *)request;

    return query_get(request->arena, self->query, key);
}

void http_reply_header(HttpRequest *request, const char *name, const char *value)
{
    HttpReply *reply = &request->reply;
    char *copy, *to;

    check(reply->n_headers < ARRAY_LEN(reply->headers));
    copy = to = arena_strdup(request->arena, value);
    for (; *value; value++)
        if (*value != '\r' && *value != '\n')
            *to++ = *value;
    *to = '\0';
    reply->headers[reply->n_headers++] = (HttpHeader){ name, copy };
}

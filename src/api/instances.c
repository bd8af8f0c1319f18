/* The life of instances over HTTP: list, get, spawn, stop, extend. */
#include "api/context.h"
#include "api/encode.h"
#include "api/routes.h"
#include "base/alloc.h"
#include "base/str.h"
#include "wire/json_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { IDEMPOTENCY_KEY_MAX = 128, INSTANCE_JSON_TYPICAL = 1024 };

HttpOutcome instances_list(Call *call)
{
    AUTO_VIEWS InstanceViews views = { 0 };
    JsonWriter w = answer_json(call, 200);
    const char *host = call_host(call);

    manager_list(call->api->parts.manager, &call->who.owner, &views);
    strbuf_reserve(w.out, 64 + views.n * INSTANCE_JSON_TYPICAL);
    json_write_object(&w);
    json_write_key(&w, "instances");
    json_write_array(&w);
    for (size_t i = 0; i < views.n; i++)
        encode_instance(&w, views.items[i], host);
    json_write_end_array(&w);
    json_write_end_object(&w);
    return HTTP_DONE;
}

HttpOutcome instances_get(Call *call)
{
    AUTO_VIEW InstanceView *view = manager_find(call->api->parts.manager, call->arg);
    JsonWriter w;

    if (!view) {
        answer_error(call, 404, error_slug(E_NOT_FOUND), "There is no such instance.");
    } else if (!owner_equal(&view->owner, &call->who.owner)) {
        answer_error(call, 403, error_slug(E_NOT_OWNER), error_public_text(E_NOT_OWNER));
    } else {
        w = answer_json(call, 200);
        encode_instance(&w, view, call_host(call));
    }
    return HTTP_DONE;
}

/* ---- spawn ---- */

/* What the player can do about a refusal; NULL when waiting is all there is. */
static const char *hint_for(ErrorCode code)
{
    switch (code) {
    case E_LIMIT_REACHED:
        return "Stop an instance you no longer need, then start this one.";
    case E_ALREADY_RUNNING:
        return "Use the one that runs, or stop it first.";
    case E_QUEUE_FULL:
    case E_NO_PORTS:
    case E_NO_SUBNETS:
    case E_ENGINE_DOWN:
    case E_TIMEOUT:
        return "Nothing is left running. Try again in a minute.";
    case E_CHALLENGE_BROKEN:
    case E_BUILD_FAILED:
    case E_NOT_READY:
    case E_CONTAINER_DIED:
        return "Nothing is left running. If it happens again, tell the organisers.";
    default:
        return NULL;
    }
}

static void answer_refused(Call *call, ErrorCode code, const char *message)
{
    JsonWriter w = answer_json(call, 200);

    json_write_object(&w);
    json_put_bool(&w, "success", false);
    json_put_string(&w, "message", message);
    json_put_null(&w, "instance");
    json_put_string(&w, "code", error_slug(code));
    json_put_string(&w, "hint", hint_for(code));
    json_put_bool(&w, "retryable", encode_is_retryable(code));
    json_put_string(&w, "request_id", call->request_id);
    json_write_end_object(&w);
}

static void answer_view(Call *call, int status, const char *message, const InstanceView *view)
{
    JsonWriter w = answer_json(call, status);

    json_write_object(&w);
    json_put_bool(&w, "success", true);
    json_put_string(&w, "message", message);
    json_write_key(&w, "instance");
    encode_instance(&w, view, call_host(call));
    json_write_end_object(&w);
}

/* A business refusal is 200 with success false; who may not at all, or a fault of ours, is not. */
static void answer_spawn_error(Call *call, const Error *err)
{
    switch (err->code) {
    case E_INTERNAL:
    case E_STORE:
    case E_UNAVAILABLE:
    case E_UNAUTHORIZED:
    case E_FORBIDDEN:
    case E_NO_TEAM:
    case E_CHALLENGE_INACTIVE:
    case E_INVALID:
        answer_failure(call, err);
        return;
    default:
        answer_refused(call, err->code, answer_public_detail(call, err));
    }
}

static void answer_spawn_end(Call *call, const InstanceView *view)
{
    if (view->status == INSTANCE_RUNNING) {
        answer_view(call, 200, "Your instance is running.", view);
    } else if (view->status == INSTANCE_STARTING) { /* nobody will tell any more */
        answer_error(call, 503, error_slug(E_UNAVAILABLE),
                     "The instancer is restarting. Your instance keeps its place in line.");
    } else if (view->error_message) {
        answer_refused(call, view->error_code, encode_error_message(view));
    } else {
        answer_refused(call, E_CANCELLED, "The start was cancelled. Nothing is left running.");
    }
}

static void spawn_done(void *ctx, InstanceView *view)
{
    Call *call = ctx;

    answer_spawn_end(call, view);
    http_request_finish(call->request);
}

/* The JSON of a value that a fault points at, as far as it is a scalar. */
static const char *scalar_json(Call *call, const JsonValue *value)
{
    switch (json_value_kind(value)) {
    case JSON_KIND_INT:
        return arena_printf(call->request->arena, "%" PRId64, json_value_int(value, 0));
    case JSON_KIND_BOOL:
        return json_value_bool(value, false) ? "true" : "false";
    default:
        return "null";
    }
}

/* The challenge id in the body, copied into the arena; NULL: answered. */
static const char *read_challenge_id(Call *call)
{
    const HttpRequest *request = call->request;
    AUTO_JSON JsonValue *body = NULL;
    const JsonValue *id;

    if (request->body_len == 0) {
        answer_invalid(call, &(AnswerFault){ .type = "missing", .msg = "Field required" });
        return NULL;
    }
    if (json_parse(&body, request->body, request->body_len, NULL) < 0) {
        answer_invalid(call, &(AnswerFault){ .type = "json_invalid", .msg = "JSON decode error" });
        return NULL;
    }
    if (json_value_kind(body) != JSON_KIND_OBJECT) {
        answer_invalid(call, &(AnswerFault){ .type = "model_attributes_type",
                                             .msg = "Input should be an object",
                                             .input_json = scalar_json(call, body) });
        return NULL;
    }
    id = json_value_get(body, "challenge_id");
    if (!id) {
        answer_invalid(call, &(AnswerFault){ .type = "missing",
                                             .msg = "Field required",
                                             .field = "challenge_id",
                                             .input_json = request->body });
        return NULL;
    }
    if (json_value_kind(id) != JSON_KIND_STRING) {
        answer_invalid(call, &(AnswerFault){ .type = "string_type",
                                             .msg = "Input should be a valid string",
                                             .field = "challenge_id",
                                             .input_json = scalar_json(call, id) });
        return NULL;
    }
    return arena_strdup(request->arena, json_value_string(id, ""));
}

static bool is_spawn_allowed(Call *call)
{
    const char *key = http_request_header(call->request, "Idempotency-Key");

    if (atomic_load(&call->api->shutting_down)) {
        answer_error(call, 503, error_slug(E_UNAVAILABLE),
                     "The instancer is restarting. Running instances are not affected; try again "
                     "in a moment.");
        return false;
    }
    if (key && (!*key || strlen(key) > IDEMPOTENCY_KEY_MAX)) {
        answer_error(call, 400, error_slug(E_BAD_REQUEST),
                     "Idempotency-Key must have 1 to 128 characters.");
        return false;
    }
    return true;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

static void answer_accepted(Call *call, const InstanceView *view)
{
    answer_view(call, 202, "Your instance is on its way.", view);
    http_reply_header(call->request, "Preference-Applied", "respond-async");
    http_reply_header(call->request, "Location",
                      arena_printf(call->request->arena, "/instances/%s", view->instance_id));
}

HttpOutcome instances_spawn(Call *call)
{
    bool is_async = call_is_async(call);
    const Identity *who = &call->who;
    AUTO_VIEW InstanceView *view = NULL;
    Error err = { 0 };
    SpawnRequest spawn = {
        .user_id = who->user_id,
        .username = who->username,
        .team_id = or_null(who->team_id),
        .team_name = or_null(who->team_name),
        .owner = who->owner,
        .idempotency_key = http_request_header(call->request, "Idempotency-Key"),
    };

    if (!is_spawn_allowed(call) || !(spawn.challenge_id = read_challenge_id(call)))
        return HTTP_DONE;
    call_note_host(call);
    call_note_actor(call, "user", who->user_id);
    if (manager_spawn(call->api->parts.manager, &spawn, is_async ? NULL : spawn_done, call, &view,
                      &err) < 0) {
        answer_spawn_error(call, &err);
        return HTTP_DONE;
    }
    if (!is_async)
        return HTTP_LATER; /* spawn_done() may have answered already: the call is not ours now */
    answer_accepted(call, view);
    return HTTP_DONE;
}

/* ---- stop and extend ---- */

static void answer_done(Call *call, int status, const char *message)
{
    JsonWriter w = answer_json(call, status);

    json_write_object(&w);
    json_put_bool(&w, "success", true);
    json_put_string(&w, "message", message);
    json_write_end_object(&w);
}

/* Every business failure of these two is 400, as it always was. */
static void answer_400(Call *call, const Error *err)
{
    int status = error_http_status(err->code);

    if (status >= 500) {
        answer_failure(call, err);
        return;
    }
    answer_error(call, 400, error_slug(err->code),
                 err->code == E_NOT_FOUND ? "There is no such instance."
                                          : answer_public_detail(call, err));
}

static void stop_done(void *ctx, const char *failure)
{
    Call *call = ctx;

    if (failure)
        answer_error(call, 400, "cleanup_failed",
                     "The instance is stopped, but not all of it could be removed yet. It is "
                     "tried again by itself.");
    else
        answer_done(call, 200, "The instance is stopped.");
    http_request_finish(call->request);
}

/* Only of one's own instances: a stranger's refused attempt must not show up as the actor. */
static void note_actor_of_own(Call *call)
{
    AUTO_VIEW InstanceView *view = manager_find(call->api->parts.manager, call->arg);

    if (view && owner_equal(&view->owner, &call->who.owner))
        call_note_actor(call, "instance", call->arg);
}

HttpOutcome instances_stop(Call *call)
{
    bool is_async = call_is_async(call);
    Error err = { 0 };

    note_actor_of_own(call);
    if (manager_stop_instance(call->api->parts.manager, call->arg, &call->who.owner, STOP_USER,
                              is_async ? NULL : stop_done, call, &err) < 0) {
        answer_400(call, &err);
        return HTTP_DONE;
    }
    if (!is_async)
        return HTTP_LATER; /* as in instances_spawn() */
    answer_done(call, 202, "The instance is stopping.");
    http_reply_header(call->request, "Preference-Applied", "respond-async");
    return HTTP_DONE;
}

HttpOutcome instances_extend(Call *call)
{
    AUTO_VIEW InstanceView *view = NULL;
    int64_t added_s = 0;
    Error err = { 0 };

    note_actor_of_own(call);
    if (manager_extend(call->api->parts.manager, call->arg, &call->who.owner, &view, &added_s,
                       &err) < 0) {
        answer_400(call, &err);
        return HTTP_DONE;
    }
    answer_view(call, 200,
                arena_printf(call->request->arena, "Extended by %" PRId64 " min.", added_s / 60),
                view);
    return HTTP_DONE;
}

#include "api/pipeline.h"
#include "api/context.h"
#include "api/routes.h"
#include "base/crypto.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { BODY_MAX = 16 * 1024 };

static Call *call_new(Api *api, HttpRequest *request)
{
    Call *call = arena_new_type(request->arena, Call);

    call->api = api;
    call->request = request;
    crypto_random_hex(call->request_id, (REQUEST_ID_SIZE - 1) / 2);
    /* all lines: a proxy may append its own instead of extending the client's */
    client_ip_find(api->proxies, request->peer, http_request_header_all(request, "X-Forwarded-For"),
                   http_request_header(request, "X-Real-IP"), call->client_ip);
    request->app = call;
    return call;
}

static bool is_safe(HttpMethod method)
{
    return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
}

static bool has_body(const HttpRequest *request)
{
    const char *length = http_request_header(request, "Content-Length");

    return (length && strspn(length, "0") != strlen(length)) ||
           http_request_header(request, "Transfer-Encoding");
}

static void answer_preflight(Call *call)
{
    answer_start(call, 200);
    http_reply_header(call->request, "Access-Control-Allow-Methods", "GET, POST, DELETE");
    http_reply_header(call->request, "Access-Control-Allow-Headers",
                      "Authorization, Content-Type, Idempotency-Key, Last-Event-ID, Prefer");
    http_reply_header(call->request, "Access-Control-Max-Age", "600");
}

/* The path without its last slash, encoded again, with the query as it came. */
static void answer_redirect(Call *call)
{
    static const char PLAIN[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";
    AUTO_STRBUF StrBuf target = { 0 };
    const HttpRequest *request = call->request;
    const char *query = strchr(request->raw_target, '?');
    size_t n = strlen(request->path) - 1;

    for (size_t i = 0; i < n; i++) {
        if (strchr(PLAIN, request->path[i]))
            strbuf_addc(&target, request->path[i]);
        else
            strbuf_addf(&target, "%%%02X", (unsigned)(unsigned char)request->path[i]);
    }
    if (query)
        strbuf_adds(&target, query);
    answer_start(call, 307);
    http_reply_header(call->request, "Location", strbuf_str(&target));
}

/* The admin page may live elsewhere; the table knows it by its usual place. */
static const char *table_path(const Api *api, const char *path)
{
    if (str_eq(path, api->parts.settings->admin_path))
        return "/admin";
    return str_eq(path, "/admin") ? "" : path;
}

static bool find_route(Call *call)
{
    HttpRequest *request = call->request;
    const char *path = table_path(call->api, request->path);
    RouterMatch match = router_match(ROUTE_ROWS, ROUTE_COUNT, request->method, path);

    switch (match.outcome) {
    case ROUTER_FOUND:
        call->route = match.row;
        if (match.arg)
            call->arg = arena_strndup(request->arena, match.arg, match.arg_len);
        return true;
    case ROUTER_SLASH:
        answer_redirect(call);
        return false;
    case ROUTER_WRONG_METHOD:
        answer_error(call, 405, error_slug(E_METHOD_NOT_ALLOWED), "Method Not Allowed");
        http_reply_header(request, "Allow", match.allow);
        return false;
    case ROUTER_NOT_FOUND:
        break;
    }
    answer_error(call, 404, error_slug(E_NOT_FOUND), "Not Found");
    return false;
}

static bool is_welcome(Call *call, OriginKind origin)
{
    HttpRequest *request = call->request;

    if (is_safe(request->method))
        return true;
    if (origin == ORIGIN_FOREIGN) {
        answer_error(call, 403, error_slug(E_FORBIDDEN),
                     "Another site's page asked for this on your behalf, and it may not.");
        return false;
    }
    if (has_body(request) && request->method != HTTP_DELETE &&
        !origin_is_json(http_request_header(request, "Content-Type"))) {
        answer_error(call, 415, error_slug(E_MEDIA_TYPE), error_public_text(E_MEDIA_TYPE));
        return false;
    }
    request->body_max = BODY_MAX;
    return true;
}

static const char *bearer_of(const HttpRequest *request)
{
    static const char SCHEME[] = "Bearer ";
    const char *header = http_request_header(request, "Authorization");

    if (!header || strncasecmp(header, SCHEME, sizeof SCHEME - 1) != 0)
        return NULL;
    header += sizeof SCHEME - 1;
    header += strspn(header, " ");
    return *header ? header : NULL;
}

static bool is_within_limits(Call *call)
{
    const Settings *settings = call->api->parts.settings;
    Millis now = clock_mono_ms();
    char address[CLIENT_IP_SIZE];
    int64_t wait;

    wait = rate_limit_take(call->api->by_user, call->who.user_id, (size_t)settings->user_rate_limit,
                           now);
    if (wait) {
        answer_too_many(call, wait,
                        arena_printf(call->request->arena,
                                     "You may start, stop and extend %" PRId64
                                     " times a minute. Try again in %" PRId64 " s.",
                                     settings->user_rate_limit, wait));
        return false;
    }
    client_ip_limit_key(call->client_ip, address);
    wait = rate_limit_take(call->api->by_ip, address, (size_t)settings->participant_ip_rate_limit,
                           now);
    if (wait) {
        rate_limit_give_back(call->api->by_user, call->who.user_id);
        answer_too_many(
            call, wait,
            arena_printf(call->request->arena,
                         "Too many requests from your address. Try again in %" PRId64 " s.", wait));
        return false;
    }
    return true;
}

/* Who asks, and are they within their limits? False: answered. */
static bool admit(Call *call)
{
    const IdentityProvider *identity = &call->api->parts.identity;
    IdentityQuestion question = { bearer_of(call->request), call->client_ip };
    Error err = { 0 };

    if (!(ROUTE_FLAGS[call->route] & ROUTE_USER))
        return true;
    if (identity->identify(identity->ctx, &question, &call->who, &err) < 0) {
        answer_failure(call, &err);
        return false;
    }
    return !(ROUTE_FLAGS[call->route] & ROUTE_LIMITED) || is_within_limits(call);
}

bool pipeline_begin(void *ctx, HttpRequest *request)
{
    Api *api = ctx;
    Call *call = call_new(api, request);
    const char *origin = http_request_header(request, "Origin");
    OriginKind kind = origin_judge(api->origins, origin, http_request_header(request, "Host"));
    bool blocking = api->parts.identity.blocking;
    unsigned flags;

    if (!origin_host_is_allowed(api->parts.settings->allowed_hosts,
                                http_request_header(request, "Host"))) {
        answer_error(call, 421, error_slug(E_FORBIDDEN),
                     "This service is not reached by that name (ALLOWED_HOSTS).");
        return false;
    }
    if (kind == ORIGIN_ALLOWED)
        call->cors_origin = origin;
    if (request->method == HTTP_OPTIONS && kind == ORIGIN_ALLOWED &&
        http_request_header(request, "Access-Control-Request-Method")) {
        answer_preflight(call);
        return false;
    }
    if (!find_route(call) || !is_welcome(call, kind))
        return false;
    flags = ROUTE_FLAGS[call->route];
    request->on_worker = (flags & ROUTE_WRITES) || ((flags & ROUTE_USER) && blocking);
    return blocking || admit(call);
}

HttpOutcome pipeline_handle(void *ctx, HttpRequest *request)
{
    const Api *api = ctx;
    Call *call = request->app;

    if (api->parts.identity.blocking && !admit(call))
        return HTTP_DONE;
    return ROUTE_HANDLERS[call->route](call);
}

static const char *slug_of_status(int status)
{
    switch (status) {
    case 404:
        return error_slug(E_NOT_FOUND);
    case 405:
        return error_slug(E_METHOD_NOT_ALLOWED);
    case 408:
        return error_slug(E_TIMEOUT);
    case 413:
    case 414:
    case 431:
        return error_slug(E_TOO_LARGE);
    case 503:
        return error_slug(E_UNAVAILABLE);
    default:
        return error_slug(status < 500 ? E_BAD_REQUEST : E_INTERNAL);
    }
}

void pipeline_fail(void *ctx, HttpRequest *request, int status, const char *message)
{
    Call *call = request->app;

    if (!call) { /* it failed before begin(): nothing of the head may be relied on */
        call = arena_new_type(request->arena, Call);
        call->api = ctx;
        call->request = request;
        crypto_random_hex(call->request_id, (REQUEST_ID_SIZE - 1) / 2);
    }
    answer_error(call, status, slug_of_status(status), message);
}

static bool is_loopback(const char *name)
{
    return str_eq_nocase(name, "localhost") || str_starts(name, "127.") || str_eq(name, "::1");
}

const char *call_host(Call *call)
{
    const char *setting = call->api->parts.settings->public_host;
    char name[ORIGIN_HOST_SIZE];

    if ((setting[0] && !str_eq_nocase(setting, "auto")) ||
        !origin_host_name(http_request_header(call->request, "Host"), name) ||
        (is_loopback(name) && !is_loopback(call->client_ip)))
        return NULL;
    return arena_strdup(call->request->arena, name);
}

void call_note_host(Call *call)
{
    const char *host = call_host(call);
    char key[OWNER_KEY_SIZE];
    Note note = { 0 };

    if (!host)
        return;
    (void)snprintf(note.text, sizeof note.text, "%s", host);
    notes_put(call->api->notes, "host", owner_key(&call->who.owner, key), &note);
}

void call_note_actor(Call *call, const char *kind, const char *key)
{
    Note note = { 0 };

    (void)snprintf(note.text, sizeof note.text, "%s", call->who.user_id);
    (void)snprintf(note.name, sizeof note.name, "%s", call->who.username);
    (void)snprintf(note.ip, sizeof note.ip, "%s", call->client_ip);
    notes_put(call->api->notes, kind, key, &note);
}

bool call_is_async(const Call *call)
{
    return origin_prefers(http_request_header(call->request, "Prefer"), "respond-async");
}

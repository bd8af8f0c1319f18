#include "api/answer.h"
#include "base/log.h"
#include "base/str.h"

#include <inttypes.h>

/*
 * The page needs its own script, style and icon and nothing else; JSON needs none of it, but one
 * policy for all is one policy to check. Referrer-Policy is same-origin, not no-referrer: under the
 * latter a browser may send `Origin: null` with our own page's requests.
 */
static const HttpHeader SECURITY_HEADERS[] = {
    { "Content-Security-Policy",
      "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
      "img-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
    { "X-Content-Type-Options", "nosniff" },
    { "X-Frame-Options", "DENY" },
    { "Referrer-Policy", "same-origin" },
    { "Cross-Origin-Resource-Policy", "same-origin" },
    { "Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()" },
};

void answer_start(Call *call, int status)
{
    HttpRequest *request = call->request;
    HttpReply *reply = &request->reply;

    reply->status = status;
    reply->content_type = NULL;
    reply->static_body = NULL;
    reply->static_len = 0;
    reply->n_headers = 0;
    strbuf_clear(&reply->body);
    reply->shared_headers = SECURITY_HEADERS;
    reply->n_shared_headers = ARRAY_LEN(SECURITY_HEADERS);
    http_reply_header(request, "X-Request-Id", call->request_id);
    http_reply_header(request, "Cache-Control", "no-store");
    if (call->cors_origin) {
        http_reply_header(request, "Access-Control-Allow-Origin", call->cors_origin);
        http_reply_header(request, "Access-Control-Expose-Headers", "X-Request-Id, Retry-After");
        http_reply_header(request, "Vary", "Origin");
    }
}

JsonWriter answer_json(Call *call, int status)
{
    answer_start(call, status);
    call->request->reply.content_type = "application/json";
    return (JsonWriter){ .out = &call->request->reply.body };
}

static void end_error(Call *call, JsonWriter *w, const char *code)
{
    json_put_string(w, "code", code);
    json_put_string(w, "request_id", call->request_id);
    json_write_end_object(w);
}

void answer_error(Call *call, int status, const char *code, const char *detail)
{
    JsonWriter w = answer_json(call, status);

    json_write_object(&w);
    json_put_string(&w, "detail", detail);
    end_error(call, &w, code);
    if (status == 401)
        http_reply_header(call->request, "WWW-Authenticate", "Bearer");
    if (status == 503)
        http_reply_header(call->request, "Retry-After", "5");
}

const char *answer_public_detail(const Call *call, const Error *err)
{
    int status = error_http_status(err->code);

    if ((status < 500 || status == 503) && err->detail[0])
        return err->detail;
    log_error("request=%s code=%s at=%s:%d %s", call->request_id, error_slug(err->code),
              err->file ? err->file : "?", err->line, err->detail);
    return error_public_text(err->code);
}

void answer_failure(Call *call, const Error *err)
{
    answer_error(call, error_http_status(err->code), error_slug(err->code),
                 answer_public_detail(call, err));
}

void answer_header_int(Call *call, const char *name, int64_t value)
{
    http_reply_header(call->request, name, arena_printf(call->request->arena, "%" PRId64, value));
}

void answer_too_many(Call *call, int64_t retry_after_s, const char *detail)
{
    answer_error(call, 429, error_slug(E_RATE_LIMITED), detail);
    answer_header_int(call, "Retry-After", retry_after_s);
}

void answer_invalid(Call *call, const AnswerFault *fault)
{
    JsonWriter w = answer_json(call, 422);

    json_write_object(&w);
    json_write_key(&w, "detail");
    json_write_array(&w);
    json_write_object(&w);
    json_put_string(&w, "type", fault->type);
    json_write_key(&w, "loc");
    json_write_array(&w);
    json_write_string(&w, "body");
    if (fault->field)
        json_write_string(&w, fault->field);
    json_write_end_array(&w);
    json_put_string(&w, "msg", fault->msg);
    json_put_raw(&w, "input", fault->input_json ? fault->input_json : "null");
    json_write_end_object(&w);
    json_write_end_array(&w);
    end_error(call, &w, error_slug(E_INVALID));
}

/* The page and its parts, out of the binary, with entity tags. */
#include "api/answer.h"
#include "api/page_data.h"
#include "api/routes.h"
#include "base/check.h"
#include "base/str.h"

#include <string.h>

static const PageData *find(const char *name)
{
    for (size_t i = 0; i < PAGE_DATA_COUNT; i++)
        if (str_eq(PAGE_DATA[i].name, name))
            return &PAGE_DATA[i];
    check_failed(__FILE__, __LINE__, "every page file is embedded");
}

/* If-None-Match: a list of tags, weak or not, or `*`. */
static bool is_known(const HttpRequest *request, const char *etag)
{
    const char *header = http_request_header(request, "If-None-Match");

    return header && (str_eq(header, "*") || strstr(header, etag));
}

static HttpOutcome serve(Call *call, const char *name, const char *type)
{
    const PageData *data = find(name);
    HttpReply *reply = &call->request->reply;
    bool known = is_known(call->request, data->etag);

    answer_start(call, known ? 304 : 200);
    for (size_t i = 0; i < reply->n_headers; i++)
        if (str_eq(reply->headers[i].name, "Cache-Control"))
            reply->headers[i].value = "no-cache"; /* may be kept, must be asked about */
    http_reply_header(call->request, "ETag", data->etag);
    if (known)
        return HTTP_DONE;
    reply->content_type = type;
    reply->static_body = (const char *)data->bytes;
    reply->static_len = data->len;
    return HTTP_DONE;
}

HttpOutcome page_index(Call *call)
{
    return serve(call, "page.html", "text/html; charset=utf-8");
}

HttpOutcome page_admin(Call *call)
{
    return serve(call, "admin.html", "text/html; charset=utf-8");
}

HttpOutcome page_css(Call *call)
{
    return serve(call, "page.css", "text/css; charset=utf-8");
}

HttpOutcome page_js(Call *call)
{
    return serve(call, "page.js", "text/javascript; charset=utf-8");
}

HttpOutcome page_icon(Call *call)
{
    return serve(call, "icon.svg", "image/svg+xml");
}

/* The part of the table that is data: no handler is named here, so that tests of it link alone. */
#include "api/api.h"
#include "api/routes.h"
#include "base/macros.h"

#include <string.h>

const RouterRow ROUTE_ROWS[] = {
#define ROUTE(method, pattern, handler, flags, doc)                                                \
    { HTTP_##method, pattern, ((flags)&ROUTE_HEAD) != 0 },
#include "api/routes.def"
#undef ROUTE
};

const unsigned ROUTE_FLAGS[] = {
#define ROUTE(method, pattern, handler, flags, doc) (flags),
#include "api/routes.def"
#undef ROUTE
};

static const char *const docs[] = {
#define ROUTE(method, pattern, handler, flags, doc) doc,
#include "api/routes.def"
#undef ROUTE
};

const size_t ROUTE_COUNT = ARRAY_LEN(ROUTE_ROWS);

static const char HEAD_TEXT[] =
    "# API\n\n"
    "<!-- Printed from src/api/routes.def by `whaley routes`; do not edit. -->\n\n"
    "JSON in, JSON out. An error is `{\"detail\": ..., \"code\": ..., \"request_id\": ...}`: "
    "`detail` "
    "is a sentence\nfor people, `code` a word for programs that never changes. Input that does not "
    "fit is 422, and\n`detail` then lists what is wrong and where.\n\n"
    "Unsafe methods take `Content-Type: application/json` when they have a body, and no request "
    "from\nanother origin unless `CORS_ALLOW_ORIGINS` names it. Limited routes share one budget "
    "per "
    "user\n(`USER_RATE_LIMIT`) and one per address (`PARTICIPANT_IP_RATE_LIMIT`); beyond it the "
    "answer is\n429 with `Retry-After`.\n\n"
    "| method | path | user | limited | what it does |\n|---|---|---|---|---|\n";

void api_print_routes(StrBuf *out)
{
    strbuf_adds(out, HEAD_TEXT);
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (ROUTE_FLAGS[i] & ROUTE_HIDDEN)
            continue;
        strbuf_addf(out, "| %s | `%s` | %s | %s | %s |\n", router_method_name(ROUTE_ROWS[i].method),
                    ROUTE_ROWS[i].pattern, ROUTE_FLAGS[i] & ROUTE_USER ? "yes" : "",
                    ROUTE_FLAGS[i] & ROUTE_LIMITED ? "yes" : "", docs[i]);
    }
}

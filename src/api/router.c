#include "api/router.h"

#include <stdio.h>
#include <string.h>

static const char *const METHOD_NAMES[] = {
    [HTTP_GET] = "GET",         [HTTP_HEAD] = "HEAD",     [HTTP_POST] = "POST",
    [HTTP_PUT] = "PUT",         [HTTP_DELETE] = "DELETE", [HTTP_PATCH] = "PATCH",
    [HTTP_OPTIONS] = "OPTIONS", [HTTP_OTHER] = "",
};

const char *router_method_name(HttpMethod method)
{
    return METHOD_NAMES[method];
}

static bool fits(const char *pattern, const char *path, size_t path_len, RouterMatch *match)
{
    const char *open = strchr(pattern, '{');
    const char *close = open ? strchr(open, '}') : NULL;
    size_t head = open ? (size_t)(open - pattern) : strlen(pattern);
    size_t tail = close ? strlen(close + 1) : 0;

    if (!open) {
        match->arg = NULL;
        match->arg_len = 0;
        return path_len == head && memcmp(path, pattern, head) == 0;
    }
    if (!close || path_len <= head + tail || memcmp(path, pattern, head) != 0 ||
        memcmp(path + path_len - tail, close + 1, tail) != 0)
        return false;
    match->arg = path + head;
    match->arg_len = path_len - head - tail;
    return !memchr(match->arg, '/', match->arg_len);
}

static void allow(RouterMatch *match, const RouterRow *row)
{
    size_t n = strlen(match->allow);

    (void)snprintf(match->allow + n, sizeof match->allow - n, "%s%s%s", n ? ", " : "",
                   router_method_name(row->method), row->head ? ", HEAD" : "");
}

static RouterMatch match_exact(const RouterRow *rows, size_t n, HttpMethod method, const char *path,
                               size_t len)
{
    RouterMatch match = { .outcome = ROUTER_NOT_FOUND };

    for (size_t i = 0; i < n; i++) {
        if (!fits(rows[i].pattern, path, len, &match))
            continue;
        if (rows[i].method == method || (rows[i].head && method == HTTP_HEAD)) {
            match.outcome = ROUTER_FOUND;
            match.row = i;
            return match;
        }
        match.outcome = ROUTER_WRONG_METHOD;
        allow(&match, &rows[i]);
    }
    return match;
}

RouterMatch router_match(const RouterRow *rows, size_t n, HttpMethod method, const char *path)
{
    size_t len = strlen(path);
    RouterMatch match = match_exact(rows, n, method, path, len);

    if (match.outcome == ROUTER_NOT_FOUND && len > 1 && path[len - 1] == '/' &&
        match_exact(rows, n, method, path, len - 1).outcome != ROUTER_NOT_FOUND)
        match.outcome = ROUTER_SLASH;
    return match;
}

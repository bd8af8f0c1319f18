/*
 * router - which row of a route table a request is for. Pure.
 *
 * A pattern is a path in which one segment may be `{name}`: it matches one non-empty segment of any
 * text. Paths arrive percent-decoded, so a slash that was encoded does not hide in an argument.
 *
 * Threads    any.
 */
#pragma once

#include "http/server.h"

#include <stdbool.h>
#include <stddef.h>

enum { ROUTER_ALLOW_SIZE = 64 };

typedef struct RouterRow {
    HttpMethod method;
    const char *pattern;
    bool head; /* a GET that answers HEAD too */
} RouterRow;

typedef enum RouterOutcome {
    ROUTER_FOUND,
    ROUTER_NOT_FOUND,
    ROUTER_WRONG_METHOD, /* `allow` says which are right */
    ROUTER_SLASH,        /* the path without its last slash is a route: redirect there */
} RouterOutcome;

typedef struct RouterMatch {
    RouterOutcome outcome;
    size_t row;
    const char *arg; /* within `path`, or NULL; ends at the next slash or NUL */
    size_t arg_len;
    char allow[ROUTER_ALLOW_SIZE];
} RouterMatch;

RouterMatch router_match(const RouterRow *rows, size_t n, HttpMethod method, const char *path);
const char *router_method_name(HttpMethod method);

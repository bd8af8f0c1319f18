/*
 * query - request targets and query strings: splitting and percent-decoding (RFC 3986, RFC
 * 9112 3.2).
 *
 * Pure functions over bytes. A malformed escape, an escaped NUL or a result that is not UTF-8 is
 * refused, so that what comes out can be used as a C string and put into JSON.
 */
#pragma once

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Target {
    const char *path; /* raw, not terminated; starts with '/' */
    size_t path_len;
    const char *query; /* raw, to the end of the target; "" when there is none */
} Target;

/* Origin-form ("/a?b") and absolute-form ("http://host/a?b"); false for anything else. */
bool target_split(const char *target, Target *ret);
/*
 * Decodes n bytes into `ret_text` (room for n + 1) and terminates them. With `form`, '+' is a space
 * and control characters may come out; without, they are refused as well.
 */
bool percent_decode(const char *text, size_t n, bool form, char *ret_text, size_t *ret_len);
/* Whether every escape of a query is well-formed, as percent_decode() with `form` sees it. */
bool query_is_well_formed(const char *query);
/* The decoded value of the first `key`; "" when it has no '='; NULL when absent or malformed. */
const char *query_get(Arena *arena, const char *query, const char *key);

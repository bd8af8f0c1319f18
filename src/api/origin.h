/*
 * origin - may the page that sends a request act here? (RFC 6454; decisions: cross-origin requests
 * are off by default, because with no sign-in any page, a hostile challenge included, could act for
 * whoever visits it.) Pure.
 *
 * Threads    any; the list is immutable.
 */
#pragma once

#include "base/error.h"

#include <stdbool.h>

typedef enum OriginKind {
    ORIGIN_NONE,    /* no Origin header: no browser, or a plain navigation */
    ORIGIN_OURS,    /* the host this request was sent to */
    ORIGIN_ALLOWED, /* CORS_ALLOW_ORIGINS names it */
    ORIGIN_FOREIGN,
} OriginKind;

typedef struct OriginList OriginList;

/* Comma-separated origins ("https://ctf.example.org"), or `*` for all. E_INVALID names a bad one.
 */
MUST_USE int origin_list_new(OriginList **ret, const char *list, Error *err);
void origin_list_free(OriginList *list);
OriginKind origin_judge(const OriginList *list, const char *origin, const char *host);

/* Is this Content-Type application/json, whatever its parameters? */
bool origin_is_json(const char *content_type);
/*
 * The name in a Host header, without port and brackets, when it is one that may stand in a URL and
 * a shell command; false otherwise.
 */
enum { ORIGIN_HOST_SIZE = 256 };
MUST_USE bool origin_host_name(const char *host, char ret_name[ORIGIN_HOST_SIZE]);
/*
 * May a request be sent to this Host? `allowed` is a comma-separated list of names; empty allows
 * all. Addresses and localhost always pass: a page of another site cannot make its name mean them.
 */
bool origin_host_is_allowed(const char *allowed, const char *host);
/* Does this Prefer header (RFC 7240) ask for `token`? */
bool origin_prefers(const char *prefer, const char *token);

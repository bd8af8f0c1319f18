/*
 * head_check - whether a request head may be let in (RFC 9110, RFC 9112), as a pure function.
 *
 * libmicrohttpd 0.9.75 is lenient where leniency lets two servers disagree about where a request
 * ends. This is the strict reading: what is ambiguous is refused, never repaired.
 *
 * Limits     HEAD_FIELDS_MAX fields, HEAD_METHOD_MAX bytes of method. The library's buffer bounds
 *            the head as a whole.
 */
#pragma once

#include "http/server.h"

#include <stdint.h>

enum { HEAD_FIELDS_MAX = 100, HEAD_METHOD_MAX = 32 };

typedef struct HeadField {
    const char *name, *value; /* NUL-terminated at their length */
    size_t name_len, value_len;
} HeadField;

typedef struct Head {
    const char *method, *target, *version;
    const HeadField *fields;
    size_t n_fields;
} Head;

typedef struct HeadFacts {
    int status;             /* 0 = fine, else what to answer */
    const char *message;    /* static */
    int64_t content_length; /* -1 = none given */
    bool chunked;
    bool has_body; /* chunked, or a content length above 0 */
} HeadFacts;

/* True when the head is fine. */
bool head_check(const Head *head, HeadFacts *ret);
HttpMethod head_method(const char *name);
/*
 * Whether the fields lie in memory exactly as strict framing leaves them once the library has put
 * a NUL for each colon, CR and LF: nothing skipped, cut at a NUL byte, ended by a bare LF or
 * folded. `version` is where the version text starts, `end` where the head ends (after its empty
 * line). Only for libraries that parse in place (libmicrohttpd before 1.0).
 */
bool head_is_framed(const char *version, const HeadField *fields, size_t n, const char *end);

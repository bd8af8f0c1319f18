/*
 * error - a failure, by value: it lives on the caller's stack, so reporting one can neither
 * allocate nor fail.
 *
 * The sign rule of the whole program: a function returning int gives < 0 when it failed and `err`
 * is set, 0 when done, > 0 for an outcome its header names. error_set(), error_sys() and
 * error_wrap() all return -1, so that `return error_set(err, ...)` is the idiom. `err` may be NULL.
 * Nothing branches on `detail`.
 */
#pragma once

#include "base/macros.h"

typedef enum ErrorCode {
    E_NONE,
#define ERROR_CODE(name, http, slug, text) E_##name,
#include "base/error_codes.def"
#undef ERROR_CODE
    E_COUNT
} ErrorCode;

typedef struct Error {
    ErrorCode code;
    int sys_errno;    /* 0, or the errno that started it */
    const char *file; /* where it was first set; static storage */
    int line;
    char detail[512]; /* operator-facing: outermost context first, cut if too long */
} Error;

#define error_set(err, code, ...) error_set_at((err), (code), __FILE__, __LINE__, __VA_ARGS__)
#define error_sys(err, ...)       error_sys_at((err), __FILE__, __LINE__, __VA_ARGS__)

/* Sets code and detail. Always returns -1. */
int error_set_at(Error *err, ErrorCode code, const char *file, int line, const char *fmt, ...)
    PRINTF_LIKE(5, 6);
/* The same from errno (E_INTERNAL), with its text appended. Always returns -1. */
int error_sys_at(Error *err, const char *file, int line, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Puts "context: " before the detail that is there. Always returns -1. */
int error_wrap(Error *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

int error_http_status(ErrorCode code);
const char *error_slug(ErrorCode code);
const char *error_public_text(ErrorCode code);

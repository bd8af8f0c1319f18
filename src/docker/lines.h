/*
 * lines - chunks of a stream put together into lines. Pure.
 *
 * Limits     a line of LINES_MAX bytes or more is an error that stays.
 */
#pragma once

#include "base/strbuf.h"

#include <stdbool.h>

enum { LINES_MAX = 4 * 1024 * 1024 };

typedef struct LineReader {
    StrBuf part;
    bool too_long;
    /* Called per line, NUL-terminated, without line end; false stops. Empty lines are skipped. */
    bool (*on_line)(void *ctx, char *line, size_t n);
    void *ctx;
} LineReader;

/* False: on_line said stop, or a line was too long. */
MUST_USE bool lines_feed(LineReader *r, const char *bytes, size_t n);
/* Hands over a last line without an end. */
MUST_USE bool lines_end(LineReader *r);
void lines_fini(LineReader *r);
#define AUTO_LINES CLEANUP(lines_fini)

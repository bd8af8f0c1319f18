/*
 * strbuf - a growing byte buffer that is always NUL-terminated.
 *
 * With a maximum set, appends past it are dropped and `overflowed` stays set; without one it grows
 * until memory ends. Zero-initialise (StrBuf b = { 0 }) and release with strbuf_fini() (or
 * AUTO_STRBUF).
 */
#pragma once

#include "base/macros.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct StrBuf {
    char *data; /* NULL until something was appended; use strbuf_str() */
    size_t len, cap;
    size_t max; /* 0 = unbounded */
    bool overflowed;
} StrBuf;

void strbuf_fini(StrBuf *b);
void strbuf_clear(StrBuf *b); /* keeps the memory */
void strbuf_reserve(StrBuf *b, size_t more);
void strbuf_add(StrBuf *b, const void *bytes, size_t n);
void strbuf_adds(StrBuf *b, const char *s);
void strbuf_addc(StrBuf *b, char c);
void strbuf_addf(StrBuf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
const char *strbuf_str(const StrBuf *b); /* never NULL */
/* Moves the bytes out (caller frees) and empties the buffer. */
char *strbuf_take(StrBuf *b);

#define AUTO_STRBUF CLEANUP(strbuf_fini)

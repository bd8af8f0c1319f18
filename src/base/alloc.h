/*
 * alloc - allocation that cannot fail: out of memory logs one line and aborts.
 *
 * Only for sizes the program chooses. A size that derives from input is checked against a named
 * limit before it gets here.
 */
#pragma once

#include "base/macros.h"

#include <stdarg.h>
#include <stddef.h>

void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char *xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));
char *xvasprintf(const char *fmt, va_list args) PRINTF_LIKE(1, 0)
    __attribute__((malloc, returns_nonnull));

/* strdup that passes NULL through. */
char *xstrdup_or_null(const char *s);

#define xnew(T) ((T *)xcalloc(1, sizeof(T)))

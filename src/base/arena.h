/*
 * arena - memory with one lifetime: a request, a job, a parsed file.
 *
 * Everything allocated is zeroed, aligned for any type and freed together by arena_free().
 *
 * Threads    one thread at a time.
 * Failure    none: out of memory aborts. Callers bound what they put in.
 */
#pragma once

#include "base/macros.h"

#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena); /* NULL is fine */
void *arena_alloc(Arena *arena, size_t size) __attribute__((returns_nonnull));
char *arena_strdup(Arena *arena, const char *s) __attribute__((returns_nonnull));
char *arena_strndup(Arena *arena, const char *s, size_t n) __attribute__((returns_nonnull));
char *arena_printf(Arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3)
    __attribute__((returns_nonnull, nonnull));
/* A copy of `n` items grown to `cap` items; for arrays that grow while parsing. */
void *arena_grow(Arena *arena, const void *old, size_t n_bytes, size_t cap_bytes)
    __attribute__((returns_nonnull));
/* Bytes handed out so far; to enforce a cap. */
size_t arena_used(const Arena *arena);

#define arena_new_type(arena, T) ((T *)arena_alloc((arena), sizeof(T)))

DEFINE_CLEANUP(Arena, arena_free_p, arena_free)
#define AUTO_ARENA CLEANUP(arena_free_p)

#include "base/arena.h"
#include "base/alloc.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Blocks double from small to large: a view of one instance fits the first, a compose file a few.
 */
enum { BLOCK_FIRST = 1024, BLOCK_LARGEST = 65536, ALIGN = 16 };

typedef struct Block {
    struct Block *next;
    size_t used, size;
    _Alignas(ALIGN) unsigned char data[];
} Block;

struct Arena {
    Block *head;
    size_t used;
};

Arena *arena_new(void)
{
    return xnew(Arena);
}

void arena_free(Arena *arena)
{
    if (!arena)
        return;
    for (Block *b = arena->head; b;) {
        Block *next = b->next;
        free(b);
        b = next;
    }
    free(arena);
}

void *arena_alloc(Arena *arena, size_t size)
{
    size_t want = (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
    Block *b = arena->head;
    void *p;

    if (!b || b->size - b->used < want) {
        size_t room = !b ? BLOCK_FIRST - sizeof *b : b->size * 2;
        if (room > BLOCK_LARGEST)
            room = BLOCK_LARGEST;
        if (room < want)
            room = want;
        b = xcalloc(1, sizeof *b + room);
        b->size = room;
        b->next = arena->head;
        arena->head = b;
    }
    p = b->data + b->used;
    b->used += want;
    arena->used += want;
    return p;
}

char *arena_strndup(Arena *arena, const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *p = arena_alloc(arena, len + 1);

    memcpy(p, s, len);
    return p;
}

char *arena_strdup(Arena *arena, const char *s)
{
    return arena_strndup(arena, s, SIZE_MAX);
}

char *arena_printf(Arena *arena, const char *fmt, ...)
{
    char probe[1];
    va_list args, again;
    int len;
    char *p;

    va_start(args, fmt);
    va_copy(again, args);
    len = vsnprintf(probe, sizeof probe, fmt, args);
    va_end(args);
    p = arena_alloc(arena, (size_t)(len < 0 ? 0 : len) + 1);
    (void)vsnprintf(p, (size_t)(len < 0 ? 0 : len) + 1, fmt, again);
    va_end(again);
    return p;
}

void *arena_grow(Arena *arena, const void *old, size_t n_bytes, size_t cap_bytes)
{
    void *p = arena_alloc(arena, cap_bytes);

    if (n_bytes)
        memcpy(p, old, n_bytes);
    return p;
}

size_t arena_used(const Arena *arena)
{
    return arena->used;
}

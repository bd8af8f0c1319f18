/*
 * vec - growable arrays of any type: `VEC(int) v = { 0 }; vec_push(&v, 7); vec_fini(&v);`
 *
 * Ownership  the vec owns its array, never what the items point to.
 */
#pragma once

#include "base/alloc.h"

#include <stdlib.h>
#include <string.h>

#define VEC(T)                                                                                     \
    struct {                                                                                       \
        T *items;                                                                                  \
        size_t n, cap;                                                                             \
    }

#define vec_push(v, ...)                                                                           \
    do {                                                                                           \
        if ((v)->n == (v)->cap) {                                                                  \
            (v)->cap = (v)->cap ? (v)->cap * 2 : 8;                                                \
            (v)->items = xrealloc((v)->items, (v)->cap * sizeof *(v)->items);                      \
        }                                                                                          \
        (v)->items[(v)->n++] = (__VA_ARGS__);                                                      \
    } while (0)

/* Removes item i, keeping the order of the rest. */
#define vec_remove(v, i)                                                                           \
    do {                                                                                           \
        memmove(&(v)->items[i], &(v)->items[(i) + 1], ((v)->n - (i)-1) * sizeof *(v)->items);      \
        (v)->n--;                                                                                  \
    } while (0)

/* Moves item i to the front, keeping the order of the rest. */
#define vec_to_front(v, i)                                                                         \
    do {                                                                                           \
        __auto_type moved_ = (v)->items[i];                                                        \
        memmove(&(v)->items[1], &(v)->items[0], (i) * sizeof *(v)->items);                         \
        (v)->items[0] = moved_;                                                                    \
    } while (0)

#define vec_fini(v)                                                                                \
    do {                                                                                           \
        free((v)->items);                                                                          \
        (v)->items = NULL;                                                                         \
        (v)->n = (v)->cap = 0;                                                                     \
    } while (0)

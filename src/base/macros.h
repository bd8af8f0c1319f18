/*
 * macros - the handful of language helpers every file may rely on.
 *
 * Ownership  AUTO_* locals release what they hold at the end of their scope; TAKE() moves it out.
 */
#pragma once

#include <stddef.h>

#define ARRAY_LEN(a)           (sizeof(a) / sizeof((a)[0]))
#define MUST_USE               __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define CLEANUP(fn)            __attribute__((cleanup(fn)))
#define UNUSED                 __attribute__((unused))

/* Moves a pointer out of an AUTO_ variable: yields its value and leaves NULL behind. */
#define TAKE(p)                                                                                    \
    __extension__({                                                                                \
        __auto_type take_ = (p);                                                                   \
        (p) = NULL;                                                                                \
        take_;                                                                                     \
    })

/* The same for a file descriptor: leaves -1 behind. */
#define TAKE_FD(fd)                                                                                \
    __extension__({                                                                                \
        int take_fd_ = (fd);                                                                       \
        (fd) = -1;                                                                                 \
        take_fd_;                                                                                  \
    })

void cleanup_free(void *pointer_to_pointer);
void cleanup_close(int *fd);

#define AUTO_FREE  CLEANUP(cleanup_free)
#define AUTO_CLOSE CLEANUP(cleanup_close)

/* A MUST_USE call whose failure changes nothing here: somebody else tries again later. */
#define BEST_EFFORT(call)                                                                          \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            break;                                                                                 \
    } while (0)

/* Defines `static void name(T **p)` for use with CLEANUP, calling fn(*p). */
#define DEFINE_CLEANUP(T, name, fn)                                                                \
    static inline UNUSED void name(T **p)                                                          \
    {                                                                                              \
        if (*p)                                                                                    \
            fn(*p);                                                                                \
    }

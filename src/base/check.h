/*
 * check - assertions about our own mistakes; they stay on in release builds.
 *
 * check(cond) is for broken invariants, never for input. A failure prints where and aborts;
 * instances survive it (see docs/ARCHITECTURE.md, "What survives a crash").
 */
#pragma once

_Noreturn void check_failed(const char *file, int line, const char *what);

#define check(cond)                                                                                \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            check_failed(__FILE__, __LINE__, #cond);                                               \
    } while (0)

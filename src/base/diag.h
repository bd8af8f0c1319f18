/*
 * diag - diagnostics about files a person wrote, as a compiler gives them: file:line:column,
 * severity, a stable code, a sentence and how to mend it.
 *
 * Units      lines and columns count from 1; 0 = not known. Columns count bytes.
 * Ownership  a DiagList owns copies of all its strings.
 * Limits     DIAG_MAX entries; the rest are counted in `n_dropped`.
 * Threads    one at a time.
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

enum { DIAG_MAX = 200 };

typedef enum DiagSeverity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE } DiagSeverity;

typedef struct Diag {
    DiagSeverity severity;
    char *file; /* as it should be shown: relative to the challenge folder */
    int line, column;
    char *field;   /* "services.web.ports[0]", "timeout"; NULL when it is about the whole file */
    char *code;    /* "unknown-key", "bind-outside" ... stable, kebab-case */
    char *message; /* one sentence, no trailing newline */
    char *hint;    /* how to mend it, or NULL */
} Diag;

typedef struct DiagList {
    Diag *items;
    size_t n, cap;
    size_t n_errors, n_warnings, n_dropped;
} DiagList;

void diag_list_fini(DiagList *list);
#define AUTO_DIAGS CLEANUP(diag_list_fini)

typedef struct DiagAt {
    const char *file;
    int line, column;
    const char *field;
} DiagAt;

/* `hint` may be NULL. Errors, warnings and notes share one list, in the order they were found. */
void diag_add(DiagList *list, DiagSeverity severity, DiagAt at, const char *code, const char *hint,
              const char *fmt, ...) PRINTF_LIKE(6, 7);
/* "file:line:column: error: message (field) [code]"; caller frees. */
char *diag_format(const Diag *diag);
/* First error in the list, or NULL. */
const Diag *diag_first_error(const DiagList *list);

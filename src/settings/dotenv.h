/*
 * dotenv - the lines of a `.env` file.
 *
 *     # comment
 *     export KEY=value            # a comment after a blank
 *     KEY='taken as it stands'
 *     KEY="with \n \t \" \\ \$"    (quoted values may span lines)
 *
 * Nothing is expanded: ${OTHER} stays as it is, with a warning.
 *
 * Ownership  entries own their strings (dotenv_fini).
 * Limits     DOTENV_MAX bytes in a file.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"

enum { DOTENV_MAX = 1024 * 1024 };

typedef struct DotenvEntry {
    char *key, *value;
    int line;
} DotenvEntry;

typedef struct Dotenv {
    DotenvEntry *items;
    size_t n, cap;
} Dotenv;

void dotenv_fini(Dotenv *dotenv);
#define AUTO_DOTENV CLEANUP(dotenv_fini)

/* What cannot be read as KEY=VALUE is reported against `file` and skipped. */
void dotenv_parse(Dotenv *ret, const char *text, const char *file, DiagList *diags);
/* Reads and parses; a file that does not exist is empty. */
void dotenv_load(Dotenv *ret, const char *path, DiagList *diags);

/*
 * notes - small things remembered about who did what from where, for when the consequences arrive
 * on another thread: the host name an owner reaches us by (PUBLIC_HOST=auto), and the address and
 * name behind a spawn, a stop or an extension (the audit trail).
 *
 * Keys: "host:" + owner key; "user:" + user id; "instance:" + instance id.
 *
 * Limits     NOTES_MAX notes; beyond that everything is forgotten, which costs a detail, not a
 * fact. Threads    any.
 */
#pragma once

#include <stdbool.h>

enum { NOTES_MAX = 20000 };

typedef struct Note {
    char text[256]; /* host name, or the actor's user id */
    char name[256]; /* the actor's name */
    char ip[46];
} Note;

typedef struct Notes Notes;

Notes *notes_new(void);
void notes_free(Notes *notes);
void notes_put(Notes *notes, const char *kind, const char *key, const Note *note);
bool notes_get(Notes *notes, const char *kind, const char *key, Note *ret);
void notes_drop(Notes *notes, const char *kind, const char *key);

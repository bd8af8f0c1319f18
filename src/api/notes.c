#include "api/notes.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/map.h"

#include <stdio.h>
#include <stdlib.h>

struct Notes {
    Lock lock;
    Map *map; /* of Note */
};

enum { NOTE_KEY_SIZE = 192 };

Notes *notes_new(void)
{
    Notes *notes = xnew(Notes);

    (void)pthread_mutex_init(&notes->lock, NULL);
    notes->map = map_new();
    return notes;
}

static void forget_all(Notes *notes)
{
    size_t pos = 0;
    const char *key;
    void *note;

    while (map_next(notes->map, &pos, &key, &note))
        free(note);
    map_free(notes->map);
    notes->map = NULL;
}

void notes_free(Notes *notes)
{
    if (!notes)
        return;
    forget_all(notes);
    (void)pthread_mutex_destroy(&notes->lock);
    free(notes);
}

static const char *full_key(const char *kind, const char *key, char ret[NOTE_KEY_SIZE])
{
    (void)snprintf(ret, NOTE_KEY_SIZE, "%s:%s", kind, key);
    return ret;
}

void notes_put(Notes *notes, const char *kind, const char *key, const Note *note)
{
    char full[NOTE_KEY_SIZE];
    Note *copy = xnew(Note);
    LOCK_SCOPE(&notes->lock);

    *copy = *note;
    if (map_count(notes->map) >= NOTES_MAX) {
        forget_all(notes);
        notes->map = map_new();
    }
    free(map_put(notes->map, full_key(kind, key, full), copy));
}

bool notes_get(Notes *notes, const char *kind, const char *key, Note *ret)
{
    char full[NOTE_KEY_SIZE];
    LOCK_SCOPE(&notes->lock);
    const Note *found = map_get(notes->map, full_key(kind, key, full));

    if (found)
        *ret = *found;
    return found != NULL;
}

void notes_drop(Notes *notes, const char *kind, const char *key)
{
    char full[NOTE_KEY_SIZE];
    LOCK_SCOPE(&notes->lock);

    free(map_remove(notes->map, full_key(kind, key, full)));
}

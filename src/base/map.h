/*
 * map - string keys to pointers, unordered (open addressing, seeded FNV-1a).
 *
 * Ownership  keys are copied; values are the caller's.
 * Threads    none: the caller locks.
 */
#pragma once

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Map Map;

Map *map_new(void);
void map_free(Map *map);                        /* NULL is fine; values are left alone */
void *map_get(const Map *map, const char *key); /* NULL when absent */
/* Sets and returns the value that was there before, or NULL. `value` must not be NULL. */
void *map_put(Map *map, const char *key, void *value);
/* Removes and returns the value, or NULL. */
void *map_remove(Map *map, const char *key);
size_t map_count(const Map *map);
/*
 * Iterates: start with *pos = 0; false at the end. The map must not change meanwhile, except that
 * the entry just returned may be removed with map_remove().
 */
bool map_next(const Map *map, size_t *pos, const char **ret_key, void **ret_value);

DEFINE_CLEANUP(Map, map_free_p, map_free)
#define AUTO_MAP CLEANUP(map_free_p)

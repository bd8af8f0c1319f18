#include "base/map.h"
#include "base/alloc.h"
#include "base/crypto.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct Slot {
    char *key; /* NULL: never used; TOMBSTONE: removed */
    void *value;
    uint64_t hash;
} Slot;

struct Map {
    Slot *slots;
    size_t cap, n, n_used; /* n_used counts tombstones as well */
};

static char tombstone[1];

static uint64_t seed;
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void make_seed(void)
{
    crypto_random(&seed, sizeof seed);
}

static uint64_t hash_of(const char *key)
{
    uint64_t h = 0xcbf29ce484222325u ^ seed;

    for (; *key; key++)
        h = (h ^ (unsigned char)*key) * 0x100000001b3u;
    return h ^ (h >> 29);
}

Map *map_new(void)
{
    pthread_once(&seed_once, make_seed);
    return xnew(Map);
}

void map_free(Map *map)
{
    if (!map)
        return;
    for (size_t i = 0; i < map->cap; i++)
        if (map->slots[i].key != tombstone)
            free(map->slots[i].key);
    free(map->slots);
    free(map);
}

static Slot *find(const Map *map, const char *key, uint64_t hash)
{
    if (map->cap == 0)
        return NULL;
    for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
        Slot *s = &map->slots[i];
        if (!s->key)
            return NULL;
        if (s->key != tombstone && s->hash == hash && strcmp(s->key, key) == 0)
            return s;
    }
}

static void grow(Map *map)
{
    size_t old_cap = map->cap;
    Slot *old = map->slots;

    map->cap = 16;
    while (map->cap < map->n * 4)
        map->cap *= 2;
    map->slots = xcalloc(map->cap, sizeof *map->slots);
    map->n_used = map->n;
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].key || old[i].key == tombstone)
            continue;
        size_t j = old[i].hash & (map->cap - 1);
        while (map->slots[j].key)
            j = (j + 1) & (map->cap - 1);
        map->slots[j] = old[i];
    }
    free(old);
}

void *map_get(const Map *map, const char *key)
{
    Slot *s = find(map, key, hash_of(key));

    return s ? s->value : NULL;
}

void *map_put(Map *map, const char *key, void *value)
{
    uint64_t hash = hash_of(key);
    Slot *s = find(map, key, hash);

    if (s) {
        void *before = s->value;
        s->value = value;
        return before;
    }
    if ((map->n_used + 1) * 2 > map->cap)
        grow(map);
    size_t i = hash & (map->cap - 1);
    while (map->slots[i].key && map->slots[i].key != tombstone)
        i = (i + 1) & (map->cap - 1);
    if (!map->slots[i].key)
        map->n_used++;
    map->slots[i] = (Slot){ xstrdup(key), value, hash };
    map->n++;
    return NULL;
}

void *map_remove(Map *map, const char *key)
{
    Slot *s = find(map, key, hash_of(key));
    void *value;

    if (!s)
        return NULL;
    value = s->value;
    free(s->key);
    *s = (Slot){ .key = tombstone };
    map->n--;
    return value;
}

size_t map_count(const Map *map)
{
    return map->n;
}

bool map_next(const Map *map, size_t *pos, const char **ret_key, void **ret_value)
{
    for (; *pos < map->cap; (*pos)++) {
        const Slot *s = &map->slots[*pos];
        if (!s->key || s->key == tombstone)
            continue;
        if (ret_key)
            *ret_key = s->key;
        if (ret_value)
            *ret_value = s->value;
        (*pos)++;
        return true;
    }
    return false;
}

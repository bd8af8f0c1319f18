#include "auth/rate_limit.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/map.h"
#include "base/vec.h"

typedef struct Key Key;

/* Keys hang in a list ordered by their newest call: what expires first stands first. */
struct Key {
    Key *prev, *next;
    char *name;
    VEC(Millis) calls; /* oldest first */
};

struct RateLimit {
    Lock lock;
    Millis window;
    size_t max_keys;
    Map *keys;
    Key ends; /* ends.next is the quietest, ends.prev the newest */
};

RateLimit *rate_limit_new(Millis window, size_t max_keys)
{
    RateLimit *limit = xnew(RateLimit);

    (void)pthread_mutex_init(&limit->lock, NULL);
    limit->window = window;
    limit->max_keys = max_keys;
    limit->keys = map_new();
    limit->ends.next = limit->ends.prev = &limit->ends;
    return limit;
}

static void unlink_key(Key *key)
{
    key->prev->next = key->next;
    key->next->prev = key->prev;
}

static void link_newest(RateLimit *limit, Key *key)
{
    key->prev = limit->ends.prev;
    key->next = &limit->ends;
    key->prev->next = key->next->prev = key;
}

static void forget_locked(RateLimit *limit, Key *key)
{
    unlink_key(key);
    (void)map_remove(limit->keys, key->name);
    free(key->name);
    vec_fini(&key->calls);
    free(key);
}

void rate_limit_free(RateLimit *limit)
{
    if (!limit)
        return;
    while (limit->ends.next != &limit->ends)
        forget_locked(limit, limit->ends.next);
    map_free(limit->keys);
    (void)pthread_mutex_destroy(&limit->lock);
    free(limit);
}

static bool is_over(const RateLimit *limit, Millis call, Millis now)
{
    return now - call >= limit->window;
}

static void drop_old_calls(const RateLimit *limit, Key *key, Millis now)
{
    size_t old = 0;

    while (old < key->calls.n && is_over(limit, key->calls.items[old], now))
        old++;
    if (old == 0)
        return;
    key->calls.n -= old;
    memmove(key->calls.items, key->calls.items + old, key->calls.n * sizeof *key->calls.items);
}

/* Two keys at most per call, so that no caller pays for all of them. */
static void evict_locked(RateLimit *limit, Millis now)
{
    for (int i = 0; i < 2 && limit->ends.next != &limit->ends; i++) {
        Key *quietest = limit->ends.next;
        drop_old_calls(limit, quietest, now);
        if (quietest->calls.n && map_count(limit->keys) < limit->max_keys)
            return;
        forget_locked(limit, quietest);
    }
}

static Key *add_locked(RateLimit *limit, const char *name)
{
    Key *key = xnew(Key);

    key->name = xstrdup(name);
    (void)map_put(limit->keys, name, key);
    link_newest(limit, key);
    return key;
}

int64_t rate_limit_take(RateLimit *limit, const char *name, size_t max_calls, Millis now)
{
    LOCK_SCOPE(&limit->lock);
    Key *key = map_get(limit->keys, name);

    if (!key) {
        evict_locked(limit, now);
        key = add_locked(limit, name);
    }
    drop_old_calls(limit, key, now);
    if (max_calls == 0 || key->calls.n >= max_calls) {
        Millis opens = max_calls ? key->calls.items[key->calls.n - max_calls] : now;
        return (opens + limit->window - now + 999) / 1000;
    }
    vec_push(&key->calls, now);
    unlink_key(key);
    link_newest(limit, key);
    return 0;
}

void rate_limit_give_back(RateLimit *limit, const char *name)
{
    LOCK_SCOPE(&limit->lock);
    Key *key = map_get(limit->keys, name);

    if (key && key->calls.n)
        key->calls.n--;
}

size_t rate_limit_keys(RateLimit *limit)
{
    LOCK_SCOPE(&limit->lock);

    return map_count(limit->keys);
}

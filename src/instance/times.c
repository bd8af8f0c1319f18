#include "instance/times.h"

enum { KEEP = 31 };

typedef struct Ring {
    Millis took[KEEP];
    size_t n, next;
} Ring;

struct SpawnTimes {
    Map *by_challenge;
};

SpawnTimes *spawn_times_new(void)
{
    SpawnTimes *times = xnew(SpawnTimes);

    times->by_challenge = map_new();
    return times;
}

void spawn_times_free(SpawnTimes *times)
{
    size_t pos = 0;
    void *ring;

    if (!times)
        return;
    while (map_next(times->by_challenge, &pos, NULL, &ring))
        free(ring);
    map_free(times->by_challenge);
    free(times);
}

void spawn_times_add(SpawnTimes *times, const char *challenge_id, Millis took)
{
    Ring *ring = map_get(times->by_challenge, challenge_id);

    if (!ring) {
        ring = xnew(Ring);
        (void)map_put(times->by_challenge, challenge_id, ring);
    }
    ring->took[ring->next] = took;
    ring->next = (ring->next + 1) % KEEP;
    if (ring->n < KEEP)
        ring->n++;
}

static int compare(const void *a, const void *b)
{
    Millis x = *(const Millis *)a, y = *(const Millis *)b;

    return (x > y) - (x < y);
}

Millis spawn_times_median(const SpawnTimes *times, const char *challenge_id)
{
    const Ring *ring = map_get(times->by_challenge, challenge_id);
    Millis sorted[KEEP];

    if (!ring)
        return 0;
    memcpy(sorted, ring->took, ring->n * sizeof *sorted);
    qsort(sorted, ring->n, sizeof *sorted, compare);
    return sorted[ring->n / 2];
}

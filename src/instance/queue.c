#include "instance/queue.h"

/* One owner's waiting spawns, in order. */
typedef struct Turn {
    char owner_key[OWNER_KEY_SIZE];
    InstanceList waiting;
} Turn;

/* `turns` is in the order of whose turn is next; an owner is in it only while something waits. */
struct SpawnQueue {
    VEC(Turn *) turns;
    size_t n;
};

SpawnQueue *spawn_queue_new(void)
{
    return xnew(SpawnQueue);
}

static void turn_free(Turn *turn)
{
    vec_fini(&turn->waiting);
    free(turn);
}

void spawn_queue_free(SpawnQueue *queue)
{
    if (!queue)
        return;
    for (size_t i = 0; i < queue->turns.n; i++)
        turn_free(queue->turns.items[i]);
    vec_fini(&queue->turns);
    free(queue);
}

static size_t find_turn(const SpawnQueue *queue, const char *owner_key)
{
    size_t i = 0;

    while (i < queue->turns.n && strcmp(queue->turns.items[i]->owner_key, owner_key) != 0)
        i++;
    return i;
}

void spawn_queue_push(SpawnQueue *queue, Instance *instance)
{
    size_t i = find_turn(queue, instance->owner_key);

    if (i == queue->turns.n) {
        Turn *turn = xnew(Turn);
        memcpy(turn->owner_key, instance->owner_key, sizeof turn->owner_key);
        vec_push(&queue->turns, turn);
    }
    vec_push(&queue->turns.items[i]->waiting, instance);
    queue->n++;
}

void spawn_queue_push_front(SpawnQueue *queue, Instance *instance)
{
    size_t i;
    InstanceList *waiting;

    spawn_queue_push(queue, instance);
    i = find_turn(queue, instance->owner_key);
    waiting = &queue->turns.items[i]->waiting;
    vec_to_front(waiting, waiting->n - 1);
    vec_to_front(&queue->turns, i);
}

/* Takes item k of turn i out; a turn with nothing left goes. */
static Instance *take(SpawnQueue *queue, size_t i, size_t k)
{
    Turn *turn = queue->turns.items[i];
    Instance *instance = turn->waiting.items[k];

    vec_remove(&turn->waiting, k);
    queue->n--;
    if (turn->waiting.n == 0) {
        turn_free(turn);
        vec_remove(&queue->turns, i);
    }
    return instance;
}

Instance *spawn_queue_pop(SpawnQueue *queue)
{
    Turn *turn;
    Instance *instance;
    size_t before = queue->turns.n;

    if (before == 0)
        return NULL;
    turn = queue->turns.items[0];
    instance = take(queue, 0, 0);
    if (queue->turns.n == before) { /* the owner has more: to the end of the line */
        vec_remove(&queue->turns, 0);
        vec_push(&queue->turns, turn);
    }
    return instance;
}

bool spawn_queue_remove(SpawnQueue *queue, Instance *instance)
{
    size_t i = find_turn(queue, instance->owner_key);

    if (i == queue->turns.n)
        return false;
    for (size_t k = 0; k < queue->turns.items[i]->waiting.n; k++) {
        if (queue->turns.items[i]->waiting.items[k] == instance) {
            (void)take(queue, i, k);
            return true;
        }
    }
    return false;
}

size_t spawn_queue_count(const SpawnQueue *queue)
{
    return queue->n;
}

int64_t spawn_queue_position(const SpawnQueue *queue, const Instance *instance)
{
    size_t turn = find_turn(queue, instance->owner_key), round = 0;
    int64_t before = 0;

    if (turn == queue->turns.n)
        return 0;
    const InstanceList *own = &queue->turns.items[turn]->waiting;
    while (round < own->n && own->items[round] != instance)
        round++;
    if (round == own->n)
        return 0;
    for (size_t i = 0; i < queue->turns.n; i++) { /* earlier turns come once more before us */
        size_t waiting = queue->turns.items[i]->waiting.n, first = round + (i < turn);
        before += (int64_t)(waiting < first ? waiting : first);
    }
    return before + 1;
}

void spawn_queue_number(SpawnQueue *queue, void (*moved)(void *ctx, Instance *instance), void *ctx)
{
    int64_t position = 0;

    for (size_t round = 0; position < (int64_t)queue->n; round++) {
        for (size_t i = 0; i < queue->turns.n; i++) {
            const InstanceList *waiting = &queue->turns.items[i]->waiting;
            if (round >= waiting->n)
                continue;
            position++;
            if (waiting->items[round]->queue_position != position) {
                waiting->items[round]->queue_position = position;
                moved(ctx, waiting->items[round]);
            }
        }
    }
}

#include "instance/expiry.h"

#include <stdio.h>

typedef struct Entry {
    int64_t at;
    char id[INSTANCE_ID_SIZE];
} Entry;

struct ExpiryHeap {
    VEC(Entry) v;
};

ExpiryHeap *expiry_heap_new(void)
{
    return xnew(ExpiryHeap);
}

void expiry_heap_free(ExpiryHeap *heap)
{
    if (!heap)
        return;
    vec_fini(&heap->v);
    free(heap);
}

static void swap(ExpiryHeap *heap, size_t a, size_t b)
{
    Entry e = heap->v.items[a];

    heap->v.items[a] = heap->v.items[b];
    heap->v.items[b] = e;
}

void expiry_heap_add(ExpiryHeap *heap, int64_t at, const char *instance_id)
{
    Entry e = { .at = at };
    size_t i = heap->v.n;

    (void)snprintf(e.id, sizeof e.id, "%s", instance_id);
    vec_push(&heap->v, e);
    while (i > 0 && heap->v.items[(i - 1) / 2].at > heap->v.items[i].at) {
        swap(heap, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
}

bool expiry_heap_next(const ExpiryHeap *heap, int64_t *ret_at)
{
    if (heap->v.n == 0)
        return false;
    *ret_at = heap->v.items[0].at;
    return true;
}

bool expiry_heap_take(ExpiryHeap *heap, int64_t now, char ret_id[INSTANCE_ID_SIZE])
{
    size_t i = 0;

    if (heap->v.n == 0 || heap->v.items[0].at > now)
        return false;
    memcpy(ret_id, heap->v.items[0].id, INSTANCE_ID_SIZE);
    heap->v.items[0] = heap->v.items[--heap->v.n];
    for (;;) {
        size_t least = i;
        for (size_t child = 2 * i + 1; child <= 2 * i + 2 && child < heap->v.n; child++)
            if (heap->v.items[child].at < heap->v.items[least].at)
                least = child;
        if (least == i)
            return true;
        swap(heap, i, least);
        i = least;
    }
}

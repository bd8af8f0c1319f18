/* The spawn queue: owners take turns, each owner's spawns in order. */
#include "test.h"

#include "base/str.h"
#include "base/strbuf.h"
#include "instance/queue.h"

#include <stdio.h>

enum { N = 12 };

/* "a1" is owner a's first. */
static void make(Instance *in, const char *name)
{
    *in = (Instance){ .status = INSTANCE_STARTING };
    (void)snprintf(in->id, sizeof in->id, "%s", name);
    (void)snprintf(in->owner_key, sizeof in->owner_key, "user:%c", name[0]);
}

static void ignore(void *ctx, Instance *in)
{
    (void)in;
    ++*(int *)ctx;
}

/* Pushes the names of a line ("+a3" to the front), and compares what comes out with another. */
static void check_order(const char *in, const char *out)
{
    SpawnQueue *queue = spawn_queue_new();
    Instance instances[N];
    AUTO_STRBUF StrBuf text = { 0 };
    AUTO_STRBUF StrBuf positions = { 0 };
    size_t n = 0;
    int moved = 0;

    for (const char *p = in; *p && n < N; p += strcspn(p, " "), p += *p == ' ') {
        char name[3] = { p[*p == '+'], p[(*p == '+') + 1], '\0' };
        make(&instances[n], name);
        if (*p == '+')
            spawn_queue_push_front(queue, &instances[n]);
        else
            spawn_queue_push(queue, &instances[n]);
        n++;
    }
    CHECK_INT(spawn_queue_count(queue), n);
    for (size_t i = 0; i < n; i++)
        instances[i].queue_position = spawn_queue_position(queue, &instances[i]);
    spawn_queue_number(queue, ignore, &moved);
    CHECK_INT(moved, 0); /* the position of one agrees with the numbering of all */
    for (size_t k = 1; k <= n; k++)
        for (size_t i = 0; i < n; i++)
            if (instances[i].queue_position == (int64_t)k)
                strbuf_addf(&positions, "%s ", instances[i].id);
    for (Instance *next; (next = spawn_queue_pop(queue));)
        strbuf_addf(&text, "%s ", next->id);
    CHECK_STR(strbuf_str(&text), out);
    CHECK_STR(strbuf_str(&positions), out); /* what players are told is what happens */
    CHECK_INT(spawn_queue_count(queue), 0);
    spawn_queue_free(queue);
}

static void test_order(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        { "", "" },
        { "a1", "a1 " },
        { "a1 a2 a3", "a1 a2 a3 " },
        { "a1 a2 a3 b1", "a1 b1 a2 a3 " },
        { "a1 a2 b1 b2 c1", "a1 b1 c1 a2 b2 " },
        { "a1 a2 a3 b1 c1 c2", "a1 b1 c1 a2 c2 a3 " },
        { "a1 b1 +b2", "b2 a1 b1 " },
        { "a1 b1 +c1", "c1 a1 b1 " },
        { "a1 a2 +a3", "a3 a1 a2 " },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        check_order(cases[i].in, cases[i].out);
}

static void test_a_crowd_of_one_owner_does_not_hold_others_up(void **state)
{
    SpawnQueue *queue = spawn_queue_new();
    Instance crowd[100], late;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(crowd); i++) {
        make(&crowd[i], "a1");
        spawn_queue_push(queue, &crowd[i]);
    }
    make(&late, "b1");
    spawn_queue_push(queue, &late);
    CHECK_INT(spawn_queue_position(queue, &late), 2);
    CHECK(spawn_queue_pop(queue) == &crowd[0]);
    CHECK(spawn_queue_pop(queue) == &late);
    spawn_queue_free(queue); /* with what still waits */
}

static void test_an_owner_who_comes_back_does_not_jump_the_line(void **state)
{
    SpawnQueue *queue = spawn_queue_new();
    Instance a1, a2, b1;

    (void)state;
    make(&a1, "a1");
    make(&a2, "a2");
    make(&b1, "b1");
    spawn_queue_push(queue, &a1);
    spawn_queue_push(queue, &b1);
    CHECK(spawn_queue_pop(queue) == &a1);
    spawn_queue_push(queue, &a2);
    CHECK(spawn_queue_pop(queue) == &b1);
    CHECK(spawn_queue_pop(queue) == &a2);
    CHECK(spawn_queue_pop(queue) == NULL);
    spawn_queue_free(queue);
}

static void test_removing(void **state)
{
    SpawnQueue *queue = spawn_queue_new();
    Instance a1, a2, b1, stranger;
    int moved = 0;

    (void)state;
    make(&a1, "a1");
    make(&a2, "a2");
    make(&b1, "b1");
    make(&stranger, "z1");
    spawn_queue_push(queue, &a1);
    spawn_queue_push(queue, &a2);
    spawn_queue_push(queue, &b1);
    spawn_queue_number(queue, ignore, &moved);
    CHECK_INT(moved, 3);
    CHECK(!spawn_queue_remove(queue, &stranger));
    CHECK_INT(spawn_queue_position(queue, &stranger), 0);
    CHECK(spawn_queue_remove(queue, &a1));
    CHECK(!spawn_queue_remove(queue, &a1));
    CHECK_INT(spawn_queue_position(queue, &a1), 0);
    moved = 0;
    spawn_queue_number(queue, ignore, &moved);
    CHECK_INT(moved, 1); /* a2 moves to 1, b1 stays at 2 */
    CHECK_INT(a2.queue_position, 1);
    CHECK_INT(b1.queue_position, 2);
    CHECK_INT(spawn_queue_count(queue), 2);
    spawn_queue_free(queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_a_crowd_of_one_owner_does_not_hold_others_up),
        cmocka_unit_test(test_an_owner_who_comes_back_does_not_jump_the_line),
        cmocka_unit_test(test_removing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

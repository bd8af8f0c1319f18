/* expiry, times, and the reader of the kernel's socket tables. */
#include "test.h"

#include "base/str.h"
#include "instance/expiry.h"
#include "instance/ready.h"
#include "instance/times.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- expiry ---- */

static void test_expiries_come_in_order_and_not_early(void **state)
{
    ExpiryHeap *heap = expiry_heap_new();
    char id[INSTANCE_ID_SIZE];
    int64_t at, last = -1;
    unsigned seed = 7;
    size_t n = 0;

    (void)state;
    CHECK(!expiry_heap_next(heap, &at));
    CHECK(!expiry_heap_take(heap, INT64_MAX, id));
    for (int i = 0; i < 500; i++) {
        AUTO_FREE char *name = NULL;
        at = rand_r(&seed) % 100;
        name = xasprintf("%lld", (long long)at);
        expiry_heap_add(heap, at, name);
    }
    for (int64_t now = 0; now < 100; now++) {
        while (expiry_heap_take(heap, now, id)) {
            int64_t was = strtoll(id, NULL, 10);
            CHECK(was <= now && was >= last);
            last = was;
            n++;
        }
        CHECK(!expiry_heap_next(heap, &at) || at > now);
    }
    CHECK_INT(n, 500);
    expiry_heap_free(heap);
    expiry_heap_free(NULL);
}

/* ---- times ---- */

static void test_the_median_of_recent_spawns(void **state)
{
    SpawnTimes *times = spawn_times_new();

    (void)state;
    CHECK_INT(spawn_times_median(times, "a"), 0);
    spawn_times_add(times, "a", 5000);
    CHECK_INT(spawn_times_median(times, "a"), 5000);
    spawn_times_add(times, "a", 1000);
    spawn_times_add(times, "a", 2000);
    CHECK_INT(spawn_times_median(times, "a"), 2000);
    spawn_times_add(times, "a", 900000); /* one that hung does not count for much */
    spawn_times_add(times, "a", 1500);
    CHECK_INT(spawn_times_median(times, "a"), 2000);
    CHECK_INT(spawn_times_median(times, "b"), 0);
    for (int i = 0; i < 31; i++)
        spawn_times_add(times, "a", 7);
    CHECK_INT(spawn_times_median(times, "a"), 7); /* the old ones are forgotten */
    spawn_times_free(times);
}

/* ---- ready ---- */

#define HEAD4                                                                                      \
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "  \
    "inode\n"
#define HEAD6                                                                                      \
    "  sl  local_address                         remote_address                        st "        \
    "tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define REST                                                                                       \
    " 00000000:00000000 00:00000000 00000000     0        0 31337 1 0000000000000000 100 0 0 10 "  \
    "0\n"
#define ANY6        "00000000000000000000000000000000"
#define LOOP6       "00000000000000000000000001000000"
#define MAPPED_LOOP "0000000000000000FFFF00000100007F"
#define MAPPED_OWN  "0000000000000000FFFF00000200F00A"

static void test_listeners_in_socket_tables(void **state)
{
    static const struct {
        const char *what, *table;
        uint16_t port;
        bool found;
    } cases[] = {
        { "nothing", "", 80, false },
        { "a head alone", HEAD4, 80, false },
        { "on all addresses", HEAD4 "   0: 00000000:0050 00000000:0000 0A" REST, 80, true },
        { "on its own address", HEAD4 "   0: 0200F00A:0050 00000000:0000 0A" REST, 80, true },
        { "on another port", HEAD4 "   0: 00000000:0051 00000000:0000 0A" REST, 80, false },
        { "on loopback", HEAD4 "   0: 0100007F:0050 00000000:0000 0A" REST, 80, false },
        { "Docker's resolver", HEAD4 "   0: 0B00007F:9C6B 00000000:0000 0A" REST, 40043, false },
        { "a connection", HEAD4 "   0: 0200F00A:0050 0100F00A:C350 01" REST, 80, false },
        { "TIME_WAIT", HEAD4 "   0: 0200F00A:0050 0100F00A:C350 06" REST, 80, false },
        { "the last of several",
          HEAD4 "   0: 0100007F:0050 00000000:0000 0A" REST
                "   1: 0200F00A:0016 0100F00A:C350 01" REST
                "   2: 00000000:0050 00000000:0000 0A" REST,
          80, true },
        { "a high port", HEAD4 "   0: 00000000:FFFF 00000000:0000 0A" REST, 65535, true },
        { "a high line number", HEAD4 "12345: 00000000:0050 00000000:0000 0A" REST, 80, true },
        { "a far end with our port", HEAD4 "   0: 00000000:0051 00000000:0050 0A" REST, 80, false },
        { "IPv6, on all addresses", HEAD6 "   0: " ANY6 ":0050 " ANY6 ":0000 0A" REST, 80, true },
        { "IPv6, on loopback", HEAD6 "   0: " LOOP6 ":0050 " ANY6 ":0000 0A" REST, 80, false },
        { "mapped loopback", HEAD6 "   0: " MAPPED_LOOP ":0050 " ANY6 ":0000 0A" REST, 80, false },
        { "mapped, own address", HEAD6 "   0: " MAPPED_OWN ":0050 " ANY6 ":0000 0A" REST, 80,
          true },
        { "a line cut short", HEAD4 "   0: 00000000:0050 0000", 80, false },
        { "no end of line", HEAD4 "   0: 00000000:0050 00000000:0000 0A", 80, true },
        { "nonsense", "x\n\n:::\n 0: :: :: 0A\n 0: zz:0051 y 0A\n", 80, false },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++)
        if (ready_table_has_listener(cases[i].table, cases[i].port) != cases[i].found)
            fail_msg("%s", cases[i].what);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expiries_come_in_order_and_not_early),
        cmocka_unit_test(test_the_median_of_recent_spawns),
        cmocka_unit_test(test_listeners_in_socket_tables),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

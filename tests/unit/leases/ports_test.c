/* Ports: the same ones again, never two owners of one, and nothing left behind. */
#include "test.h"

#include "base/alloc.h"
#include "base/crypto.h"
#include "base/str.h"
#include "leases/ports.h"
#include "store/tables.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = 46000 };

static Db *open_db(void)
{
    Db *db = NULL;
    Error err = { 0 };

    if (crypto_init(&err) < 0 || db_open(&db, "sqlite:///:memory:", &err) < 0)
        fail_msg("%s", err.detail);
    return db;
}

static const uint16_t internal[] = { 80, 22, 443 };

static PortWish wish_of(const char *owner, const char *instance_id, size_t n)
{
    return (PortWish){ .owner_key = owner,
                       .username = "u",
                       .challenge_id = "web",
                       .instance_id = instance_id,
                       .internal = internal,
                       .n = n };
}

static int lease(PortPool *pool, const char *owner, const char *id, size_t n, uint16_t *ports,
                 Error *err)
{
    PortWish wish = wish_of(owner, id, n);

    return port_pool_lease(pool, &wish, ports, err);
}

static void must_lease(PortPool *pool, const char *owner, const char *id, size_t n, uint16_t *ports)
{
    Error err = { 0 };

    if (lease(pool, owner, id, n, ports, &err) < 0)
        fail_msg("%s", err.detail);
}

static void must_release(PortPool *pool, const char *id)
{
    Error err = { 0 };

    if (port_pool_release(pool, id, &err) < 0)
        fail_msg("%s", err.detail);
}

static void test_every_port_of_the_range_is_used_once(void **state)
{
    static const size_t sizes[] = { 1, 2, 31, 32, 33, 64, 100 };

    (void)state;
    for (size_t s = 0; s < ARRAY_LEN(sizes); s++) {
        AUTO_DB Db *db = open_db();
        AUTO_PORT_POOL PortPool *pool =
            port_pool_new(db, FIRST, (uint16_t)(FIRST + sizes[s] - 1), NULL);
        bool seen[100] = { false };
        uint16_t port = 7;
        Error err = { 0 };
        for (size_t i = 0; i < sizes[s]; i++) {
            AUTO_FREE char *id = xasprintf("i%zu", i);
            must_lease(pool, "user:1", id, 1, &port);
            CHECK(port >= FIRST && port < FIRST + sizes[s] && !seen[port - FIRST]);
            seen[port - FIRST] = true;
        }
        CHECK(lease(pool, "user:1", "one-more", 1, &port, &err) < 0);
        CHECK_INT(err.code, E_NO_PORTS);
        CHECK_INT(port_pool_leased(pool), sizes[s]);
    }
}

static void test_all_or_nothing(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 3, NULL);
    PortLeaseRows rows = { 0 };
    uint16_t ports[3];
    Error err = { 0 };

    (void)state;
    must_lease(pool, "user:1", "i1", 2, ports);
    CHECK(ports[0] != ports[1]);
    CHECK(lease(pool, "user:2", "i2", 3, ports, &err) < 0);
    CHECK_INT(err.code, E_NO_PORTS);
    CHECK_INT(port_pool_leased(pool), 2);
    CHECK_INT(port_leases_all(db, &rows, &err), 0);
    CHECK_INT(rows.n, 2);
    port_lease_rows_fini(&rows);
}

static void test_an_owner_gets_the_same_ports_again(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 99, NULL);
    uint16_t before[2], after[2], other[2];
    PortWish wish = wish_of("user:1", "i1", 2);
    Error err = { 0 };

    (void)state;
    must_lease(pool, "user:1", "i1", 2, before);
    CHECK_INT(port_pool_remember(pool, &wish, before, &err), 0);
    must_release(pool, "i1");
    must_lease(pool, "user:1", "i2", 2, after);
    CHECK_INT(after[0], before[0]);
    CHECK_INT(after[1], before[1]);
    /* taken meanwhile: others, and all of them others */
    must_lease(pool, "user:1", "i3", 2, other);
    CHECK(other[0] != before[0] && other[1] != before[1]);
}

static void test_what_was_not_remembered_is_no_wish(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 99, NULL);
    uint16_t before, after;

    (void)state;
    must_lease(pool, "user:1", "i1", 1, &before);
    must_release(pool, "i1");
    must_lease(pool, "user:1", "i2", 1, &after);
    CHECK(before != after); /* the lane's cursor went on: a port rests after use */
}

static void test_a_release_frees_only_what_the_instance_holds(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST, NULL);
    uint16_t port;
    Error err = { 0 };

    (void)state;
    must_lease(pool, "user:1", "i1", 1, &port);
    must_release(pool, "i1");
    must_lease(pool, "user:2", "i2", 1, &port);
    must_release(pool, "i1"); /* a second time: the port is i2's now */
    must_release(pool, "never-was");
    CHECK_INT(port_pool_leased(pool), 1);
    CHECK(lease(pool, "user:3", "i3", 1, &port, &err) < 0);
    must_release(pool, "i2");
    CHECK_INT(port_pool_leased(pool), 0);
}

static void test_leases_outlive_the_process(void **state)
{
    AUTO_DB Db *db = open_db();
    uint16_t ports[2], more;
    Error err = { 0 };

    (void)state;
    {
        AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 2, NULL);
        must_lease(pool, "user:1", "i1", 2, ports);
    }
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 2, NULL);
    CHECK_INT(port_pool_load(pool, &err), 0);
    CHECK_INT(port_pool_load(pool, &err), 0); /* counts nothing twice */
    CHECK_INT(port_pool_leased(pool), 2);
    must_lease(pool, "user:2", "i2", 1, &more);
    CHECK(more != ports[0] && more != ports[1]);
    must_release(pool, "i1");
    CHECK_INT(port_pool_leased(pool), 1);
}

static void test_a_lease_only_the_database_knows_is_respected(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 1, NULL);
    uint16_t port;
    Error err = { 0 };

    (void)state;
    CHECK_INT(port_leases_add(db, "elsewhere", 80, FIRST, &err), 0);
    must_lease(pool, "user:1", "i1", 1, &port);
    CHECK_INT(port, FIRST + 1);
    CHECK(lease(pool, "user:1", "i2", 1, &port, &err) < 0);
}

static void test_foreign_and_blocked_ports_are_avoided(void **state)
{
    static const uint16_t foreign[] = { FIRST, FIRST + 1, 80 };
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 3, NULL);
    uint16_t port;
    Error err = { 0 };

    (void)state;
    port_pool_set_foreign(pool, foreign, ARRAY_LEN(foreign));
    port_pool_block(pool, FIRST + 2);
    port_pool_block(pool, 1); /* not of the range: nothing happens */
    must_lease(pool, "user:1", "i1", 1, &port);
    CHECK_INT(port, FIRST + 3);
    CHECK(lease(pool, "user:1", "i2", 1, &port, &err) < 0);
    port_pool_set_foreign(pool, foreign + 1, 1); /* the first one is given up */
    must_lease(pool, "user:1", "i3", 1, &port);
    CHECK_INT(port, FIRST);
}

static void test_a_port_somebody_listens_on_is_avoided(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_CLOSE int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    socklen_t size = sizeof sa;
    uint16_t port, taken;
    Error err = { 0 };

    (void)state;
    CHECK_INT(bind(fd, (const struct sockaddr *)&sa, size), 0);
    CHECK_INT(listen(fd, 1), 0);
    CHECK_INT(getsockname(fd, (struct sockaddr *)&sa, &size), 0);
    taken = ntohs(sa.sin_port);
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, taken, taken, "127.0.0.1");
    CHECK(lease(pool, "user:1", "i1", 1, &port, &err) < 0);
    CHECK_INT(err.code, E_NO_PORTS);
}

typedef struct Taker {
    PortPool *pool;
    int number;
    atomic_int *owned; /* per port */
    atomic_int *clashes;
} Taker;

static void *take_and_give(void *arg)
{
    Taker *t = arg;

    for (int i = 0; i < 60; i++) {
        AUTO_FREE char *id = xasprintf("t%d-%d", t->number, i);
        AUTO_FREE char *owner = xasprintf("user:%d", t->number);
        uint16_t ports[3];
        Error err = { 0 };
        if (lease(t->pool, owner, id, 3, ports, &err) < 0)
            continue;
        for (size_t k = 0; k < 3; k++)
            *t->clashes += t->owned[ports[k] - FIRST]++ != 0;
        for (size_t k = 0; k < 3; k++)
            t->owned[ports[k] - FIRST]--;
        must_release(t->pool, id);
    }
    return NULL;
}

static void test_two_threads_never_hold_one_port(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_PORT_POOL PortPool *pool = port_pool_new(db, FIRST, FIRST + 11, NULL);
    atomic_int owned[12] = { 0 }, clashes = 0;
    pthread_t threads[5];
    Taker takers[5];

    (void)state;
    for (int i = 0; i < 5; i++) {
        takers[i] = (Taker){ pool, i, owned, &clashes };
        CHECK_INT(pthread_create(&threads[i], NULL, take_and_give, &takers[i]), 0);
    }
    for (int i = 0; i < 5; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    CHECK_INT(clashes, 0);
    CHECK_INT(port_pool_leased(pool), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_port_of_the_range_is_used_once),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_an_owner_gets_the_same_ports_again),
        cmocka_unit_test(test_what_was_not_remembered_is_no_wish),
        cmocka_unit_test(test_a_release_frees_only_what_the_instance_holds),
        cmocka_unit_test(test_leases_outlive_the_process),
        cmocka_unit_test(test_a_lease_only_the_database_knows_is_respected),
        cmocka_unit_test(test_foreign_and_blocked_ports_are_avoided),
        cmocka_unit_test(test_a_port_somebody_listens_on_is_avoided),
        cmocka_unit_test(test_two_threads_never_hold_one_port),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

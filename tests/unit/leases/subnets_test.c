/* Subnets: cut from the base, each to one network, foreign ones avoided. */
#include "test.h"

#include "base/str.h"
#include "leases/subnets.h"
#include "store/tables.h"

#include <stdio.h>

static Db *open_db(void)
{
    Db *db = NULL;
    Error err = { 0 };

    if (db_open(&db, "sqlite:///:memory:", &err) < 0)
        fail_msg("%s", err.detail);
    return db;
}

static SubnetPool *open_pool(Db *db, const char *base, unsigned prefix)
{
    SubnetPool *pool = NULL;
    Error err = { 0 };

    if (subnet_pool_new(&pool, db, base, prefix, &err) < 0)
        fail_msg("%s", err.detail);
    return pool;
}

static void check_lease(SubnetPool *pool, const char *holder, const char *expected)
{
    char subnet[SUBNET_TEXT_SIZE];
    Error err = { 0 };

    if (subnet_pool_lease(pool, holder, "net", subnet, &err) < 0)
        fail_msg("%s", err.detail);
    CHECK_STR(subnet, expected);
}

static void test_bases_and_prefixes(void **state)
{
    static const struct {
        const char *base;
        unsigned prefix;
        size_t size; /* 0 = refused */
        const char *first;
    } cases[] = {
        { "10.240.0.0/16", 28, 4096, "10.240.0.0/28" },
        { "10.240.0.0/24", 24, 0, NULL },
        { "10.240.0.0/24", 25, 2, "10.240.0.0/25" },
        { "10.240.0.77/24", 28, 16, "10.240.0.0/28" }, /* host bits do not count */
        { "10.240.0.0/24", 31, 0, NULL },
        { "10.240.0.0/30", 28, 0, NULL },
        { "255.255.255.0/24", 30, 64, "255.255.255.0/30" },
        { "10.240.0.0", 28, 0, NULL },
        { "10.240.0/16", 28, 0, NULL },
        { "10.240.0.0/33", 28, 0, NULL },
        { "10.240.0.0/16x", 28, 0, NULL },
        { "fd00::/64", 28, 0, NULL },
        { "", 28, 0, NULL },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_DB Db *db = open_db();
        AUTO_SUBNET_POOL SubnetPool *pool = NULL;
        Error err = { 0 };
        int rc = subnet_pool_new(&pool, db, cases[i].base, cases[i].prefix, &err);
        if ((rc == 0) != (cases[i].size > 0))
            fail_msg("%s: %s", cases[i].base, err.detail);
        if (rc < 0) {
            CHECK_INT(err.code, E_INVALID);
            continue;
        }
        CHECK_INT(subnet_pool_size(pool), cases[i].size);
        check_lease(pool, "i", cases[i].first);
    }
}

static void test_each_subnet_is_leased_once_and_rests_after_use(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/26", 28);
    char subnet[SUBNET_TEXT_SIZE] = "untouched";
    Error err = { 0 };

    (void)state;
    check_lease(pool, "a", "10.240.0.0/28");
    check_lease(pool, "b", "10.240.0.16/28");
    CHECK_INT(subnet_pool_release(pool, "10.240.0.0/28", &err), 0);
    check_lease(pool, "c", "10.240.0.32/28");
    check_lease(pool, "d", "10.240.0.48/28");
    check_lease(pool, "e", "10.240.0.0/28");
    CHECK(subnet_pool_lease(pool, "f", "net", subnet, &err) < 0);
    CHECK_INT(err.code, E_NO_SUBNETS);
    CHECK_STR(subnet, "untouched");
    CHECK_INT(subnet_pool_leased(pool), 4);
}

static void test_releasing_twice_or_what_is_not_ours_counts_once(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/26", 28);
    static const char *const others[] = { "10.240.0.0/28", "10.240.0.0/27", "10.239.0.0/28",
                                          "10.240.1.0/28", "nonsense",      "" };
    Error err = { 0 };

    (void)state;
    check_lease(pool, "a", "10.240.0.0/28");
    check_lease(pool, "b", "10.240.0.16/28");
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        CHECK_INT(subnet_pool_release(pool, others[i], &err), 0);
    CHECK_INT(subnet_pool_release(pool, others[0], &err), 0);
    CHECK_INT(subnet_pool_leased(pool), 1);
}

static void test_foreign_networks_are_avoided(void **state)
{
    static const struct {
        const char *foreign, *next;
    } cases[] = {
        { "10.240.0.0/28", "10.240.0.16/28" }, /* exactly ours */
        { "10.240.0.0/27", "10.240.0.32/28" }, /* two of ours */
        { "10.240.0.5/32", "10.240.0.16/28" }, /* inside ours */
        { "10.0.0.0/8", NULL },                /* all of ours */
        { "0.0.0.0/1", NULL },
        { "0.0.0.0/0", "10.240.0.0/28" }, /* a default route says nothing */
        { "192.168.0.0/16", "10.240.0.0/28" },
        { "10.240.0.64/26", "10.240.0.0/28" },  /* right behind */
        { "10.239.255.0/24", "10.240.0.0/28" }, /* right before */
        { "fd00::/8", "10.240.0.0/28" },
        { "", "10.240.0.0/28" },
        { "10.240.0.0/x", "10.240.0.0/28" },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        AUTO_DB Db *db = open_db();
        AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/26", 28);
        char subnet[SUBNET_TEXT_SIZE];
        Error err = { 0 };
        subnet_pool_mark_foreign(pool, cases[i].foreign);
        if (cases[i].next)
            check_lease(pool, "a", cases[i].next);
        else
            CHECK(subnet_pool_lease(pool, "a", "net", subnet, &err) < 0);
    }
}

static void test_foreign_networks_come_and_go(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/29", 30);

    (void)state;
    subnet_pool_mark_foreign(pool, "10.240.0.0/30");
    check_lease(pool, "a", "10.240.0.4/30");
    CHECK(subnet_pool_is_leased(pool, "10.240.0.4/30"));
    CHECK(!subnet_pool_is_leased(pool, "10.240.0.0/30"));
    CHECK(!subnet_pool_is_leased(pool, "10.240.0.0/29"));
    CHECK(!subnet_pool_is_leased(pool, ""));
    subnet_pool_forget_foreign(pool);
    check_lease(pool, "b", "10.240.0.0/30");
}

static void test_leases_outlive_the_process(void **state)
{
    AUTO_DB Db *db = open_db();
    Error err = { 0 };

    (void)state;
    {
        AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/26", 28);
        check_lease(pool, "a", "10.240.0.0/28");
        check_lease(pool, "a", "10.240.0.16/28");
    }
    CHECK_INT(subnet_leases_add(db, "172.16.0.0/28", "old", "of another base", &err), 0);
    AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/26", 28);
    CHECK_INT(subnet_pool_load(pool, &err), 0);
    CHECK_INT(subnet_pool_load(pool, &err), 0);
    CHECK_INT(subnet_pool_leased(pool), 2);
    check_lease(pool, "b", "10.240.0.32/28");
}

static void test_a_lease_only_the_database_knows_is_respected(void **state)
{
    AUTO_DB Db *db = open_db();
    AUTO_SUBNET_POOL SubnetPool *pool = open_pool(db, "10.240.0.0/26", 28);
    Error err = { 0 };

    (void)state;
    CHECK_INT(subnet_leases_add(db, "10.240.0.0/28", "elsewhere", "net", &err), 0);
    check_lease(pool, "a", "10.240.0.16/28");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bases_and_prefixes),
        cmocka_unit_test(test_each_subnet_is_leased_once_and_rests_after_use),
        cmocka_unit_test(test_releasing_twice_or_what_is_not_ours_counts_once),
        cmocka_unit_test(test_foreign_networks_are_avoided),
        cmocka_unit_test(test_foreign_networks_come_and_go),
        cmocka_unit_test(test_leases_outlive_the_process),
        cmocka_unit_test(test_a_lease_only_the_database_knows_is_respected),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

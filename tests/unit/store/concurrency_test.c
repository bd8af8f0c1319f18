/* Threads on one database, two databases on one file, and a writer that is killed. */
#include "store/temp.h"

#include "store/tables.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

enum { THREADS = 6, ROUNDS = 60 };

typedef struct Shared {
    Db *db;
    _Atomic int conflicts, torn;
} Shared;

typedef struct Worker {
    Shared *shared;
    int number;
} Worker;

/* Two rows that only ever change together. */
static int move_one(Db *db, void *ctx, Error *err)
{
    (void)ctx;
    if (db_exec(db, "UPDATE pair SET n = n - 1 WHERE id = 1", DB_NO_ARGS, err) < 0)
        return -1;
    return db_exec(db, "UPDATE pair SET n = n + 1 WHERE id = 2", DB_NO_ARGS, err);
}

static void *work(void *arg)
{
    Worker *worker = arg;
    Shared *shared = worker->shared;

    for (int i = 0; i < ROUNDS; i++) {
        AUTO_ROWS DbRows *rows = NULL;
        Error err = { 0 };
        char id[32];

        (void)snprintf(id, sizeof id, "i-%d-%d", worker->number, i);
        if (port_leases_add(shared->db, id, 80, 30000 + i, &err) < 0)
            shared->conflicts += err.code == E_CONFLICT ? 1 : 1000000;
        if (db_transaction(shared->db, move_one, NULL, NULL) < 0 ||
            db_query(shared->db, "SELECT SUM(n) FROM pair", DB_NO_ARGS, &rows, NULL) < 0 ||
            db_rows_int(rows, 0, 0) != 0)
            shared->torn++;
    }
    return NULL;
}

static void run_workers(Shared *shared, Db *const *dbs, size_t n_dbs)
{
    pthread_t threads[THREADS];
    Worker workers[THREADS];
    Shared copies[THREADS];

    for (int i = 0; i < THREADS; i++) {
        copies[i] = (Shared){ .db = dbs[(size_t)i % n_dbs] };
        workers[i] = (Worker){ &copies[i], i };
        CHECK(pthread_create(&threads[i], NULL, work, &workers[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(threads[i], NULL) == 0);
        shared->conflicts += copies[i].conflicts;
        shared->torn += copies[i].torn;
    }
}

/* Each port is leased once, no sum is ever torn: with one Db, with two on one file, in memory. */
static void check_workers(const char *url, size_t n_dbs)
{
    AUTO_DB Db *first = temp_open(url);
    AUTO_DB Db *second = n_dbs > 1 ? temp_open(url) : NULL;
    Db *const dbs[] = { first, second };
    Shared shared = { .db = first };

    temp_exec(first, "CREATE TABLE pair (id INTEGER PRIMARY KEY, n INTEGER)");
    temp_exec(first, "INSERT INTO pair VALUES (1, 0), (2, 0)");
    run_workers(&shared, dbs, n_dbs);
    CHECK_INT(shared.torn, 0);
    CHECK_INT(shared.conflicts, (THREADS - 1) * ROUNDS);
    CHECK(temp_int(first, "SELECT COUNT(*) FROM port_leases") == ROUNDS);
    CHECK(temp_int(first, "SELECT n FROM pair WHERE id = 2") == THREADS * ROUNDS);
}

static void test_threads(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    (void)state;

    check_workers(temp.url, 1);
}

static void test_two_databases(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    (void)state;

    check_workers(temp.url, 2);
}

static void test_memory(void **state)
{
    (void)state;
    check_workers("sqlite:///:memory:", 1);
}

static void *read_count(void *arg)
{
    Db *db = arg;

    return (void *)(intptr_t)temp_int(db, "SELECT COUNT(*) FROM t");
}

/* Another thread reads on while a transaction is open, and does not see it. */
static int write_and_watch(Db *db, void *ctx, Error *err)
{
    pthread_t thread;
    void *seen = NULL;

    (void)ctx;
    (void)err;
    temp_exec(db, "INSERT INTO t VALUES (1)");
    CHECK(pthread_create(&thread, NULL, read_count, db) == 0);
    CHECK(pthread_join(thread, &seen) == 0);
    CHECK((intptr_t)seen == 0);
    return 0;
}

static void test_reads_beside_transaction(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    AUTO_DB Db *db = temp_open(temp.url);
    (void)state;

    temp_exec(db, "CREATE TABLE t (id INTEGER PRIMARY KEY)");
    CHECK(db_transaction(db, write_and_watch, NULL, NULL) == 0);
    CHECK(temp_int(db, "SELECT COUNT(*) FROM t") == 1);
}

/* Writes rows and tells each one that was committed, until it is killed. */
static void write_until_killed(const char *url, int out)
{
    Db *db = NULL;

    if (db_open(&db, url, NULL) < 0)
        _exit(1);
    for (int i = 0;; i++) {
        if (port_leases_add(db, "i", i, i, NULL) < 0 || write(out, &i, sizeof i) != sizeof i)
            _exit(1);
    }
}

static void test_commits_survive_kill(void **state)
{
    AUTO_TEMP Temp temp = temp_make();
    int pipe_fds[2], told = -1, last = -1, status = 0;
    pid_t child;
    (void)state;

    db_free(temp_open(temp.url));
    CHECK(pipe(pipe_fds) == 0);
    child = fork();
    if (child == 0)
        write_until_killed(temp.url, pipe_fds[1]);
    CHECK(child > 0);
    (void)close(pipe_fds[1]);
    while (read(pipe_fds[0], &told, sizeof told) == sizeof told) {
        last = told;
        if (told == 200)
            CHECK(kill(child, SIGKILL) == 0);
    }
    (void)close(pipe_fds[0]);
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    CHECK(last >= 200);
    {
        AUTO_DB Db *db = temp_open(temp.url);
        int64_t n = temp_int(db, "SELECT COUNT(*) FROM port_leases");

        CHECK(n >= last + 1);
        CHECK(temp_int(db, "SELECT MAX(port) FROM port_leases") == n - 1); /* no gap */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_survive_kill), /* first: it forks */
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_two_databases),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_reads_beside_transaction),
    };

    return cmocka_run_group_tests_name("store/concurrency", tests, NULL, NULL);
}

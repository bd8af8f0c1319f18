#include "api/audit.h"
#include "base/lock.h"
#include "base/strbuf.h"
#include "test.h"

#include <stdio.h>

static Lock gate = PTHREAD_MUTEX_INITIALIZER;

typedef struct Trail {
    StrBuf text;
    size_t n;
} Trail;

static int keep(void *ctx, const EventRow *row, Error *err)
{
    Trail *trail = ctx;
    LOCK_SCOPE(&gate);

    (void)err;
    strbuf_addf(&trail->text, "%s %s;", row->event_type, row->instance_id ? row->instance_id : "-");
    trail->n++;
    return 0;
}

static int refuse(void *ctx, const EventRow *row, Error *err)
{
    (void)row;
    (*(int *)ctx)++;
    return error_set(err, E_STORE, "the disk is full");
}

static void writes_in_order_and_all_before_it_ends(void **state)
{
    Trail trail = { 0 };
    Audit *audit;
    char id[] = "one";

    (void)state;
    CHECK_INT(audit_new(&audit, keep, &trail, NULL), 0);
    audit_add(audit, &(EventRow){ .event_type = "instance_spawn", .instance_id = id });
    id[0] = 'X'; /* the row was copied */
    audit_add(audit, &(EventRow){ .event_type = "instance_stop" });
    audit_free(audit);
    CHECK_STR(strbuf_str(&trail.text), "instance_spawn one;instance_stop -;");
    strbuf_fini(&trail.text);
}

static void drops_beyond_its_limit_without_waiting(void **state)
{
    Trail trail = { 0 };
    Audit *audit;

    (void)state;
    CHECK_INT(audit_new(&audit, keep, &trail, NULL), 0);
    {
        LOCK_SCOPE(&gate); /* the database hangs */
        for (int i = 0; i < AUDIT_QUEUE_MAX + 100; i++)
            audit_add(audit, &(EventRow){ .event_type = "e" });
    }
    audit_free(audit);
    /* one may have been on its way already */
    CHECK(trail.n == AUDIT_QUEUE_MAX || trail.n == AUDIT_QUEUE_MAX + 1);
    strbuf_fini(&trail.text);
}

static void a_refusal_costs_one_row(void **state)
{
    int n = 0;
    Audit *audit;

    (void)state;
    CHECK_INT(audit_new(&audit, refuse, &n, NULL), 0);
    audit_add(audit, &(EventRow){ .event_type = "a" });
    audit_add(audit, &(EventRow){ .event_type = "b" });
    audit_free(audit);
    CHECK_INT(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_in_order_and_all_before_it_ends),
        cmocka_unit_test(drops_beyond_its_limit_without_waiting),
        cmocka_unit_test(a_refusal_costs_one_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

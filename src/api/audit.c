#include "api/audit.h"
#include "base/alloc.h"
#include "base/lock.h"
#include "base/log.h"

#include <stdbool.h>
#include <stdlib.h>

struct Audit {
    Lock lock;
    pthread_cond_t wake;
    pthread_t thread;
    AuditSink sink;
    void *ctx;
    EventRow rows[AUDIT_QUEUE_MAX]; /* a ring; strings are ours */
    size_t first, n, n_dropped;
    bool stopping;
};

enum { ROW_STRINGS = sizeof(EventRow) / sizeof(char *) };
_Static_assert(sizeof(EventRow) == ROW_STRINGS * sizeof(char *), "EventRow holds strings only");

/* EventRow's members one after the other; all of them are strings. */
typedef union RowStrings {
    EventRow row;
    char *strings[ROW_STRINGS];
} RowStrings;

static EventRow row_copy(const EventRow *row)
{
    RowStrings copy = { .row = *row };

    for (size_t i = 0; i < ROW_STRINGS; i++)
        copy.strings[i] = xstrdup_or_null(copy.strings[i]);
    return copy.row;
}

static void row_free(EventRow row)
{
    RowStrings owned = { .row = row };

    for (size_t i = 0; i < ROW_STRINGS; i++)
        free(owned.strings[i]);
}

/* False when there is nothing left and the thread shall end. */
static bool take(Audit *audit, EventRow *ret, size_t *ret_dropped)
{
    LOCK_SCOPE(&audit->lock);

    while (audit->n == 0 && !audit->stopping)
        (void)lock_cond_wait_until(&audit->wake, &audit->lock, -1);
    *ret_dropped = audit->n_dropped;
    audit->n_dropped = 0;
    if (audit->n == 0)
        return false;
    *ret = audit->rows[audit->first];
    audit->first = (audit->first + 1) % AUDIT_QUEUE_MAX;
    audit->n--;
    return true;
}

static void *run(void *ctx)
{
    Audit *audit = ctx;
    EventRow row;
    size_t dropped;

    while (take(audit, &row, &dropped)) {
        Error err = { 0 };
        if (dropped)
            log_warn("dropped=%zu audit entries: the database does not keep up", dropped);
        if (audit->sink(audit->ctx, &row, &err) < 0)
            log_error("event=%s instance=%s audit entry lost: %s", row.event_type,
                      row.instance_id ? row.instance_id : "-", err.detail);
        row_free(row);
    }
    return NULL;
}

int audit_new(Audit **ret, AuditSink sink, void *ctx, Error *err)
{
    Audit *audit = xnew(Audit);

    audit->sink = sink;
    audit->ctx = ctx;
    (void)pthread_mutex_init(&audit->lock, NULL);
    lock_cond_init(&audit->wake);
    if (pthread_create(&audit->thread, NULL, run, audit) != 0) {
        free(audit);
        return error_set(err, E_INTERNAL, "cannot start the audit thread");
    }
    *ret = audit;
    return 0;
}

static void ask_to_stop(Audit *audit)
{
    LOCK_SCOPE(&audit->lock);

    audit->stopping = true;
    (void)pthread_cond_signal(&audit->wake);
}

void audit_free(Audit *audit)
{
    if (!audit)
        return;
    ask_to_stop(audit);
    (void)pthread_join(audit->thread, NULL);
    (void)pthread_cond_destroy(&audit->wake);
    (void)pthread_mutex_destroy(&audit->lock);
    free(audit);
}

void audit_add(Audit *audit, const EventRow *row)
{
    LOCK_SCOPE(&audit->lock);

    if (audit->n == AUDIT_QUEUE_MAX) {
        audit->n_dropped++;
        return;
    }
    audit->rows[(audit->first + audit->n) % AUDIT_QUEUE_MAX] = row_copy(row);
    audit->n++;
    (void)pthread_cond_signal(&audit->wake);
}

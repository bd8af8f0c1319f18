/*
 * audit - the audit trail's queue: entries are handed over at once and written by one thread.
 *
 * Limits     AUDIT_QUEUE_MAX entries wait; what comes beyond is dropped, counted and logged.
 * Threads    any.
 */
#pragma once

#include "store/tables.h"

enum { AUDIT_QUEUE_MAX = 1024 };

typedef struct Audit Audit;
/* Writes one row; < 0 is logged and the row given up. */
typedef int (*AuditSink)(void *ctx, const EventRow *row, Error *err);

MUST_USE int audit_new(Audit **ret, AuditSink sink, void *ctx, Error *err);
void audit_free(Audit *audit);                     /* writes what waits, then ends */
void audit_add(Audit *audit, const EventRow *row); /* copies the row */

/*
 * migrations - brings a database to the schema this program knows, one numbered step after the
 * other, each in a transaction of its own. What was applied stands in schema_migrations.
 *
 * Failure    < 0: the step that failed left nothing behind. A database whose number is higher than
 *            ours is refused untouched.
 */
#pragma once

#include "store/driver.h"

MUST_USE int migrations_apply(Db *db, const DbDriver *driver, Error *err);
/* The highest number this program knows. */
int migrations_latest(void);

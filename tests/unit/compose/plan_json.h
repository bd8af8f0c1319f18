/*
 * plan_json - what tests look at: a plan as canonical compose JSON: long forms, start order,
 * nothing that is a default. (`whaley compose config` prints the model instead, see
 * compose/model.h.)
 *
 * Instance variables show as ${NAME:-word} and a literal dollar sign as $$, so that the output is
 * a compose file again.
 */
#pragma once

#include "base/strbuf.h"
#include "compose/plan.h"

void plan_write_json(const Plan *plan, StrBuf *out);

/*
 * routes - the route table: what is asked for, who may, which function answers.
 */
#pragma once

#include "api/call.h"
#include "api/router.h"

typedef enum RouteFlag {
    ROUTE_USER = 1,
    ROUTE_LIMITED = 2,
    ROUTE_WRITES = 4,
    ROUTE_HEAD = 8,
    ROUTE_HIDDEN = 16,
} RouteFlag;

typedef HttpOutcome (*RouteHandler)(Call *call);

/* The table as the router wants it, and beside it, row by row, the rest. */
extern const RouterRow ROUTE_ROWS[];
extern const unsigned ROUTE_FLAGS[];
extern const size_t ROUTE_COUNT;
extern const RouteHandler ROUTE_HANDLERS[]; /* routes_handlers.c */

#define ROUTE(method, pattern, handler, flags, doc) HttpOutcome handler(Call *call);
#include "api/routes.def"
#undef ROUTE

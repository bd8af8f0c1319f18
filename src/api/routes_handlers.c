/* The part of the table that names the handlers. */
#include "api/routes.h"

const RouteHandler ROUTE_HANDLERS[] = {
#define ROUTE(method, pattern, handler, flags, doc) handler,
#include "api/routes.def"
#undef ROUTE
};

/*
 * api - what players' browsers and scripts talk to: the routes, and the events that follow the
 * life of instances. The only folder that knows both HTTP and the domain.
 *
 * Start order: everything in ApiParts, then api_new(), then the HTTP server with api_http_app().
 * The manager's observer forwards to api_observe() and api_engine_state(), the catalogue's to
 * api_challenges_changed(). Stop order: api_shutting_down(), the server's drain, api_free(), parts.
 *
 * Ownership  borrows its parts; they outlive it.
 * Threads    any, after api_new().
 */
#pragma once

#include "auth/identity.h"
#include "base/strbuf.h"
#include "challenge/catalogue.h"
#include "docker/engine.h"
#include "events/hub.h"
#include "http/server.h"
#include "instance/manager.h"
#include "settings/settings.h"
#include "store/database.h"

typedef struct Api Api;

typedef struct ApiParts {
    const Settings *settings;
    Manager *manager;
    Catalogue *catalogue;
    Engine *engine;
    Db *db;
    Hub *hub;
    IdentityProvider identity;
} ApiParts;

/* E_INVALID when TRUSTED_PROXIES or CORS_ALLOW_ORIGINS hold nonsense. */
MUST_USE int api_new(Api **ret, const ApiParts *parts, Error *err);
/* Writes what is left of the audit trail first. */
void api_free(Api *api);
HttpApp api_http_app(Api *api);

/* Tells subscribers and the audit trail; never waits for the database. */
void api_observe(Api *api, InstanceView *view, InstanceChange change, StopReason reason);
void api_engine_state(Api *api, bool up);
void api_challenges_changed(Api *api);
/* Tells everybody that we restart; spawns are refused from now on. */
void api_shutting_down(Api *api);

/* docs/api.md */
void api_print_routes(StrBuf *out);

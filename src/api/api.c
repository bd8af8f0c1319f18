#include "api/api.h"
#include "api/context.h"
#include "api/pipeline.h"
#include "base/alloc.h"

#include <stdlib.h>

enum { LIMIT_WINDOW_MS = 60 * 1000, LIMIT_KEYS_MAX = 50000 };

static int write_event(void *ctx, const EventRow *row, Error *err)
{
    Api *api = ctx;

    return event_logs_add(api->parts.db, row, err);
}

static int init(Api *api, Error *err)
{
    const Settings *settings = api->parts.settings;

    if (trusted_proxies_new(&api->proxies, settings->trusted_proxies, err) < 0)
        return error_wrap(err, "TRUSTED_PROXIES");
    if (origin_list_new(&api->origins, settings->cors_allow_origins, err) < 0)
        return error_wrap(err, "CORS_ALLOW_ORIGINS");
    api->by_user = rate_limit_new(LIMIT_WINDOW_MS, LIMIT_KEYS_MAX);
    api->by_ip = rate_limit_new(LIMIT_WINDOW_MS, LIMIT_KEYS_MAX);
    api->notes = notes_new();
    return audit_new(&api->audit, write_event, api, err);
}

int api_new(Api **ret, const ApiParts *parts, Error *err)
{
    Api *api = xnew(Api);

    api->parts = *parts;
    if (init(api, err) < 0) {
        api_free(api);
        return -1;
    }
    *ret = api;
    return 0;
}

void api_free(Api *api)
{
    if (!api)
        return;
    audit_free(api->audit);
    notes_free(api->notes);
    rate_limit_free(api->by_ip);
    rate_limit_free(api->by_user);
    origin_list_free(api->origins);
    trusted_proxies_free(api->proxies);
    free(api);
}

HttpApp api_http_app(Api *api)
{
    return (HttpApp){ api, pipeline_begin, pipeline_handle, pipeline_fail };
}

void api_shutting_down(Api *api)
{
    atomic_store(&api->shutting_down, true);
    (void)hub_publish(api->parts.hub, NULL, "notice", "{\"kind\":\"restart\"}");
}

void api_engine_state(Api *api, bool up)
{
    (void)hub_publish(api->parts.hub, NULL, "notice",
                      up ? "{\"kind\":\"engine\",\"up\":true}"
                         : "{\"kind\":\"engine\",\"up\":false}");
}

void api_challenges_changed(Api *api)
{
    (void)hub_publish(api->parts.hub, NULL, "challenge", "{\"changed\":true}");
}

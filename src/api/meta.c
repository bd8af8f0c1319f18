/* Who and how we are: /api, /health, /config, /me, /me/team. */
#include "api/context.h"
#include "api/routes.h"

static void put_now(JsonWriter *w)
{
    char now[CLOCK_TEXT_SIZE];

    json_put_string(w, "server_time", clock_format_us(clock_wall_us(), now));
}

HttpOutcome meta_api(Call *call)
{
    JsonWriter w = answer_json(call, 200);

    json_write_object(&w);
    json_put_string(&w, "status", "ok");
    json_put_string(&w, "service", "CTF Docker Instancer");
    json_put_string(&w, "auth_mode", call->api->parts.identity.mode);
    json_put_string(&w, "version", WHALEY_VERSION);
    put_now(&w);
    json_write_end_object(&w);
    return HTTP_DONE;
}

static const char *status_of(const Api *api, const ManagerStats *stats)
{
    bool firewall_ok = stats->firewall_up || !api->parts.settings->firewall_enabled;

    if (atomic_load(&api->shutting_down))
        return "stopping";
    return stats->engine_up && firewall_ok ? "healthy" : "degraded";
}

/* Open to anybody, so fixed sentences: the causes are in the log. */
static void put_reasons(JsonWriter *w, const Api *api, const ManagerStats *stats)
{
    json_write_key(w, "reasons");
    json_write_array(w);
    if (!stats->engine_up)
        json_write_string(w, "The container engine does not answer: nothing can be started or "
                             "stopped. Running instances are not affected.");
    if (!stats->firewall_up && api->parts.settings->firewall_enabled)
        json_write_string(w, "The firewall rules are not in place: instances may reach more than "
                             "they should.");
    json_write_end_array(w);
}

static size_t count_challenges(Api *api)
{
    AUTO_SNAPSHOT CatalogueSnapshot *snapshot = catalogue_snapshot(api->parts.catalogue);
    size_t n = 0;

    for (size_t i = 0; i < snapshot->n; i++)
        n += !snapshot->items[i]->broken;
    return n;
}

HttpOutcome meta_health(Call *call)
{
    Api *api = call->api;
    ManagerStats stats = { 0 };
    JsonWriter w = answer_json(call, atomic_load(&api->shutting_down) ? 503 : 200);

    manager_stats(api->parts.manager, &stats);
    json_write_object(&w);
    json_put_string(&w, "status", status_of(api, &stats));
    json_put_int(&w, "challenges_loaded", (int64_t)count_challenges(api));
    json_put_int(&w, "active_instances", (int64_t)stats.instances);
    json_put_int(&w, "ports_allocated", (int64_t)stats.ports_allocated);
    json_put_int(&w, "ports_available", (int64_t)stats.ports_available);
    json_put_string(&w, "engine", stats.engine_up ? "up" : "down");
    json_put_string(&w, "firewall",
                    !api->parts.settings->firewall_enabled ? "off"
                    : stats.firewall_up                    ? "up"
                                                           : "down");
    json_put_int(&w, "queued", (int64_t)stats.queued);
    put_reasons(&w, api, &stats);
    json_write_end_object(&w);
    return HTTP_DONE;
}

HttpOutcome meta_config(Call *call)
{
    const ApiParts *parts = &call->api->parts;
    JsonWriter w = answer_json(call, 200);

    json_write_object(&w);
    json_put_bool(&w, "team_mode", parts->identity.team_mode);
    json_put_int(&w, "max_instances_per_user", parts->settings->max_instances_per_user);
    json_put_int(&w, "max_instances_per_team", parts->settings->max_instances_per_team);
    json_put_int(&w, "instance_timeout", parts->settings->instance_timeout);
    json_put_string(&w, "auth_mode", parts->identity.mode);
    json_write_end_object(&w);
    return HTTP_DONE;
}

static const char *or_null(const char *text)
{
    return text[0] ? text : NULL;
}

HttpOutcome meta_me(Call *call)
{
    const Identity *who = &call->who;
    JsonWriter w = answer_json(call, 200);
    size_t used = 0, max = 0;

    manager_quota(call->api->parts.manager, &who->owner, &used, &max);
    json_write_object(&w);
    json_write_key(&w, "user");
    json_write_object(&w);
    json_put_string(&w, "user_id", who->user_id);
    json_put_string(&w, "username", who->username);
    json_put_string(&w, "team_id", or_null(who->team_id));
    json_put_string(&w, "team_name", or_null(who->team_name));
    json_write_end_object(&w);
    json_put_int(&w, "instances", (int64_t)used);
    json_put_int(&w, "max_instances", (int64_t)max);
    json_put_bool(&w, "team_mode", call->api->parts.identity.team_mode);
    json_write_end_object(&w);
    return HTTP_DONE;
}

HttpOutcome meta_team(Call *call)
{
    const Identity *who = &call->who;
    bool team_mode = call->api->parts.identity.team_mode;
    JsonWriter w = answer_json(call, 200);

    json_write_object(&w);
    json_put_bool(&w, "team_mode", team_mode);
    if (team_mode && !who->team_id[0]) {
        json_put_string(&w, "message", "You are not in a team yet.");
    } else if (team_mode) {
        json_put_string(&w, "team_id", who->team_id);
        json_put_string(&w, "team_name", or_null(who->team_name));
        json_put_raw(&w, "members", "[]");
        json_put_string(&w, "current_user_id", who->user_id);
    }
    json_write_end_object(&w);
    return HTTP_DONE;
}

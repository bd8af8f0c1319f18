/* What the manager tells, told on: to the owner's streams and to the audit trail. */
#include "api/context.h"
#include "api/encode.h"
#include "base/str.h"

#include <stdio.h>

static void publish_instance(Api *api, const InstanceView *view)
{
    AUTO_STRBUF StrBuf json = { 0 };
    JsonWriter w = { .out = &json };
    char key[OWNER_KEY_SIZE];
    Note host;
    bool has_host = notes_get(api->notes, "host", owner_key(&view->owner, key), &host);

    encode_instance(&w, view, has_host ? host.text : NULL);
    (void)hub_publish(api->parts.hub, &view->owner, "instance", strbuf_str(&json));
}

static void publish_gone(Api *api, const InstanceView *view, StopReason reason)
{
    AUTO_STRBUF StrBuf json = { 0 };
    JsonWriter w = { .out = &json };

    encode_gone(&w, view, reason);
    (void)hub_publish(api->parts.hub, &view->owner, "gone", strbuf_str(&json));
}

static void publish_quota(Api *api, const Owner *owner)
{
    char json[96];
    size_t used, max;

    manager_quota(api->parts.manager, owner, &used, &max);
    (void)snprintf(json, sizeof json, "{\"instances\":%zu,\"max_instances\":%zu}", used, max);
    (void)hub_publish(api->parts.hub, owner, "quota", json);
}

static const char *event_type(const InstanceView *view, InstanceChange change, StopReason reason)
{
    switch (change) {
    case CHANGE_UPDATED:
        return NULL;
    case CHANGE_RUNNING:
        return "instance_spawn";
    case CHANGE_FAILED:
        return "instance_spawn_failed";
    case CHANGE_EXTENDED:
        return "instance_extend";
    case CHANGE_GONE:
        break;
    }
    if (reason == STOP_EXPIRED)
        return "instance_expired";
    /* the end of a failed spawn has been told already */
    return view->status == INSTANCE_ERROR ? NULL : "instance_stop";
}

static void put_team(JsonWriter *w, const InstanceView *view)
{
    if (view->owner.kind != OWNER_TEAM)
        return;
    json_put_string(w, "team_id", view->team_id);
    json_put_string(w, "team_name", view->team_name);
    json_put_bool(w, "team_mode", true);
}

static void write_details(StrBuf *out, const InstanceView *view, InstanceChange change,
                          StopReason reason)
{
    JsonWriter w = { .out = out };

    json_write_object(&w);
    put_team(&w, view);
    if (change == CHANGE_FAILED) {
        json_put_string(&w, "reason", view->error_message);
        json_put_string(&w, "code", error_slug(view->error_code));
    } else if (change == CHANGE_EXTENDED) {
        json_put_int(&w, "extension_seconds", view->extend_step_s);
    } else if (change == CHANGE_GONE) {
        json_put_string(&w, "reason", stop_reason_name(reason));
    }
    json_write_end_object(&w);
}

/*
 * Who acted, when a person did. The note of an extension or a stop names the team-mate who asked;
 * a spawn is its user's.
 */
static bool find_actor(Api *api, const InstanceView *view, InstanceChange change, StopReason reason,
                       Note *ret)
{
    if (change == CHANGE_RUNNING || change == CHANGE_FAILED)
        return notes_get(api->notes, "user", view->user_id, ret);
    if (change == CHANGE_GONE && reason != STOP_USER && reason != STOP_CANCELLED)
        return false;
    return notes_get(api->notes, "instance", view->instance_id, ret);
}

static const char *sentence(InstanceChange change, StopReason reason)
{
    switch (change) {
    case CHANGE_RUNNING:
        return "Instance started";
    case CHANGE_FAILED:
        return "Instance failed to start";
    case CHANGE_EXTENDED:
        return "Instance extended";
    default:
        return reason == STOP_EXPIRED ? "Instance expired" : "Instance stopped";
    }
}

static void audit(Api *api, const InstanceView *view, InstanceChange change, StopReason reason)
{
    AUTO_STRBUF StrBuf details = { 0 }, ports = { 0 };
    JsonWriter w = { .out = &ports };
    const char *type = event_type(view, change, reason);
    Note actor;
    bool has_actor;

    if (!type)
        return;
    has_actor = find_actor(api, view, change, reason, &actor);
    write_details(&details, view, change, reason);
    encode_ports(&w, view);
    audit_add(api->audit, &(EventRow){
                              .event_type = type,
                              .user_id = has_actor ? actor.text : view->user_id,
                              .username = has_actor ? actor.name : view->username,
                              .team_id = view->team_id,
                              .instance_id = view->instance_id,
                              .challenge_id = view->challenge_id,
                              .ports_json = view->n_ports ? strbuf_str(&ports) : NULL,
                              .public_url = view->n_ports ? view->ports[0].url : NULL,
                              .message = sentence(change, reason),
                              .details_json = details.len > 2 ? strbuf_str(&details) : NULL,
                              .ip_address = has_actor && actor.ip[0] ? actor.ip : NULL,
                          });
}

void api_observe(Api *api, InstanceView *view, InstanceChange change, StopReason reason)
{
    bool counts = change != CHANGE_UPDATED || view->phase == PHASE_QUEUED;

    if (change == CHANGE_GONE)
        publish_gone(api, view, reason);
    else
        publish_instance(api, view);
    if (counts)
        publish_quota(api, &view->owner);
    audit(api, view, change, reason);
    if (change == CHANGE_GONE)
        notes_drop(api->notes, "instance", view->instance_id);
}

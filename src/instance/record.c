#include "instance/state.h"
#include "wire/json_read.h"
#include "wire/json_write.h"

#include <stdio.h>

/*
 * spec_json: what adoption needs when the challenge's folder has changed or gone meanwhile.
 * {"name","timeout","extend","ports":[{"internal","external","protocol","label"}],
 *  "containers":[{"service","name","id","vital","may_end"}],"networks":[{"name","id","subnet","pooled","egress"}]}
 */
static void write_spec(JsonWriter *w, const Instance *in)
{
    json_write_object(w);
    json_put_string(w, "name", in->challenge_name);
    json_put_int(w, "timeout", in->timeout_s);
    json_put_int(w, "extend", in->extend_step_s);
    json_write_key(w, "ports");
    json_write_array(w);
    for (size_t i = 0; i < in->n_ports; i++) {
        json_write_object(w);
        json_put_int(w, "internal", in->ports[i].internal);
        json_put_int(w, "external", in->ports[i].external);
        json_put_int(w, "protocol", in->ports[i].protocol);
        json_put_string(w, "label", in->ports[i].label);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_key(w, "containers");
    json_write_array(w);
    for (size_t i = 0; i < in->n_containers; i++) {
        json_write_object(w);
        json_put_string(w, "service", in->containers[i].service);
        json_put_string(w, "name", in->containers[i].name);
        json_put_string(w, "id", in->containers[i].id);
        json_put_bool(w, "vital", in->containers[i].vital);
        json_put_bool(w, "may_end", in->containers[i].may_end);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_key(w, "networks");
    json_write_array(w);
    for (size_t i = 0; i < in->n_networks; i++) {
        json_write_object(w);
        json_put_string(w, "name", in->networks[i].name);
        json_put_string(w, "id", in->networks[i].id);
        json_put_string(w, "subnet", in->networks[i].subnet);
        json_put_bool(w, "pooled", in->networks[i].pooled);
        json_put_bool(w, "egress", in->networks[i].egress);
        json_write_end_object(w);
    }
    json_write_end_array(w);
    json_write_end_object(w);
}

static void write_ports(StrBuf *ports, StrBuf *urls, const Instance *in)
{
    JsonWriter p = { .out = ports }, u = { .out = urls };

    json_write_object(&p);
    json_write_object(&u);
    for (size_t i = 0; i < in->n_ports; i++) {
        char key[8];
        (void)snprintf(key, sizeof key, "%u", (unsigned)in->ports[i].internal);
        if (in->ports[i].external == 0)
            continue;
        json_put_int(&p, key, in->ports[i].external);
        json_put_string(&u, key, in->ports[i].url);
    }
    json_write_end_object(&p);
    json_write_end_object(&u);
}

static void write_container_ids(StrBuf *out, const Instance *in)
{
    JsonWriter w = { .out = out };

    json_write_array(&w);
    for (size_t i = 0; i < in->n_containers; i++)
        if (in->containers[i].id)
            json_write_string(&w, in->containers[i].id);
    json_write_end_array(&w);
}

/*
 * The row is written from a copy of the strings made under the lock: another thread may change the
 * instance meanwhile, but then saves it itself, and after us.
 */
int record_save(Manager *m, Instance *in, Error *err)
{
    LOCK_SCOPE(&m->journal);
    AUTO_STRBUF StrBuf spec = { 0 };
    AUTO_STRBUF StrBuf ports = { 0 };
    AUTO_STRBUF StrBuf urls = { 0 };
    AUTO_STRBUF StrBuf ids = { 0 };
    AUTO_FREE char *error_message = NULL;
    AUTO_FREE char *network = NULL;
    InstanceRow row;

    (void)pthread_mutex_lock(&m->lock);
    write_spec(&(JsonWriter){ .out = &spec }, in);
    write_ports(&ports, &urls, in);
    write_container_ids(&ids, in);
    error_message = xstrdup_or_null(in->error_message);
    network = xstrdup_or_null(in->n_networks ? in->networks[0].name : NULL);
    row = (InstanceRow){
        .instance_id = in->id,
        .challenge_id = in->challenge_id,
        .revision = in->revision,
        .folder = in->folder,
        .user_id = in->user_id,
        .username = in->username,
        .team_id = in->team_id,
        .team_name = in->team_name,
        .owner_id = in->owner.id,
        .created_at = in->created_at,
        .expires_at = in->expires_at,
        .extended_s = in->extended_s,
    };
    InstanceStatus status = in->status;
    InstancePhase phase = in->phase;
    bool has_reason = in->has_stop_reason;
    StopReason reason = in->stop_reason;
    (void)pthread_mutex_unlock(&m->lock);

    AUTO_FREE char *kind = xstrdup(owner_kind_name(in->owner.kind));
    AUTO_FREE char *status_name = xstrdup(instance_status_name(status));
    AUTO_FREE char *phase_name = xstrdup(instance_phase_name(phase));
    AUTO_FREE char *reason_name = has_reason ? xstrdup(stop_reason_name(reason)) : NULL;
    row.owner_kind = kind;
    row.status = status_name;
    row.phase = phase_name;
    row.stop_reason = reason_name;
    row.ports_json = ports.data;
    row.public_urls_json = urls.data;
    row.container_ids_json = ids.data;
    row.spec_json = spec.data;
    row.error_message = error_message;
    row.network_name = network;
    if (instances_save(m->parts.db, &row, err) < 0)
        return error_wrap(err, "journal of %s", in->id);
    return 0;
}

static void restore_ports(Manager *m, Instance *in, const JsonValue *ports)
{
    in->n_ports = json_value_len(ports);
    in->ports = xcalloc(in->n_ports, sizeof *in->ports);
    for (size_t i = 0; i < in->n_ports; i++) {
        const JsonValue *p = json_value_at(ports, i);
        InstancePort *port = &in->ports[i];
        int64_t protocol = json_get_int(p, "protocol", CHALLENGE_TCP);
        port->internal = (uint16_t)json_get_int(p, "internal", 0);
        port->external = (uint16_t)json_get_int(p, "external", 0);
        port->protocol = protocol >= CHALLENGE_HTTP && protocol <= CHALLENGE_RAW
                             ? (ChallengeProtocol)protocol
                             : CHALLENGE_TCP;
        port->label = xstrdup_or_null(json_get_string(p, "label", NULL));
        port->url = xasprintf("%s:%u", m->parts.public_host, (unsigned)port->external);
    }
}

static void restore_containers(Instance *in, const JsonValue *containers)
{
    in->n_containers = json_value_len(containers);
    in->containers = xcalloc(in->n_containers, sizeof *in->containers);
    for (size_t i = 0; i < in->n_containers; i++) {
        const JsonValue *c = json_value_at(containers, i);
        in->containers[i] = (InstanceContainer){
            .service = xstrdup(json_get_string(c, "service", "")),
            .name = xstrdup(json_get_string(c, "name", "")),
            .id = xstrdup_or_null(json_get_string(c, "id", NULL)),
            .vital = json_get_bool(c, "vital", true),
            .may_end = json_get_bool(c, "may_end", false),
        };
    }
}

static void restore_networks(Instance *in, const JsonValue *networks)
{
    in->n_networks = json_value_len(networks);
    if (in->n_networks > NETWORKS_MAX)
        in->n_networks = NETWORKS_MAX;
    for (size_t i = 0; i < in->n_networks; i++) {
        const JsonValue *n = json_value_at(networks, i);
        in->networks[i].name = xstrdup(json_get_string(n, "name", ""));
        in->networks[i].id = xstrdup_or_null(json_get_string(n, "id", NULL));
        in->networks[i].pooled = json_get_bool(n, "pooled", false);
        in->networks[i].egress = json_get_bool(n, "egress", false);
        (void)snprintf(in->networks[i].subnet, sizeof in->networks[i].subnet, "%s",
                       json_get_string(n, "subnet", ""));
    }
}

static InstanceStatus status_from(const char *name)
{
    for (int s = INSTANCE_STARTING; s <= INSTANCE_ERROR; s++)
        if (strcmp(instance_status_name((InstanceStatus)s), name) == 0)
            return (InstanceStatus)s;
    return INSTANCE_ERROR;
}

static InstancePhase phase_from(const char *name)
{
    for (int p = PHASE_QUEUED; p <= PHASE_ERROR; p++)
        if (strcmp(instance_phase_name((InstancePhase)p), name) == 0)
            return (InstancePhase)p;
    return PHASE_ERROR;
}

static void restore_spec(Manager *m, Instance *in, const char *spec_json)
{
    AUTO_JSON JsonValue *spec = NULL;
    Error err = { 0 };

    if (!spec_json || json_parse(&spec, spec_json, strlen(spec_json), &err) < 0)
        spec = NULL; /* a row of a forerunner: only its names are known */
    in->challenge_name = xstrdup(json_get_string(spec, "name", in->challenge_id));
    in->timeout_s = json_get_int(spec, "timeout", m->parts.settings->instance_timeout);
    in->extend_step_s = json_get_int(spec, "extend", 0);
    restore_ports(m, in, json_value_get(spec, "ports"));
    restore_containers(in, json_value_get(spec, "containers"));
    restore_networks(in, json_value_get(spec, "networks"));
}

Instance *record_restore(Manager *m, const InstanceRow *row)
{
    Instance *in = xnew(Instance);
    bool team =
        row->owner_kind ? strcmp(row->owner_kind, "team") == 0 : row->team_id && row->team_id[0];

    (void)snprintf(in->id, sizeof in->id, "%s", row->instance_id);
    in->challenge_id = xstrdup(row->challenge_id);
    in->folder = xstrdup(row->folder ? row->folder : "");
    in->revision = xstrdup(row->revision ? row->revision : "");
    in->user_id = xstrdup(row->user_id);
    in->username = xstrdup_or_null(row->username);
    in->team_id = xstrdup_or_null(row->team_id);
    in->team_name = xstrdup_or_null(row->team_name);
    in->owner = owner_make(team ? OWNER_TEAM : OWNER_USER, row->owner_id);
    (void)owner_key(&in->owner, in->owner_key);
    in->created_at = row->created_at;
    in->expires_at = row->expires_at;
    in->extended_s = row->extended_s;
    in->status = status_from(row->status);
    in->phase = phase_from(row->phase ? row->phase : "");
    in->phase_started_at = clock_wall_us();
    in->error_message = xstrdup_or_null(row->error_message);
    restore_spec(m, in, row->spec_json);
    in->challenge = catalogue_find(m->parts.catalogue, in->challenge_id);
    return in;
}

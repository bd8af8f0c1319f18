#include "api/encode.h"
#include "base/clock.h"
#include "base/str.h"

#include <stdio.h>
#include <string.h>

static void put_time(JsonWriter *w, const char *key, int64_t us)
{
    char text[CLOCK_TEXT_SIZE];

    json_put_string(w, key, us ? clock_format_us(us, text) : NULL);
}

static void put_positive(JsonWriter *w, const char *key, int64_t n)
{
    if (n > 0)
        json_put_int(w, key, n);
    else
        json_put_null(w, key);
}

static const char *host_of(const InstanceView *view, const char *host)
{
    if (host)
        return host;
    return view->host ? view->host : "";
}

void encode_address(StrBuf *out, const char *host, unsigned port)
{
    bool v6 = strchr(host, ':') && host[0] != '[';

    if (v6)
        strbuf_addc(out, '[');
    strbuf_adds(out, host);
    strbuf_adds(out, v6 ? "]:" : ":");
    json_write_int(&(JsonWriter){ .out = out }, port);
}

void encode_ports(JsonWriter *w, const InstanceView *view)
{
    char key[8];

    json_write_object(w);
    for (size_t i = 0; i < view->n_ports; i++) {
        (void)snprintf(key, sizeof key, "%u", (unsigned)view->ports[i].internal);
        json_put_int(w, key, view->ports[i].external);
    }
    json_write_end_object(w);
}

static void add_url(StrBuf *out, const InstanceView *view, const InstancePort *port,
                    const char *host)
{
    if (!host && port->url && port->url[0])
        strbuf_adds(out, port->url);
    else
        encode_address(out, host_of(view, host), port->external);
}

static void put_urls(JsonWriter *w, const InstanceView *view, const char *host)
{
    AUTO_STRBUF StrBuf url = { 0 };
    char key[8];

    if (view->n_ports)
        add_url(&url, view, &view->ports[0], host);
    json_put_string(w, "public_url", view->n_ports ? strbuf_str(&url) : NULL);
    json_write_key(w, "public_urls");
    json_write_object(w);
    for (size_t i = 0; i < view->n_ports; i++) {
        strbuf_clear(&url);
        add_url(&url, view, &view->ports[i], host);
        (void)snprintf(key, sizeof key, "%u", (unsigned)view->ports[i].internal);
        json_put_string(w, key, strbuf_str(&url));
    }
    json_write_end_object(w);
}

static const char *scheme_of(ChallengeProtocol protocol)
{
    return protocol == CHALLENGE_RAW ? "tcp" : challenge_protocol_name(protocol);
}

static void put_endpoints(JsonWriter *w, const InstanceView *view, const char *host)
{
    json_write_key(w, "endpoints");
    json_write_array(w);
    for (size_t i = 0; i < view->n_ports; i++) {
        const InstancePort *port = &view->ports[i];
        json_write_object(w);
        json_put_string(w, "label", port->label);
        json_put_string(w, "scheme", scheme_of(port->protocol));
        json_put_string(w, "host", host_of(view, host));
        json_put_int(w, "port", port->external);
        json_put_int(w, "internal_port", port->internal);
        json_write_end_object(w);
    }
    json_write_end_array(w);
}

/* A command is for pasting into a shell: only with a host that cannot carry anything else. */
static bool is_safe_host(const char *host)
{
    static const char SAFE[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]";

    return *host && *host != '-' && host[strspn(host, SAFE)] == '\0';
}

static bool add_command(StrBuf *out, ChallengeProtocol protocol, const char *host, unsigned port)
{
    if (!is_safe_host(host))
        return false;
    switch (protocol) {
    case CHALLENGE_HTTP:
        strbuf_adds(out, "curl -i http://");
        encode_address(out, host, port);
        strbuf_addc(out, '/');
        return true;
    case CHALLENGE_TCP:
        strbuf_addf(out, "nc %s %u", host, port);
        return true;
    case CHALLENGE_TLS:
        strbuf_addf(out, "openssl s_client -quiet -servername %s -connect ", host);
        encode_address(out, host, port);
        return true;
    case CHALLENGE_SSH:
        strbuf_addf(out, "ssh -p %u %s", port, host);
        return true;
    case CHALLENGE_RAW:
        break;
    }
    return false;
}

static const char *hint_protocol(ChallengeProtocol protocol)
{
    if (protocol == CHALLENGE_HTTP)
        return "http";
    return protocol == CHALLENGE_TCP ? "tcp" : "custom";
}

static void write_hint(JsonWriter *w, const InstanceView *view, const InstancePort *port,
                       const char *host)
{
    AUTO_STRBUF StrBuf url = { 0 }, command = { 0 };
    const char *name = host_of(view, host);

    if (port->protocol == CHALLENGE_HTTP)
        strbuf_adds(&url, "http://");
    add_url(&url, view, port, host);
    bool has_command = add_command(&command, port->protocol, name, port->external);
    json_write_object(w);
    json_put_int(w, "internal_port", port->internal);
    json_put_string(w, "protocol", hint_protocol(port->protocol));
    json_put_string(w, "url", strbuf_str(&url));
    json_put_string(w, "host", name);
    json_put_int(w, "port", port->external);
    json_put_string(w, "command", has_command ? strbuf_str(&command) : NULL);
    json_write_end_object(w);
}

static void put_extend(JsonWriter *w, const InstanceView *view)
{
    if (view->extend_step_s <= 0) {
        json_put_null(w, "extend");
        return;
    }
    json_write_key(w, "extend");
    json_write_object(w);
    json_put_int(w, "step_s", view->extend_step_s);
    put_time(w, "available_at", view->extend_available_at);
    json_put_int(w, "remaining_s", view->extend_remaining_s);
    json_write_end_object(w);
}

bool encode_is_retryable(ErrorCode code)
{
    switch (code) {
    case E_CHALLENGE_NOT_FOUND:
    case E_CHALLENGE_INACTIVE:
    case E_CHALLENGE_BROKEN:
    case E_BUILD_FAILED:
    case E_ALREADY_RUNNING:
    case E_CANCELLED:
    case E_FORBIDDEN:
    case E_NO_TEAM:
    case E_INVALID:
        return false;
    default:
        return true;
    }
}

const char *encode_error_message(const InstanceView *view)
{
    if (!view->error_message)
        return NULL;
    switch (view->error_code) {
    case E_CONTAINER_DIED: /* with its last lines, which are the player's own container's */
    case E_NOT_READY:
        return view->error_message;
    case E_NONE: /* read back from a journal that knows no codes */
        return error_public_text(E_INTERNAL);
    default:
        return error_public_text(view->error_code);
    }
}

static void put_error(JsonWriter *w, const InstanceView *view)
{
    if (!view->error_message) {
        json_put_null(w, "error");
        return;
    }
    json_write_key(w, "error");
    json_write_object(w);
    json_put_string(w, "code", error_slug(view->error_code));
    json_put_string(w, "message", encode_error_message(view));
    put_time(w, "at", view->error_at);
    json_put_bool(w, "retryable", encode_is_retryable(view->error_code));
    json_write_end_object(w);
}

/* The sixteen keys every client of the forerunners knows, in their order. */
static void put_wire_keys(JsonWriter *w, const InstanceView *view, const char *host)
{
    json_put_string(w, "instance_id", view->instance_id);
    json_put_string(w, "challenge_id", view->challenge_id);
    json_put_string(w, "user_id", view->user_id);
    json_put_string(w, "username", view->username);
    json_put_string(w, "team_id", view->team_id);
    json_put_string(w, "team_name", view->team_name);
    json_put_string(w, "owner_id", view->owner.id);
    json_put_string(w, "status", instance_status_name(view->status));
    json_write_key(w, "ports");
    encode_ports(w, view);
    put_time(w, "created_at", view->created_at);
    put_time(w, "expires_at", view->expires_at);
    json_put_raw(w, "container_ids", "[]");
    put_urls(w, view, host);
    json_put_null(w, "network_name");
    json_put_string(w, "error_message", encode_error_message(view));
}

void encode_instance(JsonWriter *w, const InstanceView *view, const char *host)
{
    json_write_object(w);
    put_wire_keys(w, view, host);
    json_put_int(w, "version", (int64_t)view->version);
    json_put_string(w, "challenge_name", view->challenge_name);
    json_put_string(w, "phase", instance_phase_name(view->phase));
    json_put_string(w, "phase_detail", view->phase_detail ? view->phase_detail : "");
    put_positive(w, "queue_position", view->queue_position);
    put_time(w, "phase_started_at", view->phase_started_at);
    put_positive(w, "eta_s", view->eta_s);
    put_endpoints(w, view, host);
    put_extend(w, view);
    put_error(w, view);
    json_write_key(w, "connection_hints");
    json_write_array(w);
    for (size_t i = 0; i < view->n_ports; i++)
        write_hint(w, view, &view->ports[i], host);
    json_write_end_array(w);
    json_write_end_object(w);
}

void encode_gone(JsonWriter *w, const InstanceView *view, StopReason reason)
{
    json_write_object(w);
    json_put_string(w, "instance_id", view->instance_id);
    json_put_string(w, "challenge_id", view->challenge_id);
    json_put_string(w, "challenge_name", view->challenge_name);
    json_put_string(w, "reason", stop_reason_name(reason));
    json_write_end_object(w);
}

/* What the player may know of the image; why a build failed is for the organisers. */
static const char *state_of(const Challenge *challenge, const ChallengeReadiness *readiness)
{
    if (challenge->broken || readiness->image == IMAGE_FAILED)
        return "unavailable";
    if (!readiness->active)
        return "closed";
    if (readiness->image == IMAGE_UNKNOWN)
        return "unknown";
    return readiness->image == IMAGE_READY ? "ready" : "building";
}

static void put_challenge_ports(JsonWriter *w, const Challenge *challenge)
{
    json_write_key(w, "ports");
    json_write_array(w);
    for (size_t i = 0; i < challenge->n_ports; i++)
        json_write_int(w, challenge->ports[i].port);
    json_write_end_array(w);
}

void encode_challenge(JsonWriter *w, const Challenge *challenge,
                      const ChallengeReadiness *readiness, int64_t default_timeout_s)
{
    json_write_object(w);
    json_put_string(w, "id", challenge->id);
    json_put_string(w, "name", challenge->name);
    json_put_string(w, "category", challenge->category);
    json_put_string(w, "description", challenge->description);
    put_challenge_ports(w, challenge);
    json_put_int(w, "timeout", challenge->timeout_s ? challenge->timeout_s : default_timeout_s);
    json_put_int(w, "extend_time", challenge->extend_time_s);
    json_put_string(w, "state", state_of(challenge, readiness));
    put_positive(w, "eta_s", readiness->eta_s);
    json_write_end_object(w);
}

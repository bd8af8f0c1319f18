#include "base/str.h"
#include "docker/answers.h"
#include "docker/engine.h"
#include "docker/transfer.h"
#include "wire/json_read.h"

#include <stdio.h>
#include <string.h>

enum { PING_TIMEOUT_MS = 2000, NEGOTIATE_TIMEOUT_MS = 5000 };

int engine_ping(Engine *engine, Error *err)
{
    const EngineCall call = { .method = "HEAD", .path = "/_ping", .timeout = PING_TIMEOUT_MS };
    AUTO_STRBUF StrBuf reply = { 0 };
    EngineHead head;

    if (engine_transfer(engine, &call, "", &reply, &head, err) < 0)
        return -1;
    return head.status == 200 ? 0 : engine_refusal(head.status, &reply, "ping", err);
}

/* GET /version names versions and platform; podman answers it the same way. */
static int read_version(Engine *engine, const EngineHead *ping, EngineInfo *info,
                        ApiVersion *version, Error *err)
{
    const EngineCall call = { .method = "GET",
                              .path = "/version",
                              .timeout = NEGOTIATE_TIMEOUT_MS };
    AUTO_STRBUF StrBuf reply = { 0 };
    AUTO_JSON JsonValue *root = NULL;
    EngineHead head;
    const char *max = NULL;

    if (engine_transfer(engine, &call, "", &reply, &head, err) < 0)
        return -1;
    if (head.status != 200)
        return engine_refusal(head.status, &reply, "ask for its version", err);
    if (engine_parse(&reply, "version", &root, err) < 0)
        return -1;
    max = ping->api_version[0] ? ping->api_version : json_get_string(root, "ApiVersion", "");
    if (api_version_negotiate(max, json_get_string(root, "MinAPIVersion", ""), version, err) < 0)
        return -1;
    *info = (EngineInfo){ .podman = ping->podman || head.podman };
    (void)snprintf(info->version, sizeof info->version, "%.31s",
                   json_get_string(root, "Version", ""));
    (void)snprintf(info->max_api_version, sizeof info->max_api_version, "%.15s", max);
    (void)snprintf(info->api_version, sizeof info->api_version, "%d.%d", version->major,
                   version->minor);
    (void)snprintf(info->os_arch, sizeof info->os_arch, "%.15s/%.15s",
                   json_get_string(root, "Os", "linux"), json_get_string(root, "Arch", ""));
    return 0;
}

int engine_connect(Engine *engine, EngineInfo *ret_info, Error *err)
{
    const EngineCall ping = { .method = "HEAD", .path = "/_ping", .timeout = NEGOTIATE_TIMEOUT_MS };
    EngineAgreement *agreement = engine_agreement(engine);
    AUTO_STRBUF StrBuf reply = { 0 };
    ApiVersion version;
    EngineInfo info;
    EngineHead head;

    if (engine_transfer(engine, &ping, "", &reply, &head, err) < 0)
        return -1;
    if (head.status != 200)
        head = (EngineHead){ .podman = head.podman };
    if (read_version(engine, &head, &info, &version, err) < 0)
        return error_wrap(err, "container engine at %s", engine_name(engine));
    {
        LOCK_SCOPE(&agreement->lock);
        agreement->done = true;
        agreement->version = version;
        agreement->facts = (EngineFacts){ .api_minor = version.minor,
                                          .buildkit = head.buildkit && !info.podman,
                                          .podman = info.podman };
    }
    if (ret_info)
        *ret_info = info;
    return 0;
}

/* The agreement, made now if nobody has made it yet. */
static int agreed(Engine *engine, ApiVersion *ret_version, EngineFacts *ret_facts, Error *err)
{
    EngineAgreement *agreement = engine_agreement(engine);

    for (int round = 0;; round++) {
        {
            LOCK_SCOPE(&agreement->lock);
            if (agreement->done) {
                *ret_version = agreement->version;
                *ret_facts = agreement->facts;
                return 0;
            }
        }
        if (round > 0)
            return error_set(err, E_INTERNAL, "the negotiation left nothing behind");
        if (engine_connect(engine, NULL, err) < 0)
            return -1;
    }
}

int engine_facts(Engine *engine, EngineFacts *ret, Error *err)
{
    ApiVersion version;

    return agreed(engine, &version, ret, err);
}

int engine_call(Engine *engine, const EngineCall *call, StrBuf *ret_reply, Error *err)
{
    for (int round = 0;; round++) {
        ApiVersion version = { 0 };
        EngineFacts facts;
        EngineHead head;
        char prefix[24];
        int r;

        if (agreed(engine, &version, &facts, err) < 0)
            return -1;
        (void)snprintf(prefix, sizeof prefix, "/v%d.%d", version.major, version.minor);
        r = engine_transfer(engine, call, prefix, ret_reply, &head, err);
        if (r != 0)
            return r < 0 ? r : 0;
        /* The engine was upgraded (or downgraded) under us: agree anew, once. */
        if (head.status != 400 || round > 0 || !strstr(strbuf_str(ret_reply), "client version"))
            return head.status;
        if (engine_connect(engine, NULL, err) < 0)
            return -1;
    }
}

#include "docker/address.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_HOST "unix:///var/run/docker.sock"
#define HOW_TO_MEND  "set DOCKER_HOST to unix:///path/of/docker.sock or tcp://host:port"

static int parse_unix(EngineAddress *a, const char *path, Error *err)
{
    if (path[0] != '/')
        return error_set(err, E_INVALID, "the engine's socket path \"%s\" is not absolute; %s",
                         path, HOW_TO_MEND);
    if (strlen(path) >= sizeof a->path)
        return error_set(err, E_INVALID, "the engine's socket path is longer than %zu bytes",
                         sizeof a->path - 1);
    a->is_unix = true;
    (void)snprintf(a->path, sizeof a->path, "%s", path);
    (void)snprintf(a->host, sizeof a->host, "127.0.0.1");
    (void)snprintf(a->base_url, sizeof a->base_url, "http://docker");
    return 0;
}

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':';
}

/* host:port or [v6]:port; without a port the usual one (2375, with TLS 2376). */
static int parse_tcp(EngineAddress *a, const char *text, bool tls, Error *err)
{
    bool v6 = text[0] == '[';
    size_t len = strcspn(v6 ? ++text : text, v6 ? "]" : ":/");
    const char *rest = text + len;
    int64_t port = tls ? 2376 : 2375;
    char digits[8] = "";

    if (v6 && *rest++ != ']')
        return error_set(err, E_INVALID, "the engine's address lacks a \"]\"; %s", HOW_TO_MEND);
    if (len == 0 || len >= sizeof a->host)
        return error_set(err, E_INVALID, "the engine's address has no host; %s", HOW_TO_MEND);
    for (size_t i = 0; i < len; i++)
        if (!is_host_char(text[i]))
            return error_set(err, E_INVALID, "the engine's host name holds an odd character; %s",
                             HOW_TO_MEND);
    if (*rest == ':') {
        size_t n = strcspn(++rest, "/");
        if (n < sizeof digits)
            (void)snprintf(digits, sizeof digits, "%.*s", (int)n, rest);
        if (!str_parse_i64(digits, 1, 65535, &port))
            return error_set(err, E_INVALID, "the engine's port is not a number from 1 to 65535");
        rest += n;
    }
    if (*rest && !str_eq(rest, "/"))
        return error_set(err, E_INVALID, "the engine's address ends in \"%.20s\"; %s", rest,
                         HOW_TO_MEND);
    (void)snprintf(a->host, sizeof a->host, "%.*s", (int)len, text);
    (void)snprintf(a->base_url, sizeof a->base_url, "%s://%s%s%s:%d", tls ? "https" : "http",
                   v6 ? "[" : "", a->host, v6 ? "]" : "", (int)port);
    return 0;
}

int engine_address_parse(EngineAddress *ret, const char *text, bool tls, Error *err)
{
    static const char *const tcp_schemes[] = { "tcp://", "http://", "https://" };
    EngineAddress a = { 0 };
    int r = 1;

    if (!text || !*text)
        text = DEFAULT_HOST;
    if (text[0] == '/')
        r = parse_unix(&a, text, err);
    else if (str_starts(text, "unix://"))
        r = parse_unix(&a, text + strlen("unix://"), err);
    for (size_t i = 0; r > 0 && i < ARRAY_LEN(tcp_schemes); i++)
        if (str_starts(text, tcp_schemes[i]))
            r = parse_tcp(&a, text + strlen(tcp_schemes[i]), tls || i == 2, err);
    if (r > 0)
        return error_set(err, E_INVALID, "\"%.100s\" is not an engine address; %s", text,
                         HOW_TO_MEND);
    if (r == 0)
        *ret = a;
    return r;
}

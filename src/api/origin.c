#include "api/origin.h"
#include "base/alloc.h"
#include "base/str.h"
#include "base/vec.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

struct OriginList {
    bool all;
    VEC(char *) origins;
};

static const struct {
    const char *prefix, *default_port;
} schemes[] = {
    { "http://", ":80" },
    { "https://", ":443" },
};

/* Length of `authority` without its scheme's default port. */
static size_t bare_len(const char *authority, const char *default_port)
{
    size_t n = strlen(authority), p = strlen(default_port);

    return n > p && strcmp(authority + n - p, default_port) == 0 ? n - p : n;
}

static bool same_authority(const char *a, const char *b, const char *default_port)
{
    size_t n = bare_len(a, default_port);

    return n && n == bare_len(b, default_port) && strncasecmp(a, b, n) == 0;
}

/* scheme://host[:port], nothing after it. */
static bool is_origin(const char *text)
{
    for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i].prefix);
        if (strncasecmp(text, schemes[i].prefix, n) == 0)
            return text[n] && strcspn(text + n, "/?#@ \"'\\*") == strlen(text + n);
    }
    return false;
}

int origin_list_new(OriginList **ret, const char *text, Error *err)
{
    OriginList *list = xnew(OriginList);
    AUTO_FREE char *copy = xstrdup(text);
    char *save = NULL;

    for (char *entry = strtok_r(copy, ", \t", &save); entry;
         entry = strtok_r(NULL, ", \t", &save)) {
        if (str_eq(entry, "*")) {
            list->all = true;
        } else if (is_origin(entry)) {
            vec_push(&list->origins, xstrdup(entry));
        } else {
            (void)error_set(err, E_INVALID,
                            "\"%s\" is no origin; write for example https://ctf.example.org, "
                            "without a path",
                            entry);
            origin_list_free(list);
            return -1;
        }
    }
    *ret = list;
    return 0;
}

void origin_list_free(OriginList *list)
{
    if (!list)
        return;
    for (size_t i = 0; i < list->origins.n; i++)
        free(list->origins.items[i]);
    vec_fini(&list->origins);
    free(list);
}

static bool is_ours(const char *origin, const char *host)
{
    for (size_t i = 0; host && i < ARRAY_LEN(schemes); i++) {
        size_t n = strlen(schemes[i].prefix);
        if (strncasecmp(origin, schemes[i].prefix, n) == 0)
            return same_authority(origin + n, host, schemes[i].default_port);
    }
    return false;
}

OriginKind origin_judge(const OriginList *list, const char *origin, const char *host)
{
    if (!origin)
        return ORIGIN_NONE;
    if (is_ours(origin, host))
        return ORIGIN_OURS;
    if (list->all && is_origin(origin))
        return ORIGIN_ALLOWED;
    for (size_t i = 0; i < list->origins.n; i++)
        if (str_eq_nocase(list->origins.items[i], origin))
            return ORIGIN_ALLOWED;
    return ORIGIN_FOREIGN;
}

static bool is_address(const char *name)
{
    struct in6_addr any;

    return inet_pton(AF_INET, name, &any) == 1 || inet_pton(AF_INET6, name, &any) == 1;
}

bool origin_host_is_allowed(const char *allowed, const char *host)
{
    AUTO_FREE char *copy = xstrdup(allowed);
    char name[ORIGIN_HOST_SIZE];
    char *save = NULL;

    if (!*allowed)
        return true;
    if (!origin_host_name(host, name))
        return false;
    if (is_address(name) || str_eq_nocase(name, "localhost"))
        return true;
    for (char *entry = strtok_r(copy, ", \t", &save); entry; entry = strtok_r(NULL, ", \t", &save))
        if (str_eq_nocase(entry, name))
            return true;
    return false;
}

bool origin_is_json(const char *content_type)
{
    static const char JSON[] = "application/json";
    size_t n = sizeof JSON - 1;

    if (!content_type || strncasecmp(content_type, JSON, n) != 0)
        return false;
    n += strspn(content_type + n, " \t");
    return content_type[n] == '\0' || content_type[n] == ';';
}

static bool is_name(const char *s)
{
    if (!*s || *s == '-' || *s == '.')
        return false;
    for (; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '.' && *s != '-' && *s != '_')
            return false;
    return true;
}

bool origin_host_name(const char *host, char ret_name[ORIGIN_HOST_SIZE])
{
    char name[ORIGIN_HOST_SIZE];
    struct in6_addr unused;
    bool v6 = host && *host == '[';
    size_t n = host ? strcspn(host + v6, v6 ? "]" : ":") : 0;

    if (n == 0 || n >= sizeof name)
        return false;
    memcpy(name, host + v6, n);
    name[n] = '\0';
    if (v6 ? inet_pton(AF_INET6, name, &unused) != 1 : !is_name(name))
        return false;
    memcpy(ret_name, name, n + 1);
    return true;
}

bool origin_prefers(const char *prefer, const char *token)
{
    size_t n = strlen(token);

    while (prefer && *prefer) {
        prefer += strspn(prefer, " \t,");
        if (strncasecmp(prefer, token, n) == 0 && strchr(" \t,;", prefer[n]))
            return true;
        prefer += strcspn(prefer, ",");
    }
    return false;
}

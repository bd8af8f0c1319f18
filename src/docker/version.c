#include "docker/version.h"
#include "base/str.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

bool api_version_parse(const char *text, ApiVersion *ret)
{
    const char *dot = text ? strchr(text, '.') : NULL;
    int64_t major, minor;
    char head[8];

    if (!dot || (size_t)(dot - text) >= sizeof head)
        return false;
    (void)snprintf(head, sizeof head, "%.*s", (int)(dot - text), text);
    if (!str_parse_i64(head, 0, 999, &major) || !str_parse_i64(dot + 1, 0, 9999, &minor))
        return false;
    *ret = (ApiVersion){ (int)major, (int)minor };
    return true;
}

int api_version_compare(ApiVersion a, ApiVersion b)
{
    if (a.major != b.major)
        return a.major < b.major ? -1 : 1;
    return (a.minor > b.minor) - (a.minor < b.minor);
}

int api_version_negotiate(const char *max_text, const char *min_text, ApiVersion *ret, Error *err)
{
    ApiVersion max, min, use;

    if (!api_version_parse(max_text, &max))
        return error_set(err, E_ENGINE_DOWN,
                         "what answers is no container engine: it names no API version");
    if (api_version_compare(max, API_OLDEST) < 0)
        return error_set(err, E_ENGINE_REFUSED,
                         "the engine speaks API %d.%d at most, %d.%d is needed; upgrade it to "
                         "Docker 20.10 or newer",
                         max.major, max.minor, API_OLDEST.major, API_OLDEST.minor);
    use = api_version_compare(max, API_NEWEST) < 0 ? max : API_NEWEST;
    if (api_version_parse(min_text, &min) && api_version_compare(use, min) < 0)
        use = min;
    *ret = use;
    return 0;
}

#include "settings/names.h"
#include "base/str.h"
#include "settings/spec.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_LEN = 63, SHORTEST = 5 };

/* Ordinary names that happen to lie near one of ours, or might one day. */
static const char *const ordinary[] = {
    "HOME", "HOSTNAME", "HOSTTYPE", "PATH",    "PORTS",     "TERM",     "SHELL",
    "USER", "LOGNAME",  "PWD",      "OLDPWD",  "LANG",      "LANGUAGE", "TZ",
    "MAIL", "EDITOR",   "PAGER",    "DISPLAY", "LOG_FILES",
};
static const char *const ordinary_prefixes[] = {
    "LC_", "XDG_", "SSH_", "GIT_", "KUBERNETES_", "COMPOSE_", "NIX_", "PYTHON", "SYSTEMD_",
};

static bool is_ordinary(const char *name)
{
    if (str_in(name, ordinary, ARRAY_LEN(ordinary)))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(ordinary_prefixes); i++)
        if (str_starts(name, ordinary_prefixes[i]))
            return true;
    return false;
}

/* Kubernetes and container links describe a service called "whaley" with names of this shape. */
static bool is_service_link(const char *name, const char *value)
{
    return str_starts(name, "WHALEY_SERVICE_") || str_starts(value, "tcp://") ||
           (str_starts(name, "WHALEY_PORT_") && isdigit((unsigned char)name[12]));
}

/* One slip in a short name, two in a long one. */
static const char *nearest(const char *name)
{
    const char *found = NULL;
    size_t best = strlen(name) < 8 ? 1 : 2;

    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *env = setting_specs[i].env;
        size_t distance = strlen(env) < SHORTEST ? best + 1 : str_distance(name, env, best);

        if (distance < best || (distance == best && !found)) {
            best = distance;
            found = env;
        }
    }
    return found;
}

const char *names_meant(const char *name, const char *value)
{
    char upper[NAME_MAX_LEN + 1];
    size_t len = strlen(name), known;
    const char *rest = upper + strlen("WHALEY_"), *found;

    if (len < SHORTEST || len > NAME_MAX_LEN)
        return NULL;
    for (size_t i = 0; i <= len; i++)
        upper[i] = (char)toupper((unsigned char)name[i]);
    if (is_ordinary(upper))
        return NULL;
    if (!str_starts(upper, "WHALEY_"))
        return nearest(upper);
    if (is_service_link(upper, value))
        return NULL;
    known = setting_find(rest);
    if (known < SETTING_COUNT)
        return setting_specs[known].env;
    found = nearest(rest);
    return found ? found : "";
}

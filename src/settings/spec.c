#include "settings/spec.h"
#include "base/str.h"

#define RUNTIME SETTING_RUNTIME
#define SECRET  SETTING_SECRET

const SettingSpec setting_specs[SETTING_COUNT] = {
#define SETTING(TYPE, member, env, fallback, min, max, unit, flags, doc)                           \
    [SETTING_##member] = {                                                                         \
        SETTING_TYPE_##TYPE,       (env), (fallback), (min), (max), (unit), (flags), (doc),        \
        offsetof(Settings, member)                                                                 \
    },
#include "settings/settings.def"
#undef SETTING
};

size_t setting_find(const char *name)
{
    size_t i = 0;

    while (i < SETTING_COUNT && !str_eq_nocase(setting_specs[i].env, name))
        i++;
    return i;
}

char **setting_text(const SettingSpec *spec, Settings *settings)
{
    return (char **)(void *)((char *)settings + spec->offset);
}

const char *setting_text_get(const SettingSpec *spec, const Settings *settings)
{
    return *(char *const *)(const void *)((const char *)settings + spec->offset);
}

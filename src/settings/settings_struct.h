/* settings_struct - the members of Settings, made from settings.def. Include settings.h instead. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum {
    SETTING_COUNT_LOW = -1,
#define SETTING(TYPE, member, env, fallback, min, max, unit, flags, doc) SETTING_##member,
#include "settings/settings.def"
#undef SETTING
    SETTING_COUNT
};

#define SETTING_C_INT     int64_t
#define SETTING_C_BYTES   int64_t
#define SETTING_C_DECIMAL double
#define SETTING_C_BOOL    bool
#define SETTING_C_TEXT    char *
#define SETTING_C_CHOICE  char *
#define SETTING_C_CIDR    char *

struct Settings {
#define SETTING(TYPE, member, env, fallback, min, max, unit, flags, doc) SETTING_C_##TYPE member;
#include "settings/settings.def"
#undef SETTING
    unsigned char source[SETTING_COUNT]; /* SettingSource, by SETTING_<member> */
};

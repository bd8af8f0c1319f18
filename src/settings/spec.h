/*
 * spec - the rows of settings.def as data, for the loader and the printers.
 *
 * `min` and `max` bound INT, DECIMAL and BYTES; whole numbers up to 2^53 are exact in a double.
 */
#pragma once

#include "settings/settings.h"

#include <stddef.h>

typedef enum SettingType {
    SETTING_TYPE_INT,
    SETTING_TYPE_DECIMAL,
    SETTING_TYPE_BOOL,
    SETTING_TYPE_BYTES,
    SETTING_TYPE_TEXT,
    SETTING_TYPE_CHOICE,
    SETTING_TYPE_CIDR,
} SettingType;

enum { SETTING_RUNTIME = 1, SETTING_SECRET = 2 };

typedef struct SettingSpec {
    SettingType type;
    const char *env, *fallback;
    double min, max;
    const char *unit; /* of a CHOICE: the choices, "a|b|c" */
    unsigned flags;
    const char *doc;
    size_t offset; /* of the member in Settings */
} SettingSpec;

extern const SettingSpec setting_specs[SETTING_COUNT];

/* Index of a name in any case, or SETTING_COUNT. */
size_t setting_find(const char *name);
/* The char * member of a TEXT, CHOICE or CIDR. */
char **setting_text(const SettingSpec *spec, Settings *settings);
const char *setting_text_get(const SettingSpec *spec, const Settings *settings);

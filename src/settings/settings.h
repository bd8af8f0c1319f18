/*
 * settings - everything that can be configured: one table (settings.def), read from the
 * environment, then a `.env` file in the working directory, then the default.
 *
 * A Settings value is an immutable snapshot; each row of the table is a member with the env name in
 * lower case (s->instance_timeout). settings_load() reports every bad value at once.
 *
 * Units      as the table's `unit` column says; the member's comment is the table row.
 * Ownership  the snapshot owns its strings.
 * Threads    immutable: any.
 */
#pragma once

#include "base/diag.h"
#include "base/error.h"
#include "base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct Settings Settings; /* members: see settings_struct.h, generated from the table */

#include "settings/settings_struct.h"

/* Where a value came from. */
typedef enum SettingSource { SETTING_DEFAULT, SETTING_DOTENV, SETTING_ENV } SettingSource;

/*
 * environ_ is a NULL-terminated array of "K=V"; dotenv_path may be NULL or absent on disk. Every
 * bad value is an error in `diags` (then 1 is returned and *ret untouched); a name that looks like
 * a misspelt setting is a warning with the nearest name.
 */
enum { SETTINGS_REFUSED = 1 };
MUST_USE int settings_load(const char *const *environ_, const char *dotenv_path, Settings **ret,
                           DiagList *diags, Error *err);
void settings_free(Settings *settings);
DEFINE_CLEANUP(Settings, settings_free_p, settings_free)
#define AUTO_SETTINGS CLEANUP(settings_free_p)

/* For `whaley config` (value, source, default; secrets masked), `--help` and docs/configuration.md.
 */
void settings_print(const Settings *settings, bool json, StrBuf *out);
void settings_print_help(StrBuf *out);
void settings_print_markdown(StrBuf *out);
/* The database URL in effect: DATABASE_URL, or sqlite in DATA_DIR. Caller frees. */
char *settings_database_url(const Settings *settings);

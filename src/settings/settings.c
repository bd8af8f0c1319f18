#include "settings/settings.h"
#include "base/alloc.h"
#include "base/check.h"
#include "base/str.h"
#include "settings/checks.h"
#include "settings/dotenv.h"
#include "settings/names.h"
#include "settings/spec.h"
#include "settings/value.h"

#include <stdlib.h>
#include <string.h>

static const char from_environment[] = "environment";

/* What was given for one setting; text NULL: nothing. */
typedef struct Given {
    const char *text;
    SettingSource source;
    bool exact; /* the name was in capitals */
    int line;
} Given;

typedef struct Loader {
    Settings *settings;
    Given given[SETTING_COUNT];
    DiagAt origins[SETTING_COUNT];
    const char *dotenv_path;
    DiagList *diags;
} Loader;

void settings_free(Settings *settings)
{
    if (!settings)
        return;
    for (size_t i = 0; i < SETTING_COUNT; i++)
        if (setting_specs[i].type >= SETTING_TYPE_TEXT)
            free(*setting_text(&setting_specs[i], settings));
    free(settings);
}

static void warn_unknown(Loader *loader, DiagAt at, const char *value)
{
    const char *meant = names_meant(at.field, value);
    AUTO_FREE char *hint = NULL;

    if (!meant)
        return;
    if (*meant)
        hint = xasprintf("did you mean %s?", meant);
    diag_add(loader->diags, DIAG_WARNING, at, "settings-unknown",
             hint ? hint : "`whaley config` lists every setting", "no setting has this name");
}

/* From a `.env` file: the last line wins. */
static void take_dotenv(Loader *loader, const Dotenv *dotenv)
{
    for (size_t i = 0; i < dotenv->n; i++) {
        const DotenvEntry *entry = &dotenv->items[i];
        DiagAt at = { loader->dotenv_path, entry->line, 1, entry->key };
        size_t index = setting_find(entry->key);

        if (index == SETTING_COUNT) {
            warn_unknown(loader, at, entry->value);
            continue;
        }
        if (loader->given[index].text)
            diag_add(loader->diags, DIAG_WARNING, at, "settings-twice", "remove one of the lines",
                     "set in line %d already; this line wins", loader->given[index].line);
        loader->given[index] =
            (Given){ .text = entry->value, .source = SETTING_DOTENV, .line = entry->line };
    }
}

/* From the environment, over the file. Of PORT and port, PORT wins. */
static void take_environment(Loader *loader, const char *const *environ_)
{
    for (; environ_ && *environ_; environ_++) {
        const char *equals = strchr(*environ_, '=');
        AUTO_FREE char *name = NULL;
        size_t index;
        bool exact;

        if (!equals)
            continue;
        name = xstrndup(*environ_, (size_t)(equals - *environ_));
        index = setting_find(name);
        if (index == SETTING_COUNT) {
            warn_unknown(loader, (DiagAt){ .file = from_environment, .field = name }, equals + 1);
            continue;
        }
        exact = str_eq(name, setting_specs[index].env);
        if (loader->given[index].source == SETTING_ENV && !exact)
            continue;
        loader->given[index] = (Given){ .text = equals + 1, .source = SETTING_ENV, .exact = exact };
    }
}

/* Texts for which "" says something other than "not set". */
static bool may_be_empty(size_t index)
{
    static const size_t indexes[] = {
        SETTING_public_host,     SETTING_trusted_proxies,   SETTING_log_file,
        SETTING_user_ports_file, SETTING_forensics_log_dir, SETTING_docker_network,
    };

    for (size_t i = 0; i < ARRAY_LEN(indexes); i++)
        if (indexes[i] == index)
            return true;
    return false;
}

static bool means_default(const SettingSpec *spec, size_t index, const char *text)
{
    return !*text && *spec->fallback && !may_be_empty(index);
}

static void refuse(Loader *loader, size_t index, const char *text, const char *expected)
{
    const SettingSpec *spec = &setting_specs[index];
    AUTO_FREE char *hint = xasprintf("remove it for the default, %s", spec->fallback);
    const char *advice = *spec->fallback ? hint : NULL;

    if (spec->flags & SETTING_SECRET)
        diag_add(loader->diags, DIAG_ERROR, loader->origins[index], "settings-value", advice,
                 "must be %s", expected);
    else
        diag_add(loader->diags, DIAG_ERROR, loader->origins[index], "settings-value", advice,
                 "must be %s; it is \"%s\"", expected, text);
}

static void set_default(Settings *settings, size_t index)
{
    AUTO_STRBUF StrBuf why = { 0 };

    check(value_parse(&setting_specs[index], setting_specs[index].fallback, settings, &why));
}

/* A bad value is reported and its default kept, so that the checks that follow have something. */
static void set_given(Loader *loader, size_t index)
{
    const SettingSpec *spec = &setting_specs[index];
    AUTO_FREE char *copy = xstrdup(loader->given[index].text);
    const char *text = spec->type == SETTING_TYPE_TEXT ? copy : str_trim(copy);
    AUTO_STRBUF StrBuf why = { 0 };
    const char *expected;

    if (means_default(spec, index, text)) {
        diag_add(loader->diags, DIAG_WARNING, loader->origins[index], "settings-empty",
                 "remove the line, or give a value", "is empty; the default, %s, is used",
                 spec->fallback);
        return;
    }
    loader->settings->source[index] = (unsigned char)loader->given[index].source;
    if (!value_parse(spec, text, loader->settings, &why)) {
        refuse(loader, index, text, strbuf_str(&why));
        return;
    }
    expected = checks_text(index, loader->settings);
    if (expected)
        refuse(loader, index, text, expected);
}

static void set_all(Loader *loader)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const Given *given = &loader->given[i];

        loader->origins[i] = (DiagAt){ .file = "settings", .field = setting_specs[i].env };
        if (given->text)
            loader->origins[i].file =
                given->source == SETTING_ENV ? from_environment : loader->dotenv_path;
        loader->origins[i].line = given->line;
        loader->origins[i].column = given->line > 0;
        set_default(loader->settings, i);
        if (given->text)
            set_given(loader, i);
    }
}

int settings_load(const char *const *environ_, const char *dotenv_path, Settings **ret,
                  DiagList *diags, Error *err)
{
    AUTO_SETTINGS Settings *settings = xnew(Settings);
    AUTO_DOTENV Dotenv dotenv = { 0 };
    Loader loader = { .settings = settings, .dotenv_path = dotenv_path, .diags = diags };
    size_t before = diags->n_errors;

    (void)err;
    if (dotenv_path)
        dotenv_load(&dotenv, dotenv_path, diags);
    take_dotenv(&loader, &dotenv);
    take_environment(&loader, environ_);
    set_all(&loader);
    checks_together(settings, loader.origins, diags);
    if (diags->n_errors > before)
        return SETTINGS_REFUSED;
    *ret = TAKE(settings);
    return 0;
}

char *settings_database_url(const Settings *settings)
{
    size_t n = strlen(settings->data_dir);

    if (*settings->database_url)
        return xstrdup(settings->database_url);
    while (n > 1 && settings->data_dir[n - 1] == '/')
        n--;
    return xasprintf("sqlite:///%.*s/whaley.db", (int)n, settings->data_dir);
}

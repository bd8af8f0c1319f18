#include "base/alloc.h"
#include "base/str.h"
#include "settings/spec.h"
#include "settings/value.h"
#include "wire/json_write.h"

#include <stdlib.h>
#include <string.h>

/* The settings in sections; each begins at a row of settings.def and ends where the next begins. */
static const struct Section {
    size_t first;
    const char *title;
} sections[] = {
    { SETTING_host, "Server" },
    { SETTING_instance_timeout, "Players" },
    { SETTING_port_range_start, "Ports, engine and limits" },
    { SETTING_network_isolation_enabled, "Networks" },
    { SETTING_spawn_workers, "Spawning, stopping and starting up" },
    { SETTING_challenges_dir, "Files and stores" },
    { SETTING_ctfd_url, "CTFd, flags, admin and logs" },
};

static const char *const source_names[] = { "default", ".env", "environment" };

static const char *title_at(size_t index)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++)
        if (sections[i].first == index)
            return sections[i].title;
    return NULL;
}

/* Where the password of "scheme://user:password@host" lies; NULL when there is none. */
static const char *find_password(const char *text, size_t *ret_len)
{
    const char *start = strstr(text, "://");
    const char *at, *colon;

    if (!start)
        return NULL;
    start += 3;
    at = memrchr(start, '@', strcspn(start, "/?#"));
    colon = at ? memchr(start, ':', (size_t)(at - start)) : NULL;
    if (!colon)
        return NULL;
    *ret_len = (size_t)(at - colon - 1);
    return colon + 1;
}

/* The value, or stars where it is secret. */
static void add_shown(const SettingSpec *spec, const Settings *settings, StrBuf *out)
{
    AUTO_STRBUF StrBuf value = { 0 };
    const char *text, *password;
    size_t len = 0;

    value_format(spec, settings, &value);
    text = strbuf_str(&value);
    password = find_password(text, &len);
    if (spec->flags & SETTING_SECRET) {
        strbuf_adds(out, *text ? "********" : "");
    } else if (password) {
        strbuf_add(out, text, (size_t)(password - text));
        strbuf_addf(out, "***%s", password + len);
    } else {
        strbuf_adds(out, text);
    }
}

static const char *source_name(const Settings *settings, size_t index)
{
    return source_names[settings->source[index]];
}

static void put_value(JsonWriter *w, size_t index, const Settings *settings)
{
    const SettingSpec *spec = &setting_specs[index];
    const void *at = (const char *)settings + spec->offset;
    AUTO_STRBUF StrBuf shown = { 0 };

    json_write_key(w, "value");
    switch (spec->type) {
    case SETTING_TYPE_INT:
    case SETTING_TYPE_BYTES:
        json_write_int(w, *(const int64_t *)at);
        break;
    case SETTING_TYPE_DECIMAL:
        json_write_decimal(w, *(const double *)at);
        break;
    case SETTING_TYPE_BOOL:
        json_write_bool(w, *(const bool *)at);
        break;
    case SETTING_TYPE_TEXT:
    case SETTING_TYPE_CHOICE:
    case SETTING_TYPE_CIDR:
        add_shown(spec, settings, &shown);
        json_write_string(w, strbuf_str(&shown));
        break;
    }
}

static void print_json(const Settings *settings, StrBuf *out)
{
    JsonWriter w = { .out = out };

    json_write_object(&w);
    json_write_key(&w, "settings");
    json_write_array(&w);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const SettingSpec *spec = &setting_specs[i];

        json_write_object(&w);
        json_put_string(&w, "name", spec->env);
        put_value(&w, i, settings);
        json_put_string(&w, "source", source_name(settings, i));
        json_put_string(&w, "default", spec->fallback);
        json_put_bool(&w, "secret", (spec->flags & SETTING_SECRET) != 0);
        json_put_bool(&w, "runtime", (spec->flags & SETTING_RUNTIME) != 0);
        json_write_end_object(&w);
    }
    json_write_end_array(&w);
    json_write_end_object(&w);
    strbuf_addc(out, '\n');
}

static const char *dash(const char *text)
{
    return *text ? text : "-";
}

static void print_text(const Settings *settings, StrBuf *out)
{
    strbuf_addf(out, "%-27s %-32s %-12s %s\n", "NAME", "VALUE", "SOURCE", "DEFAULT");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        AUTO_STRBUF StrBuf value = { 0 };

        add_shown(&setting_specs[i], settings, &value);
        strbuf_addf(out, "%-27s %-32s %-12s %s\n", setting_specs[i].env, dash(strbuf_str(&value)),
                    source_name(settings, i), dash(setting_specs[i].fallback));
    }
}

void settings_print(const Settings *settings, bool json, StrBuf *out)
{
    if (json)
        print_json(settings, out);
    else
        print_text(settings, out);
}

/* "1 to 50 per minute", "384m"-like sizes, "ctfd or none", "folder". */
static void add_allowed(const SettingSpec *spec, StrBuf *out)
{
    size_t before = out->len;
    bool unit_is_known = spec->type == SETTING_TYPE_CHOICE || spec->type == SETTING_TYPE_BYTES;

    value_range(spec, out);
    if (unit_is_known || !*spec->unit)
        return;
    strbuf_adds(out, out->len > before ? " " : "");
    strbuf_adds(out, spec->unit);
}

void settings_print_help(StrBuf *out)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const SettingSpec *spec = &setting_specs[i];
        AUTO_STRBUF StrBuf allowed = { 0 };

        if (title_at(i))
            strbuf_addf(out, "%s%s\n", i ? "\n" : "", title_at(i));
        add_allowed(spec, &allowed);
        strbuf_addf(out, "  %-27s %s\n", spec->env, spec->doc);
        strbuf_addf(out, "  %-27s ", "");
        if (allowed.len)
            strbuf_addf(out, "%s; ", strbuf_str(&allowed));
        strbuf_addf(out, "default: %s\n", *spec->fallback ? spec->fallback : "empty");
    }
}

/* A cell of a markdown table: `|` would end it. */
static void add_cell(const char *text, StrBuf *out)
{
    for (; *text; text++) {
        if (*text == '|' || *text == '*' || *text == '_' || *text == '<')
            strbuf_addc(out, '\\');
        strbuf_addc(out, *text);
    }
}

static void print_markdown_row(const SettingSpec *spec, StrBuf *out)
{
    AUTO_STRBUF StrBuf allowed = { 0 };

    add_allowed(spec, &allowed);
    strbuf_addf(out, "| `%s` | ", spec->env);
    if (*spec->fallback)
        strbuf_addf(out, "`%s`", spec->fallback);
    strbuf_adds(out, " | ");
    add_cell(strbuf_str(&allowed), out);
    strbuf_adds(out, " | ");
    add_cell(spec->doc, out);
    if (spec->flags & SETTING_SECRET)
        strbuf_adds(out, " Secret: never printed.");
    strbuf_adds(out, " |\n");
}

void settings_print_markdown(StrBuf *out)
{
    strbuf_adds(out, "<!-- Printed by `whaley config --markdown` from src/settings/settings.def; "
                     "do not edit. -->\n\n# Configuration\n\n"
                     "Every setting is an environment variable. What the environment lacks is "
                     "taken from a `.env`\nfile in the working directory, and otherwise from the "
                     "default below. Names may be in any case.\n\n"
                     "`whaley config` shows the values in effect and where each came from; it "
                     "names every mistake at\nonce. Sizes may be written as `512m` or `1.5g`; "
                     "true and false also as yes/no, on/off, 1/0.\n");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (title_at(i))
            strbuf_addf(out,
                        "\n## %s\n\n| name | default | allowed | meaning |\n"
                        "|---|---|---|---|\n",
                        title_at(i));
        print_markdown_row(&setting_specs[i], out);
    }
}

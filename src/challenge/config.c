#include "challenge/config.h"
#include "base/alloc.h"
#include "base/str.h"
#include "model/ids.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Field {
    const char *name;
    TomlKind kind;
    void (*set)(ConfigReader *r, ConfigItem item);
    const char *example; /* a right value, as it stands in TOML */
} Field;

/* --- saying what is wrong ------------------------------------------------------------------- */

static DiagAt at(const ConfigReader *r, ConfigItem item)
{
    return (DiagAt){
        .file = r->challenge->config_file,
        .line = item.value->line,
        .column = item.value->column,
        .field = item.field,
    };
}

static void say(ConfigReader *r, DiagSeverity severity, DiagAt where, const char *code,
                const char *hint, const char *text)
{
    diag_add(&r->challenge->diags, severity, where, code, hint, "%s", text);
}

void config_error(ConfigReader *r, ConfigItem item, const char *code, const char *hint,
                  const char *fmt, ...)
{
    AUTO_FREE char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = xvasprintf(fmt, args);
    va_end(args);
    say(r, DIAG_ERROR, at(r, item), code, hint, text);
}

void config_warning(ConfigReader *r, ConfigItem item, const char *code, const char *hint,
                    const char *fmt, ...)
{
    AUTO_FREE char *text = NULL;
    va_list args;

    va_start(args, fmt);
    text = xvasprintf(fmt, args);
    va_end(args);
    say(r, DIAG_WARNING, at(r, item), code, hint, text);
}

/* "write timeout = 3600", in the language of the file. */
static const char *example_hint(ConfigReader *r, const char *field, const char *example)
{
    const char *dot = strrchr(field, '.');
    bool is_toml = str_ends(r->challenge->config_file, ".toml");

    return arena_printf(r->arena, "write %s%s %s", dot ? dot + 1 : field, is_toml ? " =" : ":",
                        example);
}

bool config_is(ConfigReader *r, ConfigItem item, TomlKind kind, const char *example)
{
    if (item.value->kind == kind)
        return true;
    config_error(r, item, "wrong-type", example_hint(r, item.field, example),
                 "must be of type %s, not %s", toml_kind_name(kind),
                 toml_kind_name(item.value->kind));
    return false;
}

const char *config_text(ConfigReader *r, ConfigItem item, size_t max)
{
    const TomlValue *v = item.value;

    if (!config_is(r, item, TOML_STRING, "\"...\""))
        return NULL;
    if (v->text_len == 0 || v->text_len > max) {
        config_error(r, item, "wrong-length", NULL, "must have 1 to %zu bytes", max);
        return NULL;
    }
    for (size_t i = 0; i < v->text_len; i++) {
        unsigned char c = (unsigned char)v->text[i];
        if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f) {
            config_error(r, item, "control-character", "remove it",
                         "holds the control character 0x%02x", c);
            return NULL;
        }
    }
    return v->text;
}

void config_unknown_key(ConfigReader *r, const char *field, const TomlEntry *entry,
                        const char *const *names, size_t n_names)
{
    const char *nearest = str_nearest(entry->key, names, n_names);
    DiagAt where = { r->challenge->config_file, entry->line, entry->column, field };

    say(r, DIAG_WARNING, where, "unknown-key",
        nearest ? arena_printf(r->arena, "did you mean '%s'?", nearest) : NULL,
        "no such key; it has no effect");
}

/* --- the fields ----------------------------------------------------------------------------- */

static void replace(char **text, const char *with)
{
    free(*text);
    *text = xstrdup(with);
}

static void set_id(ConfigReader *r, ConfigItem item)
{
    const char *id = config_text(r, item, CHALLENGE_ID_MAX);

    if (!id)
        return;
    if (!ids_is_challenge(id)) {
        config_error(r, item, "bad-id",
                     "use letters, digits, '-', '_' and '.', starting with a letter or digit",
                     "'%s' cannot be the id of a challenge", id);
        return;
    }
    replace(&r->challenge->id, id);
}

static void set_name(ConfigReader *r, ConfigItem item)
{
    const char *name = config_text(r, item, CONFIG_NAME_MAX);

    if (name)
        replace(&r->challenge->name, name);
}

static void set_description(ConfigReader *r, ConfigItem item)
{
    const char *text = NULL;

    if (item.value->kind == TOML_STRING && item.value->text_len == 0)
        return;
    text = config_text(r, item, CONFIG_DESCRIPTION_MAX);
    if (text)
        replace(&r->challenge->description, text);
}

static void set_category(ConfigReader *r, ConfigItem item)
{
    static const char *const known[] = { "web", "pwn", "rev", "crypto", "misc", "forensics" };
    const char *text = config_text(r, item, CONFIG_NAME_MAX);
    char *lower, *nearest_hint = NULL;
    const char *nearest;

    if (!text)
        return;
    lower = arena_strdup(r->arena, text);
    for (char *p = lower; *p; p++)
        *p = (char)tolower((unsigned char)*p);
    if (str_in(lower, known, ARRAY_LEN(known))) {
        replace(&r->challenge->category, lower);
        return;
    }
    nearest = str_nearest(lower, known, ARRAY_LEN(known));
    if (nearest)
        nearest_hint = arena_printf(r->arena, "did you mean '%s'?", nearest);
    config_warning(r, item, "unknown-category",
                   nearest ? nearest_hint : "use web, pwn, rev, crypto, forensics or misc",
                   "'%s' is no known category; taken as misc", text);
}

static bool in_range(ConfigReader *r, ConfigItem item, int64_t min, int64_t max, const char *hint)
{
    if (item.value->integer >= min && item.value->integer <= max)
        return true;
    config_error(r, item, "out-of-range", hint, "%lld is not between %lld and %lld seconds",
                 (long long)item.value->integer, (long long)min, (long long)max);
    return false;
}

static void set_timeout(ConfigReader *r, ConfigItem item)
{
    if (in_range(r, item, CONFIG_TIMEOUT_MIN_S, CONFIG_TIMEOUT_MAX_S,
                 "remove the key to use the instancer's own timeout"))
        r->challenge->timeout_s = item.value->integer;
}

static void set_extend_time(ConfigReader *r, ConfigItem item)
{
    if (in_range(r, item, 0, CONFIG_TIMEOUT_MAX_S, "0 means that it cannot be extended"))
        r->challenge->extend_time_s = item.value->integer;
}

static void set_disable_dynamic_flags(ConfigReader *r, ConfigItem item)
{
    r->challenge->disable_dynamic_flags = item.value->boolean;
}

static void set_egress(ConfigReader *r, ConfigItem item)
{
    r->challenge->egress = item.value->boolean;
}

static void set_allow_setuid(ConfigReader *r, ConfigItem item)
{
    r->challenge->allow_setuid = item.value->boolean;
}

static void set_profiles(ConfigReader *r, ConfigItem item)
{
    Challenge *c = r->challenge;

    if (item.value->n > CONFIG_PROFILES_MAX) {
        config_error(r, item, "too-many", NULL, "more than %d profiles", CONFIG_PROFILES_MAX);
        return;
    }
    c->profiles = xcalloc(item.value->n + 1, sizeof(char *));
    for (size_t i = 0; i < item.value->n; i++) {
        ConfigItem one = { arena_printf(r->arena, "%s[%zu]", item.field, i), item.value->items[i] };
        const char *name = config_text(r, one, CONFIG_NAME_MAX);
        if (name)
            c->profiles[c->n_profiles++] = xstrdup(name);
    }
}

static void set_flag_delivery(ConfigReader *r, ConfigItem item)
{
    if (!flag_delivery_parse(item.value->text, &r->challenge->flag_delivery))
        config_error(r, item, "bad-value",
                     "write one of \"auto\", \"env\", \"copy\", \"commit\", "
                     "\"build\"",
                     "'%.100s' is no flag delivery", item.value->text);
}

static void set_ready(ConfigReader *r, ConfigItem item)
{
    if (str_eq(item.value->text, "listening"))
        r->challenge->ready = CHALLENGE_READY_LISTENING;
    else if (str_eq(item.value->text, "started"))
        r->challenge->ready = CHALLENGE_READY_STARTED;
    else
        config_error(r, item, "bad-value", "write \"listening\" or \"started\"",
                     "'%s' is neither \"listening\" nor \"started\"", item.value->text);
}

/* clang-format off */
static const Field fields[] = {
    /* name                     kind          reader                     a right value */
    { "allow",                  TOML_TABLE,   config_read_allow,         "{capabilities = [...]}" },
    { "allow_setuid",           TOML_BOOL,    set_allow_setuid,          "true" },
    { "category",               TOML_STRING,  set_category,              "\"web\"" },
    { "description",            TOML_STRING,  set_description,           "\"...\"" },
    { "disable_dynamic_flags",  TOML_BOOL,    set_disable_dynamic_flags, "true" },
    { "egress",                 TOML_BOOL,    set_egress,                "true" },
    { "extend_time",            TOML_INTEGER, set_extend_time,           "1800" },
    { "flag_delivery",          TOML_STRING,  set_flag_delivery,         "\"auto\"" },
    { "id",                     TOML_STRING,  set_id,                    "\"web-1\"" },
    { "name",                   TOML_STRING,  set_name,                  "\"A name\"" },
    { "ports",                  TOML_ARRAY,   config_read_ports,         "[80]" },
    { "profiles",               TOML_ARRAY,   set_profiles,              "[\"bot\"]" },
    { "ready",                  TOML_STRING,  set_ready,                 "\"listening\"" },
    { "timeout",                TOML_INTEGER, set_timeout,               "3600" },
};
/* clang-format on */

/* Part of the format, but without effect so far. */
static const char *const later_names[] = { "max_cpu", "max_memory" };

static const char *const table_names[] = { "challenge", "instance" };

static const Field *find_field(const TomlEntry *entry)
{
    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        if (strlen(entry->key) == entry->key_len && str_eq(fields[i].name, entry->key))
            return &fields[i];
    return NULL;
}

static void unknown_field(ConfigReader *r, const char *name, const TomlEntry *entry)
{
    const char *names[ARRAY_LEN(fields)];

    for (size_t i = 0; i < ARRAY_LEN(fields); i++)
        names[i] = fields[i].name;
    config_unknown_key(r, name, entry, names, ARRAY_LEN(names));
}

/* The two ways a key may stand twice: at the top and in a table, or in both tables. */
static bool set_before(const TomlValue *root, const TomlValue *table, const TomlEntry *entry)
{
    if (table == root)
        return false;
    if (toml_find(root, entry->key))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(table_names); i++) {
        const TomlEntry *other = toml_find(root, table_names[i]);
        if (other && other->value == table)
            return false;
        if (other && other->value->kind == TOML_TABLE && toml_find(other->value, entry->key))
            return true;
    }
    return false;
}

static void read_fields(ConfigReader *r, const TomlValue *root, const TomlValue *table,
                        const char *prefix)
{
    for (size_t i = 0; i < table->n; i++) {
        const TomlEntry *entry = &table->entries[i];
        const Field *field = find_field(entry);
        ConfigItem item = { arena_printf(r->arena, "%s%s", prefix, entry->key), entry->value };

        if (table == root && entry->value->kind == TOML_TABLE &&
            str_in(entry->key, table_names, ARRAY_LEN(table_names)))
            read_fields(r, root, entry->value, arena_printf(r->arena, "%s.", entry->key));
        else if (str_in(entry->key, later_names, ARRAY_LEN(later_names)))
            config_warning(r, item, "not-supported-yet", NULL, "has no effect so far");
        else if (!field)
            unknown_field(r, item.field, entry);
        else if (set_before(root, table, entry))
            config_error(r, item, "set-twice", "remove one of them",
                         "stands in more than one place of the file");
        else if (config_is(r, item, field->kind, field->example))
            field->set(r, item);
        else if (field->set == config_read_ports)
            r->ports.damaged = true;
    }
}

/* --- the file ------------------------------------------------------------------------------- */

static void syntax_error(Challenge *challenge, int line, int column, const Error *err)
{
    DiagAt where = { .file = challenge->config_file, .line = line, .column = column };

    diag_add(&challenge->diags, DIAG_ERROR, where, "syntax", NULL, "%s", err->detail);
}

static const TomlValue *parse(Challenge *challenge, Arena *arena, const char *text, size_t len)
{
    const TomlValue *root = NULL;
    YamlNode *node = NULL;
    TomlPos pos = { 0 };
    YamlPos yaml_pos = { 0 };
    Error err = { 0 };

    if (str_ends(challenge->config_file, ".toml")) {
        if (toml_parse(arena, text, len, &root, &pos, &err) < 0)
            syntax_error(challenge, pos.line, pos.column, &err);
        return root;
    }
    if (yaml_read(arena, text, len, &node, &yaml_pos, &err) < 0) {
        syntax_error(challenge, yaml_pos.line, yaml_pos.column, &err);
        return NULL;
    }
    if (node && node->kind != YAML_MAP) {
        (void)error_set(&err, E_SYNTAX, "the file must be a mapping of keys to values");
        syntax_error(challenge, node->line, node->column, &err);
        return NULL;
    }
    return node ? config_from_yaml(arena, node) : NULL;
}

void config_load(Challenge *challenge, Arena *arena, const char *text, size_t len,
                 ConfigPorts *ret_ports)
{
    ConfigReader r = { .challenge = challenge, .arena = arena };
    const TomlValue *root = parse(challenge, arena, text, len);

    if (root)
        read_fields(&r, root, root, "");
    *ret_ports = r.ports;
}

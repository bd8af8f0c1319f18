/* The `ports` field: numbers, tables, or both in one list. */
#include "base/str.h"
#include "challenge/config.h"

#include <string.h>

typedef struct PortField {
    const char *name;
    TomlKind kind;
    void (*set)(ConfigReader *r, ConfigItem item, ConfigPort *port);
    const char *example;
} PortField;

static void set_port(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    int64_t n = item.value->integer;

    if (n < 1 || n > 65535) {
        config_error(r, item, "out-of-range",
                     "use the port that the service listens on inside its container",
                     "%lld is not a port between 1 and 65535", (long long)n);
        return;
    }
    for (size_t i = 0; i < r->ports.n; i++)
        if (r->ports.items[i].port == n) {
            config_error(r, item, "port-twice", "list each port once",
                         "port %lld is listed already, on line %d", (long long)n,
                         r->ports.items[i].line);
            return;
        }
    port->port = (uint16_t)n;
}

static void set_protocol(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    static const ChallengeProtocol all[] = { CHALLENGE_HTTP, CHALLENGE_TCP, CHALLENGE_TLS,
                                             CHALLENGE_SSH, CHALLENGE_RAW };

    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        if (str_eq(item.value->text, challenge_protocol_name(all[i]))) {
            port->protocol = all[i];
            port->has_protocol = true;
            return;
        }
    }
    config_error(r, item, "bad-value", "write \"http\", \"tcp\", \"tls\", \"ssh\" or \"raw\"",
                 "'%s' is no known protocol", item.value->text);
}

static void set_label(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    port->label = config_text(r, item, CONFIG_NAME_MAX);
}

static void set_service(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    port->service = config_text(r, item, CONFIG_NAME_MAX);
}

/* `tls = true` is the short form of protocol = "tls"; beside another protocol it changes nothing.
 */
static void set_tls(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    (void)r;
    if (!item.value->boolean || port->has_protocol)
        return;
    port->protocol = CHALLENGE_TLS;
    port->has_protocol = true;
}

static void set_nothing(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    (void)port;
    config_warning(r, item, "not-supported-yet", NULL, "has no effect so far");
}

/* In the order in which they are read: `protocol` before `tls`. */
/* clang-format off */
static const PortField port_fields[] = {
    /* name         kind          reader        a right value */
    { "port",       TOML_INTEGER, set_port,     "80" },
    { "protocol",   TOML_STRING,  set_protocol, "\"tcp\"" },
    { "tls",        TOML_BOOL,    set_tls,      "true" },
    { "label",      TOML_STRING,  set_label,    "\"Web page\"" },
    { "service",    TOML_STRING,  set_service,  "\"web\"" },
    { "entrypoint", TOML_STRING,  set_nothing,  "\"ssh\"" },
    { "path",       TOML_STRING,  set_nothing,  "\"/\"" },
};
/* clang-format on */

static void report_unknown(ConfigReader *r, ConfigItem item)
{
    const char *names[ARRAY_LEN(port_fields)];

    for (size_t i = 0; i < ARRAY_LEN(port_fields); i++)
        names[i] = port_fields[i].name;
    for (size_t i = 0; i < item.value->n; i++) {
        const TomlEntry *entry = &item.value->entries[i];
        if (!str_in(entry->key, names, ARRAY_LEN(names)))
            config_unknown_key(r, arena_printf(r->arena, "%s.%s", item.field, entry->key), entry,
                               names, ARRAY_LEN(names));
    }
}

static void read_port_table(ConfigReader *r, ConfigItem item, ConfigPort *port)
{
    for (size_t i = 0; i < ARRAY_LEN(port_fields); i++) {
        const PortField *field = &port_fields[i];
        const TomlEntry *entry = toml_find(item.value, field->name);
        ConfigItem part;
        if (!entry)
            continue;
        part.field = arena_printf(r->arena, "%s.%s", item.field, field->name);
        part.value = entry->value;
        if (config_is(r, part, field->kind, field->example))
            field->set(r, part, port);
    }
    report_unknown(r, item);
    if (!toml_find(item.value, "port"))
        config_error(r, item, "missing-key", "add port = 80", "the table has no port");
}

void config_read_ports(ConfigReader *r, ConfigItem item)
{
    const TomlValue *list = item.value;

    r->ports.given = true;
    r->ports.damaged = list->n > CONFIG_PORTS_MAX;
    if (list->n > CONFIG_PORTS_MAX) {
        config_error(r, item, "too-many-ports", NULL, "%zu ports; %d are the most", list->n,
                     CONFIG_PORTS_MAX);
        return;
    }
    r->ports.items = arena_alloc(r->arena, list->n * sizeof *r->ports.items);
    for (size_t i = 0; i < list->n; i++) {
        ConfigItem one = { arena_printf(r->arena, "%s[%zu]", item.field, i), list->items[i] };
        ConfigPort port = {
            .line = one.value->line,
            .column = one.value->column,
            .field = one.field,
        };
        if (one.value->kind == TOML_TABLE)
            read_port_table(r, one, &port);
        else if (config_is(r, one, TOML_INTEGER, "[80]"))
            set_port(r, one, &port);
        if (port.port != 0)
            r->ports.items[r->ports.n++] = port;
        else
            r->ports.damaged = true;
    }
}

/* [allow]: privileges of one challenge that its compose file alone cannot have. */
#include "base/alloc.h"
#include "base/str.h"
#include "challenge/config.h"
#include "compose/load.h"

static const char *const names[] = { "capabilities", "devices" };

static void refuse(ConfigReader *r, ConfigItem item, const char *text, bool device)
{
    config_error(r, item, "not-grantable",
                 device ? "use /dev/net/tun, /dev/kvm or /dev/fuse"
                        : "use a name like SYS_PTRACE or NET_ADMIN",
                 "'%.100s' cannot be granted", text);
}

/* SYS_PTRACE, whichever way it is written; in the reader's arena. */
static const char *capability(ConfigReader *r, const char *text)
{
    char *name = arena_strdup(r->arena, text);

    for (char *p = name; *p; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    return str_starts(name, "CAP_") ? name + 4 : name;
}

static void read_list(ConfigReader *r, ConfigItem item, bool device)
{
    char ***list = device ? &r->challenge->allow_devices : &r->challenge->allow_capabilities;
    size_t *n = device ? &r->challenge->n_allow_devices : &r->challenge->n_allow_capabilities;

    if (!config_is(r, item, TOML_ARRAY, device ? "[\"/dev/net/tun\"]" : "[\"SYS_PTRACE\"]"))
        return;
    if (item.value->n > CONFIG_ALLOW_MAX) {
        config_error(r, item, "too-many", NULL, "more than %d", CONFIG_ALLOW_MAX);
        return;
    }
    *list = xcalloc(item.value->n + 1, sizeof(char *));
    for (size_t i = 0; i < item.value->n; i++) {
        ConfigItem one = { arena_printf(r->arena, "%s[%zu]", item.field, i), item.value->items[i] };
        const char *text = config_text(r, one, CONFIG_NAME_MAX);
        if (!text)
            continue;
        text = device ? text : capability(r, text);
        if (device ? compose_grantable_device(text) : compose_grantable_capability(text)) {
            (*list)[(*n)++] = xstrdup(text);
            config_warning(r, one, "granted", NULL, "grants %s to the containers that ask for it",
                           text);
        } else {
            refuse(r, one, text, device);
        }
    }
}

void config_read_allow(ConfigReader *r, ConfigItem item)
{
    for (size_t i = 0; i < item.value->n; i++) {
        const TomlEntry *entry = &item.value->entries[i];
        ConfigItem one = { arena_printf(r->arena, "%s.%s", item.field, entry->key), entry->value };
        if (str_eq(entry->key, names[0]) || str_eq(entry->key, names[1]))
            read_list(r, one, str_eq(entry->key, names[1]));
        else
            config_unknown_key(r, one.field, entry, names, ARRAY_LEN(names));
    }
}

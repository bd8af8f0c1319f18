/* Host devices: none, but for a few that an organiser may grant one challenge. */
#include "base/str.h"
#include "compose/keys.h"

#include <string.h>

static const char *const grantable[] = { "/dev/fuse", "/dev/kvm", "/dev/net/tun" };

bool compose_grantable_device(const char *path)
{
    return str_in(path, grantable, ARRAY_LEN(grantable));
}

static void add_device(Loader *l, const Field *f, PlanService *s, const char *source,
                       const char *target)
{
    const ComposeAllow *allow = &l->options->allow;

    if (strcmp(source, target) != 0)
        field_error(l, f, "bad-value", "leave the target out",
                    "a device keeps its path in the container");
    else if (!compose_grantable_device(source))
        field_error(l, f, "key-refused", NULL, "not supported: host devices are out of bounds");
    else if (!str_in(source, allow->devices, allow->n_devices))
        field_error(l, f, "key-refused",
                    "an organiser can grant it in instance.toml: [allow] devices = [...]",
                    "not supported: '%s' is a device of the host", source);
    else if (!str_in(source, s->devices.items, s->devices.n)) {
        field_note(l, f, "granted", NULL, "'%s' is granted by instance.toml", source);
        s->devices.items[s->devices.n++] = arena_strdup(l->arena, source);
    }
}

static void load_device(Loader *l, const Field *f, PlanService *s)
{
    const char *source = NULL, *target = NULL, *permissions = NULL;
    char *rest;

    if (f->node->kind == YAML_SCALAR) {
        const char *text = field_text(l, f);
        if (!text)
            return;
        rest = arena_strdup(l->scratch, text);
        source = strsep(&rest, ":");
        target = strsep(&rest, ":");
        permissions = rest;
    } else if (keys_check(l, f, KEY_DEVICE)) {
        field_get_text(l, f, "source", &source);
        field_get_text(l, f, "target", &target);
        field_get_text(l, f, "permissions", &permissions);
    }
    if (!source)
        return;
    if (permissions && strspn(permissions, "rwm") != strlen(permissions))
        field_error(l, f, "bad-value", "leave it out", "'%.20s' are no permissions", permissions);
    else
        add_device(l, f, s, source, target ? target : source);
}

void load_devices(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (!field_get(service, "devices", &f) || !field_want(l, &f, YAML_LIST))
        return;
    s->devices.items = arena_alloc(l->arena, (ARRAY_LEN(grantable) + 1) * sizeof(char *));
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = field_item(&f, i);
        load_device(l, &item, s);
    }
}

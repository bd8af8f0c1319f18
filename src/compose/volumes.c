#include "base/str.h"
#include "base/strbuf.h"
#include "compose/keys.h"

#include <string.h>

enum { MIB = 1 << 20 };
static const int64_t tmpfs_default = 64 * MIB, tmpfs_max = 256 * MIB;

/* ---- the top level ---- */

void check_volumes(Loader *l)
{
    Field all, driver;

    if (!field_get(l->root, "volumes", &all) || !field_want(l, &all, YAML_MAP))
        return;
    for (size_t i = 0; i < all.node->n; i++) {
        Field f = field_pair(&all, i);
        const char *text;
        if (!text_is_name(f.key))
            field_key_diag(l, DIAG_ERROR, &f, "bad-name", NULL,
                           "'%.100s' is not a name for a volume", f.key);
        if (field_is_null(&f) || !keys_check(l, &f, KEY_VOLUME) ||
            !field_get(&f, "driver", &driver))
            continue;
        text = field_text(l, &driver);
        if (text && strcmp(text, "local") != 0 && strcmp(text, "default") != 0)
            field_error(l, &driver, "volume-driver", "leave it out",
                        "the driver '%.100s' is not supported", text);
    }
}

static bool volume_declared(Loader *l, const char *key)
{
    Field all;

    return field_get(l->root, "volumes", &all) && yaml_get(all.node, key) != NULL;
}

void use_volume(Loader *l, const char *key)
{
    Plan *plan = l->plan;

    for (size_t i = 0; i < plan->n_volumes; i++)
        if (strcmp(plan->volumes[i].key, key) == 0)
            return;
    if (plan->n_volumes < COMPOSE_VOLUMES_MAX)
        plan->volumes[plan->n_volumes++] = (PlanVolume){ .key = arena_strdup(l->arena, key) };
    else
        field_error(l, l->root, "too-many", NULL, "more than %d volumes are used",
                    COMPOSE_VOLUMES_MAX);
}

/* ---- mounts ---- */

bool path_is_below(const char *path, const char *folder)
{
    size_t n = strlen(folder);

    return strncmp(path, folder, n) == 0 && (path[n] == '\0' || path[n] == '/');
}

const char *mount_target(Loader *l, const Field *f, const char *text)
{
    AUTO_STRBUF StrBuf b = { 0 };
    const char *reason = text[0] != '/' ? "it is not absolute" : NULL;

    if (strlen(text) > 1024)
        reason = "it is too long";
    for (const char *p = text; *p && !reason;) {
        size_t n = strcspn(p, "/");
        if (n == 2 && memcmp(p, "..", 2) == 0)
            reason = "'..' is not allowed";
        if (n > 0 && !(n == 1 && *p == '.')) {
            strbuf_addc(&b, '/');
            strbuf_add(&b, p, n);
        }
        p += n + (p[n] == '/');
    }
    if (!reason && b.len == 0)
        reason = "nothing can be mounted over the root";
    if (!reason &&
        (path_is_below(strbuf_str(&b), "/proc") || path_is_below(strbuf_str(&b), "/sys")))
        reason = "the kernel's file systems are out of bounds";
    if (!reason && strcmp(strbuf_str(&b), "/dev") == 0)
        reason = "every container needs its own devices there";
    if (!reason)
        return arena_strdup(l->arena, strbuf_str(&b));
    field_error(l, f, "bad-target", NULL, "'%.200s' cannot be mounted at: %s", text, reason);
    return NULL;
}

static void add_mount(Loader *l, const Field *f, PlanService *s, PlanMount mount)
{
    for (size_t i = 0; i < s->n_mounts; i++) {
        if (strcmp(s->mounts[i].target, mount.target) == 0) {
            field_error(l, f, "duplicate", NULL, "something is mounted at '%.200s' already",
                        mount.target);
            return;
        }
    }
    if (s->n_mounts == COMPOSE_MOUNTS_MAX) {
        field_error(l, f, "too-many", NULL, "more than %d mounts", COMPOSE_MOUNTS_MAX);
        return;
    }
    if (!s->mounts)
        s->mounts = arena_alloc(l->arena, COMPOSE_MOUNTS_MAX * sizeof *s->mounts);
    l->mount_fields[s->n_mounts] = *f;
    s->mounts[s->n_mounts++] = mount;
}

static bool is_engine_socket(const char *source)
{
    static const char *const names[] = { "docker.sock", "containerd.sock", "podman.sock",
                                         "crio.sock" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (str_ends(source, names[i]))
            return true;
    return false;
}

/* A bind of challenge files: the path inside the folder, or NULL when reported. */
static const char *bind_source(Loader *l, const Field *f, const char *source)
{
    static const char *const hint = "use a path inside the challenge folder, like ./data";
    const char *path;

    if (is_engine_socket(source)) {
        field_error(l, f, "engine-socket", NULL,
                    "the container engine's socket gives away the host");
        return NULL;
    }
    if (source[0] == '/' || source[0] == '~' || strchr(source, '\\')) {
        field_error(l, f, "bind-host-path", hint, "'%.200s' is a path of the host", source);
        return NULL;
    }
    path = path_inside(l, f, source);
    return path && path_exists(l, f, path, PATH_EITHER, "bind-missing") ? path : NULL;
}

static void add_bind(Loader *l, const Field *f, PlanService *s, const char *source, PlanMount mount)
{
    mount.kind = PLAN_MOUNT_COPY;
    mount.source = bind_source(l, f, source);
    if (mount.source)
        add_mount(l, f, s, mount);
    if (s->read_only)
        field_error(l, f, "bind-read-only", "COPY the files in the Dockerfile, or drop read_only",
                    "files cannot be put into a container with 'read_only: true' (yet)");
}

static void add_named(Loader *l, const Field *f, PlanService *s, const char *name, PlanMount mount)
{
    if (!text_is_name(name)) {
        field_error(l, f, "bad-name", "a path must start with ./ , a volume's name has no slash",
                    "'%.200s' is not a volume's name", name);
        return;
    }
    if (!volume_declared(l, name)) {
        field_error(l, f, "volume-undefined", "declare it under the top-level 'volumes'",
                    "there is no volume '%.100s'", name);
        return;
    }
    use_volume(l, name);
    mount.kind = PLAN_MOUNT_VOLUME;
    mount.source = arena_strdup(l->arena, name);
    add_mount(l, f, s, mount);
}

/* ---- the short form: [source:]target[:options] ---- */

static bool read_option(Loader *l, const Field *f, const char *option, PlanMount *mount)
{
    static const char *const without_effect[] = { "z", "Z", "cached", "delegated", "consistent" };

    if (strcmp(option, "nocopy") == 0)
        mount->no_copy = true;
    else if (strcmp(option, "ro") == 0)
        mount->read_only = true;
    else if (strcmp(option, "rw") == 0)
        mount->read_only = false;
    else if (str_in(option, without_effect, ARRAY_LEN(without_effect)))
        field_note(l, f, "option-ignored", NULL, "the option '%s' has no effect here", option);
    else {
        field_error(l, f, "bad-option", "use ro or rw", "the option '%.50s' is not supported",
                    option);
        return false;
    }
    return true;
}

static bool read_options(Loader *l, const Field *f, char *options, PlanMount *mount)
{
    char *rest = options, *option;

    while ((option = strsep(&rest, ",")))
        if (!read_option(l, f, option, mount))
            return false;
    return true;
}

static void load_short(Loader *l, const Field *f, PlanService *s)
{
    const char *text = field_text(l, f);
    PlanMount mount = { .kind = PLAN_MOUNT_ANONYMOUS };
    char *parts[4], *rest;
    size_t n = 0;

    if (!text)
        return;
    rest = arena_strdup(l->scratch, text);
    while (rest && n < ARRAY_LEN(parts))
        parts[n++] = strsep(&rest, ":");
    if (strchr(text, '\\')) {
        (void)bind_source(l, f, text);
        return;
    }
    if (n > 3 || (n > 1 && !*parts[0])) {
        field_error(l, f, "bad-volume", "write ./source:/target or volume:/target",
                    "'%.200s' is not a volume", text);
        return;
    }
    if (n == 3 && !read_options(l, f, parts[2], &mount))
        return;
    mount.target = mount_target(l, f, parts[n > 1]);
    if (!mount.target)
        return;
    if (n == 1)
        add_mount(l, f, s, mount);
    else if (strchr("./~", parts[0][0]) || is_engine_socket(parts[0]))
        add_bind(l, f, s, parts[0], mount);
    else
        add_named(l, f, s, parts[0], mount);
}

/* ---- tmpfs ---- */

static int64_t cap_tmpfs(Loader *l, const Field *f, int64_t bytes)
{
    if (bytes > 0 && bytes <= tmpfs_max)
        return bytes;
    field_warn(l, f, "capped", NULL, "%lld bytes in memory become %lld", (long long)bytes,
               (long long)tmpfs_max);
    return tmpfs_max;
}

/* An octal mode, or a number, that the engine's tmpfs takes as it is. */
static bool is_tmpfs_number(const char *option)
{
    static const char *const names[] = { "mode=", "uid=", "gid=" };

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = option + strlen(names[i]);
        if (str_starts(option, names[i]))
            return *value && strlen(value) <= 10 &&
                   strspn(value, i == 0 ? "01234567" : "0123456789") == strlen(value);
    }
    return false;
}

static void add_tmpfs_option(Loader *l, PlanMount *mount, const char *option)
{
    mount->tmpfs_options = mount->tmpfs_options
                               ? arena_printf(l->arena, "%s,%s", mount->tmpfs_options, option)
                               : arena_strdup(l->arena, option);
}

static void read_tmpfs_option(Loader *l, const Field *f, const char *option, PlanMount *mount)
{
    static const char *const plain[] = { "exec", "noexec", "ro" };
    static const char *const given[] = { "rw", "nosuid", "nodev", "noatime" };
    int64_t bytes;

    if (str_starts(option, "size=")) {
        if (str_parse_bytes(option + 5, &bytes))
            mount->tmpfs_bytes = cap_tmpfs(l, f, bytes);
        else
            field_error(l, f, "not-a-size", "write a size like 64m", "'%.50s' is not a size",
                        option + 5);
    } else if (is_tmpfs_number(option) || str_in(option, plain, ARRAY_LEN(plain))) {
        add_tmpfs_option(l, mount, option);
    } else if (!str_in(option, given, ARRAY_LEN(given))) {
        field_error(l, f, "bad-option", "use size=, mode=, uid=, gid=, exec, noexec or ro",
                    "the option '%.50s' is not supported", option);
    }
}

static void load_tmpfs_text(Loader *l, const Field *f, PlanService *s)
{
    const char *text = field_text(l, f);
    PlanMount mount = { .kind = PLAN_MOUNT_TMPFS, .tmpfs_bytes = tmpfs_default };
    char *rest, *option;

    if (!text)
        return;
    rest = arena_strdup(l->scratch, text);
    mount.target = mount_target(l, f, strsep(&rest, ":"));
    while (mount.target && rest && (option = strsep(&rest, ",")))
        read_tmpfs_option(l, f, option, &mount);
    if (mount.target)
        add_mount(l, f, s, mount);
}

static void load_tmpfs(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    if (!field_get(service, "tmpfs", &f))
        return;
    if (f.node->kind == YAML_SCALAR) {
        load_tmpfs_text(l, &f, s);
        return;
    }
    if (!field_want(l, &f, YAML_LIST))
        return;
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = field_item(&f, i);
        load_tmpfs_text(l, &item, s);
    }
}

/* ---- the long form ---- */

/* `mode: 0755`, `"0755"`, `0o755`; octal all of them, as everybody means it. */
static void read_tmpfs_mode(Loader *l, const Field *f, PlanMount *mount)
{
    const char *text = field_text(l, f), *option;

    if (!text)
        return;
    option = arena_printf(l->scratch, "mode=%s", str_starts(text, "0o") ? text + 2 : text);
    if (is_tmpfs_number(option))
        add_tmpfs_option(l, mount, option);
    else
        field_error(l, f, "bad-value", "write a mode like 0755", "'%.50s' is not a mode", text);
}

static void load_long_tmpfs(Loader *l, const Field *f, PlanService *s, PlanMount mount)
{
    Field tmpfs, member;
    int64_t bytes;

    mount.kind = PLAN_MOUNT_TMPFS;
    mount.tmpfs_bytes = tmpfs_default;
    if (field_get(f, "tmpfs", &tmpfs) && tmpfs.node->kind == YAML_MAP) {
        if (field_get(&tmpfs, "size", &member) && field_bytes(l, &member, &bytes))
            mount.tmpfs_bytes = cap_tmpfs(l, &member, bytes);
        if (field_get(&tmpfs, "mode", &member))
            read_tmpfs_mode(l, &member, &mount);
    }
    if (mount.read_only)
        add_tmpfs_option(l, &mount, "ro");
    add_mount(l, f, s, mount);
}

static void check_sub(Loader *l, const Field *f, const char *key, KeyPlace place)
{
    Field sub;

    if (field_get(f, key, &sub))
        (void)keys_check(l, &sub, place);
}

static void add_typed(Loader *l, const Field *f, PlanService *s, const char *type,
                      const char *source, PlanMount mount)
{
    if (strcmp(type, "tmpfs") == 0 && !source)
        load_long_tmpfs(l, f, s, mount);
    else if (strcmp(type, "volume") == 0 && source)
        add_named(l, f, s, source, mount);
    else if (strcmp(type, "volume") == 0)
        add_mount(l, f, s, mount);
    else if (strcmp(type, "bind") == 0 && source)
        add_bind(l, f, s, source, mount);
    else if (strcmp(type, "bind") == 0)
        field_error(l, f, "missing-key", NULL, "a bind needs a 'source'");
    else if (strcmp(type, "tmpfs") == 0)
        field_error(l, f, "conflict", "leave 'source' out", "a tmpfs has no source");
    else
        field_error(l, f, "bad-value", "use bind, volume or tmpfs",
                    "the type '%.50s' is not supported", type);
}

static void load_long(Loader *l, const Field *f, PlanService *s)
{
    PlanMount mount = { .kind = PLAN_MOUNT_ANONYMOUS };
    Field sub;
    const char *type = NULL, *source = NULL, *target = NULL;

    if (!keys_check(l, f, KEY_MOUNT))
        return;
    check_sub(l, f, "bind", KEY_MOUNT_BIND);
    check_sub(l, f, "volume", KEY_MOUNT_VOLUME);
    check_sub(l, f, "tmpfs", KEY_MOUNT_TMPFS);
    if (field_get(f, "volume", &sub) && sub.node->kind == YAML_MAP)
        field_get_bool(l, &sub, "nocopy", &mount.no_copy);
    field_get_text(l, f, "type", &type);
    field_get_text(l, f, "source", &source);
    field_get_text(l, f, "target", &target);
    field_get_bool(l, f, "read_only", &mount.read_only);
    if (!type || !target) {
        field_error(l, f, "missing-key", NULL, "needs a 'type' and a 'target'");
        return;
    }
    mount.target = mount_target(l, f, target);
    if (mount.target)
        add_typed(l, f, s, type, source, mount);
}

void load_mounts(Loader *l, const Field *service, PlanService *s)
{
    Field f;

    l->mount_fields = arena_alloc(l->scratch, COMPOSE_MOUNTS_MAX * sizeof *l->mount_fields);
    load_tmpfs(l, service, s);
    if (!field_get(service, "volumes", &f) || !field_want(l, &f, YAML_LIST))
        return;
    for (size_t i = 0; i < f.node->n; i++) {
        Field item = field_item(&f, i);
        if (item.node->kind == YAML_MAP)
            load_long(l, &item, s);
        else
            load_short(l, &item, s);
    }
    for (size_t i = 0; i < s->n_mounts; i++)
        if (s->mounts[i].kind == PLAN_MOUNT_COPY)
            (void)copy_is_visible(l, &l->mount_fields[i], s, s->mounts[i].target);
}

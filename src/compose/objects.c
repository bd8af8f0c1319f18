/* `secrets` and `configs`: small files that are put into a container before it starts. */
#include "base/str.h"
#include "compose/interpolate.h"
#include "compose/keys.h"

#include <string.h>

typedef struct Section {
    const char *key, *what;
    const char *folder; /* relative targets start there */
    KeyPlace place;
} Section;

static const Section sections[] = {
    { "secrets", "secret", "/run/secrets/", KEY_SECRET },
    { "configs", "config", "/", KEY_CONFIG },
};

/* ---- the top level ---- */

static void check_object(Loader *l, const Field *f, const Section *section)
{
    static const char *const sources[] = { "file", "environment", "content" };
    Field source;
    int n = 0;

    if (!text_is_name(f->key))
        field_key_diag(l, DIAG_ERROR, f, "bad-name", NULL, "'%.100s' is not a name for a %s",
                       f->key, section->what);
    if (!keys_check(l, f, section->place))
        return;
    for (size_t i = 0; i < ARRAY_LEN(sources); i++)
        n += field_get(f, sources[i], &source);
    if (n != 1 && !field_get(f, "external", &source))
        field_error(l, f, n ? "conflict" : "missing-key", NULL,
                    "needs one of 'file', 'content' and 'environment'");
}

void check_objects(Loader *l)
{
    Field all;

    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        if (!field_get(l->root, sections[i].key, &all) || !field_want(l, &all, YAML_MAP))
            continue;
        for (size_t k = 0; k < all.node->n; k++) {
            Field f = field_pair(&all, k);
            check_object(l, &f, &sections[i]);
        }
    }
}

/* ---- what a service gets ---- */

static bool read_source(Loader *l, const Field *object, PlanFile *file)
{
    Field f;
    const char *text;

    if (field_get(object, "file", &f)) {
        text = field_text(l, &f);
        file->source = text ? path_inside(l, &f, text) : NULL;
        return file->source && path_exists(l, &f, file->source, PATH_FILE, "file-missing");
    }
    if (field_get(object, "content", &f)) {
        text = field_template(l, &f);
    } else if (field_get(object, "environment", &f)) {
        Interpolation in = { .arena = l->scratch, .variables = field_origin(l, &f)->variables };
        const char *name = field_text(l, &f);
        text = name ? variable_value(&in, name) : NULL;
        if (name && !text)
            field_error(l, &f, "unset-variable", "give it a value in .env",
                        "the variable %.100s is not set; the server's environment is out of bounds",
                        name);
    } else {
        return false; /* reported at the top level */
    }
    file->content = text ? arena_strdup(l->arena, text) : NULL;
    return text != NULL;
}

/* Octal as everybody writes it: 0440, "0440", 0o440. A bare 440 is decimal, as for compose. */
static void read_mode(Loader *l, const Field *grant, uint32_t *ret)
{
    Field f;
    const char *text = field_get(grant, "mode", &f) ? field_text(l, &f) : NULL;
    const char *digits;
    uint32_t mode = 0;
    int64_t decimal;

    if (!text)
        return;
    if (text[0] != '0' && str_parse_i64(text, 0, 0777, &decimal)) {
        *ret = (uint32_t)decimal;
        field_warn(l, &f, "decimal-mode", "write 0440", "%s is decimal; it means 0%o", text, *ret);
        return;
    }
    digits = str_starts(text, "0o") ? text + 2 : text;
    for (const char *p = digits; *p >= '0' && *p <= '7' && mode <= 0777; p++)
        mode = mode * 8 + (uint32_t)(*p - '0');
    if (*digits && digits[strspn(digits, "01234567")] == '\0' && mode <= 0777)
        *ret = mode;
    else
        field_error(l, &f, "bad-value", "write a mode like 0440", "'%.50s' is not a mode", text);
}

static void read_owner(Loader *l, const Field *grant, const char *key, uint32_t *ret)
{
    Field f;
    int64_t id;

    if (field_get(grant, key, &f) && field_int(l, &f, 0, UINT32_MAX - 1, &id))
        *ret = (uint32_t)id;
}

static const char *read_target(Loader *l, const Field *grant, const Section *section,
                               const char *source)
{
    const char *target = source;
    Field f = *grant;

    if (grant->node->kind == YAML_MAP && field_get(grant, "target", &f))
        target = field_text(l, &f);
    if (!target)
        return NULL;
    if (target[0] != '/')
        target = arena_printf(l->scratch, "%s%s", section->folder, target);
    return mount_target(l, &f, target);
}

static bool is_visible(Loader *l, const Field *f, const PlanService *s, const char *target)
{
    for (size_t i = 0; i < s->n_files; i++) {
        const char *other = s->files[i].target;
        if (strcmp(other, target) == 0) {
            field_error(l, f, "duplicate", NULL, "there is a file at '%.200s' already", target);
            return false;
        }
        if (path_is_below(other, target) || path_is_below(target, other)) {
            field_error(l, f, "file-hidden", "choose another 'target'",
                        "'%.200s' and '%.200s' exclude each other: a file is no folder", target,
                        other);
            return false;
        }
    }
    if (!copy_is_visible(l, f, s, target))
        return false;
    if (s->read_only)
        field_error(l, f, "bind-read-only", "COPY the file in the Dockerfile, or drop read_only",
                    "files cannot be put into a container with 'read_only: true'");
    return !s->read_only;
}

static void load_grant(Loader *l, const Field *f, const Section *section, PlanService *s)
{
    PlanFile file = { .mode = 0444 };
    Field all, object, member;
    const char *source = NULL;

    if (f->node->kind == YAML_SCALAR)
        source = field_text(l, f);
    else if (keys_check(l, f, KEY_GRANT) && field_get(f, "source", &member))
        source = field_text(l, &member);
    else if (f->node->kind == YAML_MAP)
        field_error(l, f, "missing-key", NULL, "needs a 'source'");
    if (!source || !loader_has_room(l, f))
        return;
    if (!field_get(l->root, section->key, &all) || !field_get(&all, source, &object) ||
        object.node->kind != YAML_MAP) {
        field_error(l, f, "object-undefined", "declare it at the top level of the file",
                    "there is no %s '%.100s'", section->what, source);
        return;
    }
    file.target = read_target(l, f, section, source);
    if (f->node->kind == YAML_MAP) {
        read_mode(l, f, &file.mode);
        read_owner(l, f, "uid", &file.uid);
        read_owner(l, f, "gid", &file.gid);
    }
    if (file.target && read_source(l, &object, &file) && is_visible(l, f, s, file.target))
        s->files[s->n_files++] = file;
}

void load_files(Loader *l, const Field *service, PlanService *s)
{
    Field lists[ARRAY_LEN(sections)];
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        lists[i] = (Field){ 0 };
        if (field_get(service, sections[i].key, &lists[i]) && field_want(l, &lists[i], YAML_LIST))
            n += lists[i].node->n;
        else
            lists[i].node = NULL;
    }
    if (n > COMPOSE_MOUNTS_MAX) {
        field_key_diag(l, DIAG_ERROR, service, "too-many", NULL, "more than %d secrets and configs",
                       COMPOSE_MOUNTS_MAX);
        return;
    }
    s->files = arena_alloc(l->arena, (n + 1) * sizeof *s->files);
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        for (size_t k = 0; lists[i].node && k < lists[i].node->n; k++) {
            Field item = field_item(&lists[i], k);
            load_grant(l, &item, &sections[i], s);
        }
    }
}

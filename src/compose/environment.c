#include "base/alloc.h"
#include "base/str.h"
#include "compose/dotenv.h"
#include "compose/keys.h"

#include <string.h>

static void put_file(Loader *l, const Field *f, const char *path, const Dotenv *d, Pairs *ret)
{
    Interpolation in = { .arena = l->scratch, .variables = field_origin(l, f)->variables };

    for (size_t i = 0; i < d->n; i++) {
        const char *value = d->pairs[i].value;
        if (strchr(d->pairs[i].name, '='))
            continue;
        if (!value)
            value = variable_value(&in, d->pairs[i].name);
        if (value)
            pairs_put(l, ret,
                      (PlanPair){ .key = arena_strdup(l->arena, d->pairs[i].name),
                                  .value = arena_strdup(l->arena, value) },
                      f);
        else
            field_warn(l, f, "unset-variable", NULL, "'%.200s' names %.100s without a value", path,
                       d->pairs[i].name);
    }
}

static void read_env_file(Loader *l, const Field *f, const char *text, bool required, bool raw,
                          Pairs *ret)
{
    Interpolation in = { .arena = l->scratch, .variables = field_origin(l, f)->variables };
    const char *path = path_inside(l, f, text);
    AUTO_FREE char *content = NULL;
    Dotenv d;
    int status;

    if (!path || !loader_has_room(l, f))
        return;
    if (++l->n_env_files > COMPOSE_ENV_FILES_MAX) {
        if (l->n_env_files == COMPOSE_ENV_FILES_MAX + 1)
            field_error(l, f, "too-many", NULL, "more than %d env files", COMPOSE_ENV_FILES_MAX);
        return;
    }
    status = path_read(l, f, path, COMPOSE_ENV_FILE_MAX, &content);
    if (status == 1 && required)
        field_error(l, f, "file-missing", "create it, or say 'required: false'",
                    "there is no file '%.200s' in the challenge folder", path);
    if (status != 0)
        return;
    if (dotenv_read(&in, content, raw, &d))
        put_file(l, f, path, &d, ret);
    else
        field_error(l, f, "bad-file", NULL, "'%.200s' line %d: %.200s", path, d.error_line,
                    in.error);
}

static void load_env_file_item(Loader *l, const Field *f, Pairs *ret)
{
    bool required = true;
    const char *path = NULL, *format = NULL;

    if (f->node->kind == YAML_SCALAR) {
        path = field_text(l, f);
    } else if (keys_check(l, f, KEY_ENV_FILE)) {
        field_get_text(l, f, "path", &path);
        field_get_bool(l, f, "required", &required);
        field_get_text(l, f, "format", &format);
        if (!path)
            field_error(l, f, "missing-key", NULL, "needs a 'path'");
        if (format && strcmp(format, "raw") != 0)
            field_error(l, f, "bad-value", "leave it out, or write 'raw'",
                        "'%.100s' is not a format", format);
    }
    if (path)
        read_env_file(l, f, path, required, format != NULL, ret);
}

void pairs_read_files(Loader *l, const Field *f, Pairs *ret)
{
    if (f->node->kind != YAML_LIST) {
        load_env_file_item(l, f, ret);
        return;
    }
    for (size_t i = 0; i < f->node->n; i++) {
        Field *item = arena_new_type(l->scratch, Field);
        *item = field_item(f, i);
        load_env_file_item(l, item, ret);
    }
}

/* A name without a value takes it from the project; unset there, it unsets the image's. */
static void fill_bare(Loader *l, Pairs *pairs)
{
    for (size_t i = 0; i < pairs->n; i++) {
        Interpolation in = { .arena = l->scratch,
                             .variables = field_origin(l, &pairs->fields[i])->variables };
        const char *value;
        if (pairs->items[i].value)
            continue;
        value = variable_value(&in, pairs->items[i].key);
        if (value)
            pairs->items[i].value = arena_strdup(l->arena, value);
    }
}

void load_environment(Loader *l, const Field *service, PlanService *s)
{
    Pairs pairs = { 0 };
    Field *files = arena_new_type(l->scratch, Field), *own = arena_new_type(l->scratch, Field);

    if (field_get(service, "env_file", files))
        pairs_read_files(l, files, &pairs);
    if (field_get(service, "environment", own))
        field_pairs(l, own, "=", true, &pairs);
    fill_bare(l, &pairs);
    s->environment = pairs.items;
    s->n_environment = pairs.n;
}

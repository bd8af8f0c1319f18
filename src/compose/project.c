#include "compose/project.h"
#include "base/alloc.h"
#include "base/str.h"
#include "compose/dotenv.h"
#include "compose/keys.h"
#include "compose/merge.h"
#include "compose/tree.h"

#include <string.h>

/* ---- variables ---- */

static Map *new_variables(Loader *l, const Map *parent)
{
    Map *map = map_new();
    const char *name;
    void *value;
    size_t pos = 0;

    l->maps[l->n_maps++] = map;
    while (parent && map_next(parent, &pos, &name, &value))
        map_put(map, name, value);
    return map;
}

static void bad_file(Loader *l, const Field *f, const char *path, int line, const char *why)
{
    if (f)
        field_error(l, f, "bad-file", NULL, "'%.200s' line %d: %.200s", path, line, why);
    else
        diag_add(l->diags, DIAG_ERROR, (DiagAt){ .file = path, .line = line, .column = 1 },
                 "bad-file", NULL, "%s", why);
}

const Map *project_variables(Loader *l, const Field *f, const char *path, const Map *parent)
{
    AUTO_FREE char *text = NULL;
    Map *map;
    Dotenv d;
    int status;

    if (l->n_maps == ARRAY_LEN(l->maps)) {
        bad_file(l, f, path, 1, "too many files of variables");
        return NULL;
    }
    map = new_variables(l, parent);
    Interpolation in = { .arena = l->scratch, .variables = map };
    status = path_read(l, f, path, COMPOSE_ENV_FILE_MAX, &text);
    if (status == 1 && f)
        field_error(l, f, "file-missing", NULL, "there is no file '%.200s' in the challenge folder",
                    path);
    if (status != 0)
        return status == 1 && !f ? map : NULL;
    if (!dotenv_read(&in, text, false, &d)) {
        bad_file(l, f, path, d.error_line, in.error);
        return NULL;
    }
    for (size_t i = 0; i < d.n; i++)
        if (d.pairs[i].value && (!parent || !map_get(parent, d.pairs[i].name)))
            map_put(map, d.pairs[i].name, arena_strdup(l->scratch, d.pairs[i].value));
    return map;
}

/* What whoever looks at the file set; it also fixes instance variables. */
static const Map *given_variables(Loader *l)
{
    Map *map = new_variables(l, NULL);

    for (size_t i = 0; i < l->options->n_variables; i++) {
        const PlanPair *pair = &l->options->variables[i];
        const char *name = is_instance_variable(pair->key)
                               ? arena_printf(l->scratch, "%c%s", INTERPOLATION_FIXED, pair->key)
                               : pair->key;
        map_put(map, name, arena_strdup(l->scratch, pair->value ? pair->value : ""));
    }
    return map;
}

/* ---- trees ---- */

static YamlNode *parse(Loader *l, const Origin *origin, const char *text, size_t len)
{
    YamlNode *root = NULL;
    YamlPos pos = { 0, 0 };
    Error err = { 0 };
    DiagAt at = { .file = origin->file };

    if (yaml_read_tagged(l->scratch, text, len, &root, &pos, &err) < 0) {
        at.line = pos.line;
        at.column = pos.column;
        diag_add(l->diags, DIAG_ERROR, at, "syntax", NULL, "%s", plan_show(l->scratch, err.detail));
        return NULL;
    }
    if (root)
        return interpolate_tree(l, root, origin);
    diag_add(l->diags, DIAG_ERROR, at, "empty", "add 'services:'", "the file is empty");
    return NULL;
}

/* Names and numbers that hold for each file, whatever is merged later. */
static bool check_file(Loader *l, const YamlNode *root)
{
    Field f = { .node = root }, services;

    if (!loader_has_room(l, &f) || !keys_check(l, &f, KEY_TOP))
        return false;
    if (!field_get(&f, "services", &services) || services.node->kind != YAML_MAP ||
        services.node->n <= COMPOSE_FILE_SERVICES_MAX)
        return true;
    field_key_diag(l, DIAG_ERROR, &services, "too-many", NULL, "%zu services; a file may have %d",
                   services.node->n, COMPOSE_FILE_SERVICES_MAX);
    return false;
}

static const char *tree_key(Loader *l, const char *path, const char *folder, const Map *variables)
{
    return arena_printf(l->scratch, "%p\n%s\n%s", (const void *)variables, folder, path);
}

static const Origin *new_origin(Loader *l, const char *file, const char *folder,
                                const Map *variables)
{
    Origin *origin = arena_new_type(l->scratch, Origin);

    origin->file = file;
    origin->folder = folder;
    origin->variables = variables;
    return origin;
}

const YamlNode *project_read(Loader *l, const Field *f, const char *path, const char *folder,
                             const Map *variables)
{
    const char *key = tree_key(l, path, folder, variables);
    YamlNode *known = map_get(l->trees, key), *root;
    AUTO_FREE char *text = NULL;
    int status;

    if (known)
        return known;
    if (++l->n_files > COMPOSE_FILES_MAX) {
        field_error(l, f, "too-many", NULL, "more than %d files", COMPOSE_FILES_MAX);
        return NULL;
    }
    status = path_read(l, f, path, YAML_TEXT_MAX, &text);
    if (status == 1)
        field_error(l, f, "file-missing", NULL, "there is no file '%.200s' in the challenge folder",
                    path);
    if (status != 0)
        return NULL;
    root = parse(l, new_origin(l, path, folder, variables), text, strlen(text));
    if (!root || !check_file(l, root))
        return NULL;
    map_put(l->trees, key, root);
    return root;
}

const YamlNode *project_read_main(Loader *l, const char *text, size_t len)
{
    const Map *variables = project_variables(l, NULL, ".env", given_variables(l));
    IncludeChain chain = { .path = l->options->file };
    YamlNode *root;
    Field f = { 0 };
    size_t n_errors;

    if (!variables)
        variables = l->maps[0];
    l->main = new_origin(l, l->options->file, ".", variables);
    root = parse(l, l->main, text, len);
    if (!root || !check_file(l, root))
        return NULL;
    map_put(l->trees, tree_key(l, l->options->file, ".", variables), root);
    n_errors = l->diags->n_errors;
    f.node = include_resolve(l, extends_resolve(l, root), &chain);
    merge_check_tags(l, &f);
    /* What is missing or in circles would only be reported over and over from here on. */
    return l->too_large || l->diags->n_errors > n_errors ? NULL : f.node;
}

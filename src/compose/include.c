#include "base/alloc.h"
#include "compose/keys.h"
#include "compose/merge.h"
#include "compose/project.h"
#include "compose/tree.h"

#include <string.h>

/* One entry of `include`. */
typedef struct Include {
    const char *paths[COMPOSE_FILES_MAX];
    Field fields[COMPOSE_FILES_MAX]; /* where each stands */
    size_t n;
    const char *folder; /* the project directory */
    const Map *variables;
} Include;

static void add_path(Loader *l, const Field *f, Include *in)
{
    const char *text = field_text(l, f), *path;

    if (!text)
        return;
    if (strstr(text, "://") || strncmp(text, "oci:", 4) == 0 || strncmp(text, "git@", 4) == 0) {
        field_error(l, f, "include-remote", "copy the file into the challenge folder",
                    "'%.200s' is not in the challenge folder", text);
        return;
    }
    path = path_inside(l, f, text);
    if (!path)
        return;
    if (in->n == ARRAY_LEN(in->paths)) {
        field_error(l, f, "too-many", NULL, "more than %d files", COMPOSE_FILES_MAX);
        return;
    }
    in->fields[in->n] = *f;
    in->paths[in->n++] = path;
}

static void add_paths(Loader *l, const Field *f, Include *in)
{
    if (f->node->kind != YAML_LIST) {
        add_path(l, f, in);
        return;
    }
    for (size_t i = 0; i < f->node->n; i++) {
        Field *item = arena_new_type(l->scratch, Field);
        *item = field_item(f, i);
        add_path(l, item, in);
    }
}

static void add_env_file(Loader *l, const Field *f, Include *in)
{
    const char *text = field_text(l, f);
    const char *path = text ? path_inside(l, f, text) : NULL;
    const Map *variables = path ? project_variables(l, f, path, in->variables) : NULL;

    if (variables)
        in->variables = variables;
}

/* Variables: what the includer has, then the files named, or the project directory's own `.env`. */
static void read_variables(Loader *l, const Field *f, Include *in)
{
    Field files;
    const Map *variables;

    in->variables = field_origin(l, f)->variables;
    if (f->node->kind == YAML_MAP && field_get(f, "env_file", &files)) {
        if (files.node->kind != YAML_LIST)
            add_env_file(l, &files, in);
        for (size_t i = 0; files.node->kind == YAML_LIST && i < files.node->n; i++) {
            Field item = field_item(&files, i);
            add_env_file(l, &item, in);
        }
        return;
    }
    if (strcmp(in->folder, field_origin(l, f)->folder) == 0)
        return;
    variables =
        project_variables(l, NULL, arena_printf(l->scratch, "%s/.env", in->folder), in->variables);
    if (variables)
        in->variables = variables;
}

static bool read_entry(Loader *l, const Field *f, Include *in)
{
    Field member;
    const char *text;

    if (f->node->kind == YAML_SCALAR) {
        add_path(l, f, in);
    } else {
        if (!keys_check(l, f, KEY_INCLUDE))
            return false;
        if (field_get(f, "path", &member))
            add_paths(l, &member, in);
        else
            field_error(l, f, "missing-key", NULL, "needs a 'path'");
    }
    if (in->n == 0)
        return false;
    in->folder = path_folder(l->scratch, in->paths[0]);
    if (f->node->kind == YAML_MAP && field_get(f, "project_directory", &member)) {
        text = field_text(l, &member);
        in->folder = text ? path_inside(l, &member, text) : NULL;
    }
    if (!in->folder)
        return false;
    read_variables(l, f, in);
    return true;
}

/* ---- bringing in ---- */

static void import_section(Loader *l, YamlNode *to, const YamlNode *from, const char *section)
{
    const YamlNode *theirs = yaml_get(from, section), *ours = yaml_get(to, section);
    YamlNode *merged;

    if (!theirs || theirs->kind != YAML_MAP || (ours && ours->kind == YAML_LIST))
        return;
    merged =
        ours && ours->kind == YAML_MAP ? tree_shallow(l, ours) : tree_map(l, theirs, theirs->n);
    for (size_t i = 0; i < theirs->n; i++) {
        const YamlPair *pair = &theirs->pairs[i];
        const YamlNode *own = yaml_get(merged, pair->key->text);
        Field up = { .key = section, .key_node = pair->key, .node = theirs };
        Field f = { .up = &up, .key = pair->key->text, .key_node = pair->key, .node = pair->value };
        if (!own)
            tree_add(l, merged, pair->key, pair->value);
        else if (!tree_equal(own, pair->value))
            field_key_diag(l, DIAG_ERROR, &f, "include-conflict",
                           "rename one, or override it with a path list: "
                           "include: [{path: [a.yaml, override.yaml]}]",
                           "it is defined differently by whoever includes this file");
    }
    tree_put(l, to, section, merged);
}

static const YamlNode *load_one(Loader *l, Include *in, size_t i, const IncludeChain *chain)
{
    const IncludeChain next = { .up = chain, .path = in->paths[i] };
    const YamlNode *root;
    int depth = 0;

    for (const IncludeChain *c = chain; c; c = c->up) {
        if (strcmp(c->path, in->paths[i]) == 0 || ++depth > COMPOSE_CHAIN_MAX) {
            field_error(l, &in->fields[i], "include-cycle", NULL,
                        "files include each other: "
                        "'%.200s' again",
                        in->paths[i]);
            return NULL;
        }
    }
    root = project_read(l, &in->fields[i], in->paths[i], in->folder, in->variables);
    return root ? include_resolve(l, extends_resolve(l, root), &next) : NULL;
}

static void load_entry(Loader *l, const Field *f, YamlNode *to, const IncludeChain *chain)
{
    static const char *const sections[] = { "services", "networks", "volumes", "secrets",
                                            "configs" };
    Include *in = arena_new_type(l->scratch, Include);
    const YamlNode *merged = NULL;

    if (!read_entry(l, f, in))
        return;
    for (size_t i = 0; i < in->n && !l->too_large; i++) {
        const YamlNode *one = load_one(l, in, i, chain);
        if (one && merged)
            merged = merge_trees(l, "", merged, one);
        else if (one)
            merged = one;
    }
    for (size_t i = 0; merged && i < ARRAY_LEN(sections); i++)
        import_section(l, to, merged, sections[i]);
}

const YamlNode *include_resolve(Loader *l, const YamlNode *root, const IncludeChain *chain)
{
    Field top = { .node = root }, all;
    YamlNode *to;

    if (root->kind != YAML_MAP || !field_get(&top, "include", &all) ||
        !field_want(l, &all, YAML_LIST))
        return root;
    to = tree_without(l, root, "include");
    for (size_t i = 0; i < all.node->n && !l->too_large; i++) {
        Field *item = arena_new_type(l->scratch, Field);
        *item = field_item(&all, i);
        load_entry(l, item, to, chain);
    }
    return to;
}

#include "compose/load.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "compose/keys.h"
#include "compose/model_parts.h"
#include "compose/project.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

static bool is_active(Loader *l, const char *profile)
{
    const ComposeOptions *o = l->options;

    return str_in(profile, o->profiles, o->n_profiles) || str_in("*", o->profiles, o->n_profiles);
}

static bool is_left_out(Loader *l, const Field *f)
{
    Field profiles;

    if (f->node->kind != YAML_MAP || !field_get(f, "profiles", &profiles) ||
        !field_want(l, &profiles, YAML_LIST) || profiles.node->n == 0)
        return false;
    for (size_t i = 0; i < profiles.node->n; i++) {
        Field item = field_item(&profiles, i);
        const char *name = field_text(l, &item);
        if (name && is_active(l, name))
            return false;
        if (name && !text_is_name(name))
            field_error(l, &item, "bad-name", NULL, "'%.100s' is not a profile", name);
    }
    field_key_diag(l, DIAG_NOTE, f, "profile", "name it in instance.toml: profiles = [...]",
                   "left out: none of its profiles is active");
    return true;
}

static void load_services(Loader *l, const Field *all)
{
    Plan *plan = l->plan;

    l->fields = arena_alloc(l->scratch, COMPOSE_SERVICES_MAX * sizeof *l->fields);
    /* The plan keeps its own, in start order: see load_dependencies(). */
    plan->services = arena_alloc(l->scratch, COMPOSE_SERVICES_MAX * sizeof *plan->services);
    for (size_t i = 0; i < all->node->n && !l->too_large; i++) {
        Field *f = arena_new_type(l->scratch, Field);
        PlanService *s;
        *f = field_pair(all, i);
        if (!text_is_name(f->key)) {
            field_key_diag(l, DIAG_ERROR, f, "bad-name", NULL,
                           "'%.100s' is not a name for a service", f->key);
            continue;
        }
        if (is_left_out(l, f))
            continue;
        if (plan->n_services == COMPOSE_SERVICES_MAX) {
            field_key_diag(l, DIAG_ERROR, f, "too-many", NULL, "more than %d services",
                           COMPOSE_SERVICES_MAX);
            return;
        }
        l->fields[plan->n_services] = f;
        s = &plan->services[plan->n_services++];
        s->name = arena_strdup(l->arena, f->key);
        s->line = f->key_node->line;
        s->replica = s->replicas = 1;
        load_service(l, f, s);
    }
}

static void load_file(Loader *l, const Field *root)
{
    Field services;

    l->root = root;
    check_networks(l);
    check_volumes(l);
    check_objects(l);
    if (!field_get(root, "services", &services)) {
        field_error(l, root, "no-services", "add 'services:'", "the file has no services");
        return;
    }
    if (!field_want(l, &services, YAML_MAP))
        return;
    load_services(l, &services);
    if (l->plan->n_services == 0)
        field_error(l, &services, "no-services", NULL, "no service is left to run");
    load_dependencies(l);
}

static void write_model(Loader *l, const ComposeModel *model)
{
    const YamlNode *root = model_of(l, model);

    if (model->format == MODEL_YAML)
        model_print_yaml(model->out, root);
    else
        model_print_json(model->out, root);
}

static void free_maps(Loader *l)
{
    for (size_t i = 0; i < l->n_maps; i++)
        map_free(l->maps[i]);
}

int compose_load_text(const ComposeOptions *options, const char *text, size_t len, Plan **ret_plan,
                      DiagList *diags, Error *err)
{
    AUTO_ARENA Arena *scratch = arena_new();
    AUTO_MAP Map *trees = map_new();
    AUTO_MAP Map *extended = map_new();
    Arena *arena = arena_new();
    AUTO_PLAN Plan *plan = arena_new_type(arena, Plan);
    size_t errors_before = diags->n_errors;
    Origin nowhere = { .file = options->file, .folder = "." };
    CLEANUP(free_maps)
    Loader l = { .arena = arena, .scratch = scratch, .options = options, .diags = diags };
    Field root = { 0 };

    l.main = &nowhere;
    l.trees = trees;
    l.extended = extended;
    l.plan = plan;
    plan->arena = arena;
    plan->networks = arena_alloc(arena, COMPOSE_NETWORKS_MAX * sizeof *plan->networks);
    plan->volumes = arena_alloc(arena, COMPOSE_VOLUMES_MAX * sizeof *plan->volumes);
    root.node = project_read_main(&l, text, len);
    if (root.node)
        load_file(&l, &root);
    if (root.node && options->model && !l.too_large)
        write_model(&l, options->model);
    if (l.io.code != E_NONE) {
        if (err)
            *err = l.io;
        return error_wrap(err, "loading %s", options->file);
    }
    if (diags->n_errors > errors_before)
        return COMPOSE_REFUSED;
    *ret_plan = TAKE(plan);
    return 0;
}

/* Compose would merge these by itself; what an author has for development stays out of an event. */
static void note_overrides(const ComposeOptions *options, DiagList *diags)
{
    static const char *const names[] = { "compose.override.yaml", "compose.override.yml",
                                         "docker-compose.override.yaml",
                                         "docker-compose.override.yml" };
    struct stat st;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (fstatat(options->dir_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
            diag_add(diags, DIAG_NOTE, (DiagAt){ .file = names[i] }, "override-ignored",
                     "to use it, name it: include: [{path: [file.yaml, override.yaml]}]",
                     "override files are not merged in");
}

static int refuse_file(const ComposeOptions *options, DiagList *diags, const Error *err)
{
    diag_add(diags, DIAG_ERROR, (DiagAt){ .file = options->file }, "bad-file", NULL, "%s",
             err->detail);
    return COMPOSE_REFUSED;
}

int compose_load(const ComposeOptions *options, Plan **ret_plan, DiagList *diags, Error *err)
{
    Error why = { 0 };
    AUTO_CLOSE int fd = fs_open_beneath(options->dir_fd, options->file, &why);
    AUTO_FREE char *text = NULL;
    size_t len = 0;

    note_overrides(options, diags);
    if (fd >= 0 && fs_read_all(fd, YAML_TEXT_MAX, &text, &len, &why) == 0)
        return compose_load_text(options, text, len, ret_plan, diags, err);
    if (why.code == E_NOT_FOUND || why.code == E_INVALID || why.code == E_TOO_LARGE)
        return refuse_file(options, diags, &why);
    if (err)
        *err = why;
    return error_wrap(err, "reading %s", options->file);
}

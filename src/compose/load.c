#include "compose/load.h"
#include "base/alloc.h"
#include "base/fs.h"
#include "compose/dotenv.h"
#include "compose/keys.h"

#include <stdlib.h>
#include <string.h>

static void read_dotenv(Loader *l)
{
    Interpolation in = { .arena = l->scratch, .variables = l->variables };
    AUTO_FREE char *text = NULL;
    Dotenv d;

    if (path_read(l, NULL, ".env", COMPOSE_ENV_FILE_MAX, &text) != 0)
        return;
    if (!dotenv_read(&in, text, false, &d)) {
        diag_add(l->diags, DIAG_ERROR,
                 (DiagAt){ .file = ".env", .line = d.error_line, .column = 1 }, "bad-file", NULL,
                 "%s", in.error);
        return;
    }
    for (size_t i = 0; i < d.n; i++)
        if (d.pairs[i].value)
            map_put(l->variables, d.pairs[i].name, arena_strdup(l->scratch, d.pairs[i].value));
}

static bool is_left_out(Loader *l, const Field *f)
{
    Field profiles;

    if (!field_get(f, "profiles", &profiles) || !field_want(l, &profiles, YAML_LIST) ||
        profiles.node->n == 0)
        return false;
    field_key_diag(l, DIAG_NOTE, f, "profile", NULL, "left out: it belongs to a profile");
    return true;
}

static void load_services(Loader *l, const Field *all)
{
    Plan *plan = l->plan;

    l->fields = arena_alloc(l->scratch, COMPOSE_SERVICES_MAX * sizeof *l->fields);
    plan->services = arena_alloc(l->arena, COMPOSE_SERVICES_MAX * sizeof *plan->services);
    for (size_t i = 0; i < all->node->n; i++) {
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
        load_service(l, f, s);
    }
}

static void load_file(Loader *l, const Field *root)
{
    Field services;

    l->root = root;
    if (!keys_check(l, root, KEY_TOP))
        return;
    check_networks(l);
    check_volumes(l);
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

/* Text to tree to interpolated tree; NULL when reported. */
static const YamlNode *read_tree(Loader *l, const char *text, size_t len)
{
    YamlNode *root = NULL;
    YamlPos pos = { 0, 0 };
    Error err = { 0 };
    DiagAt at = { .file = l->options->file };

    if (yaml_read(l->scratch, text, len, &root, &pos, &err) < 0) {
        at.line = pos.line;
        at.column = pos.column;
        diag_add(l->diags, DIAG_ERROR, at, "syntax", NULL, "%s", plan_show(l->scratch, err.detail));
        return NULL;
    }
    if (!root) {
        diag_add(l->diags, DIAG_ERROR, at, "empty", "add 'services:'", "the file is empty");
        return NULL;
    }
    return interpolate_tree(l, root);
}

int compose_load_text(const ComposeOptions *options, const char *text, size_t len, Plan **ret_plan,
                      DiagList *diags, Error *err)
{
    AUTO_ARENA Arena *scratch = arena_new();
    AUTO_MAP Map *variables = map_new();
    Arena *arena = arena_new();
    AUTO_PLAN Plan *plan = arena_new_type(arena, Plan);
    size_t errors_before = diags->n_errors;
    Loader l = { .arena = arena, .scratch = scratch, .options = options, .diags = diags };
    Field root = { 0 };

    l.plan = plan;
    l.variables = variables;
    plan->arena = arena;
    plan->networks = arena_alloc(arena, COMPOSE_NETWORKS_MAX * sizeof *plan->networks);
    plan->volumes = arena_alloc(arena, COMPOSE_VOLUMES_MAX * sizeof *plan->volumes);
    read_dotenv(&l);
    root.node = read_tree(&l, text, len);
    if (root.node && !l.too_large)
        load_file(&l, &root);
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

    if (fd >= 0 && fs_read_all(fd, YAML_TEXT_MAX, &text, &len, &why) == 0)
        return compose_load_text(options, text, len, ret_plan, diags, err);
    if (why.code == E_NOT_FOUND || why.code == E_INVALID || why.code == E_TOO_LARGE)
        return refuse_file(options, diags, &why);
    if (err)
        *err = why;
    return error_wrap(err, "reading %s", options->file);
}

#include "base/alloc.h"
#include "base/str.h"
#include "compose/interpolate.h"
#include "compose/keys.h"

#include <string.h>

static bool is_remote(const char *text)
{
    static const char *const hosts[] = { "git@",           "github.com/", "gitlab.com/",
                                         "bitbucket.org/", "ssh:",        "git:" };

    if (strstr(text, "://") || strchr(text, '#') || str_ends(text, ".git"))
        return true;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (str_starts(text, hosts[i]))
            return true;
    return false;
}

static const char *load_context(Loader *l, const Field *f)
{
    const char *text = field_text(l, f), *path;

    if (!text)
        return NULL;
    if (is_remote(text)) {
        field_error(l, f, "build-remote", "copy the files into the challenge folder",
                    "'%.200s' is not in the challenge folder; remote builds are not supported",
                    text);
        return NULL;
    }
    path = path_inside(l, f, text);
    return path && path_exists(l, f, path, PATH_FOLDER, "context-missing") ? path : NULL;
}

static void check_dockerfile(Loader *l, const Field *f, PlanBuild *b)
{
    const char *path = path_below(l, f, b->dockerfile);

    b->dockerfile = path;
    if (path && strcmp(b->context, ".") != 0)
        path = arena_printf(l->scratch, "%s/%s", b->context, path);
    if (path)
        (void)path_exists(l, f, path, PATH_FILE, "dockerfile-missing");
}

static void load_args(Loader *l, const Field *f, PlanBuild *b)
{
    Interpolation in = { .arena = l->scratch, .variables = field_origin(l, f)->variables };
    Pairs pairs = { 0 };
    size_t kept = 0;

    field_pairs(l, f, "=", false, &pairs);
    for (size_t i = 0; i < pairs.n; i++) {
        PlanPair pair = pairs.items[i];
        const char *value = pair.value ? pair.value : variable_value(&in, pair.key);
        if (!value)
            continue; /* as compose: the Dockerfile's own default counts */
        if (plan_is_template(value)) {
            field_error(l, &pairs.fields[i], "variable-not-allowed",
                        "pass it in 'environment': the image is built once for all instances",
                        "'%.100s' differs from instance to instance", value);
            continue;
        }
        pair.value = arena_strdup(l->arena, value);
        pairs.items[kept++] = pair;
    }
    b->args = pairs.items;
    b->n_args = kept;
}

static void load_network(Loader *l, const Field *f, PlanBuild *b)
{
    const char *text = field_text(l, f);

    if (!text)
        return;
    b->network_none = strcmp(text, "none") == 0;
    if (!b->network_none && strcmp(text, "default") != 0)
        field_error(l, f, "build-network", "leave it out, or write 'none'",
                    "a build may not use the network '%.100s'", text);
}

static void load_long(Loader *l, const Field *f, PlanBuild *b)
{
    Field member;

    if (!keys_check(l, f, KEY_BUILD))
        return;
    b->context = field_get(f, "context", &member) ? load_context(l, &member) : ".";
    field_get_text(l, f, "target", &b->target);
    field_get_text(l, f, "dockerfile_inline", &b->dockerfile_inline);
    field_get_text(l, f, "dockerfile", &b->dockerfile);
    if (field_get(f, "args", &member))
        load_args(l, &member, b);
    if (field_get(f, "labels", &member))
        load_labels(l, &member, &b->labels, &b->n_labels);
    if (field_get(f, "network", &member))
        load_network(l, &member, b);
    for (size_t i = 0; i < b->n_labels; i++)
        if (b->labels[i].value && plan_is_template(b->labels[i].value))
            field_error(l, f, "variable-not-allowed", "put the label on the service",
                        "the label %.100s differs from instance to instance", b->labels[i].key);
}

void load_build(Loader *l, const Field *service, PlanService *s)
{
    PlanBuild *b = &s->build;
    Field f, at;

    if (!field_get(service, "build", &f))
        return;
    b->present = true;
    at = f;
    if (f.node->kind == YAML_SCALAR) {
        b->context = load_context(l, &f);
    } else {
        load_long(l, &f, b);
        (void)field_get(&f, "dockerfile", &at);
    }
    if (b->dockerfile && b->dockerfile_inline) {
        field_error(l, &at, "conflict", "keep one of them",
                    "'dockerfile' and 'dockerfile_inline' exclude each other");
        return;
    }
    if (!b->context || b->dockerfile_inline)
        return;
    if (!b->dockerfile)
        b->dockerfile = "Dockerfile";
    check_dockerfile(l, &at, b);
}

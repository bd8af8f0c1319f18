#include "base/alloc.h"
#include "base/fs.h"
#include "base/str.h"
#include "compose/dockerfile.h"
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

/* ---- what the Dockerfile says ---- */

static const struct {
    const char *code, *hint, *before, *after;
} problems[] = {
    [DOCKERFILE_REMOTE_ADD] = { "dockerfile-remote-add",
                                "put the file into the challenge folder and COPY it, or fetch it "
                                "with RUN",
                                "ADD of ", " would be fetched from the network of this host" },
    [DOCKERFILE_UNCLEAR_ADD] = { "dockerfile-unclear-add",
                                 "use COPY, which takes the same sources, or write it out",
                                 "ADD of ", " could turn out to be a URL" },
    [DOCKERFILE_FRONTEND] = { "dockerfile-frontend",
                              "leave the line out, or write # syntax=docker/dockerfile:1",
                              "the frontend ", " is not Docker's own" },
    [DOCKERFILE_SECRET_MOUNT] = { "dockerfile-session",
                                  "pass what is not secret as a build argument", "",
                                  " needs a session with the builder, which is not supported" },
    [DOCKERFILE_SSH_MOUNT] = { "dockerfile-session", "COPY the files from the challenge folder", "",
                               " needs a session with the builder, which is not supported" },
    [DOCKERFILE_PRIVILEGE] = { "dockerfile-privilege", "leave the option out", "",
                               " asks for a privilege no build gets" },
};

static bool is_allowed(const Loader *l, DockerfileProblem problem)
{
    bool remote = problem == DOCKERFILE_REMOTE_ADD || problem == DOCKERFILE_UNCLEAR_ADD ||
                  problem == DOCKERFILE_FRONTEND;

    return remote && l->options->remote_add;
}

/* `file` NULL: inline, where only the line within the text is known. */
static void check_text(Loader *l, const Field *f, const char *file, const char *text, size_t len)
{
    DockerfileFinding findings[DOCKERFILE_FINDINGS_MAX];
    size_t n = dockerfile_check(text, len, findings);

    for (size_t i = 0; i < n; i++) {
        const DockerfileFinding *d = &findings[i];
        const char *said = plan_show(l->scratch, d->text), *message;
        if (is_allowed(l, d->problem))
            continue;
        message = arena_printf(l->scratch, "%s'%.100s'%s", problems[d->problem].before, said,
                               problems[d->problem].after);
        if (file)
            diag_add(l->diags, DIAG_ERROR, (DiagAt){ file, d->line, 1, field_path(l, f) },
                     problems[d->problem].code, problems[d->problem].hint, "%s", message);
        else
            field_error(l, f, problems[d->problem].code, problems[d->problem].hint,
                        "line %d of the Dockerfile: %s", d->line, message);
    }
}

static void check_dockerfile(Loader *l, const Field *f, PlanBuild *b)
{
    const char *path = path_below(l, f, b->dockerfile);
    AUTO_FREE char *text = NULL;
    AUTO_CLOSE int fd = -1;
    size_t len = 0;
    Error err = { 0 };

    b->dockerfile = path;
    if (path && strcmp(b->context, ".") != 0)
        path = arena_printf(l->scratch, "%s/%s", b->context, path);
    if (!path || !path_exists(l, f, path, PATH_FILE, "dockerfile-missing"))
        return;
    fd = fs_open_beneath(l->options->dir_fd, path, &err);
    if (fd >= 0 && fs_read_all(fd, DOCKERFILE_MAX_BYTES, &text, &len, &err) == 0)
        check_text(l, f, path, text, len);
    else if (err.code == E_TOO_LARGE)
        field_error(l, f, "bad-file", NULL, "'%.200s': %.300s", path, err.detail);
    else
        loader_io(l, &err);
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
        if (strcmp(pair.key, "BUILDKIT_SYNTAX") == 0 && !l->options->remote_add &&
            !dockerfile_frontend_is_known(value))
            field_error(l, &pairs.fields[i], problems[DOCKERFILE_FRONTEND].code,
                        "leave the argument out", "the frontend '%.100s' is not Docker's own",
                        value);
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
    if (b->dockerfile_inline) {
        (void)(f.node->kind == YAML_MAP && field_get(&f, "dockerfile_inline", &at));
        check_text(l, &at, NULL, b->dockerfile_inline, strlen(b->dockerfile_inline));
    }
    if (!b->context || b->dockerfile_inline)
        return;
    if (!b->dockerfile)
        b->dockerfile = "Dockerfile";
    check_dockerfile(l, &at, b);
}

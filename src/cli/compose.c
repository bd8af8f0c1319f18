#include "cli/compose.h"
#include "app/rules.h"
#include "base/alloc.h"
#include "base/str.h"
#include "compose/keys.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char usage[] =
    "usage: whaley compose config FILE|FOLDER [--profile P]... [--env K=V]... [--format "
    "json|yaml]\n"
    "       whaley compose keys\n"
    "\n"
    "config prints the resolved project in the compose specification's canonical form, as\n"
    "'docker compose config' does; keys prints which keys are supported (Markdown).\n"
    "\n"
    "  --profile P   run the services of this profile, too ('*': of all)\n"
    "  --env K=V     a variable above .env; also FLAG, PORT_80, COMPOSE_PROJECT_NAME ...\n"
    "  --format F    json (the default) or yaml\n"
    "\n"
    "Problems go to standard error as file:line:column. The exit status is 1 when the\n"
    "project is refused (what was understood of it is printed), 2 for wrong usage.\n"
    "Nothing is started and no engine is asked.\n";

enum { VALUES_MAX = 64 };

typedef struct Request {
    const char *path;
    ModelFormat format;
    const char *profiles[VALUES_MAX];
    size_t n_profiles;
    PlanPair variables[VALUES_MAX];
    size_t n_variables;
} Request;

static void print_diags(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        AUTO_FREE char *text = diag_format(&diags->items[i]);
        fprintf(stderr, "%s\n", text);
    }
    if (diags->n_dropped)
        fprintf(stderr, "... and %zu more\n", diags->n_dropped);
}

static const char *const file_names[] = { "docker-compose.yaml", "docker-compose.yml",
                                          "compose.yaml", "compose.yml" };

/* The folder a path names or stands in, opened; *ret_name is the compose file in it. */
static int open_folder(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *folder = !slash          ? xstrdup(".")
                             : slash == path ? xstrdup("/")
                                             : xstrndup(path, (size_t)(slash - path));
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    *ret_name = slash ? slash + 1 : path;
    if (fd < 0)
        return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *ret_name = file_names[0];
    for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
        if (fstatat(fd, file_names[i], &st, AT_SYMLINK_NOFOLLOW) == 0) {
            *ret_name = file_names[i];
            break;
        }
    }
    return fd;
}

/* As compose names a project: the folder's name in lower case, of [a-z0-9_-]. Caller frees. */
static char *project_name(int dir_fd)
{
    char link[32], path[4096];
    AUTO_STRBUF StrBuf b = { 0 };
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", dir_fd);
    n = readlink(link, path, sizeof path - 1);
    path[n > 0 ? n : 0] = '\0';
    for (const char *p = strrchr(path, '/') ? strrchr(path, '/') + 1 : path; *p; p++) {
        char c = (char)tolower((unsigned char)*p);
        bool first = b.len == 0;
        if (isalnum((unsigned char)c) || (!first && (c == '_' || c == '-')))
            strbuf_addc(&b, c);
    }
    if (b.len == 0)
        strbuf_adds(&b, "project");
    return strbuf_take(&b);
}

static const char *given_name(const Request *r)
{
    for (size_t i = 0; i < r->n_variables; i++)
        if (str_eq(r->variables[i].key, "COMPOSE_PROJECT_NAME"))
            return r->variables[i].value;
    return NULL;
}

static int print_config(const Request *r)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf out = { 0 };
    ComposeOptions options = { .dir_fd = -1,
                               .remote_add = rules_of_environment().remote_add,
                               .profiles = r->profiles,
                               .n_profiles = r->n_profiles,
                               .variables = r->variables,
                               .n_variables = r->n_variables };
    AUTO_CLOSE int fd = open_folder(r->path, &options.file);
    AUTO_FREE char *fallback = fd >= 0 ? project_name(fd) : NULL;
    const ComposeModel model = {
        .project = given_name(r), .fallback = fallback, .format = r->format, .out = &out
    };
    Error err = { 0 };
    int status;

    if (fd < 0) {
        fprintf(stderr, "whaley: %s: no such folder\n", r->path);
        return 1;
    }
    options.dir_fd = fd;
    options.model = &model;
    status = compose_load(&options, &plan, &diags, &err);
    print_diags(&diags);
    if (status < 0)
        fprintf(stderr, "whaley: %s\n", err.detail);
    if (fputs(strbuf_str(&out), stdout) < 0 || fflush(stdout) != 0)
        return 1;
    return status != 0;
}

/* One option and its value; false when it is none of ours. */
static bool read_option(Request *r, const char *option, char *value)
{
    char *equals;

    if (str_eq(option, "--format")) {
        r->format = str_eq(value, "yaml") ? MODEL_YAML : MODEL_JSON;
        return str_eq(value, "yaml") || str_eq(value, "json");
    }
    if (str_eq(option, "--profile") && r->n_profiles < VALUES_MAX) {
        r->profiles[r->n_profiles++] = value;
        return true;
    }
    equals = strchr(value, '=');
    if (!str_eq(option, "--env") || !equals || equals == value || r->n_variables == VALUES_MAX)
        return false;
    *equals = '\0';
    r->variables[r->n_variables++] = (PlanPair){ value, equals + 1 };
    return true;
}

static bool read_request(Request *r, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (argv[i][0] != '-' && !r->path)
            r->path = argv[i];
        else if (i + 1 == argc || !read_option(r, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    return r->path != NULL;
}

static int print_keys(void)
{
    AUTO_STRBUF StrBuf out = { 0 };

    compose_print_keys(&out);
    return fputs(strbuf_str(&out), stdout) < 0 || fflush(stdout) != 0;
}

int cli_compose(int argc, char **argv)
{
    Request request = { 0 };

    if (argc == 2 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc > 2 && str_eq(argv[1], "config") && read_request(&request, argc, argv))
        return print_config(&request);
    if (argc == 2 && str_eq(argv[1], "keys"))
        return print_keys();
    fputs(usage, stderr);
    return 2;
}

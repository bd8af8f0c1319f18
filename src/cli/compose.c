#include "cli/compose.h"
#include "base/alloc.h"
#include "base/str.h"
#include "compose/keys.h"
#include "compose/plan_json.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: whaley compose config FILE   print the resolved file as canonical JSON\n"
    "       whaley compose keys          print which keys are supported (Markdown)\n"
    "\n"
    "Problems go to standard error as file:line:column. The exit status is 1 when the\n"
    "file is refused, 2 for wrong usage. Nothing is started and no engine is asked.\n";

static void print_diags(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        AUTO_FREE char *text = diag_format(&diags->items[i]);
        fprintf(stderr, "%s\n", text);
    }
    if (diags->n_dropped)
        fprintf(stderr, "... and %zu more\n", diags->n_dropped);
}

/* The folder of a path, opened; *ret_name is the rest. */
static int open_folder(const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    AUTO_FREE char *folder = !slash          ? xstrdup(".")
                             : slash == path ? xstrdup("/")
                                             : xstrndup(path, (size_t)(slash - path));

    *ret_name = slash ? slash + 1 : path;
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int print_config(const char *path)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_PLAN Plan *plan = NULL;
    AUTO_STRBUF StrBuf out = { 0 };
    ComposeOptions options = { .dir_fd = -1 };
    AUTO_CLOSE int fd = open_folder(path, &options.file);
    Error err = { 0 };
    int status;

    if (fd < 0) {
        fprintf(stderr, "whaley: %s: no such folder\n", path);
        return 1;
    }
    options.dir_fd = fd;
    status = compose_load(&options, &plan, &diags, &err);
    print_diags(&diags);
    if (status < 0)
        fprintf(stderr, "whaley: %s\n", err.detail);
    if (status != 0)
        return 1;
    plan_write_json(plan, &out);
    return printf("%s\n", strbuf_str(&out)) < 0 || fflush(stdout) != 0;
}

static int print_keys(void)
{
    AUTO_STRBUF StrBuf out = { 0 };

    compose_print_keys(&out);
    return fputs(strbuf_str(&out), stdout) < 0 || fflush(stdout) != 0;
}

int cli_compose(int argc, char **argv)
{
    if (argc == 2 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"))) {
        fputs(usage, stdout);
        return 0;
    }
    if (argc == 3 && str_eq(argv[1], "config") && argv[2][0] != '-')
        return print_config(argv[2]);
    if (argc == 2 && str_eq(argv[1], "keys"))
        return print_keys();
    fputs(usage, stderr);
    return 2;
}

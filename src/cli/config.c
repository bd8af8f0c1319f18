#include "cli/config.h"
#include "base/alloc.h"
#include "base/str.h"
#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: whaley config [--json | --markdown]\n"
    "\n"
    "Prints every setting with its value, its source (environment, .env or default) and its\n"
    "default. Secrets are masked. Exits with 1, naming every mistake, when a setting is bad.\n"
    "\n"
    "  --json      the same as JSON\n"
    "  --markdown  docs/configuration.md: what can be set, not what is\n"
    "  --help      this text and the list of settings\n"
    "\n";

static int put(StrBuf *out)
{
    bool done = fwrite(strbuf_str(out), 1, out->len, stdout) == out->len && fflush(stdout) == 0;

    return done ? 0 : 1;
}

static void put_diags(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        AUTO_FREE char *line = diag_format(&diags->items[i]);

        (void)fprintf(stderr, "%s\n", line);
    }
    if (diags->n_dropped)
        (void)fprintf(stderr, "... and %zu more\n", diags->n_dropped);
}

static int print_values(bool json)
{
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_SETTINGS Settings *settings = NULL;
    AUTO_STRBUF StrBuf out = { 0 };
    Error err = { 0 };
    int result = settings_load((const char *const *)environ, ".env", &settings, &diags, &err);

    put_diags(&diags);
    if (result < 0)
        (void)fprintf(stderr, "whaley config: %s\n", err.detail);
    if (result != 0)
        return 1;
    settings_print(settings, json, &out);
    return put(&out);
}

int cli_config(int argc, char **argv)
{
    const char *option = argc > 1 ? argv[1] : "";
    AUTO_STRBUF StrBuf out = { 0 };

    if (argc <= 1)
        return print_values(false);
    if (argc == 2 && str_eq(option, "--json"))
        return print_values(true);
    if (argc == 2 && str_eq(option, "--markdown")) {
        settings_print_markdown(&out);
        return put(&out);
    }
    if (str_eq(option, "--help") || str_eq(option, "-h")) {
        strbuf_adds(&out, usage);
        settings_print_help(&out);
        return put(&out);
    }
    (void)fprintf(stderr, "whaley config: unknown option %s\n%s", argv[argc - 1], usage);
    return 2;
}

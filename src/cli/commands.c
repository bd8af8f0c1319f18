#include "cli/commands.h"
#include "api/api.h"
#include "app/daemon.h"
#include "base/crypto.h"
#include "base/macros.h"
#include "base/str.h"
#include "cli/check.h"
#include "cli/compose.h"
#include "cli/config.h"
#include "settings/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static int cli_serve(int argc, char **argv);
static int cli_routes(int argc, char **argv);

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *about;
} commands[] = {
    { "serve", cli_serve, "run the instancer" },
    { "check", cli_check, "check challenge folders, as a compiler would" },
    { "compose", cli_compose, "print a compose file as Whaley understands it" },
    { "config", cli_config, "print every setting, its value and where that comes from" },
    { "routes", cli_routes, "print the HTTP API as a document" },
};

static void print_usage(FILE *to)
{
    fputs("Whaley gives every CTF player a challenge instance of their own.\n\n"
          "usage: whaley COMMAND [OPTIONS]\n\ncommands:\n",
          to);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(to, "  %-9s %s\n", commands[i].name, commands[i].about);
    fputs("\n'whaley COMMAND --help' says more. 'whaley --version' prints the version.\n", to);
}

static void print_diags(const DiagList *diags)
{
    for (size_t i = 0; i < diags->n; i++) {
        AUTO_FREE char *text = diag_format(&diags->items[i]);
        fprintf(stderr, "%s\n", text);
    }
}

static int serve_help(void)
{
    AUTO_STRBUF StrBuf out = { 0 };

    strbuf_adds(&out, "usage: whaley serve\n\n"
                      "Runs until SIGTERM or SIGINT; instances keep running. SIGHUP reads the\n"
                      "challenges again. Settings come from the environment, then .env:\n\n");
    settings_print_help(&out);
    fputs(strbuf_str(&out), stdout);
    return 0;
}

static int cli_serve(int argc, char **argv)
{
    AUTO_SETTINGS Settings *settings = NULL;
    AUTO_DIAGS DiagList diags = { 0 };
    Error err = { 0 };
    int rc;

    if (argc > 1 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h")))
        return serve_help();
    if (argc > 1) {
        fprintf(stderr, "whaley serve: unexpected argument '%s'; see 'whaley serve --help'\n",
                argv[1]);
        return 2;
    }
    rc = settings_load((const char *const *)environ, ".env", &settings, &diags, &err);
    print_diags(&diags);
    if (rc < 0)
        fprintf(stderr, "whaley serve: %s\n", err.detail);
    else if (rc == SETTINGS_REFUSED)
        fprintf(stderr, "whaley serve: %zu settings are wrong; nothing was started\n",
                diags.n_errors);
    return rc != 0 ? 1 : daemon_serve(settings);
}

static int cli_routes(int argc, char **argv)
{
    AUTO_STRBUF StrBuf out = { 0 };
    bool help = argc == 2 && (str_eq(argv[1], "--help") || str_eq(argv[1], "-h"));

    if (argc > 1 && !help) {
        fprintf(stderr, "whaley routes: unexpected argument '%s'\n", argv[1]);
        return 2;
    }
    if (help)
        strbuf_adds(&out,
                    "usage: whaley routes\n\nPrints docs/api.md: every route of the HTTP API, "
                    "who may use it and what it does.\n");
    else
        api_print_routes(&out);
    fputs(strbuf_str(&out), stdout);
    return 0;
}

int cli_main(int argc, char **argv)
{
    Error err = { 0 };

    if (crypto_init(&err) < 0) {
        fprintf(stderr, "whaley: %s\n", err.detail);
        return 1;
    }
    if (argc < 2) {
        print_usage(stderr);
        return 2;
    }
    if (str_eq(argv[1], "--help") || str_eq(argv[1], "-h") || str_eq(argv[1], "help")) {
        print_usage(stdout);
        return 0;
    }
    if (str_eq(argv[1], "--version")) {
        puts("whaley " WHALEY_VERSION);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (str_eq(argv[1], commands[i].name))
            return commands[i].run(argc - 1, argv + 1);
    fprintf(stderr, "whaley: no command '%s'; see 'whaley --help'\n", argv[1]);
    return 2;
}

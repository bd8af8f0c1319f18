#include "cli/check.h"
#include "app/rules.h"
#include "app/trial.h"
#include "base/alloc.h"
#include "base/log.h"
#include "base/str.h"
#include "challenge/catalogue.h"
#include "cli/check_report.h"
#include "settings/settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { EXIT_CLEAN = 0, EXIT_ERRORS = 1, EXIT_USAGE = 2 };

typedef struct Format {
    const char *name;
    void (*print)(const CheckReport *report);
} Format;

static const Format formats[] = {
    { "text", check_print_text },
    { "json", check_print_json },
    { "sarif", check_print_sarif },
};

typedef struct Run {
    CheckReport report;
    FILE *trouble;
    const Format *format;
    bool build, start;
    ChallengeRules rules;
} Run;

static const char usage[] =
    "Usage: whaley check [--format text|json|sarif] [--build] [--run] DIR...\n"
    "\n"
    "Checks challenge folders: instance.toml (or challenge.yaml), the compose file, that the "
    "ports\n"
    "fit together, what Dockerfiles copy, which limits are capped, and where a player's own flag\n"
    "could go. A DIR is one challenge folder or a folder of them. FLAG_PREFIX and the limits come\n"
    "from the environment and .env, as for whaley serve.\n"
    "\n"
    "  --build          also build the images of each sound challenge, with the log on stderr\n"
    "  --run            also start each once, on 127.0.0.1, wait until it is ready and stop it\n"
    "  --format FORMAT  text (default); json: one document; sarif: SARIF 2.1.0, for code scanning\n"
    "  --help           this text\n"
    "\n"
    "--build and --run use the engine of DOCKER_HOST and leave nothing there but its build cache.\n"
    "\n"
    "Exit status: 0 without errors (warnings do not count), 1 with errors, 2 for wrong usage.\n"
    "Text is coloured on a terminal, unless NO_COLOR is set.\n";

static void run_fini(Run *run)
{
    check_report_fini(&run->report);
}

/* --- finding -------------------------------------------------------------------------------- */

/* `dir` without the slashes at its end. */
static char *trimmed(const char *dir)
{
    size_t n = strlen(dir);

    while (n > 1 && dir[n - 1] == '/')
        n--;
    return xstrndup(dir, n);
}

static int check_one(Run *run, const char *shown, const char *path, Error *err)
{
    Challenge *challenge = NULL;
    const char *slash = strrchr(path, '/');

    if (challenge_load(path, slash && slash[1] ? slash + 1 : "challenge", &run->rules, &challenge,
                       err) < 0)
        return -1;
    vec_push(&run->report.found, (Checked){ challenge, xstrdup(shown), { 0 } });
    return 0;
}

static void note_links(Run *run, const char *shown, const char *path)
{
    DIR *dir = opendir(path);
    struct dirent *entry;

    if (!dir)
        return;
    while ((entry = readdir(dir)) != NULL) {
        struct stat link, target;
        if (fstatat(dirfd(dir), entry->d_name, &link, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISLNK(link.st_mode) && fstatat(dirfd(dir), entry->d_name, &target, 0) == 0 &&
            S_ISDIR(target.st_mode))
            vec_push(&run->report.skipped, xasprintf("%s/%s", shown, entry->d_name));
    }
    (void)closedir(dir);
}

/* Through the catalogue, so that what the server sees is what is checked. */
static int check_many(Run *run, const char *shown, const char *path, Error *err)
{
    AUTO_CATALOGUE Catalogue *catalogue = catalogue_new(path, &run->rules);
    AUTO_SNAPSHOT CatalogueSnapshot *now = NULL;

    if (catalogue_reload(catalogue, err) < 0)
        return -1;
    now = catalogue_snapshot(catalogue);
    for (size_t i = 0; i < now->n; i++) {
        Challenge *challenge = now->items[i];
        char *folder = xasprintf("%s/%s", shown, challenge->folder);
        vec_push(&run->report.found, (Checked){ challenge_ref(challenge), folder, { 0 } });
    }
    note_links(run, shown, path);
    return 0;
}

static int check_dir(Run *run, const char *dir)
{
    AUTO_FREE char *shown = trimmed(dir);
    AUTO_FREE char *path = realpath(dir, NULL);
    size_t n_before = run->report.found.n + run->report.skipped.n;
    Error err = { 0 };
    int rc;

    if (!path) {
        (void)fprintf(run->trouble, "whaley check: %s: %s\n", dir, strerror(errno));
        return EXIT_USAGE;
    }
    rc = challenge_is_folder(path) ? check_one(run, shown, path, &err)
                                   : check_many(run, shown, path, &err);
    if (rc < 0) {
        (void)fprintf(run->trouble, "whaley check: %s\n", err.detail);
        return EXIT_ERRORS;
    }
    if (run->report.found.n + run->report.skipped.n == n_before) {
        (void)fprintf(run->trouble, "whaley check: %s: holds no challenge\n", dir);
        return EXIT_ERRORS;
    }
    return EXIT_CLEAN;
}

/* --- trying --------------------------------------------------------------------------------- */

static _Atomic bool interrupted;

static void on_signal(int sig)
{
    (void)sig;
    atomic_store(&interrupted, true);
}

/* The first one lets what runs be taken away again, the second one ends at once. */
static void watch_signals(void)
{
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

    (void)sigemptyset(&action.sa_mask);
    (void)sigaction(SIGINT, &action, NULL);
    (void)sigaction(SIGTERM, &action, NULL);
}

static void on_build_line(void *ctx, const char *challenge_id, const char *line)
{
    const Run *run = ctx;
    AUTO_FREE char *text = check_harmless(line);

    (void)fprintf(run->trouble, "%s | %s\n", challenge_id, text);
    (void)fflush(run->trouble);
}

static void say_tried(Checked *checked, const TrialTimes *times, bool started)
{
    const DiagAt at = { .file = checked->challenge->compose_file };

    diag_add(&checked->tried, DIAG_NOTE, at, "built", NULL, "images are ready after %.1f s",
             (double)times->build / 1000.0);
    if (started)
        diag_add(&checked->tried, DIAG_NOTE, at, "ran", NULL,
                 "an instance was ready after %.2f s, and is gone again",
                 (double)times->ready / 1000.0);
}

static void try_one(Run *run, Trial *trial, Checked *checked)
{
    Challenge *c = checked->challenge;
    TrialTimes times = { 0 };
    Error err = { 0 };

    (void)fprintf(run->trouble, "%s | %s\n", c->id,
                  run->start ? "building and running" : "building");
    if (trial_challenge(trial, c, run->start, &times, &err) == 0) {
        say_tried(checked, &times, run->start);
        return;
    }
    diag_add(&checked->tried, DIAG_ERROR, (DiagAt){ .file = c->compose_file },
             err.code == E_BUILD_FAILED ? "build-failed" : "run-failed", NULL, "%s", err.detail);
}

static int try_all(Run *run)
{
    const TrialOptions options = { .environ_ = (const char *const *)environ,
                                   .dotenv_path = ".env",
                                   .on_line = on_build_line,
                                   .ctx = run,
                                   .stop = &interrupted };
    AUTO_TRIAL Trial *trial = NULL;
    Error err = { 0 };

    watch_signals();
    if (trial_new(&trial, &options, &err) < 0) {
        (void)fprintf(run->trouble, "whaley check: nothing was built: %s\n", err.detail);
        return EXIT_ERRORS;
    }
    for (size_t i = 0; i < run->report.found.n && !atomic_load(&interrupted); i++)
        if (!run->report.found.items[i].challenge->broken)
            try_one(run, trial, &run->report.found.items[i]);
    return atomic_load(&interrupted) ? EXIT_ERRORS : EXIT_CLEAN;
}

/* --- the command ---------------------------------------------------------------------------- */

static int complain(FILE *trouble, const char *what, const char *about)
{
    (void)fprintf(trouble, "whaley check: %s%s\nTry whaley check --help\n", what, about);
    return EXIT_USAGE;
}

/* *ret_used: how many arguments it took. Returns < 0, or the exit status. */
static int read_option(Run *run, char **argv, int *ret_used)
{
    const char *format = NULL;

    *ret_used = 1;
    if (str_eq(argv[0], "--build"))
        return run->build = true, -1;
    if (str_eq(argv[0], "--run"))
        return run->build = run->start = true, -1;
    if (str_starts(argv[0], "--format=")) {
        format = argv[0] + strlen("--format=");
    } else if (str_eq(argv[0], "--format") && argv[1]) {
        format = argv[1];
        *ret_used = 2;
    } else {
        return complain(run->trouble, "unknown option or missing value: ", argv[0]);
    }
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (str_eq(format, formats[i].name)) {
            run->format = &formats[i];
            return -1;
        }
    }
    return complain(run->trouble, "--format must be text, json or sarif, not ", format);
}

/* Reads the options; *ret_first is the first DIR. Returns < 0, or the exit status. */
static int read_options(Run *run, int argc, char **argv, int *ret_first)
{
    int i = 1, used = 0;

    for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i += used) {
        int status;
        if (str_eq(argv[i], "--")) {
            i++;
            break;
        }
        if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h")) {
            (void)fputs(usage, run->report.out);
            return EXIT_CLEAN;
        }
        status = read_option(run, argv + i, &used);
        if (status >= 0)
            return status;
    }
    if (i >= argc)
        return complain(run->trouble, "name at least one folder", "");
    *ret_first = i;
    return -1;
}

/* What of the settings the diagnostics depend on; the defaults when they are refused. */
static Settings *load_settings(Run *run)
{
    static const char *const nothing[] = { NULL };
    AUTO_DIAGS DiagList diags = { 0 };
    AUTO_DIAGS DiagList unused = { 0 };
    Settings *s = NULL;
    Error err = { 0 };
    int rc = settings_load((const char *const *)environ, ".env", &s, &diags, &err);

    for (size_t i = 0; rc != 0 && i < diags.n; i++) {
        AUTO_FREE char *text = diag_format(&diags.items[i]);
        (void)fprintf(run->trouble, "%s\n", text);
    }
    if (rc != 0) {
        (void)fprintf(run->trouble, "whaley check: the settings are refused; defaults are used\n");
        if (settings_load(nothing, NULL, &s, &unused, &err) != 0)
            return NULL;
    }
    run->rules = rules_of(s);
    return s;
}

static bool wants_colour(FILE *out)
{
    const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");
    int fd = fileno(out);

    return fd >= 0 && isatty(fd) && !(no_colour && no_colour[0]) && !str_eq(term, "dumb");
}

int cli_check_to(FILE *out, FILE *trouble, int argc, char **argv)
{
    CLEANUP(run_fini)
    Run run = { .report.out = out, .trouble = trouble, .format = &formats[0] };
    AUTO_SETTINGS Settings *settings = NULL;
    int first = 0, status = read_options(&run, argc, argv, &first);
    int worst = EXIT_CLEAN;

    if (status >= 0)
        return status;
    settings = load_settings(&run);
    run.report.colour = wants_colour(out);
    for (int i = first; i < argc; i++) {
        status = check_dir(&run, argv[i]);
        worst = status > worst ? status : worst;
    }
    if (run.build) {
        status = try_all(&run);
        worst = status > worst ? status : worst;
    }
    run.format->print(&run.report);
    status = check_report_totals(&run.report).broken > 0 ? EXIT_ERRORS : EXIT_CLEAN;
    return status > worst ? status : worst;
}

int cli_check(int argc, char **argv)
{
    log_set_level(LOG_ERROR); /* what the catalogue would log is printed here */
    return cli_check_to(stdout, stderr, argc, argv);
}
